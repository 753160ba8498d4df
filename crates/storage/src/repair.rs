//! One walk over all repositories.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use local_registry_core::Digest;
use local_registry_system::AtomicFile;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::entry::{Entry, Fault, Outcome};
use crate::layout::{BLOBS, LEFT_OUT, LINK, LinkKind, REPOSITORIES, blob, is_digest};

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many links were looked at.
    pub links: u64,
    /// The broken ones, in the order of their paths.
    pub entries: Vec<Entry>,
}

/// The storage cannot be read or written. What was fixed until then stays.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct StorageError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Looks at every link of every repository below the folder of a storage, and fixes or leaves out what is broken.
///
/// The registry may take no writes meanwhile. In a dry run, nothing is written.
///
/// # Errors
/// A [`StorageError`] if the folder is not that of a registry, or for the first file that cannot be read or written.
pub fn repair(root: &Path, dry_run: bool) -> Result<Report, StorageError> {
    let mut walk = Walk { root, dry_run, report: Report { links: 0, entries: Vec::new() } };
    if !root.is_dir() {
        let source = io::Error::new(ErrorKind::NotFound, "there is no such folder");
        return Err(StorageError { path: root.to_owned(), source });
    }
    for folder in [BLOBS, REPOSITORIES] {
        walk.provide(&root.join(folder))?;
    }
    let repositories = root.join(REPOSITORIES);
    if repositories.exists() {
        walk.folder(&repositories)?;
    }
    walk.report.entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(walk.report)
}

struct Walk<'a> {
    root: &'a Path,
    dry_run: bool,
    report: Report,
}

impl Walk<'_> {
    /// Makes a folder that the garbage collection looks into, if it is not there.
    fn provide(&mut self, folder: &Path) -> Result<(), StorageError> {
        let failed = |source| StorageError { path: folder.to_owned(), source };
        match fs::symlink_metadata(folder) {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => return Err(failed(io::Error::from(ErrorKind::NotADirectory))),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            Err(_) => {}
        }
        if !self.dry_run {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        self.push(folder, Fault::Missing, Outcome::Fixed);
        Ok(())
    }

    /// Looks at everything below a folder. Symbolic links are none of the registry's, and not followed.
    fn folder(&mut self, folder: &Path) -> Result<(), StorageError> {
        let mut pending = vec![folder.to_owned()];
        while let Some(path) = pending.pop() {
            let failed = |source| StorageError { path: path.clone(), source };
            for entry in fs::read_dir(&path).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let (kind, name, path) = (entry.file_type().map_err(failed)?, entry.file_name(), entry.path());
                if kind.is_dir() {
                    if name == "_manifests" {
                        self.provide(&path.with_file_name("_layers"))?;
                    }
                    pending.push(path);
                } else if kind.is_file() && name == LINK {
                    self.link(&path).map_err(|source| StorageError { path, source })?;
                } else if kind.is_file() && name == left_out(LINK).as_str() {
                    self.bring_back(&path).map_err(|source| StorageError { path, source })?;
                }
            }
        }
        Ok(())
    }

    fn link(&mut self, path: &Path) -> io::Result<()> {
        let Some(kind) = LinkKind::of(path) else { return Ok(()) };
        self.report.links += 1;
        let content = start(path)?;
        let fault = match (&kind, content.as_str()) {
            (LinkKind::NoDigest, _) => Some(Fault::Path),
            (_, "") => Some(Fault::Empty),
            (_, found) if !is_digest(found) => Some(Fault::NoDigest { found: content.clone() }),
            (LinkKind::Manifest(digest) | LinkKind::Other(digest), found) if found != digest => {
                Some(Fault::OtherDigest { found: content.clone() })
            }
            _ => None,
        };
        if let Some(fault) = fault {
            let right = match &kind {
                LinkKind::Manifest(digest) | LinkKind::Other(digest) => Right::Known(digest.clone()),
                LinkKind::Tag => only_digest_of_tag(path)?.map_or(Right::Unknown, Right::Known),
                // Whatever they lead to has another link.
                LinkKind::Alias | LinkKind::NoDigest => Right::None,
            };
            let outcome = self.fix(path, &right)?;
            self.push(path, fault, outcome);
            if outcome == Outcome::LeftOut {
                return Ok(());
            }
        }
        match kind {
            LinkKind::Manifest(digest) => self.manifest(path, &digest),
            _ => Ok(()),
        }
    }

    /// Writes a link again, or leaves it out if it may have none or the disk has no room for it.
    fn fix(&self, path: &Path, right: &Right) -> io::Result<Outcome> {
        let written = match right {
            Right::Unknown => return Ok(Outcome::Kept),
            Right::None => None,
            Right::Known(_) if self.dry_run => return Ok(Outcome::Fixed),
            Right::Known(digest) => {
                let temporary = path.with_file_name(".link.tmp");
                Some(AtomicFile { path, temporary: &temporary, permissions: None }.write(digest))
            }
        };
        match written {
            Some(Ok(())) => Ok(Outcome::Fixed),
            Some(Err(error)) if error.kind() != ErrorKind::StorageFull => Err(error),
            // A name needs no room. The next walk brings back what is right.
            None | Some(Err(_)) => self.leave_out(path).map(|()| Outcome::LeftOut),
        }
    }

    /// Leaves out a manifest that is there, and at which the garbage collection would end: one that is not what its digest
    /// says, or that distribution cannot read.
    fn manifest(&mut self, link: &Path, digest: &str) -> io::Result<()> {
        let Ok(digest) = Digest::parse(digest) else { return Ok(()) };
        let data = blob(self.root, "sha256", digest.hex());
        let Some(found) = sha256(&data)? else { return Ok(()) };
        if found.digest != digest {
            self.push(link, Fault::Corrupt { bytes: found.bytes }, Outcome::LeftOut);
            // Otherwise the registry would not write it when it is pushed again.
            self.leave_out(&data)?;
        } else if !found.is_readable {
            self.push(link, Fault::Unreadable, Outcome::LeftOut);
        } else {
            return Ok(());
        }
        self.leave_out(link)
    }

    /// Brings back the link of a manifest that was left out for want of room: it is what its digest says.
    fn bring_back(&mut self, path: &Path) -> io::Result<()> {
        let link = path.with_file_name(LINK);
        let Some(LinkKind::Manifest(digest)) = LinkKind::of(&link) else { return Ok(()) };
        let Ok(digest) = Digest::parse(&digest) else { return Ok(()) };
        if link.exists() {
            return Ok(());
        }
        let found = sha256(&blob(self.root, "sha256", digest.hex()))?;
        if found.is_none_or(|found| found.digest != digest || !found.is_readable) {
            return Ok(());
        }
        let outcome = if self.dry_run {
            Outcome::Fixed
        } else {
            fs::rename(path, &link)?;
            self.fix(&link, &Right::Known(digest.to_string()))?
        };
        self.push(&link, Fault::Empty, outcome);
        Ok(())
    }

    fn leave_out(&self, path: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if self.dry_run { Ok(()) } else { fs::rename(path, path.with_file_name(left_out(&name))) }
    }

    fn push(&mut self, path: &Path, fault: Fault, outcome: Outcome) {
        let path = path.strip_prefix(self.root).unwrap_or(path).to_owned();
        self.report.entries.push(Entry { path, fault, outcome });
    }
}

/// What a broken link should have.
enum Right {
    Known(String),
    /// Nothing says it.
    Unknown,
    /// It should not be there.
    None,
}

/// The name of a file that is left out.
fn left_out(name: &str) -> String {
    format!("{name}.{LEFT_OUT}")
}

/// The start of a file. A digest is short.
fn start(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(256).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
    found.retain(|digest| is_digest(digest));
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// What the content of a file is.
struct Content {
    digest: Digest,
    bytes: u64,
    /// Whether it is a manifest that distribution 3 reads.
    is_readable: bool,
}

/// The longest manifest that the registry takes.
const LONGEST_MANIFEST: usize = 4 * 1024 * 1024;

/// What a file is; `None` if there is none.
fn sha256(path: &Path) -> io::Result<Option<Content>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (mut context, mut length, mut buffer) = (Context::new(&SHA256), 0, vec![0; 64 * 1024]);
    let mut text = Vec::new();
    loop {
        let read = file.read(&mut buffer)?;
        let piece = buffer.get(..read).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        context.update(piece);
        length += read as u64;
        if text.len() <= LONGEST_MANIFEST {
            text.extend_from_slice(piece);
        }
    }
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    let is_readable = serde_json::from_slice(&text).is_ok_and(|Version { schema_version }| schema_version == 2);
    Ok(Some(Content { digest: Digest::from_sha256(&bytes), bytes: length, is_readable }))
}

/// The version of a manifest's form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    schema_version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    const MANIFEST: &str = r#"{"schemaVersion":2}"#;
    const OTHER: &str = r#"{"schemaVersion":2,"a":1}"#;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a manifest into a repository, with a tag, and returns the digits of its digest.
    fn push(root: &Path, repository: &str, tag: &str, manifest: &str) -> String {
        let data = root.join("data");
        fs::write(&data, manifest).unwrap();
        let hex = sha256(&data).unwrap().unwrap().digest.hex().to_owned();
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
        // The garbage collection ends where nothing was ever pushed.
        let new = [BLOBS, REPOSITORIES].map(|folder| format!("{folder}: is missing; written again"));
        assert_eq!(lines(root.path(), true), new);
        assert_eq!(lines(root.path(), false), new);
        push(root.path(), "team/app", "v1", MANIFEST);
        push(root.path(), "team/app", "v1", OTHER);
        write(root.path(), &format!("{REPOSITORIES}/team/app/_uploads/1/link"), "");
        // Another name of a layer; a manifest that was deleted; and what others keep beside.
        let alias = format!("{REPOSITORIES}/team/app/_layers/sha512/{}/link", A.repeat(2));
        write(root.path(), &alias, &format!("sha256:{A}"));
        let deleted = format!("{REPOSITORIES}/team/b/_manifests/revisions/sha256/{A}/link");
        write(root.path(), &deleted, &format!("sha256:{A}"));
        fs::create_dir_all(root.path().join(REPOSITORIES).join("team/b/_layers")).unwrap();
        std::os::unix::fs::symlink("/", root.path().join(REPOSITORIES).join("team/loop")).unwrap();
        let report = repair(root.path(), false).unwrap();
        assert_eq!((report.links, report.entries), (8, vec![]));
    }

    #[test]
    fn a_link_whose_digest_is_known_is_written_again() {
        for content in ["", "\0\0\0\0", "sha256:12", "sha256:AAAA"] {
            let root = tempfile::tempdir().unwrap();
            let hex = push(root.path(), "team/app", "v1", MANIFEST);
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
    fn what_cannot_be_known_is_named_or_left_out() {
        let root = tempfile::tempdir().unwrap();
        push(root.path(), "team/app", "v1", MANIFEST);
        push(root.path(), "team/app", "v1", OTHER);
        let repository = format!("{REPOSITORIES}/team/app");
        let (current, layers) =
            (format!("{repository}/_manifests/tags/v1/current/link"), format!("{repository}/_layers"));
        let (none, alias) = (format!("{layers}/sha256/abc/link"), format!("{layers}/sha512/{}/link", A.repeat(2)));
        for path in [&current, &none, &alias] {
            write(root.path(), path, "");
        }
        // The garbage collection removes such a layer twice, and ends at the second time.
        let other = A.replace('a', "b");
        write(root.path(), &format!("{layers}/sha256/{A}/link"), &format!("sha256:{other}"));
        assert_eq!(
            lines(root.path(), false),
            [
                format!("{layers}/sha256/{A}/link: has `sha256:{other}`, and its path another digest; written again"),
                format!("{none}: its path has no digest; left out: push the image again"),
                format!("{alias}: is empty; left out: push the image again"),
                format!("{current}: is empty; left as it is: push that image again"),
            ]
        );
        assert_eq!(lines(root.path(), false), [format!("{current}: is empty; left as it is: push that image again")]);
    }

    #[test]
    fn what_ends_the_garbage_collection_is_not_there_any_more() {
        let root = tempfile::tempdir().unwrap();
        push(root.path(), "team/app", "v1", MANIFEST);
        // A repository that has got an index without anything in it, and no layer ever.
        let hex = push(root.path(), "evil", "v1", OTHER);
        fs::remove_dir_all(root.path().join(REPOSITORIES).join("evil/_layers")).unwrap();
        // What distribution 2 once took.
        let old = push(root.path(), "old", "v1", r#"{"schemaVersion":1}"#);
        let link =
            |repository: &str, hex: &str| format!("{REPOSITORIES}/{repository}/_manifests/revisions/sha256/{hex}/link");
        assert_eq!(
            lines(root.path(), false),
            [
                format!("{REPOSITORIES}/evil/_layers: is missing; written again"),
                format!(
                    "{}: leads to a manifest that this registry cannot read; left out: push the image again",
                    link("old", &old)
                ),
            ]
        );
        // A link that was left out for want of room comes back, if its manifest is there.
        let path = root.path().join(link("evil", &hex));
        fs::rename(&path, path.with_file_name("link.left-out")).unwrap();
        assert_eq!(lines(root.path(), false), [format!("{}: is empty; written again", link("evil", &hex))]);
        assert_eq!(fs::read_to_string(path).unwrap(), format!("sha256:{hex}"));
        assert_eq!(lines(root.path(), false), Vec::<String>::new());
    }

    #[test]
    fn a_manifest_that_is_not_what_its_digest_says_is_left_out() {
        for content in ["", "{", "{} "] {
            let root = tempfile::tempdir().unwrap();
            let hex = push(root.path(), "team/app", "v1", MANIFEST);
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
            assert_eq!(left.collect::<Vec<_>>(), ["link.left-out"]);
            // Otherwise the registry would not write it when it is pushed again.
            assert!(!blob(root.path(), "sha256", &hex).exists());
            assert_eq!(lines(root.path(), false), Vec::<String>::new());
        }
    }

    #[test]
    fn a_folder_that_is_no_storage_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let error = repair(&root.path().join("none"), false).unwrap_err();
        assert!(error.to_string().ends_with("none: there is no such folder"), "{error}");
        write(root.path(), REPOSITORIES, "a file");
        assert!(repair(root.path(), false).is_err());
    }
}
