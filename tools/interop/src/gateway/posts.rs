//! Services with paths of their own: one for each form in which an action or service says them.

use std::sync::Arc;

use futures_util::StreamExt as _;
use ligand::{
    Action, Context, Error, Payload, Result, ServiceDef, Value, future::BoxFuture, json, service::Rest,
    service::Visibility,
};
use parking_lot::Mutex;
use sha1::{Digest as _, Sha1};

use super::fixture::{answering, fixed};

fn at(action: Action, rest: &[&str]) -> Action {
    rest.iter().fold(action, |action, rest| action.with_rest(rest.parse().expect("an alias that is right")))
}

fn says(name: &'static str, answer: &str, rest: &[&str]) -> Action {
    at(fixed(name, json!({}), json!(answer)), rest)
}

pub(super) fn posts() -> ServiceDef {
    let rows: Vec<_> = (1..=3).map(|id| json!({ "id": id, "title": format!("T{id}") })).collect();
    let rows = Arc::new(Mutex::new(rows));
    let (list, create, remove) = (rows.clone(), rows.clone(), rows.clone());
    let echo = |name: &'static str, rest: &str| {
        at(answering(name, move |_, params| Ok(json!({ "op": name, "p": params }))), &[rest])
    };
    let text = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let get = answering("get", move |_, params| {
        let id = text(&params["id"]);
        rows.lock().iter().find(|row| text(&row["id"]) == id).cloned().ok_or_else(|| {
            let error = Error::client(404, "POST_NOT_FOUND", "Post not found!");
            error.with_data(json!({ "id": id }))
        })
    });
    ServiceDef::new("posts")
        .action(at(answering("list", move |_, _| Ok(list.lock().clone().into())), &["GET /"]))
        .action(at(get, &["GET /:id"]))
        .action(at(
            answering("create", move |_, params| {
                create.lock().push(params.clone());
                Ok(params)
            }),
            &["POST /"],
        ))
        .action(echo("update", "PUT /:id"))
        .action(echo("patch", "PATCH /:id"))
        .action(at(
            answering("remove", move |_, params| {
                let id = text(&params["id"]);
                remove.lock().retain(|row| text(&row["id"]) != id);
                Ok(Value::Null)
            }),
            &["DELETE /:id"],
        ))
        .action(says("my", "my posts", &["GET /my"]))
        .action(says("hiddenRest", "hidden", &["GET /hidden"]).visibility(Visibility::Public))
        .action(fixed("noRest", json!({}), json!("no rest")))
}

/// Versions, names with dots, bases of one's own.
pub(super) fn all() -> Vec<ServiceDef> {
    vec![
        posts(),
        ServiceDef::new("posts").version(2).action(says("list", "v2 list", &["GET /"])),
        ServiceDef::new("items").version("staging").action(says("list", "staging list", &["GET /"])),
        ServiceDef::new("noprefix").version(3).setting("$noVersionPrefix", true).action(says(
            "list",
            "np list",
            &["GET /"],
        )),
        ServiceDef::new("a.b").action(says("list", "dotted", &["GET /"])),
        custom(),
        ServiceDef::new("mb").setting("rest", json!(["/mb1", "/mb2/deep"])).action(says(
            "hi",
            "mb hi",
            &["GET /hi"],
        )),
        ServiceDef::new("rootrest").setting("rest", "/").action(says("ping", "pong", &["GET /ping"])),
        ServiceDef::new("$health").action(says("live", "live", &["GET /health"])),
    ]
}

fn custom() -> ServiceDef {
    let says = |name, answer| fixed(name, json!({}), json!(answer));
    ServiceDef::new("custom")
        .setting("rest", "my/base")
        .action(says("str", "str").with_rest(Rest::new("GET", "/str")))
        .action(says("nomethod", "any").with_rest(Rest::new("*", "/anymethod")))
        .action(says("obj", "obj").with_rest(Rest::new("POST", "/obj")))
        .action(says("objNoMethod", "nm").with_rest(Rest::new("*", "/nm")))
        .action(says("objNoPath", "np").with_rest(Rest::new("GET", "/objNoPath")))
        .action(says("full", "full").with_rest(Rest::new("GET", "/full-path").full()))
        .action(says("base", "base").with_rest(Rest::new("GET", "/bp").below("other-base")))
        .action(
            says("multi", "multi")
                .with_rest(Rest::new("GET", "/m1"))
                .with_rest(Rest::new("POST", "/m2"))
                .with_rest(Rest::new("GET", "/m3")),
        )
}

/// Takes uploads.
pub(super) fn file() -> ServiceDef {
    let save = |ctx: &Context, params: Payload| -> BoxFuture<Result<Payload>> {
        let ctx = ctx.clone();
        Box::pin(async move {
            let params = params.to_value()?;
            let Some(stream) = ctx.stream() else {
                return Ok(json!({ "params": params, "meta": {}, "stream": false }).into());
            };
            let (mut hash, mut size) = (Sha1::new(), 0);
            let mut chunks = stream.into_byte_stream();
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk?;
                size += chunk.len();
                hash.update(&chunk);
            }
            let sha1: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            Ok(json!({ "size": size, "sha1": sha1, "params": params, "meta": {}, "stream": true }).into())
        })
    };
    let reject = |_: &Context, _: Payload| {
        let error = Error::client(415, "UNSUPPORTED", "rejected upload").with_data(Value::Null);
        ligand::future::ready(Err(error))
    };
    ServiceDef::new("file").action(Action::raw("save", save)).action(Action::raw("reject", reject))
}
