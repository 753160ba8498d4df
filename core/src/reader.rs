//! A reader of JSON text (RFC 8259) that knows where it stands.
//!
//! serde_json reads well, and this is no replacement for it: it exists because every request is read in a
//! fresh instance, where reading was most of what the policy cost (`make bench`), and because what is read
//! has to be found again in the text. Its tests hold it to what serde_json takes and refuses.

use std::borrow::Cow;
use std::fmt;

use crate::skip;

/// A place in a text, which is read from its start to its end.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// A text is no JSON, or holds the same key twice. Prints as ``what was found at line L column C``, in
/// bytes; it never quotes the text, which may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    kind: Kind,
    line: usize,
    column: usize,
}

/// Where a text is no JSON, and why.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) kind: Kind,
    pub(crate) at: usize,
}

/// As large as a position, so that results of either sort are moved in whole words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Kind {
    End,
    Value,
    Key,
    Colon,
    CommaOrBrace,
    CommaOrBracket,
    Digit,
    LeadingZero,
    Trailing,
    Control,
    Escape,
    Surrogate,
    DoubleKey,
}

impl Stop {
    /// The error, for a text that stops there.
    pub(crate) fn within(self, text: &str) -> JsonError {
        let read = text.as_bytes().get(..self.at).unwrap_or_default();
        let line = read.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = read.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        JsonError { kind: self.kind, line, column }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = match self.kind {
            Kind::End => "it ends too early",
            Kind::Value => "expected a value",
            Kind::Key => "expected a key",
            Kind::Colon => "expected `:`",
            Kind::CommaOrBrace => "expected `,` or `}`",
            Kind::CommaOrBracket => "expected `,` or `]`",
            Kind::Digit => "expected a digit",
            Kind::LeadingZero => "a number has a leading zero",
            Kind::Trailing => "something follows the value",
            Kind::Control => "a string has a control character that is not escaped",
            Kind::Escape => "a string has an unknown escape",
            Kind::Surrogate => "a string has one half of a surrogate pair",
            Kind::DoubleKey => "the same key stands twice in an object",
        };
        write!(f, "{found} at line {} column {}", self.line, self.column)
    }
}

impl std::error::Error for JsonError {}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// How many bytes were read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Asserts that nothing but white space is left.
    pub(crate) fn finish(&mut self) -> Result<(), Stop> {
        self.skip_space();
        if self.byte().is_none() { Ok(()) } else { Err(self.error(Kind::Trailing)) }
    }

    /// The first byte of what follows, behind any white space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<u8, Stop> {
        self.skip_space();
        self.byte().ok_or_else(|| self.error(Kind::End))
    }

    /// Enters an object or array; says whether anything is in it.
    pub(crate) fn open(&mut self, open: u8, close: u8) -> Result<bool, Stop> {
        self.expect(open, Kind::Value)?;
        let is_empty = self.peek()? == close;
        self.at += usize::from(is_empty);
        Ok(!is_empty)
    }

    /// Goes on to the next field or element, or leaves the object or array; says which.
    #[inline]
    pub(crate) fn next_or_close(&mut self, close: u8) -> Result<bool, Stop> {
        let byte = self.peek()?;
        if byte != b',' && byte != close {
            return Err(self.error(if close == b'}' { Kind::CommaOrBrace } else { Kind::CommaOrBracket }));
        }
        self.at += 1;
        Ok(byte == b',')
    }

    /// Reads a key, and the colon behind it.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Cow<'a, str>, Stop> {
        if self.peek()? != b'"' {
            return Err(self.error(Kind::Key));
        }
        self.at += 1;
        let key = self.rest_of_string()?;
        self.colon()?;
        Ok(key)
    }

    /// The error of a key that was read just now, and before in the same object.
    pub(crate) fn double_key(&self) -> Stop {
        self.error(Kind::DoubleKey)
    }

    /// Reads a string; one without escapes is borrowed.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Stop> {
        self.expect(b'"', Kind::Value)?;
        self.rest_of_string()
    }

    /// Reads the rest of a string.
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

    /// Reads the rest of a string that has escapes, or is none.
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
                Some(_) => return Err(self.error(Kind::Control)),
                None => return Err(self.error(Kind::End)),
            }
        }
    }

    /// Skips a value of any kind, however deep it is nested.
    pub(crate) fn skip_value(&mut self) -> Result<(), Stop> {
        self.at = skip::value(self.text.as_bytes(), self.at)?;
        Ok(())
    }

    /// The text of a value of any kind, which stands right here.
    pub(crate) fn raw_value(&mut self) -> Result<&'a str, Stop> {
        let start = self.at;
        self.skip_value()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    #[inline]
    fn colon(&mut self) -> Result<(), Stop> {
        self.peek()?;
        self.expect(b':', Kind::Colon)
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
            return Err(self.error(Kind::Surrogate));
        }
        self.at += 2;
        let second = self.hex()?;
        // Each half carries ten bits of what lies above the first 64 Ki characters.
        let character =
            (0xdc00..0xe000).contains(&second).then(|| 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        character.and_then(char::from_u32).ok_or_else(|| self.error(Kind::Surrogate))
    }

    fn short_escape(&mut self) -> Result<char, Stop> {
        let character = match self.byte() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(_) => return Err(self.error(Kind::Escape)),
            None => return Err(self.error(Kind::End)),
        };
        self.at += 1;
        Ok(character)
    }

    /// Reads four hexadecimal digits.
    fn hex(&mut self) -> Result<u32, Stop> {
        let mut value = 0;
        for _ in 0..4 {
            let byte = self.byte().ok_or_else(|| self.error(Kind::End))?;
            let digit = char::from(byte).to_digit(16).ok_or_else(|| self.error(Kind::Escape))?;
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }

    #[inline]
    fn expect(&mut self, byte: u8, otherwise: Kind) -> Result<(), Stop> {
        if self.byte() != Some(byte) {
            return Err(self.error(otherwise));
        }
        self.at += 1;
        Ok(())
    }

    /// What `skip::space` does. To call that one from here as well made requests of 100 KB 4 % dearer.
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
    fn error(&self, kind: Kind) -> Stop {
        Stop { kind, at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::config;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use serde::de::IgnoredAny;
    use serde_json::Value;

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
    fn errors_say_what_and_where() {
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
    fn what_is_read_and_not_skipped_has_the_same_errors() {
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

    /// Texts that are JSON, or nearly.
    fn text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            select(vec![
                "null",
                "true",
                "false",
                "0",
                "-0",
                "1.5e-7",
                "1e999",
                "123456789012345678901234567890",
                "\"\\ud800\""
            ])
            .prop_map(str::to_owned),
            any::<String>().prop_map(|text| Value::from(text).to_string()),
            "[a-z]{0,20}".prop_map(|text| Value::from(text).to_string()),
        ];
        let json = leaf.prop_recursive(4, 24, 4, |inner| {
            let space = select(vec!["", " ", "\n\t", "\r"]);
            let field = ("[a-z\"\\\\é]{0,9}", inner.clone(), space.clone());
            let field = field.prop_map(|(key, value, space)| format!("{}{space}:{space}{value}", Value::from(key)));
            let comma = space.prop_map(|space| format!("{space},{space}"));
            prop_oneof![
                (prop::collection::vec(inner, 0..4), comma.clone())
                    .prop_map(|(elements, comma)| format!("[{}]", elements.join(&comma))),
                (prop::collection::vec(field, 0..4), comma)
                    .prop_map(|(fields, comma)| format!("{{{}}}", fields.join(&comma))),
            ]
        });
        let token = select(vec![
            "", "\"", "\\", "\\u", "\\u00e9", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "E+", "null", "x",
            "\u{1}", "\u{7f}", "é", " ",
        ]);
        let spoil = prop::collection::vec((any::<Index>(), token, any::<bool>()), 0..3);
        (json, spoil).prop_map(|(mut text, spoils)| {
            for (at, token, replaces) in spoils {
                let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
                if let Some(place) = (!places.is_empty()).then(|| *at.get(&places)) {
                    let next = text.get(place..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
                    text.replace_range(place..place + if replaces { next } else { 0 }, token);
                }
            }
            text
        })
    }

    proptest! {
        #![proptest_config(config(20_000, 3))]

        #[test]
        fn what_serde_json_takes_is_taken_and_nothing_else(text in text()) {
            prop_assert_eq!(skip(&text).is_ok(), serde_json::from_str::<IgnoredAny>(&text).is_ok());
        }

        #[test]
        fn strings_read_as_serde_json_reads_them(text in "\"([ -~é\u{0}-\u{20}😀]|\\\\[\"\\\\/bfnrtux]|\\\\u(d[89a-f]|00|[0-9a-fA-F]{2})[0-9a-fA-F]{2}|[a-z]{8}){0,6}\"") {
            let ours = string(&text).ok().map(Cow::into_owned);
            prop_assert_eq!(ours, serde_json::from_str::<String>(&text).ok());
        }
    }
}
