//! Skips JSON values: the inner loop of every request.
//!
//! Functions take the text's bytes and a position, and return the position after what they skipped. They check
//! everything that a reader checks, since skipped text may become part of the answer.

use super::error::ErrorKind::{
    self, Colon, CommaOrBrace, CommaOrBracket, Control, Digit, End, Escape, Key, LeadingZero, Value,
};
use super::error::Stop;

type Skipped = Result<usize, Stop>;

/// Skips white space and a value of any type and depth.
pub(super) fn value(bytes: &[u8], mut at: usize) -> Skipped {
    // The bracket that closes the innermost object or array, and those of the ones around it.
    let (mut close, mut owed) = (NOTHING, Vec::new());
    loop {
        at = space(bytes, at);
        match byte(bytes, at) {
            Some(b'"') => at = string(bytes, at + 1)?,
            Some(b'{') => {
                at = space(bytes, at + 1);
                if byte(bytes, at) == Some(b'}') {
                    at += 1;
                } else {
                    at = key(bytes, at)?;
                    enter(b'}', &mut close, &mut owed);
                    continue;
                }
            }
            Some(b'[') => {
                at = space(bytes, at + 1);
                if byte(bytes, at) == Some(b']') {
                    at += 1;
                } else {
                    enter(b']', &mut close, &mut owed);
                    continue;
                }
            }
            Some(b't') => at = word(bytes, at, "true")?,
            Some(b'f') => at = word(bytes, at, "false")?,
            Some(b'n') => at = word(bytes, at, "null")?,
            Some(b'-' | b'0'..=b'9') => at = number(bytes, at)?,
            found => return stop(found, at, Value),
        }
        loop {
            if close == NOTHING {
                return Ok(at);
            }
            at = space(bytes, at);
            match byte(bytes, at) {
                Some(b',') => {
                    at += 1;
                    if close == b'}' {
                        at = key(bytes, space(bytes, at))?;
                    }
                    break;
                }
                Some(found) if found == close => {
                    at += 1;
                    close = owed.pop().unwrap_or(NOTHING);
                }
                found => {
                    return stop(found, at, if close == b'}' { CommaOrBrace } else { CommaOrBracket });
                }
            }
        }
    }
}

/// There is no object or array to close.
const NOTHING: u8 = 0;

/// Enters an object or array. Only one within another takes memory.
#[inline]
fn enter(bracket: u8, close: &mut u8, owed: &mut Vec<u8>) {
    if *close != NOTHING {
        owed.push(*close);
    }
    *close = bracket;
}

/// Skips to the next byte of a string that is a quote, a backslash or a control character.
#[inline]
pub(super) fn plain(bytes: &[u8], mut at: usize) -> usize {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = EACH << 7;
    // Eight bytes at once: subtracting one from a byte that is zero sets its highest bit.
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*eight);
        // With its second lowest bit flipped, a quote is the byte after the control characters, so that one
        // subtraction finds both.
        let ends = (word ^ (EACH * 0x02)).wrapping_sub(EACH * 0x21) & !word;
        let backslashes = word ^ (EACH * 0x5c);
        let backslashes = backslashes.wrapping_sub(EACH) & !backslashes;
        // The subtraction may mark a byte wrongly, but only one after the first that it marks rightly.
        let found = (ends | backslashes) & HIGH;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while byte(bytes, at).is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        at += 1;
    }
    at
}

/// Skips the rest of a string.
#[expect(clippy::inline_always, reason = "a call for each string makes requests of 100 KB 7 % slower")]
#[inline(always)]
fn string(bytes: &[u8], mut at: usize) -> Skipped {
    loop {
        at = plain(bytes, at);
        match byte(bytes, at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(bytes, at + 1)?,
            found => return stop(found, at, Control),
        }
    }
}

fn escape(bytes: &[u8], at: usize) -> Skipped {
    match byte(bytes, at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => {
            let is_hex = |at: &usize| byte(bytes, *at).is_some_and(|byte| byte.is_ascii_hexdigit());
            match (at + 1..at + 5).find(|at| !is_hex(at)) {
                None => Ok(at + 5),
                Some(at) => stop(byte(bytes, at), at, Escape),
            }
        }
        found => stop(found, at, Escape),
    }
}

/// Skips a key, and the colon behind it.
#[expect(clippy::inline_always, reason = "as for `string`")]
#[inline(always)]
fn key(bytes: &[u8], at: usize) -> Skipped {
    let found = byte(bytes, at);
    if found != Some(b'"') {
        return stop(found, at, Key);
    }
    let at = space(bytes, string(bytes, at + 1)?);
    match byte(bytes, at) {
        Some(b':') => Ok(at + 1),
        found => stop(found, at, Colon),
    }
}

fn number(bytes: &[u8], mut at: usize) -> Skipped {
    at += usize::from(byte(bytes, at) == Some(b'-'));
    if byte(bytes, at) == Some(b'0') {
        at += 1;
        if let Some(b'0'..=b'9') = byte(bytes, at) {
            return Err(Stop { kind: LeadingZero, at });
        }
    } else {
        at = digits(bytes, at)?;
    }
    if byte(bytes, at) == Some(b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = byte(bytes, at) {
        at += 1;
        at += usize::from(matches!(byte(bytes, at), Some(b'+' | b'-')));
        at = digits(bytes, at)?;
    }
    Ok(at)
}

fn digits(bytes: &[u8], mut at: usize) -> Skipped {
    let start = at;
    while byte(bytes, at).is_some_and(|byte| byte.is_ascii_digit()) {
        at += 1;
    }
    if at > start { Ok(at) } else { stop(byte(bytes, at), at, Digit) }
}

fn word(bytes: &[u8], at: usize, word: &'static str) -> Skipped {
    let found = bytes.get(at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
    if found { Ok(at + word.len()) } else { Err(Stop { kind: Value, at }) }
}

#[inline]
fn space(bytes: &[u8], mut at: usize) -> usize {
    // There is rarely any, so the loop begins with a single comparison.
    while let Some(found) = byte(bytes, at).filter(|found| *found <= b' ') {
        if !matches!(found, b' ' | b'\n' | b'\r' | b'\t') {
            break;
        }
        at += 1;
    }
    at
}

#[inline]
fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// An error about a byte, or about its absence.
#[cold]
fn stop(found: Option<u8>, at: usize, kind: ErrorKind) -> Skipped {
    Err(Stop { kind: if found.is_some() { kind } else { End }, at })
}
