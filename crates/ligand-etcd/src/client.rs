//! A client of etcd's JSON gateway: requests one after the other on one connection.

mod host;
pub(crate) mod message;

use std::{fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, StatusCode,
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use ligand_transport::Login;
use ligand_wire::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use self::{
    host::Host,
    message::{Credentials, Fault, Token},
};
use crate::EtcdOptions;

/// How long connecting, and each answer, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of the longest answer.
const LONGEST: usize = 128 * 1024 * 1024;

/// etcd's number for "you are not logged in".
const UNAUTHENTICATED: u32 = 16;

/// etcd's numbers for what is wrong with a request, with the state it needs, and with the rights of the user.
const INVALID: u32 = 3;
const FAILED: u32 = 9;
const DENIED: u32 = 7;

/// Where a password becomes a token.
const AUTHENTICATE: &str = "/v3/auth/authenticate";

/// etcd's number for "there is no such thing".
const NOT_FOUND: u32 = 5;

/// Why etcd did not answer, or how it refused.
#[derive(Debug)]
pub(crate) struct Failure {
    text: String,
    /// etcd's number of the error, when it answered.
    code: Option<u32>,
    /// It does not let this node in: the server, and why.
    login: Option<(String, &'static str)>,
}

impl Failure {
    pub(crate) fn new(text: impl fmt::Display) -> Self {
        Self { text: text.to_string(), code: None, login: None }
    }

    fn unreachable(error: std::io::Error) -> Self {
        let login = Login::is_distrust(&error).then(|| (String::new(), "a certificate is not trusted"));
        Self { login, ..Self::new(error) }
    }

    /// The thing that was named does not exist (any more).
    pub(crate) fn is_not_found(&self) -> bool {
        self.code == Some(NOT_FOUND)
    }

    /// The server does not let this node in.
    pub(crate) fn login(&self) -> Option<(&str, &'static str)> {
        self.login.as_ref().map(|(server, why)| (&**server, *why))
    }

    /// What etcd answered to a request for `path`.
    fn answered(path: &str, Fault { message, code }: Fault) -> Self {
        let why = match code {
            INVALID if path == AUTHENTICATE => Some("wrong user or password"),
            INVALID if message.contains("user name is empty") => Some("it asks for a user and a password"),
            FAILED if path == AUTHENTICATE => Some("it has no users; leave out `username` and `password`"),
            DENIED => Some("the user has not the rights that are needed"),
            _ => None,
        };
        let login = why.map(|why| (String::new(), why));
        Self { text: format!("refused: {message}"), code: Some(code), login }
    }

    fn of(mut self, host: &Host) -> Self {
        self.text = format!("{host}: {}", self.text);
        if let Some((server, _)) = &mut self.login {
            *server = host.to_string();
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        Self::new(error)
    }
}

/// A client of etcd's JSON gateway.
pub(crate) struct Client {
    hosts: Vec<Host>,
    /// The one in use.
    current: usize,
    credentials: Option<Credentials>,
    token: Option<HeaderValue>,
    /// Missing while it is in use: who is cancelled then leaves half an answer behind.
    wire: Option<Wire>,
}

/// A connection, and the work that moves its bytes.
struct Wire {
    sender: SendRequest<Full<Bytes>>,
    moving: Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>,
}

impl Client {
    /// Checks options and reads certificates.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the option.
    pub(crate) fn new(options: &EtcdOptions) -> Result<Self> {
        let hosts = Host::list(options)?;
        let credentials = match (&options.username, &options.password) {
            (Some(name), Some(password)) => {
                Some(Credentials { name: name.clone(), password: password.clone() })
            }
            (None, None) => None,
            _ => {
                return Err(Error::broker_options(
                    "etcd: `username` and `password` belong together. Set both or none.",
                ));
            }
        };
        Ok(Self { hosts, current: 0, credentials, token: None, wire: None })
    }

    /// Asks for something. Connects and logs in first when that is needed, and once more when the connection has
    /// ended meanwhile: all requests of this crate may be repeated.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &mut self,
        path: &'static str,
        question: &impl Serialize,
    ) -> Result<T, Failure> {
        let body: Bytes = serde_json::to_vec(question).map_err(Failure::new)?.into();
        let used = self.wire.is_some() || self.token.is_some();
        match self.try_ask(path, body.clone()).await {
            Err(failure) if used && failure.code.is_none_or(|code| code == UNAUTHENTICATED) => {
                self.token = None;
                self.try_ask(path, body).await
            }
            outcome => outcome,
        }
    }

    pub(crate) fn close(&mut self) {
        self.wire = None;
    }

    async fn try_ask<T: DeserializeOwned>(&mut self, path: &'static str, body: Bytes) -> Result<T, Failure> {
        let outcome = self.ask_current(path, body).await;
        if outcome.as_ref().is_err_and(|failure| failure.code.is_none()) {
            self.current = (self.current + 1) % self.hosts.len();
        }
        outcome
    }

    async fn ask_current<T: DeserializeOwned>(
        &mut self,
        path: &'static str,
        body: Bytes,
    ) -> Result<T, Failure> {
        let host = &self.hosts[self.current];
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => within(host, Wire::connect(host)).await?,
        };
        if let (Some(credentials), None) = (&self.credentials, &self.token) {
            let body = serde_json::to_vec(credentials).map_err(Failure::new)?.into();
            let Token { token } = within(host, wire.ask(host, AUTHENTICATE, body, None)).await?;
            let mut token = HeaderValue::from_str(&token).map_err(Failure::new)?;
            token.set_sensitive(true);
            self.token = Some(token);
        }
        let outcome = within(host, wire.ask(host, path, body, self.token.as_ref())).await;
        if outcome.as_ref().err().is_none_or(|failure| failure.code.is_some()) {
            self.wire = Some(wire);
        }
        outcome
    }
}

/// Bounds `work` with [`PATIENCE`] and names the server in failures.
async fn within<T>(host: &Host, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |_| Err(Failure::new(format!("no answer within {} s", PATIENCE.as_secs())));
    timeout(PATIENCE, work).await.unwrap_or_else(late).map_err(|failure| failure.of(host))
}

impl Wire {
    async fn connect(host: &Host) -> Result<Self, Failure> {
        let (sender, connection) =
            handshake(TokioIo::new(host.connect().await.map_err(Failure::unreachable)?)).await?;
        Ok(Self { sender, moving: Box::pin(connection) })
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        host: &Host,
        path: &'static str,
        body: Bytes,
        token: Option<&HeaderValue>,
    ) -> Result<T, Failure> {
        let mut request = Request::post(path)
            .header(HOST, host.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(Failure::new)?;
        if let Some(token) = token {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
        }
        let Self { sender, moving } = self;
        let asking = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LONGEST).collect().await.map_err(Failure::new)?;
            Ok::<_, Failure>((status, body.to_bytes()))
        };
        let (status, body) = tokio::select! {
            answer = asking => answer?,
            end = moving => {
                let text = end.err().map_or_else(|| "the connection has ended".into(), |error| error.to_string());
                return Err(Failure::new(text));
            }
        };
        if status == StatusCode::OK {
            return serde_json::from_slice(&body)
                .map_err(|error| Failure::new(format!("{path} was answered with something else: {error}")));
        }
        match serde_json::from_slice::<Fault>(&body) {
            Ok(fault) => Err(Failure::answered(path, fault)),
            Err(_) => Err(Failure::new(format!("{path} was answered with status {status}"))),
        }
    }
}
