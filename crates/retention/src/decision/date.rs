//! When an image was made, as it says itself.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use local_registry_core::Quoted;

/// Whoever makes the same image twice writes the first moment of 1970 or of 1980, which is the first that ZIP has.
const FIRST: i64 = 347_155_200;
/// How far a clock may be ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// Why an image has no usable date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Undated {
    Missing,
    NotADate(String),
    TooEarly(Timestamp),
    TooLate(Timestamp),
    /// The configuration is not there, or broken.
    Unreadable(String),
}

impl fmt::Display for Undated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it has no date"),
            Self::NotADate(text) => write!(f, "its date is {}, which is not one", Quoted(text)),
            Self::TooEarly(date) => write!(f, "its date is {date}, as reproducible builds write it"),
            Self::TooLate(date) => write!(f, "its date is {date}, in the future"),
            Self::Unreadable(reason) => write!(f, "its date cannot be read: {reason}"),
        }
    }
}

/// Reads a date.
///
/// # Errors
/// Why it is not usable.
pub(crate) fn read(text: &str, now: Timestamp) -> Result<Timestamp, Undated> {
    let date: Timestamp = text.parse().map_err(|_| Undated::NotADate(text.to_owned()))?;
    if date.as_second() < FIRST {
        return Err(Undated::TooEarly(date));
    }
    if date.duration_since(now) > AHEAD {
        return Err(Undated::TooLate(date));
    }
    Ok(date)
}

/// The newest of some dates; without any, the first reason why there is none.
pub(crate) fn newest(dates: impl IntoIterator<Item = Result<Timestamp, Undated>>) -> Result<Timestamp, Undated> {
    let mut found = Err(Undated::Missing);
    for date in dates {
        found = match (found, date) {
            (Ok(one), Ok(other)) => Ok(one.max(other)),
            (Ok(date), Err(_)) | (Err(_), Ok(date)) => Ok(date),
            (Err(Undated::Missing), Err(reason)) | (Err(reason), Err(_)) => Err(reason),
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let found = read(text, "2026-06-01T12:00:00Z".parse().unwrap());
        let found = found.map(|date| date.to_string()).map_err(|reason| reason.to_string());
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn dates_that_cannot_be_right_are_named() {
        check("2026-05-01T10:00:00.5+02:00", Ok("2026-05-01T08:00:00.5Z"));
        check("1981-01-01T00:00:00Z", Ok("1981-01-01T00:00:00Z"));
        check("2026-06-02T11:59:59Z", Ok("2026-06-02T11:59:59Z"));
        check("2026-06-02T12:00:01Z", Err("its date is 2026-06-02T12:00:01Z, in the future"));
        check("1980-01-01T00:00:00Z", Err("its date is 1980-01-01T00:00:00Z, as reproducible builds write it"));
        check("1970-01-01T00:00:00Z", Err("its date is 1970-01-01T00:00:00Z, as reproducible builds write it"));
        check("0001-01-01T00:00:00Z", Err("its date is 0001-01-01T00:00:00Z, as reproducible builds write it"));
        check("yesterday", Err("its date is `yesterday`, which is not one"));
        check("2026-05-01", Err("its date is `2026-05-01`, which is not one"));
    }

    #[test]
    fn the_newest_date_counts() {
        let date = |text: &str| Ok(text.parse().unwrap());
        let (early, late) = (date("2026-01-01T00:00:00Z"), date("2026-02-01T00:00:00Z"));
        let unreadable = || Err(Undated::Unreadable("x".to_owned()));
        assert_eq!(newest([early.clone(), unreadable(), late.clone(), early]), late);
        assert_eq!(newest([Err(Undated::Missing), unreadable()]), unreadable());
        assert_eq!(newest([]), Err(Undated::Missing));
    }
}
