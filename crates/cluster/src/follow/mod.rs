//! Objects that are followed, and the loop of the programs that keep something in line with them.

mod backoff;
mod followed;
mod followed_all;
mod pace;
mod reconcile;
mod settling;
mod slim;
mod timing;
mod watch;

pub use self::followed::{Followed, Lost, News, Seen};
pub use self::followed_all::{FollowedAll, Place};
pub use self::pace::Pace;
pub use self::reconcile::{Due, Outcome, Reconciler, View, reconcile_forever};
pub use self::settling::SettledDeclaration;
pub use self::slim::Content;
pub(crate) use self::slim::Slim;
pub use self::timing::Timing;
pub(crate) use self::watch::{Selection, Watch};
