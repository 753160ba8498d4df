//! The layout of the module's memory.

use std::sync::atomic::AtomicU8;

/// Page-aligns `.data`, so that it and the first heap allocations share one copy-on-write page.
///
/// A fresh instance gets its data as pages that are copied once they are written to, and each copy costs as much as a
/// decision. The linker puts `.data` after the read-only data, and the heap after `.data`. Unaligned, they would often
/// begin at the end of a page and take two.
#[repr(align(4096))]
struct Page(#[expect(dead_code, reason = "only its alignment matters")] AtomicU8);

/// Not zero, since zeros go to `.bss`, after `.data`.
#[used]
static PAGE: Page = Page(AtomicU8::new(1));
