//! Services to call.

use std::{sync::Arc, time::Duration};

use ligand_core::{
    Action, Context, Error, Payload, Result, ServiceBroker, ServiceDef, future::BoxFuture,
    service::Visibility,
};
use ligand_web::{Gateway, Route};
use ligand_wire::schema::Schema;
use serde_json::{Value, json};
use tokio::sync::watch;

/// An action that answers a fixed value and sets some meta.
fn fixed(name: &'static str, meta: Value, answer: Value) -> Action {
    Action::raw(name, move |ctx: &Context, _: Payload| {
        for (key, value) in meta.as_object().unwrap() {
            ctx.set_meta(key, value.clone());
        }
        ligand_core::future::ready(Ok(answer.clone().into()))
    })
}

fn failing(name: &'static str, error: Error) -> Action {
    Action::raw(name, move |_: &Context, _: Payload| ligand_core::future::ready(Err(error.clone())))
}

fn answering(
    name: &'static str,
    answer: impl Fn(&Context, Value) -> Value + Send + Sync + 'static,
) -> Action {
    Action::raw(name, move |ctx: &Context, params: Payload| {
        ligand_core::future::ready(params.to_value().map(|params| answer(ctx, params).into()))
    })
}

fn schema(properties: Value, required: Value) -> Schema {
    Schema::from_json(json!({"type": "object", "properties": properties, "required": required})).unwrap()
}

/// Counts the calls of `fx.slow` that run until they are told to end; a call that is dropped counts down too.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Calls>);

#[derive(Default)]
struct Calls {
    count: watch::Sender<usize>,
    ended: watch::Sender<bool>,
}

impl Running {
    pub(crate) fn count(&self) -> usize {
        *self.0.count.borrow()
    }

    pub(crate) async fn reaches(&self, count: usize) {
        let mut counts = self.0.count.subscribe();
        let reached = counts.wait_for(|now| *now == count);
        let in_time = tokio::time::timeout(Duration::from_secs(5), reached).await;
        in_time.expect("calls neither started nor ended").unwrap();
    }

    /// Lets all calls end, later ones too.
    pub(crate) fn end(&self) {
        self.0.ended.send_replace(true);
    }
}

struct Mark(Running);

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.0.count.send_modify(|count| *count -= 1);
    }
}

pub(crate) fn fx(running: &Running) -> ServiceDef {
    let running = running.clone();
    let slow = move |_: &Context, _: Payload| -> BoxFuture<Result<Payload>> {
        let running = running.clone();
        Box::pin(async move {
            let mut ended = running.0.ended.subscribe();
            running.0.count.send_modify(|count| *count += 1);
            let _mark = Mark(running);
            ended.wait_for(|ended| *ended).await.unwrap();
            Ok(json!("slow done").into())
        })
    };
    let number = json!({"type": "integer"});
    ServiceDef::new("fx")
        .action(fixed("hello", json!({}), json!("Hello World")))
        .action(
            answering("greet", |_, params| json!(format!("Hello {}", params["name"].as_str().unwrap())))
                .params_schema(schema(json!({"name": {"type": "string"}}), json!(["name"]))),
        )
        .action(
            answering("typed", |_, params| params)
                .params_schema(schema(json!({"id": number, "on": {"type": "boolean"}}), json!(["id"]))),
        )
        .action(Action::new("list", |_: Context, items: Vec<i64>| async move {
            Ok::<_, Error>(items.iter().sum::<i64>())
        }))
        .action(answering("params", |_, params| params))
        .action(answering("whoami", |ctx, _| {
            let user: Option<Value> = ctx.meta("user").unwrap();
            json!({"user": user, "caller": ctx.caller(), "level": ctx.level(), "requestId": ctx.request_id().to_string()})
        }))
        .action(fixed("num", json!({}), json!(123)))
        .action(fixed("obj", json!({}), json!({"id": 1, "name": "Eddie"})))
        .action(fixed("nul", json!({}), Value::Null))
        .action(Action::raw("bytes", |_: &Context, _: Payload| ligand_core::future::ready(Ok(Payload::binary("raw bytes")))))
        .action(fixed("text", json!({"$responseType": "text/plain"}), json!("Plain text")))
        .action(
            fixed("csv", json!({}), json!("a;b"))
                .metadata("responseType", "text/csv")
                .metadata("responseHeaders", json!({"X-Kind": "table", "Content-Type": "text/html"})),
        )
        .action(
            fixed("markdown", json!({"$responseType": "text/markdown", "$responseHeaders": {"X-Kind": "page"}}), json!("# a"))
                .metadata("responseType", "text/csv")
                .metadata("responseHeaders", json!({"X-Kind": "table"})),
        )
        .action(fixed("cookies", json!({"$responseHeaders": {"Set-Cookie": ["a=1", "b=2"]}}), json!("ok")))
        .action(fixed(
            "created",
            json!({"$statusCode": 201, "$statusMessage": "Entity created", "$location": "/new/1"}),
            Value::Null,
        ))
        .action(fixed("noContent", json!({"$statusCode": 204}), json!("body")))
        .action(fixed("redirect", json!({"$statusCode": 302, "$location": "/login"}), json!("REDIRECT")))
        .action(fixed("login", json!({"token": "t0k3n"}), json!({"message": "Login successful"})))
        .action(Action::raw("big", |_: &Context, _: Payload| {
            ligand_core::future::ready(Ok(Payload::binary(vec![b'x'; 64 << 20])))
        }))
        .action(failing("err", Error::server(500, "BROKEN", "I'm dangerous")))
        .action(failing("errPlain", Error::new("plain")))
        .action(failing("errInternal", Error::internal_error("password=hunter2")))
        .action(failing("err422", Error::client(422, "INSUFFICIENT_STOCK", "Insufficient stock").with_data(json!({"available": 1}))))
        .action(failing("err599", Error::build("MoleculerError", 599, "m")))
        .action(failing("errNull", Error::build("EntityNotFoundError", 404, "Entity not found").with_null_kind()))
        .action(Action::raw("errEcho", |_: &Context, params: Payload| {
            ligand_core::future::ready(params.to_value().and_then(|params| {
                let code = if params["code"] == "422" { 422 } else { 500 };
                Err(Error::build("Echo", code, params["text"].as_str().unwrap().to_owned()))
            }))
        }))
        .action(Action::raw("errHeaders", |ctx: &Context, _: Payload| {
            ctx.set_meta("$responseHeaders", json!({"X-Custom": "c"}));
            ctx.set_meta("$statusCode", 201);
            ligand_core::future::ready(Err(Error::new("with headers")))
        }))
        .action(Action::raw("errType", |ctx: &Context, _: Payload| {
            ctx.set_meta("$responseType", "text/html");
            ligand_core::future::ready(Err(Error::client(422, "X", "<script>")))
        }))
        .action(Action::raw("errTypes", |ctx: &Context, _: Payload| {
            ctx.set_meta("$responseHeaders", json!({"Content-Type": ["text/html", "text/html"]}));
            ligand_core::future::ready(Err(Error::client(422, "X", "<script>")))
        }))
        .action(Action::raw("panics", |_: &Context, _: Payload| -> BoxFuture<Result<Payload>> { panic!("boom") }))
        .action(Action::raw("slow", slow))
        .action(fixed("vPublic", json!({}), json!(1)).visibility(Visibility::Public))
        .action(fixed("vProtected", json!({}), json!(1)).visibility(Visibility::Protected))
        .action(fixed("vPrivate", json!({}), json!(1)).visibility(Visibility::Private))
}

pub(crate) fn posts() -> ServiceDef {
    let echo = |name: &'static str, rest: &str| {
        answering(name, move |_, params| json!({"op": name, "p": params})).rest(rest).unwrap()
    };
    ServiceDef::new("posts")
        .action(echo("list", "GET /"))
        .action(echo("get", "GET /:id"))
        .action(echo("my", "GET /my"))
        .action(echo("create", "POST /"))
        .action(echo("update", "PUT /:id"))
        .action(echo("patch", "PATCH /:id"))
        .action(echo("remove", "DELETE /:id"))
        .action(echo("any", "/any"))
        .action(echo("hidden", "GET /hidden").visibility(Visibility::Public))
        .action(answering("noRest", |_, _| json!("no rest")))
}

/// A broker with `fx` and `posts`; the gateway is none of its services.
pub(crate) async fn broker() -> ServiceBroker {
    ServiceBroker::builder()
        .node_id("node-fx")
        .service(fx(&Running::default()))
        .service(posts())
        .start()
        .await
        .unwrap()
}

pub(crate) fn one(route: Route) -> Gateway {
    Gateway::builder().route(route).build()
}

/// A gateway on a free port.
pub(crate) async fn serving(gateway: Gateway, running: &Running) -> (ServiceBroker, std::net::SocketAddr) {
    let broker = ServiceBroker::builder()
        .node_id("node-fx")
        .service(fx(running))
        .service(posts())
        .service(gateway.clone())
        .start()
        .await
        .unwrap();
    (broker, gateway.local_addr().unwrap())
}
