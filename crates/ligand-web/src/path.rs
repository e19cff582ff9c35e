//! One normal form of request paths.
//!
//! In the normal form segments are decoded, a slash within a segment is written `%2F` and a percent sign `%25`,
//! there are no empty segments and no trailing slash. Two texts of one path cannot be routed and authorised
//! differently.

use std::borrow::Cow;

/// A path in its normal form.
#[derive(Debug, PartialEq)]
pub(crate) struct Normal<'a> {
    pub(crate) text: Cow<'a, str>,
    /// Whether `%2F` or `%25` may occur.
    pub(crate) escaped: bool,
}

/// Why a path has no normal form.
#[derive(Debug, PartialEq)]
pub(crate) enum PathError<'a> {
    /// A malformed escape, bytes that are no UTF-8, or a control character, in this segment.
    Segment(&'a str),
    /// A `.` or `..` segment: it never names anything here.
    Dots,
}

pub(crate) fn normal(path: &str) -> Result<Normal<'_>, PathError<'_>> {
    if is_normal(path) {
        return Ok(Normal { text: Cow::Borrowed(path), escaped: false });
    }
    let (mut text, mut escaped) = (String::with_capacity(path.len()), false);
    for raw in path.split('/').filter(|segment| !segment.is_empty()) {
        let segment = decode(raw).ok_or(PathError::Segment(raw))?;
        if segment == "." || segment == ".." {
            return Err(PathError::Dots);
        }
        text.push('/');
        escaped |= push_escaped(&segment, &mut text);
    }
    if text.is_empty() {
        text.push('/');
    }
    Ok(Normal { text: Cow::Owned(text), escaped })
}

/// The normal form of a plain text without escapes, as aliases are written.
pub(crate) fn push_escaped(plain: &str, out: &mut String) -> bool {
    if !plain.contains(['/', '%']) {
        out.push_str(plain);
        return false;
    }
    for c in plain.chars() {
        match c {
            '/' => out.push_str("%2F"),
            '%' => out.push_str("%25"),
            c => out.push(c),
        }
    }
    true
}

/// The plain text of a part of a normal path.
pub(crate) fn plain(part: &str, escaped: bool) -> String {
    match escaped && part.contains('%') {
        true => part.replace("%2F", "/").replace("%25", "%"),
        false => part.to_owned(),
    }
}

fn is_normal(path: &str) -> bool {
    let bytes = path.as_bytes();
    let mut before = 0;
    for &byte in bytes {
        let special = byte == b'%' || byte < b' ' || byte == 0x7f;
        if special || (before == b'/' && matches!(byte, b'/' | b'.')) {
            return false;
        }
        before = byte;
    }
    bytes.first() == Some(&b'/') && (before != b'/' || bytes.len() == 1)
}

/// Percent-decodes one segment; `None` for malformed escapes, bad UTF-8 and control characters.
fn decode(raw: &str) -> Option<Cow<'_, str>> {
    let text = if raw.contains('%') {
        let mut bytes = Vec::with_capacity(raw.len());
        let mut rest = raw.as_bytes();
        while let Some((&first, tail)) = rest.split_first() {
            rest = tail;
            if first != b'%' {
                bytes.push(first);
                continue;
            }
            let [high, low, tail @ ..] = rest else { return None };
            bytes.push(hex(*high)? << 4 | hex(*low)?);
            rest = tail;
        }
        Cow::Owned(String::from_utf8(bytes).ok()?)
    } else {
        Cow::Borrowed(raw)
    };
    (!text.chars().any(char::is_control)).then_some(text)
}

pub(crate) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> String {
        normal(path).unwrap().text.into_owned()
    }

    #[test]
    fn plain_paths_are_not_copied() {
        for path in ["/", "/api/user/5", "/a.b/c..d/~x", "/a;b=1/c\\d", "/...x"] {
            let normal = normal(path).unwrap();
            assert_eq!(normal.text, path);
            assert!(!normal.escaped);
        }
        assert!(matches!(normal("/api").unwrap().text, Cow::Borrowed(_)));
    }

    #[test]
    fn all_texts_of_a_path_become_one() {
        for path in ["/api/user", "//api///user/", "/%61pi/user//", "/api/%75ser/"] {
            assert_eq!(text(path), "/api/user", "{path}");
        }
        assert_eq!(text(""), "/");
        assert_eq!(text("///"), "/");
    }

    #[test]
    fn encoded_slashes_and_percents_stay_within_their_segment() {
        let path = normal("/a%2Fb/c%252Fd").unwrap();
        assert_eq!((&*path.text, path.escaped), ("/a%2Fb/c%252Fd", true));
        assert_eq!(plain("a%2Fb", true), "a/b");
        assert_eq!(plain("c%252Fd", true), "c%2Fd");
    }

    #[test]
    fn dots_match_nothing_in_any_disguise() {
        for path in ["/..", "/a/../b", "/./a", "/%2e%2e/a", "/a/%2E", "/a/.%2e/b"] {
            assert_eq!(normal(path), Err(PathError::Dots), "{path}");
        }
        assert_eq!(text("/a/..;/b"), "/a/..;/b");
    }

    #[test]
    fn malformed_segments_are_named() {
        for segment in ["%E0%A4%A", "%", "%zz", "%+1", "%ff", "%c0%af", "%00", "a%0d%0ab", "%7f"] {
            assert_eq!(normal(&format!("/x/{segment}/y")), Err(PathError::Segment(segment)), "{segment}");
        }
    }
}
