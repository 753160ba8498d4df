//! One walk over all repositories.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use local_registry_core::Digest;
use local_registry_system::AtomicFile;
use ring::digest::{Context, SHA256};
use serde::Serialize;

use crate::entry::{Entry, Fault, Outcome};
use crate::layout::{LEFT_OUT, LINK, LinkKind, REPOSITORIES, blob};

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many links were looked at.
    pub links: u64,
    /// The broken ones, in the order of their paths.
    pub entries: Vec<Entry>,
}

/// The storage cannot be read or written. What was mended until then stays.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct StorageError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Looks at every link of every repository below the folder of a storage, and mends or leaves out what is broken.
///
/// The registry may take no writes meanwhile. In a dry run, nothing is written.
///
/// # Errors
/// A [`StorageError`] if the folder is not that of a registry, or for the first file that cannot be read or written.
pub fn repair(root: &Path, dry_run: bool) -> Result<Report, StorageError> {
    let mut walk = Walk { root, dry_run, report: Report { links: 0, entries: Vec::new() } };
    let repositories = root.join(REPOSITORIES);
    match fs::symlink_metadata(&repositories) {
        // A registry that nothing was ever pushed to.
        Err(error) if error.kind() == ErrorKind::NotFound && root.is_dir() => return Ok(walk.report),
        Err(source) => return Err(StorageError { path: repositories, source }),
        Ok(_) => {}
    }
    walk.folder(&repositories)?;
    Ok(walk.report)
}

struct Walk<'a> {
    root: &'a Path,
    dry_run: bool,
    report: Report,
}

impl Walk<'_> {
    /// Looks at everything below a folder, in the order of names. Symbolic links are none of the registry's, and not followed.
    fn folder(&mut self, folder: &Path) -> Result<(), StorageError> {
        let mut pending = vec![folder.to_owned()];
        while let Some(path) = pending.pop() {
            let failed = |source| StorageError { path: path.clone(), source };
            let mut folders = Vec::new();
            for entry in fs::read_dir(&path).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() && entry.file_name() == LINK {
                    self.link(&entry.path()).map_err(|source| StorageError { path: entry.path(), source })?;
                }
            }
            folders.sort_unstable_by(|one, other| other.cmp(one));
            pending.append(&mut folders);
        }
        self.report.entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(())
    }

    fn link(&mut self, path: &Path) -> io::Result<()> {
        let Some(kind) = LinkKind::of(path) else { return Ok(()) };
        self.report.links += 1;
        let content = start(path)?;
        let fault = match (&kind, content.as_str()) {
            (_, "") => Some(Fault::Empty),
            (LinkKind::Manifest(digest) | LinkKind::Other(digest), found) if found == digest => None,
            (_, found) if Digest::parse(found).is_err() && !is_other_digest(found) => {
                Some(Fault::NoDigest { found: content.clone() })
            }
            (LinkKind::Tag, _) => None,
            (_, _) => Some(Fault::OtherDigest { found: content.clone() }),
        };
        if let Some(fault) = fault {
            let right = match (&fault, &kind) {
                // Both are digests, and nothing says which one is right. The garbage collection goes on with either.
                (Fault::OtherDigest { .. }, _) => None,
                (_, LinkKind::Manifest(digest) | LinkKind::Other(digest)) => Some(digest.clone()),
                (_, LinkKind::Tag) => only_digest_of_tag(path)?,
            };
            let outcome = if right.is_some() { Outcome::Mended } else { Outcome::Kept };
            if let Some(digest) = right.filter(|_| !self.dry_run) {
                AtomicFile { path, temporary: &path.with_file_name(".link.tmp"), permissions: None }.write(&digest)?;
            }
            self.push(path, fault, outcome);
        }
        match kind {
            LinkKind::Manifest(digest) => self.manifest(path, &digest),
            LinkKind::Other(_) | LinkKind::Tag => Ok(()),
        }
    }

    /// Leaves out a manifest that is there, and not what its digest says: the garbage collection ends at it.
    fn manifest(&mut self, link: &Path, digest: &str) -> io::Result<()> {
        let Ok(digest) = Digest::parse(digest) else { return Ok(()) };
        let Some((found, bytes)) = sha256(&blob(self.root, "sha256", digest.hex()))? else { return Ok(()) };
        if found == digest {
            return Ok(());
        }
        if !self.dry_run {
            fs::rename(link, link.with_file_name(LEFT_OUT))?;
        }
        self.push(link, Fault::Corrupt { bytes }, Outcome::LeftOut);
        Ok(())
    }

    fn push(&mut self, path: &Path, fault: Fault, outcome: Outcome) {
        let path = path.strip_prefix(self.root).unwrap_or(path).to_owned();
        self.report.entries.push(Entry { path, fault, outcome });
    }
}

/// The start of a file. A digest is short.
fn start(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(256).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a text is a digest of another algorithm than ours.
fn is_other_digest(text: &str) -> bool {
    text.strip_prefix("sha512:").is_some_and(|hex| hex.len() == 128 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The digest that a tag must have, if it only ever had one. `link` is that of the tag.
fn only_digest_of_tag(link: &Path) -> io::Result<Option<String>> {
    let Some(tag) = link.parent().and_then(Path::parent) else { return Ok(None) };
    let mut found = Vec::new();
    for algorithm in ["sha256", "sha512"] {
        let names = match fs::read_dir(tag.join("index").join(algorithm)) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for name in names {
            found.push(format!("{algorithm}:{}", name?.file_name().to_string_lossy()));
        }
    }
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// The SHA-256 and the length of a file; `None` if there is none.
fn sha256(path: &Path) -> io::Result<Option<(Digest, u64)>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (mut context, mut length, mut buffer) = (Context::new(&SHA256), 0, vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer)?;
        let piece = buffer.get(..read).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        context.update(piece);
        length += read as u64;
    }
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Ok(Some((Digest::from_sha256(&bytes), length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a manifest into a repository, with a tag, and returns the digits of its digest.
    fn push(root: &Path, repository: &str, tag: &str, manifest: &str) -> String {
        let data = root.join("data");
        fs::write(&data, manifest).unwrap();
        let hex = sha256(&data).unwrap().unwrap().0.hex().to_owned();
        fs::remove_file(&data).unwrap();
        let manifests = format!("{REPOSITORIES}/{repository}/_manifests");
        let digest = format!("sha256:{hex}");
        write(root, &format!("{manifests}/revisions/sha256/{hex}/link"), &digest);
        write(root, &format!("{manifests}/tags/{tag}/current/link"), &digest);
        write(root, &format!("{manifests}/tags/{tag}/index/sha256/{hex}/link"), &digest);
        write(root, &format!("{REPOSITORIES}/{repository}/_layers/sha256/{A}/link"), &format!("sha256:{A}"));
        let data = blob(root, "sha256", &hex);
        fs::create_dir_all(data.parent().unwrap()).unwrap();
        fs::write(data, manifest).unwrap();
        hex
    }

    fn lines(root: &Path, dry_run: bool) -> Vec<String> {
        repair(root, dry_run).unwrap().entries.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_whole_stays_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(lines(root.path(), false), Vec::<String>::new(), "a new registry");
        push(root.path(), "team/app", "v1", "{}");
        push(root.path(), "team/app", "v1", "{\"a\":1}");
        write(root.path(), &format!("{REPOSITORIES}/team/app/_uploads/1/link"), "");
        // A manifest that was deleted, and what others keep beside.
        write(
            root.path(),
            &format!("{REPOSITORIES}/team/b/_manifests/revisions/sha256/{A}/link"),
            &format!("sha256:{A}"),
        );
        std::os::unix::fs::symlink("/", root.path().join(REPOSITORIES).join("team/loop")).unwrap();
        let report = repair(root.path(), false).unwrap();
        assert_eq!((report.links, report.entries), (7, vec![]));
    }

    #[test]
    fn a_link_whose_digest_is_known_is_written_again() {
        for content in ["", "\0\0\0\0", "sha256:12", "sha256:AAAA"] {
            let root = tempfile::tempdir().unwrap();
            let hex = push(root.path(), "team/app", "v1", "{}");
            let manifests = format!("{REPOSITORIES}/team/app/_manifests");
            let broken = [
                format!("{REPOSITORIES}/team/app/_layers/sha256/{A}/link"),
                format!("{manifests}/revisions/sha256/{hex}/link"),
                format!("{manifests}/tags/v1/current/link"),
                format!("{manifests}/tags/v1/index/sha256/{hex}/link"),
            ];
            for path in &broken {
                write(root.path(), path, content);
            }
            let found = lines(root.path(), true);
            assert_eq!(found.len(), 4, "{found:?}");
            assert_eq!(fs::read_to_string(root.path().join(&broken[0])).unwrap(), content, "a dry run");
            assert_eq!(lines(root.path(), false), found);
            for (path, line) in broken.iter().zip(&found) {
                assert!(line.starts_with(&format!("{path}: ")) && line.ends_with("; written again"), "{line}");
            }
            assert_eq!(lines(root.path(), false), Vec::<String>::new());
            assert_eq!(fs::read_to_string(root.path().join(&broken[2])).unwrap(), format!("sha256:{hex}"));
        }
    }

    #[test]
    fn what_cannot_be_known_is_named() {
        let root = tempfile::tempdir().unwrap();
        push(root.path(), "team/app", "v1", "{}");
        push(root.path(), "team/app", "v1", "{\"a\":1}");
        let current = format!("{REPOSITORIES}/team/app/_manifests/tags/v1/current/link");
        write(root.path(), &current, "");
        let layer = format!("{REPOSITORIES}/team/app/_layers/sha256/{A}/link");
        let other = A.replace('a', "b");
        write(root.path(), &layer, &format!("sha256:{other}"));
        assert_eq!(
            lines(root.path(), false),
            [
                format!(
                    "{layer}: has `sha256:{other}`, and its path another digest; left as it is: push that image again"
                ),
                format!("{current}: is empty; left as it is: push that image again"),
            ]
        );
    }

    #[test]
    fn a_manifest_that_is_not_what_its_digest_says_is_left_out() {
        for content in ["", "{", "{} "] {
            let root = tempfile::tempdir().unwrap();
            let hex = push(root.path(), "team/app", "v1", "{}");
            fs::write(blob(root.path(), "sha256", &hex), content).unwrap();
            let folder = format!("{REPOSITORIES}/team/app/_manifests/revisions/sha256/{hex}");
            let expected = format!(
                "{folder}/link: leads to a manifest of {} bytes that are not those of its digest; left out: push the image again",
                content.len()
            );
            let expected = [expected];
            assert_eq!(lines(root.path(), true), expected);
            assert_eq!(lines(root.path(), false), expected);
            let left = fs::read_dir(root.path().join(&folder)).unwrap().map(|entry| entry.unwrap().file_name());
            assert_eq!(left.collect::<Vec<_>>(), [LEFT_OUT]);
            assert_eq!(lines(root.path(), false), Vec::<String>::new());
        }
    }

    #[test]
    fn a_folder_that_is_no_storage_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let error = repair(&root.path().join("none"), false).unwrap_err();
        assert!(error.to_string().contains("none/docker/registry/v2/repositories: "), "{error}");
        write(root.path(), REPOSITORIES, "a file");
        assert!(repair(root.path(), false).is_err());
    }
}
