//! A client of etcd's JSON gateway: requests one after the other on one connection.

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
use ligand_net::{Dialer, Fault, Server};
use ligand_wire::Result;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{io::join, time::timeout};

use self::message::{Credentials, Refusal, Token};
use crate::{EtcdOptions, options::ADDRESS};

/// How long each answer may take.
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
    fault: Fault,
    /// etcd's number of the error, when it answered.
    code: Option<u32>,
}

impl Failure {
    pub(crate) fn new(text: impl fmt::Display) -> Self {
        Fault::lost(text).into()
    }

    /// The thing that was named does not exist (any more).
    pub(crate) fn is_not_found(&self) -> bool {
        self.code == Some(NOT_FOUND)
    }

    /// What etcd answered to a request for `path`.
    fn answered(path: &str, Refusal { message, code }: Refusal) -> Self {
        // Users or roles have changed: another login helps, as it does without a token.
        let code = if message.contains("revision of auth store is old") { UNAUTHENTICATED } else { code };
        let why = match code {
            INVALID if path == AUTHENTICATE => Some("wrong user or password"),
            INVALID if message.contains("user name is empty") => Some("it asks for a user and a password"),
            FAILED if path == AUTHENTICATE => Some("it has no users; leave out 'username' and 'password'"),
            DENIED => Some("the user has not the rights that are needed"),
            _ => None,
        };
        let fault = why.map_or_else(|| Fault::lost(format_args!("refused: {message}")), Fault::Refused);
        Self { fault, code: Some(code) }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { fault, code: None }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        failure.fault
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        Self::new(error)
    }
}

/// A client of etcd's JSON gateway.
pub(crate) struct Client {
    servers: Vec<Server>,
    dialer: Dialer,
    connect_timeout: Duration,
    /// The one in use.
    current: usize,
    /// The one that was asked last.
    asked: usize,
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
        let servers = options.servers()?;
        let dialer = Dialer::new(&ADDRESS, &servers, &options.tls)?;
        let credentials = servers.iter().find_map(|server| {
            let (name, password) = server.username.clone().zip(server.password.clone())?;
            Some(Credentials { name, password })
        });
        let connect_timeout = options.connect_timeout;
        Ok(Self {
            servers,
            dialer,
            connect_timeout,
            current: 0,
            asked: 0,
            credentials,
            token: None,
            wire: None,
        })
    }

    /// The server that was asked last.
    pub(crate) fn server(&self) -> &Server {
        &self.servers[self.asked]
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
            self.current = (self.current + 1) % self.servers.len();
        }
        outcome
    }

    async fn ask_current<T: DeserializeOwned>(
        &mut self,
        path: &'static str,
        body: Bytes,
    ) -> Result<T, Failure> {
        self.asked = self.current;
        let server = &self.servers[self.current];
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => within(self.connect_timeout, Wire::connect(&self.dialer, server)).await?,
        };
        if let (Some(credentials), None) = (&self.credentials, &self.token) {
            let body = serde_json::to_vec(credentials).map_err(Failure::new)?.into();
            let Token { token } = within(PATIENCE, wire.ask(server, AUTHENTICATE, body, None)).await?;
            let mut token = HeaderValue::from_str(&token).map_err(Failure::new)?;
            token.set_sensitive(true);
            self.token = Some(token);
        }
        let outcome = within(PATIENCE, wire.ask(server, path, body, self.token.as_ref())).await;
        if outcome.as_ref().err().is_none_or(|failure| failure.code.is_some()) {
            self.wire = Some(wire);
        }
        outcome
    }
}

/// Bounds `work` in time.
async fn within<T>(time: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |_| Err(Failure::new(format_args!("no answer within {time:?}")));
    timeout(time, work).await.unwrap_or_else(late)
}

impl Wire {
    async fn connect(dialer: &Dialer, server: &Server) -> Result<Self, Failure> {
        let (reader, writer) = dialer.dial(server).await.map_err(Fault::from)?;
        let (sender, connection) = handshake(TokioIo::new(join(reader, writer))).await?;
        Ok(Self { sender, moving: Box::pin(connection) })
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        server: &Server,
        path: &'static str,
        body: Bytes,
        token: Option<&HeaderValue>,
    ) -> Result<T, Failure> {
        let mut request = Request::post(path)
            .header(HOST, server.to_string())
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
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => Err(Failure::answered(path, refusal)),
            Err(_) => Err(Failure::new(format!("{path} was answered with status {status}"))),
        }
    }
}
