//! Objects that are followed, and the loop of the programs that keep something in line with them.

mod backoff;
mod followed;
mod object_watch;
mod reconcile;
mod slim;

pub use self::followed::{Followed, Lost, News, Seen};
pub(crate) use self::object_watch::ObjectWatch;
pub use self::reconcile::{Due, Outcome, Reconciler, View, reconcile_forever};
pub use self::slim::Content;
pub(crate) use self::slim::Slim;
