//! Which other sites may call a route from a browser. Closed unless a route opens it.
//!
//! A request with an `Origin` that is not allowed is refused with 403 `ORIGIN_NOT_ALLOWED`. A preflight is answered
//! before authentication, for every path below the route.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, header};
use ligand_core::{Error, Result};

use crate::error;

/// The longest origin that is compared: a host has at most 253 characters.
const LONGEST_ORIGIN: usize = 300;

/// The CORS rules of a route.
#[derive(Clone)]
pub struct Cors {
    origins: Origins,
    methods: HeaderValue,
    headers: Option<HeaderValue>,
    exposed: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
    credentials: bool,
    /// What only preflights need is in every answer.
    everywhere: bool,
    problem: Option<String>,
}

#[derive(Clone)]
enum Origins {
    Any,
    Listed(Vec<String>),
    If(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl Cors {
    /// Every site may call; credentials are impossible.
    pub fn any() -> Self {
        Self::new(Origins::Any)
    }

    /// These sites may call: exact origins such as `https://shop.example`, or with `*` for one or more labels of
    /// the host, such as `https://*.shop.example`. A single `*` is [`Cors::any`].
    ///
    /// ```
    /// use ligand_web::Cors;
    /// use std::time::Duration;
    /// let cors = Cors::origins(["https://shop.example", "https://*.shop.example"])
    ///     .credentials()
    ///     .max_age(Duration::from_secs(600));
    /// # let _ = cors;
    /// ```
    pub fn origins<S: Into<String>>(origins: impl IntoIterator<Item = S>) -> Self {
        let origins: Vec<String> = origins.into_iter().map(Into::into).collect();
        if origins.iter().any(|origin| origin == "*") {
            return Self::any();
        }
        let wrong = origins.iter().find(|origin| {
            let host = origin.split_once("://").map_or("", |(_, host)| host);
            host.is_empty() || host.contains(['/', '?', '#', '@', ' '])
        });
        let problem = wrong.map(|origin| {
            format!(
                "CORS origin '{origin}' is not \"scheme://host\" or \"scheme://host:port\", without a path"
            )
        });
        Self { problem, ..Self::new(Origins::Listed(origins)) }
    }

    /// Those sites may call for whose origin the function says so: what a list cannot say, such as the rows of a table.
    ///
    /// ```
    /// use ligand_web::Cors;
    /// let cors = Cors::origins_if(|origin| origin.strip_suffix(".shop.example").is_some_and(|host| !host.contains('@')));
    /// # let _ = cors;
    /// ```
    pub fn origins_if(allowed: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::new(Origins::If(Arc::new(allowed)))
    }

    fn new(origins: Origins) -> Self {
        Self {
            origins,
            methods: HeaderValue::from_static("GET, HEAD, PUT, PATCH, POST, DELETE"),
            headers: None,
            exposed: None,
            max_age: None,
            credentials: false,
            everywhere: false,
            problem: None,
        }
    }

    /// Methods a preflight allows. Default: GET, HEAD, PUT, PATCH, POST, DELETE.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        let names: Vec<_> = methods.into_iter().map(|method| method.to_string()).collect();
        if let Some(value) = self.list("method", &names) {
            self.methods = value;
        }
        self
    }

    /// Request headers a preflight allows. Default: those it asks for.
    pub fn headers<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.headers = self.list("header", &names);
        self
    }

    /// Response headers scripts may read.
    pub fn expose<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.exposed = self.list("header", &names);
        self
    }

    /// Lets browsers send cookies. Not together with every site: such a gateway does not start.
    pub fn credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    /// How long browsers may remember a preflight.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = Some(HeaderValue::from(time.as_secs()));
        self
    }

    fn list(&mut self, what: &str, names: &[String]) -> Option<HeaderValue> {
        let token = |name: &String| http::HeaderName::from_bytes(name.as_bytes()).is_ok();
        if let Some(name) = names.iter().find(|name| !token(name)) {
            self.problem = Some(format!("CORS: '{}' is not a {what}", name.escape_debug()));
        }
        HeaderValue::from_str(&names.join(", ")).ok()
    }

    /// What makes the rules unusable.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.credentials && matches!(self.origins, Origins::Any) {
            return Some(
                "CORS for every site cannot be combined with credentials: browsers refuse it; list the origins".into(),
            );
        }
        self.problem.clone()
    }

    fn allows(&self, origin: &str) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::Listed(_) | Origins::If(_) if origin.len() > LONGEST_ORIGIN => false,
            Origins::If(allowed) => allowed(origin),
            Origins::Listed(listed) => listed.iter().any(|mask| matches(mask, origin)),
        }
    }

    /// The headers of a response to `request`, none without an `Origin`.
    pub(crate) fn check(&self, request: &HeaderMap, out: &mut HeaderMap) -> Result<()> {
        let any = matches!(self.origins, Origins::Any);
        if !any {
            out.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = request.get(header::ORIGIN) else { return Ok(()) };
        if !origin.to_str().is_ok_and(|origin| self.allows(origin)) {
            if self.everywhere {
                out.remove(header::VARY);
            }
            return Err(refused());
        }
        let allowed = if any { HeaderValue::from_static("*") } else { origin.clone() };
        out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials {
            out.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(exposed) = &self.exposed {
            out.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
        if self.everywhere {
            self.further(request, out);
        }
        Ok(())
    }

    /// As moleculer-web does.
    pub(crate) fn in_every_answer(&mut self) {
        self.everywhere = true;
    }

    /// The further headers of a preflight, where [`Cors::check`] has not set them.
    pub(crate) fn preflight(&self, request: &HeaderMap, out: &mut HeaderMap) {
        if !self.everywhere {
            self.further(request, out);
        }
    }

    fn further(&self, request: &HeaderMap, out: &mut HeaderMap) {
        out.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        match (&self.headers, request.get(header::ACCESS_CONTROL_REQUEST_HEADERS)) {
            (Some(headers), _) => drop(out.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, headers.clone())),
            (None, Some(asked)) => {
                out.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
                out.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
            }
            (None, None) => {}
        }
        if let Some(max_age) = &self.max_age {
            out.insert(header::ACCESS_CONTROL_MAX_AGE, max_age.clone());
        }
    }
}

#[cold]
fn refused() -> Error {
    error::forbidden(error::ORIGIN_NOT_ALLOWED)
}

/// Equality, or label by label around one or more `*`; a star never crosses a port, a path or a scheme.
///
/// Each piece between two stars takes its first place and never another one: a later place would leave no more to the
/// stars around it. So the work grows with the length of the origin only, however many stars there are.
fn matches(mask: &str, origin: &str) -> bool {
    let Some((start, mut mask)) = mask.split_once('*') else { return mask == origin };
    let Some(mut origin) = origin.strip_prefix(start) else { return false };
    let host = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    while let Some((piece, more)) = mask.split_once('*') {
        let Some(at) = origin.get(1..).and_then(|rest| rest.find(piece)).map(|at| at + 1) else {
            return false;
        };
        let (label, rest) = origin.split_at(at);
        if !host(label) {
            return false;
        }
        (mask, origin) = (more, &rest[piece.len()..]);
    }
    origin.strip_suffix(mask).is_some_and(|label| !label.is_empty() && host(label))
}

impl fmt::Debug for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origins {
            Origins::Any => f.write_str("Cors(*)"),
            Origins::Listed(origins) => write!(f, "Cors({})", origins.join(", ")),
            Origins::If(_) => f.write_str("Cors(function)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_not_searched() {
        let cors = Cors::origins(["https://shop.example", "http://*.a.com", "https://*.b.com:8443"]);
        for (origin, allowed) in [
            ("https://shop.example", true),
            ("http://www.a.com", true),
            ("http://x.y.a.com", true),
            ("https://x.b.com:8443", true),
            ("https", false),
            ("https://shop.example:8443", false),
            ("https://shop.example.evil.com", false),
            ("https://evilshop.example", false),
            ("http://a.com", false),
            ("http://.a.com.evil.com", false),
            ("http://evil.com:80.a.com", false),
            ("http://evil.com/.a.com", false),
            ("https://x.b.com", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(cors.allows(origin), allowed, "{origin}");
        }
    }

    #[test]
    fn several_stars_match_label_by_label() {
        let cors = Cors::origins(["https://*.eu.*.com", "http://*-*:80*", "https://**.x"]);
        for (origin, allowed) in [
            ("https://a.eu.b.com", true),
            ("https://a.eu.eu.b.com", true),
            ("https://a.eu.b.eu.com", true),
            ("https://a.eu.com", false),
            ("https://.eu..com", false),
            ("https://a.eu.b.com.evil", false),
            ("https://a:1.eu.b.com", false),
            ("https://a.eu.b:1.com", false),
            ("http://a-b:8080", true),
            ("http://a-b-c:8080", true),
            ("http://a-b:80", false),
            ("http://a-b:1:8080", false),
            ("https://ab.x", true),
            ("https://a.x", false),
        ] {
            assert_eq!(cors.allows(origin), allowed, "{origin}");
        }
    }

    #[test]
    fn long_origins_are_refused_and_stars_cost_little() {
        let cors = Cors::origins(["https://*a*a*a*a*a*a*a*a*b", "https://*.a.com"]);
        assert!(!cors.allows(&format!("https://{}", "a".repeat(292))));
        assert!(cors.allows(&format!("https://{}.a.com", "x".repeat(286))));
        assert!(!cors.allows(&format!("https://{}.a.com", "x".repeat(287))));
    }

    #[test]
    fn impossible_rules_are_named() {
        assert!(Cors::any().credentials().problem().unwrap().contains("credentials"));
        assert!(Cors::origins(["*"]).credentials().problem().is_some());
        assert!(Cors::origins(["shop.example"]).problem().unwrap().contains("shop.example"));
        assert!(Cors::origins(["https://a.b/path"]).problem().is_some());
        assert!(Cors::any().headers(["X Y"]).problem().unwrap().contains("X Y"));
        assert_eq!(Cors::origins(["https://a.b"]).credentials().problem(), None);
    }

    #[test]
    fn vary_is_appended() {
        let cors = Cors::origins(["https://a.b"]);
        let mut request = HeaderMap::new();
        request.insert(header::ORIGIN, HeaderValue::from_static("https://a.b"));
        request.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("x-a"));
        let mut out = HeaderMap::new();
        cors.check(&request, &mut out).unwrap();
        cors.preflight(&request, &mut out);
        let vary: Vec<_> = out.get_all(header::VARY).iter().collect();
        assert_eq!(vary, ["Origin", "Access-Control-Request-Headers"]);
        assert_eq!(out["access-control-allow-headers"], "x-a");
    }
}
