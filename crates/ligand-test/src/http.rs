//! An HTTP client without a connection: requests go straight into the gateway.

use std::{fmt, future::IntoFuture};

use http::{HeaderMap, StatusCode, request::Builder};
use ligand_core::{ServiceBroker, future::BoxFuture};
use ligand_web::Gateway;
use serde::{Serialize, de::DeserializeOwned};

/// A client of one gateway, from [`crate::TestBroker::http`].
///
/// ```
/// use ligand_core::{Action, Context, Error, ServiceDef};
/// use ligand_test::TestBroker;
/// use ligand_web::{Gateway, Route};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> ligand_core::Result<()> {
/// let add = Action::new("add", |_: Context, (a, b): (u32, u32)| async move { Ok::<_, Error>(a + b) });
/// let gateway = Gateway::builder().route(Route::new("/api").alias("POST /add", "math.add")).build();
/// let broker = TestBroker::builder().service(ServiceDef::new("math").action(add)).start().await?;
///
/// let response = broker.http(&gateway).post("/api/add").json(&(2, 3)).await;
/// assert_eq!((response.status(), response.json::<u32>()), (200, 5));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Http {
    broker: ServiceBroker,
    gateway: Gateway,
}

impl Http {
    pub(crate) fn new(broker: ServiceBroker, gateway: Gateway) -> Self {
        Self { broker, gateway }
    }

    /// A request; `path` may have a query.
    pub fn request(&self, method: &str, path: &str) -> HttpRequest {
        HttpRequest {
            client: self.clone(),
            parts: http::Request::builder().method(method).uri(path),
            body: Vec::new(),
        }
    }

    /// A `GET` request.
    pub fn get(&self, path: &str) -> HttpRequest {
        self.request("GET", path)
    }

    /// A `POST` request.
    pub fn post(&self, path: &str) -> HttpRequest {
        self.request("POST", path)
    }

    /// A `PUT` request.
    pub fn put(&self, path: &str) -> HttpRequest {
        self.request("PUT", path)
    }

    /// A `PATCH` request.
    pub fn patch(&self, path: &str) -> HttpRequest {
        self.request("PATCH", path)
    }

    /// A `DELETE` request.
    pub fn delete(&self, path: &str) -> HttpRequest {
        self.request("DELETE", path)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("broker", &self.broker).finish_non_exhaustive()
    }
}

/// A request that is made when it is awaited.
#[must_use = "a request is not made until it is awaited"]
pub struct HttpRequest {
    client: Http,
    parts: Builder,
    body: Vec<u8>,
}

impl HttpRequest {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.parts = self.parts.header(name, value);
        self
    }

    /// Adds `Authorization: Bearer <token>`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sets the body and its content type.
    ///
    /// # Panics
    /// When the value cannot be written as JSON.
    #[track_caller]
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.body = serde_json::to_vec(value).expect("the value can be written as JSON");
        self.header("content-type", "application/json")
    }

    /// Sets the body as it is; add a `content-type`.
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self
    }
}

impl IntoFuture for HttpRequest {
    type Output = HttpResponse;
    type IntoFuture = BoxFuture<HttpResponse>;

    /// Panics when method, path or a header is none.
    #[track_caller]
    fn into_future(self) -> Self::IntoFuture {
        let request = self.parts.body(self.body).expect("method, path and headers are well-formed");
        let client = self.client;
        Box::pin(async move {
            let (parts, body) = client.gateway.handle(&client.broker, request).await.into_parts();
            let body = body.bytes().await.to_vec();
            HttpResponse { status: parts.status, headers: parts.headers, body }
        })
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.parts.method_ref())
            .field("uri", &self.parts.uri_ref())
            .finish()
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl HttpResponse {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// One header, `None` when it is missing or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none, or not of this form; the message shows status and body.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error}; the response was {} {}", self.status(), self.text()),
        }
    }
}
