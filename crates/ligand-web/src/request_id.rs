//! The id of a request: it names the whole call tree in logs and traces and is sent back as `X-Request-ID`.
//!
//! `X-Correlation-ID` wins over `X-Request-ID`. An id from outside is used when it is 1 to 128 characters long and
//! made of letters, digits and `-_.:/+=@`; otherwise a new one is made.
//! With [`crate::GatewayBuilder::trace_context`], a request without an id has that of its trace (`traceparent` of W3C).

use http::{HeaderMap, HeaderName};

/// `X-Request-ID`
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// `X-Correlation-ID`
pub const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
const LONGEST: usize = 128;

/// The usable id of a client, if it sent one.
pub(crate) fn of(headers: &HeaderMap, trace: bool) -> Option<&str> {
    let text = |name: &HeaderName| headers.get(name)?.to_str().ok();
    let own = [CORRELATION, HEADER].iter().find_map(|name| text(name).filter(|id| usable(id)));
    own.or_else(|| text(&TRACE).filter(|_| trace).and_then(trace_id))
}

const TRACE: HeaderName = HeaderName::from_static("traceparent");

/// The trace that `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01` belongs to.
fn trace_id(text: &str) -> Option<&str> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let form = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    // Version 0 has nothing more; zeros stand for nothing.
    let whole = version != "00" || parts.next().is_none();
    let some = |text: &str| text.bytes().any(|b| b != b'0');
    (form && whole && some(trace) && some(parent)).then_some(trace)
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
        assert_eq!(of(&headers, false), None);
        headers.insert(HEADER, HeaderValue::from_static("r-1"));
        assert_eq!(of(&headers, false), Some("r-1"));
        headers.insert(CORRELATION, HeaderValue::from_static("c:1/2"));
        assert_eq!(of(&headers, false), Some("c:1/2"));
        headers.insert(CORRELATION, HeaderValue::from_static("has space"));
        assert_eq!(of(&headers, false), Some("r-1"));
        headers.insert(HEADER, HeaderValue::from_str(&"x".repeat(129)).unwrap());
        assert_eq!(of(&headers, false), None);
    }

    #[test]
    fn a_trace_names_the_request_where_nothing_else_does() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let mut headers = HeaderMap::new();
        for (text, id) in [
            (format!("00-{trace}-00f067aa0ba902b7-01"), Some(trace)),
            (format!("01-{trace}-00f067aa0ba902b7-01-more"), Some(trace)),
            (format!("00-{trace}-00f067aa0ba902b7-01-more"), None),
            (format!("00-{trace}-0000000000000000-01"), None),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
            (format!("ff-{trace}-00f067aa0ba902b7-01"), None),
            (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), None),
            (trace.to_owned(), None),
        ] {
            headers.insert(TRACE, HeaderValue::from_str(&text).unwrap());
            assert_eq!(of(&headers, true), id, "{text}");
            assert_eq!(of(&headers, false), None);
        }
        headers.insert(TRACE, HeaderValue::from_str(&format!("00-{trace}-00f067aa0ba902b7-01")).unwrap());
        headers.insert(HEADER, HeaderValue::from_static("r-1"));
        assert_eq!(of(&headers, true), Some("r-1"));
    }
}
