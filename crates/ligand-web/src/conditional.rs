//! ETags, and answers that the client has already.
//!
//! An [`Etag`] is made of the body of a whole answer with a success status, unless the action set one. `If-None-Match`
//! and `If-Modified-Since` are looked at for `GET` and `HEAD` with a success status, also where the action made the tag
//! or `Last-Modified` itself: what the client has already is answered 304 without a body. A client that says
//! `Cache-Control: no-cache` gets the whole answer.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use sha1::{Digest as _, Sha1};

use crate::{Body, Req};

type Make = Arc<dyn Fn(&[u8]) -> String + Send + Sync>;

/// How the ETag of an answer is made.
///
/// ```
/// use ligand_web::{Etag, Route};
/// let route = Route::new("/api").auto_aliases().etag(Etag::weak());
/// # let _ = route;
/// ```
#[derive(Clone)]
pub struct Etag(Kind);

#[derive(Clone)]
enum Kind {
    Off,
    Weak,
    Strong,
    Own(Make),
}

impl Etag {
    /// `W/"…"` of length and hash: two answers with one tag mean the same.
    pub fn weak() -> Self {
        Self(Kind::Weak)
    }

    /// `"…"` of length and hash: two answers with one tag are equal byte by byte. Compression on the way breaks that
    /// promise.
    pub fn strong() -> Self {
        Self(Kind::Strong)
    }

    /// What the function makes of the body; quotes belong to the tag.
    pub fn from_fn(make: impl Fn(&[u8]) -> String + Send + Sync + 'static) -> Self {
        Self(Kind::Own(Arc::new(make)))
    }

    /// None, where the gateway has one.
    pub fn off() -> Self {
        Self(Kind::Off)
    }

    fn of(&self, body: &[u8]) -> Option<HeaderValue> {
        let tag = match &self.0 {
            Kind::Off => return None,
            Kind::Weak => format!("W/{}", hashed(body)),
            Kind::Strong => hashed(body),
            Kind::Own(make) => make(body),
        };
        HeaderValue::from_str(&tag).ok()
    }
}

impl fmt::Debug for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Off => "Etag(off)",
            Kind::Weak => "Etag(weak)",
            Kind::Strong => "Etag(strong)",
            Kind::Own(_) => "Etag(function)",
        })
    }
}

/// Length and hash; no secret, and nobody gains by finding a second body for one.
fn hashed(body: &[u8]) -> String {
    let hash = STANDARD_NO_PAD.encode(Sha1::digest(body));
    format!("\"{:x}-{hash}\"", body.len())
}

/// Gives a response its tag, and turns it into 304 where the client has it already.
pub(crate) fn fresh(req: &Req, etag: Option<&Etag>, mut response: Response<Body>) -> Response<Body> {
    if !response.status().is_success() {
        return response;
    }
    if let Some(etag) = etag
        && !response.headers().contains_key(header::ETAG)
        && let Some(tag) =
            response.body().whole().filter(|body| !body.is_empty()).and_then(|body| etag.of(body))
    {
        response.headers_mut().insert(header::ETAG, tag);
    }
    if !matches!(req.method, Method::GET | Method::HEAD) || !is_fresh(&req.headers, response.headers()) {
        return response;
    }
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        response.headers_mut().remove(name);
    }
    response.map(|_| Body::default())
}

/// Whether what the client has is still good.
fn is_fresh(asked: &HeaderMap, answer: &HeaderMap) -> bool {
    let text = |headers: &HeaderMap, name| {
        let values: Vec<_> = headers.get_all(&name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    let none_match = asked.get(header::IF_NONE_MATCH);
    if none_match.is_none() && !asked.contains_key(header::IF_MODIFIED_SINCE) {
        return false;
    }
    let no_cache = |text: String| text.split(',').any(|part| part.trim().eq_ignore_ascii_case("no-cache"));
    if text(asked, header::CACHE_CONTROL).is_some_and(no_cache) {
        return false;
    }
    if none_match.is_some() {
        let listed = text(asked, header::IF_NONE_MATCH).unwrap_or_default();
        if listed.trim() == "*" {
            return true;
        }
        let Some(tag) = answer.get(header::ETAG).and_then(|tag| tag.to_str().ok()) else { return false };
        let tag = opaque(tag);
        return tags(&listed).any(|listed| opaque(listed) == tag);
    }
    let date = |headers: &HeaderMap, name: header::HeaderName| {
        httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
    };
    match (date(asked, header::IF_MODIFIED_SINCE), date(answer, header::LAST_MODIFIED)) {
        (Some(since), Some(changed)) => changed <= since,
        _ => false,
    }
}

/// A tag without the mark that it is a weak one.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The tags of a list; a comma within quotes is part of its tag.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
}

/// Changes the JSON of a response that is there as a whole.
pub(crate) fn encoded(mut response: Response<Body>, encode: impl FnOnce(Bytes) -> Bytes) -> Response<Body> {
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| *kind == crate::answer::JSON);
    if !json {
        return response;
    }
    let Some(body) = response.body().whole().cloned() else { return response };
    let body = encode(body);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    response.map(|_| Body::from(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn tags_are_those_of_the_reference() {
        assert_eq!(Etag::weak().of(b"\"Hello tiaod\"").unwrap(), "W/\"d-q+AO2Lbr8LT+rw9AWUCOel9HJU4\"");
        assert_eq!(Etag::strong().of(b"\"\"").unwrap(), "\"2-3Sns9SSwMKZSYeMFnEirnh7LJYU\"");
        assert_eq!(Etag::from_fn(|body| format!("\"{}\"", body.len())).of(b"abc").unwrap(), "\"3\"");
        assert_eq!(Etag::off().of(b"abc"), None);
    }

    #[test]
    fn what_the_client_has_is_compared_weakly() {
        let answer = headers(&[("etag", "W/\"a,b\"")]);
        for (asked, fresh) in [
            ("W/\"a,b\"", true),
            ("\"a,b\"", true),
            ("\"x\", \"a,b\" , W/\"y\"", true),
            ("*", true),
            ("\"a\"", false),
            ("a,b", false),
            ("", false),
        ] {
            assert_eq!(is_fresh(&headers(&[("if-none-match", asked)]), &answer), fresh, "{asked}");
        }
        let no_cache = headers(&[("if-none-match", "*"), ("cache-control", "max-age=0, no-cache")]);
        assert!(!is_fresh(&no_cache, &answer));
        // Without a tag to compare, nothing is known; the date does not count beside a tag.
        let both =
            headers(&[("if-none-match", "\"z\""), ("if-modified-since", "Mon, 06 Aug 2018 14:28:00 GMT")]);
        let dated = headers(&[("etag", "\"a\""), ("last-modified", "Mon, 06 Aug 2018 14:23:28 GMT")]);
        assert!(!is_fresh(&both, &dated));
    }

    #[test]
    fn dates_are_compared_where_there_is_no_tag() {
        let answer = headers(&[("last-modified", "Mon, 06 Aug 2018 14:23:28 GMT")]);
        for (since, fresh) in [
            ("Mon, 06 Aug 2018 14:28:00 GMT", true),
            ("Mon, 06 Aug 2018 14:23:28 GMT", true),
            ("Thu, 31 Mar 2016 07:07:52 GMT", false),
            ("yesterday", false),
        ] {
            assert_eq!(is_fresh(&headers(&[("if-modified-since", since)]), &answer), fresh, "{since}");
        }
    }
}
