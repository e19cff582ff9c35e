//! What stages and hooks see of a request.

use std::{fmt, net::SocketAddr, sync::Arc};

use http::{HeaderMap, Method, Uri};
use ligand_core::edge::{HttpRequest, HttpWants};
use serde_json::Value;

use crate::{client_address::Client, table::Leaf};

/// A request as authentication, hooks and error handlers see it. Its body is not here: it becomes the parameters
/// of the call.
#[derive(Clone)]
pub struct Req {
    /// Method as sent.
    pub method: Method,
    /// Target as sent.
    pub uri: Uri,
    /// Path in the normal form that was routed: decoded segments, no doubled or trailing slashes.
    pub path: String,
    /// Headers as sent.
    pub headers: HeaderMap,
    /// Address of the client: of the peer, or of whom a trusted proxy asks for (its port is 0 where the proxy does not say
    /// it). `None` without a connection.
    pub peer: Option<SocketAddr>,
    pub(crate) client: Client,
    pub(crate) params: Vec<(Arc<str>, String)>,
    /// The alias that was found.
    pub(crate) leaf: Option<Arc<Leaf>>,
}

impl Req {
    pub(crate) fn new(method: Method, uri: Uri, headers: HeaderMap, client: Client) -> Self {
        let peer = client.address;
        Self { method, uri, path: String::new(), headers, peer, client, params: Vec::new(), leaf: None }
    }

    /// Full name of the action that its alias leads to; `None` for handlers and services, and where no alias matches.
    pub fn action(&self) -> Option<&str> {
        self.leaf.as_ref().map(|leaf| &*leaf.entry.action).filter(|name| !name.is_empty())
    }

    /// Name of the route, see [`crate::Route::name`].
    pub fn route_name(&self) -> Option<&str> {
        self.leaf.as_ref()?.entry.route.name.as_deref()
    }

    /// Path of the route as it was written: `/api`, empty at the root. `None` where no alias matches.
    pub fn route_path(&self) -> Option<&str> {
        self.leaf.as_ref().map(|leaf| leaf.entry.route.path.as_str())
    }

    /// A field of the alias, see [`crate::Target::field`].
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.leaf.as_ref()?.entry.options.fields.get(name)
    }

    /// All parameters of the path, decoded, in their order.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (&**name, value.as_str()))
    }

    /// One header as text; `None` when it is missing or no visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the path, decoded; in either spelling: `book_id` and `bookId` are one.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(own, _)| ligand_alias::same(own, name)).map(|(_, value)| value.as_str())
    }

    /// Whether the client speaks https, with this gateway or with a trusted proxy.
    pub fn is_secure(&self) -> bool {
        self.client.https.unwrap_or_else(|| self.uri.scheme_str() == Some("https"))
    }

    /// The host that the client asked for, as a trusted proxy says or as it was sent; a client may send any.
    pub fn host(&self) -> Option<&str> {
        let sent = || self.uri.authority().map(http::uri::Authority::as_str).or_else(|| self.header("host"));
        self.client.host.as_deref().or_else(sent)
    }

    /// What an action wants to know.
    pub(crate) fn wanted(&self, wants: &HttpWants) -> HttpRequest {
        let headers = self.headers.iter();
        let texts = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        wants.of(self.method.as_str(), &self.path, self.peer, texts)
    }

    /// The query string as sent.
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }
}

impl fmt::Debug for Req {
    /// Method and path only: headers and query may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Req({} {})", self.method, self.path)
    }
}
