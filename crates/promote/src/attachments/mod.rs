//! The walk through what is attached to an image: it is copied, or only looked at.

mod cosign_tags;
mod left_out;
mod referrer_walk;
mod spent;
mod walk;

pub(crate) use self::left_out::LeftOut;
pub(crate) use self::referrer_walk::signatures_first;
pub(crate) use self::spent::{Spent, attached_manifest, within};
pub(crate) use self::walk::Attachments;
