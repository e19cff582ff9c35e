//! What happens to a request whose alias is found: the stages of its route, and what the alias leads to.

use std::sync::Arc;

use http::{Method, Response, Uri};
use ligand_core::{
    Context, Error, Payload, Result, context::ReplyHead, edge::Upload, middleware::Fallback,
    service::ActionDef,
};
use serde_json::Value;

use crate::{
    Absent, Answer, Body, Incoming, OriginalUri, Req, RequestBody,
    body::{self, Accepts},
    chain::{self, End, Work},
    conditional, error,
    gateway::Inner,
    incoming::Shared,
    params, rate_limit,
    server::ConnectionSlot,
    table::{Access, Entry, Leaf},
    target::{Goal, Handler},
    tower::{self, Foreign},
    upload::Job,
};

/// A request and the alias it was found for.
#[derive(Clone, Copy)]
pub(crate) struct Stages<'a> {
    pub(crate) gateway: &'a Arc<Inner>,
    pub(crate) ctx: &'a Context,
    pub(crate) req: &'a Arc<Req>,
    pub(crate) leaf: &'a Arc<Leaf>,
    /// What the action says about the answer.
    pub(crate) head: &'a ReplyHead,
    /// The place of the connection.
    pub(crate) slot: &'a Option<ConnectionSlot>,
}

impl Stages<'_> {
    /// The whole way to an action that nothing stands around.
    pub(crate) async fn plain(self, body: &mut RequestBody) -> Result<Response<Body>> {
        self.guard().await?;
        self.action(body).await
    }

    /// The way of all others.
    pub(crate) async fn run(self, body: &mut RequestBody, shared: &Arc<Shared>) -> Result<Response<Body>> {
        self.guard().await?;
        let Some(links) = &self.leaf.entry.inner else { return self.target(body, shared).await };
        *shared.body.lock() = std::mem::take(body);
        let request = Incoming { req: self.req.clone(), ctx: self.ctx.clone(), shared: shared.clone() };
        let result = chain::run(links.clone(), self.work(), request, End::Target).await;
        *body = std::mem::take(&mut *shared.body.lock());
        result
    }

    /// Who calls, and whether he may.
    async fn guard(&self) -> Result<()> {
        let entry = &self.leaf.entry;
        let route = &entry.route;
        if let Some(authenticate) = &route.authenticate {
            let user = authenticate(self.ctx.clone(), self.req.clone()).await?;
            if !user.is_null() {
                self.ctx.set_meta("user", user);
            }
            // Also when it is nobody: no callee makes somebody of it.
            self.ctx.seal_identity();
        }
        rate_limit::check_user(self.gateway.edge.limits_of(Some(route)), self.req, self.ctx).await?;
        if matches!(entry.goal, Goal::Action(_)) {
            let def = self.open()?;
            if let Some(authorize) = &route.authorize {
                authorize(self.ctx.clone(), def.clone()).await?;
            }
        }
        Ok(())
    }

    /// What goes through a chain beside the request.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::new(Shared::new(self.gateway.body_rules(&self.leaf.entry)))
    }

    pub(crate) fn work(&self) -> Work {
        Work {
            gateway: self.gateway.clone(),
            leaf: Some(self.leaf.clone()),
            head: self.head.clone(),
            slot: self.slot.clone(),
        }
    }

    /// What the alias leads to.
    pub(crate) async fn target(self, body: &mut RequestBody, shared: &Arc<Shared>) -> Result<Response<Body>> {
        match &self.leaf.entry.goal {
            Goal::Handler(handler) => self.handler(handler.clone(), body, shared).await,
            Goal::Service(service) => self.service(service.clone(), body).await,
            Goal::Action(_) | Goal::Rest { .. } => self.action(body).await,
        }
    }

    /// The action, when it may be called from outside.
    fn open(&self) -> Result<&Arc<ActionDef>> {
        let entry = &self.leaf.entry;
        match (entry.access, &entry.def) {
            (Access::Open, Some(def)) => Ok(def),
            (Access::Closed, _) => Err(error::action_not_found(&entry.action)),
            _ => Err(error::action_missing(&entry.action)),
        }
    }

    /// Parameters, call, hooks.
    async fn action(self, body: &mut RequestBody) -> Result<Response<Body>> {
        let entry = &self.leaf.entry;
        let route = &entry.route;
        let def = self.open()?;
        let input = match &entry.upload {
            Some(upload) => Input::Upload(self.upload(upload, def, body)?),
            None => Input::Params(self.params(def, body).await?),
        };
        let call = Call {
            req: self.req.clone(),
            entry: entry.clone(),
            action: def.clone(),
            absent: if answers_nothing(def) && route.absent == Absent::NotFound {
                Absent::Empty
            } else {
                route.absent
            },
            input,
            head: self.head.clone(),
        };
        let answer = if self.goes_on(def.run_to_end()) {
            // The client may leave: what changes things is not left half done, and its connection counts until it has
            // ended.
            let slot = self.slot.clone();
            let work = move |ctx| async move {
                let answer = call.run(ctx).await;
                drop(slot);
                answer
            };
            self.ctx.run_to_end(work).await?
        } else {
            call.run(self.ctx.clone()).await?
        };
        let mut response = answer.encode()?;
        if let Some(encode) = &self.gateway.encode {
            response = conditional::encoded(response, |json| encode(self.req, json));
        }
        Ok(conditional::fresh(self.req, route.etag.as_ref().or(self.gateway.etag.as_ref()), response))
    }

    /// Body, query and path as the parameters of the action.
    async fn params(&self, def: &ActionDef, body: &mut RequestBody) -> Result<Payload> {
        let (req, entry) = (self.req, &self.leaf.entry);
        let rules = self.gateway.body_rules(entry);
        let accepts = match &entry.body {
            Some(declared) => Accepts::Declared(declared),
            None => Accepts::Route(entry.bodies),
        };
        let content = body::content(body, &req.headers, rules, accepts).await?;
        params::of(req, entry, rules.pairs, content, def.params())
    }

    /// A body that the action reads while it comes.
    fn upload(
        &self,
        upload: &Upload,
        def: &Arc<ActionDef>,
        body: &mut RequestBody,
    ) -> Result<Box<(Job, RequestBody)>> {
        let entry = &self.leaf.entry;
        let job = Job {
            req: self.req.clone(),
            entry: entry.clone(),
            action: def.clone(),
            head: self.head.clone(),
            limit: self.gateway.upload_limit(entry),
            pairs: self.gateway.query_bounds(),
            pace: self.gateway.upload_pace(),
        };
        job.check(upload, body)?;
        Ok(Box::new((job, std::mem::take(body))))
    }

    /// Whether the work goes on when its client leaves.
    fn goes_on(&self, action: Option<bool>) -> bool {
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&self.req.method);
        let entry = &self.leaf.entry;
        action.or(entry.options.run_to_end).or(entry.route.run_to_end).unwrap_or(!safe)
    }

    async fn handler(
        self,
        handler: Handler,
        body: &mut RequestBody,
        shared: &Arc<Shared>,
    ) -> Result<Response<Body>> {
        *shared.body.lock() = std::mem::take(body);
        let entry = self.leaf.entry.clone();
        let request = Incoming { req: self.req.clone(), ctx: self.ctx.clone(), shared: shared.clone() };
        let (req, slot) = (self.req.clone(), self.slot.clone());
        let work = move |ctx: Context| async move {
            for hook in &entry.route.before {
                hook(ctx.clone(), req.clone()).await?;
            }
            let response = handler(ctx, request).await;
            drop(slot);
            response
        };
        let result = match self.goes_on(None) {
            true => self.ctx.run_to_end(work).await,
            false => work(self.ctx.clone()).await,
        };
        *body = std::mem::take(&mut *shared.body.lock());
        result
    }

    /// A service sees its path below the mount.
    async fn service(self, service: Foreign, body: &mut RequestBody) -> Result<Response<Body>> {
        for hook in &self.leaf.entry.route.before {
            hook(self.ctx.clone(), self.req.clone()).await?;
        }
        let mut request = tower::head(self.req, std::mem::take(body));
        request.extensions_mut().insert(OriginalUri(self.req.uri.clone()));
        request.extensions_mut().insert(self.ctx.clone());
        *request.uri_mut() = self.below();
        if self.goes_on(None) {
            let slot = self.slot.clone();
            let work = move |_| async move {
                let response = service(request).await;
                drop(slot);
                response
            };
            return self.ctx.run_to_end(work).await;
        }
        service(request).await
    }

    /// The target below the mount: what the last parameter of the alias holds, as it was sent.
    fn below(&self) -> Uri {
        let mounted = self.leaf.entry.full_path();
        let depth = mounted.split('/').filter(|part| !part.is_empty() && !part.starts_with('*')).count();
        let uri = &self.req.uri;
        let mut rest = uri.path().trim_start_matches('/');
        for _ in 0..depth {
            rest = rest.split_once('/').map_or("", |(_, rest)| rest).trim_start_matches('/');
        }
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("/{rest}{query}").parse().unwrap_or_else(|_| uri.clone())
    }
}

/// The result is `()`: an action that says nothing by its nature.
fn answers_nothing(action: &ActionDef) -> bool {
    action.returns().is_some_and(|schema| schema.json().get("type") == Some(&Value::from("null")))
}

/// A call with the hooks around it.
struct Call {
    req: Arc<Req>,
    entry: Arc<Entry>,
    action: Arc<ActionDef>,
    absent: Absent,
    input: Input,
    head: ReplyHead,
}

/// What a call gets from its request.
enum Input {
    Params(Payload),
    Upload(Box<(Job, RequestBody)>),
}

/// A call as a route and its request describe it.
pub(crate) fn described(
    ctx: &Context,
    req: &Req,
    entry: &Entry,
    action: &ActionDef,
    head: &ReplyHead,
    params: Payload,
) -> ligand_core::broker::Request<Payload> {
    let mut call = ctx.call_named(entry.action.to_string(), params);
    if let Some(options) = entry.call_options() {
        let mut options = options.clone();
        options.fallback = options.fallback.map(Fallback::unchecked);
        call = call.with_options(options);
    }
    if let Some(wants) = action.http() {
        call = call.http(req.wanted(&wants));
    }
    call.reply_head(head)
}

impl Call {
    async fn run(self, ctx: Context) -> Result<Answer> {
        let Self { req, entry, action, absent, input, head } = self;
        let route = &entry.route;
        for hook in &route.before {
            hook(ctx.clone(), req.clone()).await?;
        }
        let result = match (input, &entry.upload) {
            (Input::Params(params), _) => described(&ctx, &req, &entry, &action, &head, params).await,
            (Input::Upload(upload), Some(kind)) => {
                let (job, body) = *upload;
                job.run(&ctx, kind, body).await
            }
            (Input::Upload(_), None) => Err(Error::internal_error("an upload that nobody takes")),
        };
        let result = result.map_err(|error| error::outward(error, &entry.action))?;
        let mut answer = Answer::new(entry.status, result);
        answer.absent = absent;
        answer.declared(&action);
        answer.apply(&head.directives());
        for hook in &route.after {
            answer = hook(ctx.clone(), req.clone(), answer).await?;
        }
        Ok(answer)
    }
}
