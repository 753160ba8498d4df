//! Promotes container images by digest.
#![forbid(unsafe_code)]

mod manifest;
mod promotion;
mod tree_files;

pub use self::manifest::{
    AddError, Addition, Content, Edge, Finding, Place, Position, RegistryName, Severity, Size, Tree, TreeFiles, add,
    images_file, moved_tags, new_edges,
};
pub use self::promotion::{
    LateSignatures, Progress, Report, Signatures, State, Summary, has, plan, resolve, run, verify,
};
pub use self::tree_files::{GitError, read_commit, read_folder, write_images};
