//! Where the files of a tree come from: a folder, or a commit of git.

mod commit;
mod folder;

pub(crate) use self::commit::read_commit;
pub(crate) use self::folder::{ImagesFile, read_folder};
