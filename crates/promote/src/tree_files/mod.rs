//! Where the files of a tree come from: a folder, or a commit of git.

mod disk;
mod git;

pub use self::disk::{read_folder, write_images};
pub use self::git::{GitError, read_commit};
