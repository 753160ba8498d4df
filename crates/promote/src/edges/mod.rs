//! What is promoted, edge by edge, and what is said of it.

mod item;
mod lanes;
mod progress;
mod report;
mod ruling;

pub(crate) use self::item::Item;
pub(crate) use self::lanes::{in_lanes, report_in_order};
pub use self::progress::Progress;
pub(crate) use self::report::Remarks;
pub use self::report::{Report, State};
pub(crate) use self::ruling::Ruling;
