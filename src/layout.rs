//! Where the data of the module begins.

use std::sync::atomic::AtomicU8;

/// Data that is written, and that has a page of memory to itself.
///
/// An engine gives a fresh instance its data as pages that are copied once they are written to, and each costs
/// as much as deciding. The linker puts all data that is written behind what is only read, and the heap behind
/// that; so this makes the rest begin with a page, where it and the heap of a small request have room together,
/// wherever the data that is only read may end.
#[repr(align(4096))]
struct Page(#[allow(dead_code, reason = "it is there to be in the way")] AtomicU8);

/// One that is not zero: what is zero is laid out later.
#[used]
static PAGE: Page = Page(AtomicU8::new(1));
