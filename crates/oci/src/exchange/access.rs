//! What is to be done with which repositories.

/// The scopes of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Access {
    path: String,
    scopes: Vec<String>,
}

impl Access {
    /// Reads from a repository.
    pub(crate) fn pull(path: &str) -> Self {
        Self { path: path.to_owned(), scopes: vec![format!("repository:{path}:pull")] }
    }

    /// Writes to a repository.
    pub(crate) fn push(path: &str) -> Self {
        Self { path: path.to_owned(), scopes: vec![format!("repository:{path}:pull,push")] }
    }

    /// Deletes what a repository has.
    #[cfg(feature = "registries")]
    pub(crate) fn delete(path: &str) -> Self {
        Self { path: path.to_owned(), scopes: vec![format!("repository:{path}:pull,delete")] }
    }

    /// Reads the names of all repositories.
    #[cfg(feature = "registries")]
    pub(crate) fn catalog() -> Self {
        Self { path: String::new(), scopes: vec!["registry:catalog:*".to_owned()] }
    }

    /// Pushes to one repository what is taken from another one.
    pub(crate) fn mount(path: &str, from: &str) -> Self {
        let mut access = Self::push(path);
        access.scopes.push(format!("repository:{from}:pull"));
        access
    }

    /// The repository whose credentials count.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The scopes, as token servers read them.
    #[cfg(feature = "registries")]
    pub(crate) fn scopes(&self) -> &[String] {
        &self.scopes
    }
}
