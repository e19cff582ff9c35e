//! The id of a request: it names the whole call tree in logs and traces and is sent back as `X-Request-ID`.
//!
//! `X-Correlation-ID` wins over `X-Request-ID`. An id from outside is used when it is 1 to 128 characters long and
//! made of letters, digits and `-_.:/+=@`; otherwise a new one is made.

use http::{HeaderMap, HeaderName};

/// `X-Request-ID`
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
const LONGEST: usize = 128;

/// The usable id of a client, if it sent one.
pub(crate) fn of(headers: &HeaderMap) -> Option<&str> {
    [CORRELATION, HEADER].iter().find_map(|name| headers.get(name)?.to_str().ok().filter(|id| usable(id)))
}

fn usable(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&b))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn correlation_wins_and_odd_ids_are_ignored() {
        let mut headers = HeaderMap::new();
        assert_eq!(of(&headers), None);
        headers.insert(HEADER, HeaderValue::from_static("r-1"));
        assert_eq!(of(&headers), Some("r-1"));
        headers.insert(CORRELATION, HeaderValue::from_static("c:1/2"));
        assert_eq!(of(&headers), Some("c:1/2"));
        headers.insert(CORRELATION, HeaderValue::from_static("has space"));
        assert_eq!(of(&headers), Some("r-1"));
        headers.insert(HEADER, HeaderValue::from_str(&"x".repeat(129)).unwrap());
        assert_eq!(of(&headers), None);
    }
}
