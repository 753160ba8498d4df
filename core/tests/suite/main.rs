//! The library's tests that need no more than its public interface.

#[cfg(test)]
mod decisions;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod parsers;
