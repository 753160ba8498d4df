//! What the cluster names: every image in every object that may need one. A name too many keeps an image that nobody needs; a name too
//! few deletes one that somebody does.

pub(crate) mod finder;
pub(crate) mod fresh;
pub(crate) mod host;
pub(crate) mod images;
pub(crate) mod kinds;
pub(crate) mod named;
pub(crate) mod reading;
pub(crate) mod strings;
