//! One image layout: a folder with `oci-layout`, `index.json` and `blobs`
//! ([specification](https://github.com/opencontainers/image-spec/blob/main/image-layout.md)).

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use local_registry_core::{Digest, Tag};
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::content::hasher::{Hasher, digest_of};
use crate::exchange::response::LONGEST_DOCUMENT;

/// How many bytes of a blob are read at once.
const PIECE: usize = 256 << 10;
/// How many bytes `index.json` may have. It lists some 100,000 tags.
const LONGEST_INDEX: u64 = 32 << 20;
/// The annotation with the tag of a manifest.
const TAG: &str = "org.opencontainers.image.ref.name";
/// What an index is.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The bytes of a blob.
pub(super) type Pieces = BoxStream<'static, Result<Bytes, String>>;

/// A layout, which need not be there yet.
pub(super) struct Layout {
    folder: PathBuf,
    /// One at a time changes `index.json`.
    changing: Mutex<()>,
    uploads: AtomicUsize,
}

/// Why a layout does not say what it has, or takes nothing.
#[derive(Debug, Error)]
pub(super) enum LayoutError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{}: is not an index of images: {error}", path.display())]
    Index { path: PathBuf, error: serde_json::Error },
    #[error("{}: has more than {longest} bytes", path.display())]
    TooLong { path: PathBuf, longest: u64 },
    #[error("{}: the bytes have the digest {found}", path.display())]
    WrongDigest { path: PathBuf, found: Digest },
    #[error("{0}")]
    Input(io::Error),
}

/// The fields of a manifest that say what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    media_type: Option<String>,
    #[serde(default)]
    manifests: Vec<Listed>,
}

/// A manifest that is listed.
#[derive(Deserialize)]
struct Listed {
    digest: String,
}

impl Layout {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, changing: Mutex::default(), uploads: AtomicUsize::default() }
    }

    /// A manifest by tag or digest: its digest, its media type, its bytes.
    pub(super) fn manifest(&self, reference: &str) -> Result<Option<(Digest, String, Bytes)>, LayoutError> {
        let listed = self.listed()?;
        let found = match reference.parse::<Digest>() {
            Ok(digest) => digest,
            Err(_) => match listed.iter().find(|one| tag_of(one) == Some(reference)).and_then(digest_in) {
                Some(digest) => digest,
                None => return Ok(None),
            },
        };
        let Some(bytes) = read(&self.path_of(&found), LONGEST_DOCUMENT as u64)? else { return Ok(None) };
        // Something else is as good as nothing.
        if digest_of(&bytes) != found {
            return Ok(None);
        }
        // A manifest says what it is, or is listed as that.
        let own = serde_json::from_slice::<Kind>(&bytes).ok().and_then(|kind| kind.media_type);
        let entry = listed.iter().find(|one| digest_in(one).as_ref() == Some(&found));
        let as_listed = entry.and_then(|one| one.get("mediaType")?.as_str()).unwrap_or_default();
        Ok(Some((found, own.unwrap_or_else(|| as_listed.to_owned()), bytes.into())))
    }

    /// Stores a manifest, and lists it: by its tag, or by its digest as long as nothing else that is listed has it.
    pub(super) fn put_manifest(&self, reference: &str, media_type: &str, bytes: &Bytes) -> Result<Digest, LayoutError> {
        let digest = digest_of(bytes);
        let path = self.path_of(&digest);
        self.prepare()?;
        write(&self.temporary(), &path, bytes)?;
        let _only = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut listed = self.listed()?;
        let parts = serde_json::from_slice::<Kind>(bytes).map(|kind| kind.manifests).unwrap_or_default();
        let has_it =
            |one: &Value| digest_in(one).is_some_and(|found| parts.iter().any(|part| part.digest == found.as_str()));
        listed.retain(|one| tag_of(one).is_some() || !has_it(one));
        let mut descriptor = json!({"mediaType": media_type, "digest": digest.as_str(), "size": bytes.len()});
        if reference.parse::<Digest>().is_err() {
            listed.retain(|one| {
                tag_of(one) != Some(reference) && !(tag_of(one).is_none() && digest_in(one).as_ref() == Some(&digest))
            });
            if let Some(descriptor) = descriptor.as_object_mut() {
                descriptor.insert("annotations".to_owned(), json!({TAG: reference}));
            }
            listed.push(descriptor);
        } else if !listed.iter().any(|one| digest_in(one).as_ref() == Some(&digest)) {
            listed.push(descriptor);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
        write(&self.temporary(), &self.index(), index.to_string().as_bytes())?;
        Ok(digest)
    }

    /// A blob: its size, and its bytes in pieces.
    pub(super) fn blob(&self, digest: &Digest) -> Result<Option<(u64, Pieces)>, LayoutError> {
        let path = self.path_of(digest);
        let Some((file, size)) = open(&path)? else { return Ok(None) };
        let pieces = stream::unfold(Some(file), move |file| {
            let piece = file.and_then(|file| read_piece(file).transpose());
            std::future::ready(piece.map(|piece| match piece {
                Ok((piece, file)) => (Ok(piece), Some(file)),
                Err(error) => (Err(error.to_string()), None),
            }))
        });
        Ok(Some((size, pieces.boxed())))
    }

    /// Stores a blob. Nobody sees it before all of it is there.
    pub(super) async fn put_blob(
        &self,
        digest: &Digest,
        mut pieces: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<(), LayoutError> {
        self.prepare()?;
        let (temporary, path) = (self.temporary(), self.path_of(digest));
        let failed = |error| LayoutError::Io { path: temporary.0.clone(), error };
        let mut file = File::options().write(true).create_new(true).open(&temporary.0).map_err(failed)?;
        let mut hasher = Hasher::default();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(LayoutError::Input)?;
            hasher.update(&piece);
            file.write_all(&piece).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        let found = hasher.finish();
        if found != *digest {
            return Err(LayoutError::WrongDigest { path, found });
        }
        fs::rename(&temporary.0, &path).map_err(|error| LayoutError::Io { path, error })
    }

    /// Takes a blob from another layout, without a copy if the file system allows that. Returns whether that has it.
    pub(super) fn mount(&self, digest: &Digest, from: &Self) -> Result<bool, LayoutError> {
        self.prepare()?;
        Ok(fs::hard_link(from.path_of(digest), self.path_of(digest)).is_ok())
    }

    /// The tags of what is listed.
    pub(super) fn tags(&self) -> Result<Vec<Tag>, LayoutError> {
        Ok(self.listed()?.iter().filter_map(|one| tag_of(one)?.parse().ok()).collect())
    }

    fn index(&self) -> PathBuf {
        self.folder.join("index.json")
    }

    fn path_of(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join("sha256").join(digest.hex())
    }

    /// A file of this process alone.
    fn temporary(&self) -> Temporary {
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        let temporary = Temporary(self.folder.join(format!(".{}-{number}.new", std::process::id())));
        // A process of the same number was killed here before.
        let _ = fs::remove_file(&temporary.0);
        temporary
    }

    /// What `index.json` lists; nothing if there is no such file.
    fn listed(&self) -> Result<Vec<Value>, LayoutError> {
        #[derive(Deserialize)]
        struct Index {
            manifests: Vec<Value>,
        }
        let path = self.index();
        let Some(bytes) = read(&path, LONGEST_INDEX)? else { return Ok(Vec::new()) };
        let index: Index = serde_json::from_slice(&bytes).map_err(|error| LayoutError::Index { path, error })?;
        Ok(index.manifests)
    }

    /// Makes the folder a layout.
    fn prepare(&self) -> Result<(), LayoutError> {
        let marker = self.folder.join("oci-layout");
        let blobs = self.folder.join("blobs").join("sha256");
        if marker.exists() && blobs.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(&blobs).map_err(|error| LayoutError::Io { path: blobs, error })?;
        if !self.index().exists() {
            let empty = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
            write(&self.temporary(), &self.index(), empty.to_string().as_bytes())?;
        }
        write(&self.temporary(), &marker, br#"{"imageLayoutVersion":"1.0.0"}"#)
    }
}

/// A file that is removed, unless it got another name.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is not there any more where all went well.
        let _ = fs::remove_file(&self.0);
    }
}

fn tag_of(listed: &Value) -> Option<&str> {
    listed.get("annotations")?.get(TAG)?.as_str()
}

fn digest_in(listed: &Value) -> Option<Digest> {
    listed.get("digest")?.as_str()?.parse().ok()
}

/// A file and its size; `None` if there is none. Anything else would never end.
fn open(path: &Path) -> Result<Option<(File, u64)>, LayoutError> {
    let failed = |error| LayoutError::Io { path: path.to_owned(), error };
    match fs::metadata(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.is_file() => return Err(failed(io::Error::other("is not a file"))),
        Ok(_) => {}
    }
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    Ok(Some((file, size)))
}

fn read(path: &Path, longest: u64) -> Result<Option<Vec<u8>>, LayoutError> {
    let Some((file, _)) = open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = file.take(longest + 1).read_to_end(&mut bytes);
    read.map_err(|error| LayoutError::Io { path: path.to_owned(), error })?;
    if bytes.len() as u64 > longest {
        return Err(LayoutError::TooLong { path: path.to_owned(), longest });
    }
    Ok(Some(bytes))
}

/// The next piece of a file; `None` at its end.
fn read_piece(mut file: File) -> io::Result<Option<(Bytes, File)>> {
    let mut piece = vec![0; PIECE];
    let length = file.read(&mut piece)?;
    piece.truncate(length);
    Ok((length > 0).then(|| (piece.into(), file)))
}

/// Writes a file in one step.
fn write(temporary: &Temporary, path: &Path, bytes: &[u8]) -> Result<(), LayoutError> {
    let written = File::options().write(true).create_new(true).open(&temporary.0).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary.0, path)
    });
    written.map_err(|error| LayoutError::Io { path: path.to_owned(), error })
}
