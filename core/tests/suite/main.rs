//! Tests of the library through its public interface.

#[cfg(test)]
mod decisions;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod parsers;
