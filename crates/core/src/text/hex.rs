//! Bytes as hexadecimal digits.

/// The bytes as hexadecimal digits in lower case, two for each.
///
/// ```
/// assert_eq!(local_registry_core::text::hex(&[0x0f, 0xa0]), "0fa0");
/// ```
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
