//! Reads JSON text (RFC 8259) from its start to its end, token by token.
//!
//! Its properties, and the fuzz target `json`, hold it to serde_json: it accepts what serde_json accepts, and nothing
//! else.

use std::borrow::Cow;

use super::error::{ErrorKind, Stop};
use super::skip;

/// A position in a text.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The number of bytes that were read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Fails if anything but white space is left.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        self.skip_space();
        if self.byte().is_none() { Ok(()) } else { Err(self.error(ErrorKind::Trailing)) }
    }

    /// Skips white space and returns the byte after it, which is not read yet.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<u8, Stop> {
        self.skip_space();
        self.byte().ok_or_else(|| self.error(ErrorKind::End))
    }

    /// Enters an object or array; returns whether it has a field or element.
    pub(super) fn open(&mut self, open: u8, close: u8) -> Result<bool, Stop> {
        self.expect(open, ErrorKind::Value)?;
        let is_empty = self.peek()? == close;
        self.at += usize::from(is_empty);
        Ok(!is_empty)
    }

    /// Returns whether another field or element follows; otherwise leaves the object or array.
    #[inline]
    pub(super) fn next_or_close(&mut self, close: u8) -> Result<bool, Stop> {
        let byte = self.peek()?;
        if byte != b',' && byte != close {
            return Err(self.error(if close == b'}' { ErrorKind::CommaOrBrace } else { ErrorKind::CommaOrBracket }));
        }
        self.at += 1;
        Ok(byte == b',')
    }

    /// Reads a key and its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Cow<'a, str>, Stop> {
        if self.peek()? != b'"' {
            return Err(self.error(ErrorKind::Key));
        }
        self.at += 1;
        let key = self.rest_of_string()?;
        self.colon()?;
        Ok(key)
    }

    /// The error for a key that the object had before.
    pub(super) fn double_key(&self) -> Stop {
        self.error(ErrorKind::DoubleKey)
    }

    /// Reads a string; a string without escapes is borrowed.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Stop> {
        self.expect(b'"', ErrorKind::Value)?;
        self.rest_of_string()
    }

    /// Reads the rest of a string.
    #[expect(clippy::inline_always, reason = "keys and strings are most of what is read")]
    #[inline(always)]
    fn rest_of_string(&mut self) -> Result<Cow<'a, str>, Stop> {
        let end = skip::plain(self.text.as_bytes(), self.at);
        match (self.text.as_bytes().get(end), self.text.get(self.at..end)) {
            (Some(b'"'), Some(text)) => {
                self.at = end + 1;
                Ok(Cow::Borrowed(text))
            }
            _ => self.escaped_string().map(Cow::Owned),
        }
    }

    /// Reads the rest of a string that has escapes, or an error.
    #[cold]
    fn escaped_string(&mut self) -> Result<String, Stop> {
        let mut text = String::new();
        let mut plain = self.at;
        loop {
            self.at = skip::plain(self.text.as_bytes(), self.at);
            let read = self.text.get(plain..self.at).unwrap_or_default();
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    text.push_str(read);
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = self.escape()?;
                    text.push_str(read);
                    text.push(escaped);
                    plain = self.at;
                }
                Some(_) => return Err(self.error(ErrorKind::Control)),
                None => return Err(self.error(ErrorKind::End)),
            }
        }
    }

    /// Skips a value of any type and depth.
    pub(super) fn skip_value(&mut self) -> Result<(), Stop> {
        self.at = skip::value(self.text.as_bytes(), self.at)?;
        Ok(())
    }

    /// Skips a value of any type and depth, and returns its text.
    pub(super) fn raw_value(&mut self) -> Result<&'a str, Stop> {
        let start = self.at;
        self.skip_value()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    #[inline]
    fn colon(&mut self) -> Result<(), Stop> {
        self.peek()?;
        self.expect(b':', ErrorKind::Colon)
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Result<char, Stop> {
        if self.byte() != Some(b'u') {
            return self.short_escape();
        }
        self.at += 1;
        let first = self.hex()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let is_pair = first < 0xdc00 && self.rest().starts_with(b"\\u");
        if !is_pair {
            return Err(self.error(ErrorKind::Surrogate));
        }
        self.at += 2;
        let second = self.hex()?;
        // Each half has ten bits of a character beyond U+FFFF.
        let character =
            (0xdc00..0xe000).contains(&second).then(|| 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        character.and_then(char::from_u32).ok_or_else(|| self.error(ErrorKind::Surrogate))
    }

    fn short_escape(&mut self) -> Result<char, Stop> {
        let character = match self.byte() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(_) => return Err(self.error(ErrorKind::Escape)),
            None => return Err(self.error(ErrorKind::End)),
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads four hexadecimal digits.
    fn hex(&mut self) -> Result<u32, Stop> {
        let mut value = 0;
        for _ in 0..4 {
            let byte = self.byte().ok_or_else(|| self.error(ErrorKind::End))?;
            let digit = char::from(byte).to_digit(16).ok_or_else(|| self.error(ErrorKind::Escape))?;
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }

    #[inline]
    fn expect(&mut self, byte: u8, otherwise: ErrorKind) -> Result<(), Stop> {
        if self.byte() != Some(byte) {
            return Err(self.error(otherwise));
        }
        self.at += 1;
        Ok(())
    }

    /// The same as `skip::space`. Calling that function from here as well made requests of 100 KB 4 % slower.
    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// An error about the next byte.
    #[cold]
    fn error(&self, kind: ErrorKind) -> Stop {
        Stop { kind, at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::JsonError;
    use super::*;
    use serde::de::IgnoredAny;

    fn skip(text: &str) -> Result<(), JsonError> {
        let mut reader = Reader::new(text);
        reader.skip_value().and_then(|()| reader.finish()).map_err(|stop| stop.within(text))
    }

    fn string(text: &str) -> Result<Cow<'_, str>, JsonError> {
        let mut reader = Reader::new(text);
        let string = reader.peek().and_then(|_| reader.string());
        string.and_then(|string| reader.finish().map(|()| string)).map_err(|stop| stop.within(text))
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(skip(text).unwrap_err().to_string(), expected);
        assert!(serde_json::from_str::<IgnoredAny>(text).is_err());
    }

    #[test]
    fn errors_name_the_fault_and_its_position() {
        check("", "it ends too early at line 1 column 1");
        check("[1,\n 2", "it ends too early at line 2 column 3");
        check("[1 2]", "expected `,` or `]` at line 1 column 4");
        check("{\"a\":1]", "expected `,` or `}` at line 1 column 7");
        check("{1:2}", "expected a key at line 1 column 2");
        check("{\"a\" 2}", "expected `:` at line 1 column 6");
        check("{\"a\":}", "expected a value at line 1 column 6");
        check("[1,]", "expected a value at line 1 column 4");
        check("{} {}", "something follows the value at line 1 column 4");
        check("nul", "expected a value at line 1 column 1");
        check("-", "it ends too early at line 1 column 2");
        check("-a", "expected a digit at line 1 column 2");
        check("1.", "it ends too early at line 1 column 3");
        check("01", "a number has a leading zero at line 1 column 2");
        check("\"a\u{1}\"", "a string has a control character that is not escaped at line 1 column 3");
        check("\"\\x\"", "a string has an unknown escape at line 1 column 3");
        check("\"\\u12g4\"", "a string has an unknown escape at line 1 column 6");
        let lone = string("\"\\ud800 \"").unwrap_err();
        assert_eq!(lone.to_string(), "a string has one half of a surrogate pair at line 1 column 8");
    }

    #[test]
    fn reading_gives_the_same_errors_as_skipping() {
        let after = |text, open, close| {
            let mut reader = Reader::new(text);
            let end =
                reader.open(open, close).and_then(|_| reader.skip_value()).and_then(|()| reader.next_or_close(close));
            end.map_err(|stop| stop.within(text).to_string())
        };
        assert_eq!(after("[1 2]", b'[', b']'), Err("expected `,` or `]` at line 1 column 4".to_owned()));
        assert_eq!(after("{1 2}", b'{', b'}'), Err("expected `,` or `}` at line 1 column 4".to_owned()));
        assert_eq!((after("[1,2]", b'[', b']'), after("[1]", b'[', b']')), (Ok(true), Ok(false)));
    }

    #[test]
    fn a_string_without_escapes_is_borrowed() {
        assert!(matches!(string("\"aé\""), Ok(Cow::Borrowed("aé"))));
        assert!(matches!(string("\"\""), Ok(Cow::Borrowed(""))));
        assert_eq!(string(r#""\u0000a\ud83d\ude00\/\n""#).unwrap(), "\0a😀/\n");
    }
}
