//! Uploads: bodies that an action reads while they come.
//!
//! Nothing of them is held but the piece that is on its way: the action reads as fast as it can, and the client is read no
//! faster. Where the action stands on another node, that holds on the way to it too. An action that fails ends the upload;
//! a body that breaks off, or that is longer than allowed, ends the action: its stream yields the error, and soon after the
//! work is dropped.

mod feed;
#[cfg(feature = "multipart")]
mod filename;
#[cfg(feature = "multipart")]
mod parts;
mod source;

use std::sync::Arc;

use ligand_core::{
    Context, Payload, Result,
    broker::Request,
    context::ReplyHead,
    edge::{HttpBodyDef, Upload},
    service::ActionDef,
};
use serde_json::{Map, Value};

pub(crate) use self::source::{Pace, Source};
use crate::{
    Req, RequestBody,
    body::{self, Content},
    error, params, query,
    table::Entry,
};

/// What stands around the calls of an upload.
pub(crate) struct Job {
    pub(crate) req: Arc<Req>,
    pub(crate) entry: Arc<Entry>,
    pub(crate) action: Arc<ActionDef>,
    pub(crate) head: ReplyHead,
    /// Bytes of the body.
    pub(crate) limit: usize,
    pub(crate) pairs: query::Bounds,
    pub(crate) pace: Pace,
}

impl Job {
    /// Refuses what need not be read to be refused.
    pub(crate) fn check(&self, upload: &Upload, content: &RequestBody) -> Result<()> {
        if self.req.headers.contains_key(http::header::CONTENT_ENCODING) {
            return Err(error::unsupported_media_type("a body that is not compressed")
                .with_kind("ENCODING_UNSUPPORTED"));
        }
        match upload {
            Upload::Stream => {
                let types = self.entry.body.as_ref().map(HttpBodyDef::types).unwrap_or_default();
                body::check_type(&self.req.headers, types)?;
            }
            #[cfg(feature = "multipart")]
            Upload::Multipart(_) => drop(parts::boundary(&self.req.headers)?),
            #[cfg(not(feature = "multipart"))]
            Upload::Multipart(_) => {
                return Err(ligand_core::Error::internal_error(
                    "the gateway is built without the feature `multipart`",
                ));
            }
        }
        match content.least() > self.limit as u64 {
            true => Err(error::payload_too_large()),
            false => Ok(()),
        }
    }

    /// Makes the calls and puts their results together.
    pub(crate) async fn run(&self, ctx: &Context, upload: &Upload, body: RequestBody) -> Result<Payload> {
        let source = Source::new(body, self.limit, self.pace);
        let result = match upload {
            Upload::Stream => {
                let call = self.call(ctx, self.params(Map::new())?);
                feed::call(self, ctx, call, &mut source.clone()).await
            }
            #[cfg(feature = "multipart")]
            Upload::Multipart(bounds) => parts::calls(self, ctx, bounds, &source).await,
            #[cfg(not(feature = "multipart"))]
            Upload::Multipart(_) => {
                Err(ligand_core::Error::internal_error("the gateway is built without `multipart`"))
            }
        };
        // The client may still be sending, and reads its answer only when that has been taken.
        if let Some(rest) = source.rest() {
            ctx.broker().tasks().spawn_background(rest);
        }
        result
    }

    /// Parameters of path and query over the fields of a form.
    fn params(&self, fields: Map<String, Value>) -> Result<Payload> {
        let content = if fields.is_empty() { Content::None } else { Content::Form(fields) };
        params::of(&self.req, &self.entry, self.pairs, content, self.action.params())
    }

    fn call(&self, ctx: &Context, params: Payload) -> Request<Payload> {
        crate::stages::described(ctx, &self.req, &self.entry, &self.action, &self.head, params)
    }

    /// How long an answer may take once the content has come. While it comes, its own bounds hold.
    fn patience(&self, ctx: &Context) -> Option<std::time::Duration> {
        let own = self.entry.call_options().and_then(|options| options.timeout);
        // Who says how long it may take means all of it.
        let said = own.is_some() || self.action.timeout().is_some();
        (!said).then_some(ctx.broker().options().request_timeout)
    }
}
