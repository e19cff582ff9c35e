//! Middlewares and layers around routes and aliases. A route without any does not come here.
//!
//! ```text
//! gateway's and route's → authenticate → authorize → alias's → body, before, call, after
//! ```
//!
//! Each link gets the request and what follows it. So it may answer itself, change the request before and the response
//! after, and see errors. What follows is run once at most.

use std::{fmt, future::Future, sync::Arc};

use http::Response;
use ligand_core::{Error, Result, context::ReplyHead, future::BoxFuture};

use crate::{
    Body, Incoming, IntoResponse, error,
    gateway::Inner,
    server::ConnectionSlot,
    stages::Stages,
    table::Leaf,
    tower::{self, Foreign},
};

pub(crate) type Middleware = Arc<dyn Fn(Incoming, Next) -> BoxFuture<Result<Response<Body>>> + Send + Sync>;

/// One link of a chain.
#[derive(Clone)]
pub(crate) enum Link {
    /// A function.
    Middleware(Middleware),
    /// A layer of `tower`, already around what follows it: that is a [`crate::RouteService`], which finds the rest of the
    /// chain in the request.
    Layer(Foreign),
}

pub(crate) fn middleware<F, Fut, R, E>(middleware: F) -> Link
where
    F: Fn(Incoming, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: IntoResponse,
    E: Into<Error>,
{
    Link::Middleware(Arc::new(move |request, next| {
        let work = middleware(request, next);
        Box::pin(async move { work.await.map_err(Into::into)?.into_response() })
    }))
}

/// What follows a middleware: the next one, and at last the stages of the route and what its alias leads to.
pub struct Next {
    pub(crate) links: Arc<[Link]>,
    pub(crate) at: usize,
    pub(crate) work: Arc<Work>,
    pub(crate) end: End,
}

/// What a chain ends in.
#[derive(Clone)]
pub(crate) enum End {
    /// The stages of the route.
    Stages,
    /// What the alias leads to.
    Target,
    /// Nothing below the route.
    Refused(Error),
}

/// What a chain carries along.
pub(crate) struct Work {
    pub(crate) gateway: Arc<Inner>,
    /// `None` where nothing is below the route.
    pub(crate) leaf: Option<Arc<Leaf>>,
    pub(crate) head: ReplyHead,
    pub(crate) slot: Option<ConnectionSlot>,
}

impl Next {
    /// Runs what follows.
    ///
    /// # Errors
    /// Whatever went wrong there. It may be answered with a response of one's own, or passed on, changed or not.
    pub async fn run(self, request: Incoming) -> Result<Response<Body>> {
        let Self { links, at, work, end } = self;
        match links.get(at) {
            Some(Link::Middleware(middleware)) => {
                let middleware = middleware.clone();
                middleware(request, Self { links, at: at + 1, work, end }).await
            }
            Some(Link::Layer(service)) => {
                let service = service.clone();
                tower::through(&service, request, Self { links, at: at + 1, work, end }).await
            }
            None => finish(end, &work, request).await,
        }
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("links", &(self.links.len() - self.at)).finish_non_exhaustive()
    }
}

fn finish(end: End, work: &Arc<Work>, request: Incoming) -> BoxFuture<Result<Response<Body>>> {
    let work = work.clone();
    Box::pin(async move {
        let (leaf, with_stages) = match (end, &work.leaf) {
            (End::Refused(error), _) => return Err(error),
            (_, None) => return Err(error::not_found()),
            (End::Stages, Some(leaf)) => (leaf, true),
            (End::Target, Some(leaf)) => (leaf, false),
        };
        let Incoming { req, ctx, shared } = request;
        let stages =
            Stages { gateway: &work.gateway, ctx: &ctx, req: &req, leaf, head: &work.head, slot: &work.slot };
        let mut body = std::mem::take(&mut *shared.body.lock());
        let result = match with_stages {
            true => stages.run(&mut body, &shared).await,
            false => stages.target(&mut body, &shared).await,
        };
        // What was not read is still there for whoever throws it away.
        if !body.is_empty() {
            *shared.body.lock() = body;
        }
        result
    })
}

/// Sends a request through a chain.
pub(crate) async fn run(
    links: Arc<[Link]>,
    work: Work,
    request: Incoming,
    end: End,
) -> Result<Response<Body>> {
    Next { links, at: 0, work: Arc::new(work), end }.run(request).await
}
