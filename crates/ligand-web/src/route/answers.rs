//! What the answers of a route look like, errors too.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use ligand_core::Error;
use serde_json::Value;

use super::Route;
use crate::{Absent, Etag, IntoResponse, Req, alias};

impl Route {
    /// Status of an alias (`POST /users`, below the route) when its action succeeds and sets none itself.
    pub fn status(mut self, text: &str, status: u16) -> Self {
        let form = |path| alias::patterns(path).map(|mut forms| forms.swap_remove(0).text);
        let alias = ligand_alias::split(text).and_then(|(verb, path)| Ok((verb, form(path)?)));
        match (alias, StatusCode::from_u16(status)) {
            (Ok((verb, path)), Ok(status)) if status.is_success() || status.is_redirection() => {
                self.statuses.push((verb, path, status));
            }
            (Err(problem), _) => self.problems.push(format!("status {problem}")),
            _ => self
                .problems
                .push(format!("status '{text}', {status}: the status of a success is one from 200 to 399")),
        }
        self
    }

    /// Sees every response of the route just before it is sent, also errors, preflights and paths below it that lead
    /// nowhere, and may change its headers. Headers of the framing stay as they are.
    ///
    /// ```
    /// # use ligand_web::Route;
    /// let route = Route::new("/api").on_response(|_req, status, headers| {
    ///     if status.is_client_error() {
    ///         headers.insert("cache-control", "no-store".parse().expect("a header value"));
    ///     }
    /// });
    /// ```
    pub fn on_response(
        mut self,
        hook: impl Fn(&Req, StatusCode, &mut HeaderMap) + Send + Sync + 'static,
    ) -> Self {
        self.on_response.push(Arc::new(hook));
        self
    }

    /// What becomes of an action that returns nothing (`None`, `()`, null). Default: [`Absent::Empty`].
    pub fn absent(mut self, absent: Absent) -> Self {
        self.absent = absent;
        self
    }

    /// Turns an error into another before it is sent: another code, a public text.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
    /// # use ligand_web::{Gateway, Route, http::Request};
    /// # let get = Action::of("get", |(): ()| async { Ok::<_, Error>("ada".to_owned()) }).rest("GET /")?;
    /// # let broker = ServiceBroker::builder().service(ServiceDef::new("users").action(get)).start().await?;
    ///
    /// let route = Route::new("/api").alias("GET /user", "nobody.get").on_error(|_, error| error.with_code(502));
    /// let gateway = Gateway::builder().route(route).build();
    /// assert_eq!(gateway.handle(&broker, Request::get("/api/user").body(())?).await.status(), 502);
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn on_error(mut self, map: impl Fn(&Req, Error) -> Error + Send + Sync + 'static) -> Self {
        self.map_error = Some(Arc::new(map));
        self
    }

    /// Shapes the body of errors; default [`crate::error::body`].
    pub fn error_formatter(mut self, format: impl Fn(&Error) -> Value + Send + Sync + 'static) -> Self {
        self.format = Some(Arc::new(format));
        self
    }

    /// Answers errors itself: status, headers and body are those of the response. `None` leaves an error to
    /// [`Route::error_formatter`]. The error is that which clients may see, after [`Route::on_error`].
    ///
    /// ```
    /// use ligand_web::{Route, error, http::Response};
    /// let route = Route::new("/pages").error_response(|_, error| {
    ///     Response::builder()
    ///         .status(error::status(error))
    ///         .header("content-type", "text/html; charset=utf-8")
    ///         .body(format!("<h1>{}</h1>", error.code()))
    ///         .ok()
    /// });
    /// # let _ = route;
    /// ```
    pub fn error_response<R: IntoResponse>(
        mut self,
        answer: impl Fn(&Req, &Error) -> Option<R> + Send + Sync + 'static,
    ) -> Self {
        self.error_response =
            Some(Arc::new(move |req, error| answer(req, error).map(IntoResponse::into_response)));
        self
    }

    /// Gives answers an ETag, so that a client that has them already gets 304: see [`Etag`]. Default: that of the
    /// gateway ([`crate::GatewayBuilder::etag`]).
    pub fn etag(mut self, etag: Etag) -> Self {
        self.etag = Some(etag);
        self
    }
}
