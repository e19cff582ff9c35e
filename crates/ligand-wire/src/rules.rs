//! The validation rules, one definition each.
//!
//! Generated code of `#[payload]` types and the [schema walker](crate::schema) call the same functions, so a value
//! cannot pass one and fail the other. A rule is a plain predicate: the texts of failures live with the schema.
//!
//! Lengths are counted in UTF-16 units, like JavaScript's `length`: `"é"` is 1, `"😀"` is 2.
//!
//! [`field`] applies a rule through `Option`, `Vec` and `Box`.

pub mod field;

use std::{borrow::Cow, collections::HashSet};

use serde::Serialize;

pub use regex_lite::Regex;

/// The longest e-mail address accepted, in UTF-16 units (RFC 5321).
pub const EMAIL_MAX: usize = 254;

/// The length of `text` in UTF-16 units.
///
/// ```
/// // As JavaScript counts: in UTF-16 units.
/// assert_eq!(ligand_wire::rules::length("\u{1F980}"), 2);
/// ```
pub fn length(text: &str) -> usize {
    // One unit per character, which begins with a byte that is no continuation; two beyond U+FFFF, which is
    // where four-byte sequences begin.
    text.bytes().map(|byte| usize::from(byte & 0xC0 != 0x80) + usize::from(byte >= 0xF0)).sum()
}

/// Whether the length of `text` lies in `min..=max`.
pub fn length_in(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&length(text))
}

/// Whether a number of items lies in `min..=max`.
pub fn count_in(count: usize, min: usize, max: usize) -> bool {
    (min..=max).contains(&count)
}

/// An e-mail address: `x@y.z` without white space, of at most [`EMAIL_MAX`] units.
///
/// Deliverability is not the business of a syntax check; Moleculer's default mode draws the line here too.
///
/// ```
/// use ligand_wire::rules::email;
/// assert!(email("ada@example.com") && !email("ada"));
/// ```
pub fn email(text: &str) -> bool {
    if text.contains(is_space) || length(text) > EMAIL_MAX {
        return false;
    }
    let bytes = text.as_bytes();
    let Some(at) = bytes.iter().skip(1).position(|b| *b == b'@').map(|i| i + 1) else { return false };
    let domain = &bytes[at + 1..];
    domain.len() > 2 && domain[1..domain.len() - 1].contains(&b'.')
}

/// An `http://` or `https://` address without white space.
///
/// ```
/// use ligand_wire::rules::url;
/// assert!(url("https://example.com/a") && !url("example"));
/// ```
pub fn url(text: &str) -> bool {
    text.strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(|rest| !rest.is_empty())
        && !text.contains(is_space)
}

/// Any absolute URI: a scheme, a colon and something without white space.
///
/// ```
/// use ligand_wire::rules::uri;
/// assert!(uri("urn:isbn:0451450523") && !uri("example"));
/// ```
pub fn uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && !rest.is_empty()
            && !text.contains(is_space)
    })
}

/// A UUID of version 1 to 8 in its hyphenated form, or the nil UUID. The case of letters does not matter.
///
/// ```
/// use ligand_wire::rules::uuid;
/// assert!(uuid("67e55044-10b1-426f-9247-bb680e5fe0c8") && !uuid("67e55044"));
/// ```
pub fn uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 36
        && bytes.iter().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    shaped
        && match bytes[14] {
            b'0' => bytes.iter().all(|byte| matches!(byte, b'0' | b'-')),
            b'1' | b'2' | b'6' => true,
            b'3' | b'4' | b'5' | b'7' | b'8' => matches!(bytes[19], b'8' | b'9' | b'a' | b'b' | b'A' | b'B'),
            _ => false,
        }
}

/// A UUID of whatever version, in the notations that the `uuid` crate reads: with or without hyphens, in braces, or as a
/// URN.
///
/// ```
/// use ligand_wire::rules::any_uuid;
/// assert!(any_uuid("67e5504410b1426f9247bb680e5fe0c8") && !any_uuid("67e55044"));
/// ```
pub fn any_uuid(text: &str) -> bool {
    let bare = text.strip_prefix("urn:uuid:").or_else(|| text.strip_prefix('{')?.strip_suffix('}'));
    let bytes = bare.unwrap_or(text).as_bytes();
    let hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    match bytes.len() {
        32 => bare.is_none() && hex(bytes),
        36 => {
            bytes.split(|byte| *byte == b'-').map(<[u8]>::len).eq([8, 4, 4, 4, 12])
                && bytes.split(|byte| *byte == b'-').all(hex)
        }
        _ => false,
    }
}

/// A decimal number, such as `-12.50` or `1e3`.
///
/// ```
/// use ligand_wire::rules::decimal;
/// assert!(decimal("-12.50") && !decimal("12,50"));
/// ```
pub fn decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    fn unsigned(text: &str) -> &str {
        text.strip_prefix(['+', '-']).unwrap_or(text)
    }
    let (mantissa, power) = match text.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, Some(power)),
        None => (text, None),
    };
    let mantissa = unsigned(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    digits(whole) && digits(fraction) && power.is_none_or(|power| digits(unsigned(power)))
}

/// A date and time of RFC 3339, such as `2024-02-29T12:30:00.5Z` or `…+02:00`.
///
/// ```
/// use ligand_wire::rules::date_time;
/// assert!(date_time("2026-02-28T12:00:00Z") && !date_time("2026-02-28"));
/// ```
pub fn date_time(text: &str) -> bool {
    let Some((day, time)) = text.split_once(['T', 't', ' ']) else { return false };
    date(day) && self::time(time)
}

/// A calendar day of RFC 3339, such as `2024-02-29`.
///
/// ```
/// use ligand_wire::rules::date;
/// assert!(date("2026-02-28") && !date("2026-02-30"));
/// ```
pub fn date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) =
        (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..]))
    else {
        return false;
    };
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// A time of day with its offset, as RFC 3339 writes it after the `T`: `12:30:00.5Z`.
///
/// ```
/// use ligand_wire::rules::time;
/// assert!(time("12:30:00Z") && !time("25:00:00Z"));
/// ```
pub fn time(text: &str) -> bool {
    let clock = |text: &[u8]| {
        text.len() == 5
            && text[2] == b':'
            && number(&text[..2]).is_some_and(|h| h < 24)
            && number(&text[3..]).is_some_and(|m| m < 60)
    };
    let bytes = text.as_bytes();
    if bytes.len() < 9
        || !clock(&bytes[..5])
        || bytes[5] != b':'
        || number(&bytes[6..8]).is_none_or(|s| s > 60)
    {
        return false;
    }
    let mut rest = &bytes[8..];
    if let [b'.', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    match rest {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', offset @ ..] => clock(offset),
        _ => false,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, byte| {
        byte.is_ascii_digit().then(|| value.saturating_mul(10).saturating_add(u32::from(byte - b'0')))
    })
}

/// Whether `text` contains a match of `regex`. Anchor it with `^` and `$` to cover the whole text.
pub fn pattern(text: &str, regex: &Regex) -> bool {
    regex.is_match(text)
}

/// Compiles a pattern that was checked when the program was built. Generated code keeps the result.
///
/// # Panics
/// When the pattern is no regular expression, which the macro that emits the call has ruled out.
#[doc(hidden)]
pub fn compiled(pattern: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "the macro refuses patterns that do not compile")]
    Regex::new(pattern).expect("a pattern checked at compile time")
}

/// Whether `text` is one of `allowed`.
///
/// ```
/// assert!(ligand_wire::rules::one_of("red", &["red", "green"]));
/// ```
pub fn one_of(text: &str, allowed: &[&str]) -> bool {
    allowed.contains(&text)
}

/// Whether no item occurs twice.
///
/// Short lists compare items directly; long ones compare the items' JSON, so that the cost stays proportional.
///
/// ```
/// use ligand_wire::rules::unique;
/// assert!(unique(&[1, 2, 3]) && !unique(&[1, 2, 1]));
/// ```
pub fn unique<T: PartialEq + Serialize>(items: &[T]) -> bool {
    const FEW: usize = 32;
    if items.len() <= FEW {
        return items.iter().enumerate().all(|(i, item)| !items[..i].contains(item));
    }
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| serde_json::to_vec(item).is_ok_and(|json| seen.insert(json)))
}

/// `text` without white space at both ends.
pub fn trim(text: &mut String) {
    let kept = trimmed(text);
    if kept.len() != text.len() {
        *text = kept.to_owned();
    }
}

/// The part of `text` between the white space at its ends.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `text` in lower case.
pub fn lowercase(text: &mut String) {
    if text.is_ascii() {
        text.make_ascii_lowercase();
    } else {
        *text = text.to_lowercase();
    }
}

/// `text` in upper case.
pub fn uppercase(text: &mut String) {
    if text.is_ascii() {
        text.make_ascii_uppercase();
    } else {
        *text = text.to_uppercase();
    }
}

/// What JavaScript's `\s` and `trim` call white space.
fn is_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{FEFF}'
}

/// Several sanitizers at once, in Moleculer's order: trim, lower case, upper case.
///
/// ```
/// use ligand_wire::rules::Sanitizers;
/// let both = Sanitizers { trim: true, lowercase: true, uppercase: false };
/// let mut email = " Ada@Example.com ".to_owned();
/// both.apply(&mut email);
/// assert_eq!(email, "ada@example.com");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sanitizers {
    /// Remove white space at both ends.
    pub trim: bool,
    /// Turn into lower case.
    pub lowercase: bool,
    /// Turn into upper case.
    pub uppercase: bool,
}

impl Sanitizers {
    /// Changes `text` in place.
    pub fn apply(self, text: &mut String) {
        if self.trim {
            trim(text);
        }
        if self.lowercase {
            lowercase(text);
        }
        if self.uppercase {
            uppercase(text);
        }
    }

    /// What [`apply`](Self::apply) would make of `text`.
    pub fn view(self, text: &str) -> Cow<'_, str> {
        let text = if self.trim { trimmed(text) } else { text };
        if !self.lowercase && !self.uppercase {
            return Cow::Borrowed(text);
        }
        let mut owned = text.to_owned();
        Self { trim: false, ..self }.apply(&mut owned);
        Cow::Owned(owned)
    }
}

#[cfg(test)]
mod tests;
