//! What the repository's files say, held to the code and to each other.

mod links;
mod manifests;
mod packaging;
