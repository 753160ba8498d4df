//! What proves who asks: a password, or a token that is exchanged for others.

/// What proves who asks.
#[derive(Clone)]
pub(crate) enum Credential {
    Password {
        user: String,
        password: String,
    },
    /// A token that is exchanged for others.
    Identity(String),
}

impl Credential {
    /// What a file or a helper says. A token has Docker's conventional name of a user.
    pub(crate) fn of(user: String, password: String) -> Self {
        if user == "<token>" { Self::Identity(password) } else { Self::Password { user, password } }
    }
}
