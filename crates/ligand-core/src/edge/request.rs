//! The HTTP request behind a call, as far as the action asked for it.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cookie;

/// What an action wants to know of the HTTP request that it answers. Method, path and peer address always come along,
/// headers and cookies only by name.
///
/// ```
/// use ligand_core::{Action, Context, Error, edge::HttpWants};
///
/// let greet = Action::new("greet", |ctx: Context, (): ()| async move {
///     let language = ctx.http().and_then(|http| http.header("accept-language")).unwrap_or("en");
///     Ok::<_, Error>(language.to_owned())
/// })
/// .http(HttpWants::new().headers(["accept-language"]).cookies(["session"]));
/// # let _ = greet;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct HttpWants {
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    cookies: Vec<String>,
}

/// Headers that hold secrets: only who names them gets them.
const SECRET: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

impl HttpWants {
    /// Method, path and peer address.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds headers, by name. `*` is all but `Authorization`, `Proxy-Authorization` and `Cookie`, which must be named.
    pub fn headers<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.headers.extend(names.into_iter().map(|name| name.into().to_ascii_lowercase()));
        self
    }

    /// Adds cookies, by name.
    pub fn cookies<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.cookies.extend(names.into_iter().map(Into::into));
        self
    }

    /// What an action definition says; `None` when that is not understood.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(true) => Some(Self::new()),
            value => Self::deserialize(value)
                .ok()
                .map(|wants| Self::new().headers(wants.headers).cookies(wants.cookies)),
        }
    }

    /// The part of a request that is wanted. `headers` are all of them, with names in lower case.
    pub fn of<'a>(
        &self,
        method: &str,
        path: &str,
        peer: Option<SocketAddr>,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> HttpRequest {
        let all = self.headers.iter().any(|name| name == "*");
        let mut found =
            HttpRequest { method: method.into(), path: path.into(), peer, ..HttpRequest::default() };
        for (name, value) in headers {
            let named = self.headers.iter().any(|wanted| wanted == name);
            if named || all && !SECRET.contains(&name) {
                found.headers.push((name.into(), value.into()));
            }
            if name != "cookie" {
                continue;
            }
            for (name, value) in cookie::read(value) {
                let wanted = self.cookies.iter().any(|wanted| wanted == name);
                if wanted && found.cookie(name).is_none() {
                    found.cookies.push((name.into(), value));
                }
            }
        }
        found
    }
}

impl From<HttpWants> for Value {
    /// The form in an action's definition.
    fn from(wants: HttpWants) -> Self {
        let lists = [("headers", wants.headers), ("cookies", wants.cookies)];
        lists
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(key, names)| (key.to_owned(), names))
            .collect()
    }
}

/// The HTTP request that a call answers, as far as the action [asked for it](HttpWants); see
/// [`Context::http`](crate::context::Context::http).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    method: String,
    path: String,
    #[serde(default)]
    peer: Option<SocketAddr>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    cookies: Vec<(String, String)>,
}

impl HttpRequest {
    /// The method: `GET`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path, decoded, without the query: `/users/5`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Who is connected: a proxy, where there is one. `None` without a connection.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The first header of this name, in whatever case; `None` when it was not sent, not asked for, or is no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers that were asked for, with names in lower case; a repeated one several times.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a cookie; `None` when it was not sent or not asked for.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn to_value(&self) -> Value {
        json!(self)
    }

    pub(crate) fn read(value: &Value) -> Option<Self> {
        Self::deserialize(value).ok()
    }
}

impl fmt::Debug for HttpRequest {
    /// Method and path only: headers and cookies may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpRequest({} {})", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: [(&str, &str); 6] = [
        ("authorization", "Bearer x"),
        ("cookie", "session=1; other=2"),
        ("cookie", "session=3"),
        ("user-agent", "test"),
        ("x-list", "1"),
        ("x-list", "2"),
    ];

    #[test]
    fn nothing_comes_that_was_not_asked_for() {
        let of = |wants: HttpWants| wants.of("GET", "/a", None, SENT);
        let bare = of(HttpWants::new());
        assert_eq!((bare.method(), bare.path(), bare.headers().count()), ("GET", "/a", 0));
        let all = of(HttpWants::new().headers(["*"]));
        assert_eq!(
            all.headers().collect::<Vec<_>>(),
            [("user-agent", "test"), ("x-list", "1"), ("x-list", "2")]
        );
        assert_eq!(all.cookie("session"), None);
        let named = of(HttpWants::new().headers(["Authorization"]).cookies(["session"]));
        assert_eq!((named.header("AUTHORIZATION"), named.header("user-agent")), (Some("Bearer x"), None));
        assert_eq!((named.cookie("session"), named.cookie("other")), (Some("1"), None));
        assert_eq!(format!("{named:?}"), "HttpRequest(GET /a)");
    }

    #[test]
    fn it_survives_the_wire() {
        let peer = Some(SocketAddr::from(([127, 0, 0, 1], 5)));
        let sent = HttpWants::new().headers(["*"]).cookies(["session"]).of("GET", "/a", peer, SENT);
        assert_eq!(HttpRequest::read(&sent.to_value()), Some(sent));
        let wants = HttpWants::new().headers(["X-A"]);
        assert_eq!(HttpWants::read(&wants.clone().into()), Some(wants));
        assert_eq!(HttpWants::read(&json!(true)), Some(HttpWants::new()));
        assert_eq!((HttpWants::read(&json!(false)), HttpWants::read(&json!("x"))), (None, None));
    }
}
