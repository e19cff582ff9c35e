//! The services behind the gateway: they answer what the recorded answers hold.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use ligand::{
    Action, Context, Error, Payload, Result, ServiceDef, Streaming, Value, edge::HttpWants, future,
    future::BoxFuture, json, schema::Schema, service::Visibility,
};

/// An action that answers a fixed value and says `meta` of its answer.
pub(super) fn fixed(name: &'static str, meta: Value, answer: Value) -> Action {
    Action::raw(name, move |ctx: &Context, _: Payload| {
        say(ctx, &meta);
        future::ready(Ok(answer.clone().into()))
    })
}

fn say(ctx: &Context, meta: &Value) {
    for (key, value) in meta.as_object().into_iter().flatten() {
        ctx.set_meta(key, value.clone());
    }
}

/// An action that makes its answer of context and parameters.
pub(super) fn answering(
    name: &'static str,
    answer: impl Fn(&Context, Value) -> Result<Value> + Send + Sync + 'static,
) -> Action {
    Action::raw(name, move |ctx: &Context, params: Payload| {
        future::ready(params.to_value().and_then(|params| answer(ctx, params)).map(Payload::from))
    })
}

fn failing(name: &'static str, meta: Value, error: Error) -> Action {
    Action::raw(name, move |ctx: &Context, _: Payload| {
        say(ctx, &meta);
        future::ready(Err(error.clone()))
    })
}

fn bytes(name: &'static str, meta: Value, bytes: &'static [u8]) -> Action {
    Action::raw(name, move |ctx: &Context, _: Payload| {
        say(ctx, &meta);
        future::ready(Ok(Payload::binary(bytes)))
    })
}

fn chunks(name: &'static str, meta: Value, chunks: [&'static str; 2]) -> Action {
    Action::new(name, move |ctx: Context, (): ()| {
        say(&ctx, &meta);
        let parts = stream::iter(chunks).map(|chunk| Ok::<_, Error>(chunk.into()));
        async move { Ok::<_, Error>(Streaming::bytes(parts)) }
    })
}

fn schema(properties: &Value, required: &[&str]) -> Schema {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    Schema::from_json(schema).expect("a schema that is right")
}

/// The fields of the meta that an action of JavaScript would see.
fn metas(ctx: &Context, names: &[&str]) -> Value {
    let meta = ctx.metas();
    let shown = meta.iter().filter(|(name, _)| {
        !name.starts_with("$ligand") && (names.is_empty() || names.contains(&name.as_str()))
    });
    shown.map(|(name, value)| (name.clone(), value.clone())).collect::<ligand::Map<_, _>>().into()
}

pub(super) fn math() -> ServiceDef {
    let number = |value: &Value| match value {
        Value::String(text) => text.trim().parse().unwrap_or(f64::NAN),
        value => value.as_f64().unwrap_or(f64::NAN),
    };
    let whole = |value: f64| match value.fract() == 0.0 && value.abs() < 1e15 {
        #[allow(clippy::cast_possible_truncation, reason = "checked to be a small whole number")]
        true => json!(value as i64),
        false => json!(value),
    };
    ServiceDef::new("math")
        .action(answering("add", move |_, params| Ok(whole(number(&params["a"]) + number(&params["b"])))))
        .action(answering("sub", move |_, params| Ok(whole(number(&params["a"]) - number(&params["b"])))))
}

pub(super) fn fx() -> ServiceDef {
    let service = answers(ServiceDef::new("fx"));
    let service = headers(service);
    let service = errors(service);
    let visible = |name, text: &str, visibility| fixed(name, json!({}), json!(text)).visibility(visibility);
    service
        .action(visible("vPublished", "published", Visibility::Published))
        .action(visible("vPublic", "public", Visibility::Public))
        .action(visible("vProtected", "protected", Visibility::Protected))
        .action(visible("vPrivate", "private", Visibility::Private))
}

fn answers(service: ServiceDef) -> ServiceDef {
    let none = || json!({});
    let text = || json!({ "$responseType": "text/plain" });
    let number = json!({ "type": "number" });
    service
        .action(fixed("hello", none(), json!("Hello World")))
        .action(
            answering("greet", |_, params| {
                Ok(format!("Hello {}", params["name"].as_str().unwrap_or_default()).into())
            })
            .params_schema(schema(&json!({ "name": { "type": "string" } }), &["name"])),
        )
        .action(
            answering("typed", |_, params| {
                let kind = if params["id"].is_number() { "number" } else { "string" };
                let mut answer = params;
                answer["t"] = kind.into();
                Ok(answer)
            })
            .params_schema(schema(&json!({ "id": number, "on": { "type": "boolean" } }), &["id"])),
        )
        .action(
            answering("strictNum", |_, params| Ok(params))
                .params_schema(schema(&json!({ "id": number }), &["id"])),
        )
        .action(answering("params", |_, params| Ok(params)))
        .action(answering("echo", |ctx, params| {
            Ok(json!({
                "params": params, "meta": metas(ctx, &[]), "caller": ctx.caller(), "level": ctx.level(),
                "hasStream": ctx.stream().is_some(),
            }))
        }))
        .action(answering("reqid", |ctx, _| {
            Ok(json!({ "requestID": ctx.request_id().to_string(), "same": true }))
        }))
        .action(fixed("num", none(), json!(123)))
        .action(fixed("zero", none(), json!(0)))
        .action(fixed("float", none(), json!(1.5)))
        .action(fixed("yes", none(), json!(true)))
        .action(fixed("no", none(), json!(false)))
        .action(fixed("empty", none(), json!("")))
        .action(fixed("nul", none(), Value::Null))
        .action(Action::raw("undef", |_: &Context, _: Payload| future::ready(Ok(Payload::UNDEFINED))))
        .action(fixed("obj", none(), json!({ "id": 1, "name": "Eddie" })))
        .action(fixed("arr", none(), json!([1, "two", null])))
        .action(fixed("date", none(), json!("1970-01-01T00:00:00.000Z")))
        .action(fixed("unicode", none(), json!("árvíztűrő ☃ 🎉")))
        .action(fixed("text", text(), json!("Plain text")))
        .action(fixed("numText", text(), json!(123)))
        .action(fixed("objText", text(), json!({ "a": 1 })))
        .action(fixed("nullText", text(), Value::Null))
        .action(bytes("buf", none(), b"Buffer response"))
        .action(fixed("bufObj", none(), json!({ "type": "Buffer", "data": b"Buffer object" })))
        .action(bytes("bufJson", json!({ "$responseType": "application/json" }), br#"{"a":5}"#))
        .action(fixed("typeBuffer", none(), json!({ "type": "Buffer", "note": "x", "data": [72, 105] })))
        .action(chunks(
            "stream",
            json!({ "$responseHeaders": { "Content-Disposition": "attachment; filename=\"s.txt\"" } }),
            ["part1-", "part2"],
        ))
        .action(chunks("streamTyped", json!({ "$responseType": "text/csv" }), ["a,b\n", "1,2\n"]))
        .action(
            Action::raw("slow", |_: &Context, params: Payload| -> BoxFuture<Result<Payload>> {
                Box::pin(async move {
                    let params = params.to_value()?;
                    let millis =
                        params["ms"].as_str().and_then(|text| text.parse().ok()).or(params["ms"].as_u64());
                    tokio::time::sleep(Duration::from_millis(millis.unwrap_or(0))).await;
                    Ok(json!("slow done").into())
                })
            })
            .timeout(Duration::ZERO),
        )
        .action(answering("whoami", |ctx, _| {
            let user: Option<Value> = ctx.meta("user")?;
            Ok(user.map_or(json!("anonymous"), |user| json!({ "user": user })))
        }))
        .action(answering("ctxinfo", |ctx, _| Ok(metas(ctx, &["ua", "ip"]))))
        .action(fixed("camelCase", none(), json!("camel")))
        .action(
            answering("reqres", |ctx, params| {
                // A request and a reply of its own are what an action of Ligand has instead.
                let mut answer = json!({ "hasReq": ctx.http().is_some(), "hasRes": true });
                for (name, value) in params.as_object().into_iter().flatten() {
                    answer[name] = value.clone();
                }
                Ok(answer)
            })
            .http(HttpWants::default()),
        )
}

fn headers(service: ServiceDef) -> ServiceDef {
    let with =
        |name, headers: Value, answer: Value| fixed(name, json!({ "$responseHeaders": headers }), answer);
    service
        .action(with("hdr", json!({ "X-Custom": "c" }), json!("ok")))
        .action(with("hdrType", json!({ "Content-Type": "text/plain" }), json!("x")))
        .action(with("hdrObj", json!({ "Content-Type": "application/vnd.x+json" }), json!({ "a": 1 })))
        .action(with("hdrLower", json!({ "content-type": "text/plain" }), json!("x")))
        .action(fixed(
            "hdrBoth",
            json!({ "$responseType": "text/html", "$responseHeaders": { "Content-Type": "text/plain" } }),
            json!("x"),
        ))
        .action(with("cookies", json!({ "Set-Cookie": ["a=1", "b=2"] }), json!("ok")))
        .action(with("badHdr", json!({ "X-Bad": "a\nb é" }), json!("ok")))
        .action(fixed(
            "created",
            json!({ "$statusCode": 201, "$statusMessage": "Entity created", "$location": "/new/1" }),
            Value::Null,
        ))
        .action(fixed("createdBody", json!({ "$statusCode": 201 }), json!({ "id": 1 })))
        .action(fixed("accepted", json!({ "$statusCode": 202 }), json!("later")))
        .action(fixed("noContent", json!({ "$statusCode": 204 }), json!("must not be sent")))
        .action(fixed(
            "redirect",
            json!({ "$statusCode": 302, "$statusMessage": "Redirecting...", "$location": "/fx/hello" }),
            json!("REDIRECT"),
        ))
        .action(fixed("redirectNull", json!({ "$statusCode": 301, "$location": "/login" }), Value::Null))
        .action(fixed("redirectNoLoc", json!({ "$statusCode": 302 }), Value::Null))
        .action(fixed("location200", json!({ "$location": "/nowhere" }), json!("ok")))
        .action(fixed("st404", json!({ "$statusCode": 404 }), json!({ "missing": true })))
        .action(fixed("schemaType", json!({}), json!("<b>hi</b>")).metadata("responseType", "text/html"))
        .action(
            fixed("schemaHdr", json!({}), json!("schema"))
                .metadata("responseHeaders", json!({ "X-From-Schema": "1", "Content-Type": "text/plain" })),
        )
        .action(
            fixed("schemaOverride", json!({ "$responseType": "text/css" }), json!("override"))
                .metadata("responseType", "text/html"),
        )
        .action(with("fresh", json!({ "Last-Modified": "Mon, 06 Aug 2018 14:23:28 GMT" }), json!("fresh")))
        .action(with("ownEtag", json!({ "ETag": "\"mine\"" }), json!({})))
}

fn errors(service: ServiceDef) -> ServiceDef {
    let fail = |name, error| failing(name, json!({}), error);
    let plain = |name: &'static str, code, text: &'static str| Error::build(name, code, text);
    let client = |code, text: &'static str| Error::build("MoleculerClientError", code, text);
    let base = |code| Error::build("MoleculerError", code, "m");
    service
        .action(fail("err", Error::build("MoleculerServerError", 500, "I'm dangerous")))
        .action(fail("errPlain", plain("Error", 500, "plain")))
        .action(fail("errPlainCode", plain("Error", 418, "teapot").with_data(json!({ "x": 1 }))))
        .action(fail("errType", plain("TypeError", 500, "bad type")))
        .action(fail("err400", client(400, "Bad thing").with_kind("BAD").with_data(json!({ "field": "a" }))))
        .action(fail("err401", client(401, "Invalid email or password").with_kind("INVALID_CREDENTIALS")))
        .action(fail("err409", client(409, "Conflict").with_kind("CONFLICT")))
        .action(fail(
            "err422",
            client(422, "Insufficient stock")
                .with_kind("INSUFFICIENT_STOCK")
                .with_data(json!({ "available": 1, "requested": 2 })),
        ))
        .action(fail("errMol", Error::build("MoleculerError", 500, "mol")))
        .action(fail("err399", base(399)))
        .action(fail("err598", base(598)))
        .action(fail("err599", base(599)))
        .action(fail("err600", base(600)))
        // Codes of Ligand are numbers.
        .action(fail("errStrCode", base(500)))
        .action(fail("errRetry", Error::build("MoleculerRetryableError", 503, "try").with_kind("RETRY_ME")))
        .action(fail(
            "errVal",
            Error::build("ValidationError", 422, "custom val")
                .with_kind("MY_VAL")
                .with_data(json!({ "field": "z" })),
        ))
        .action(failing(
            "errHdr",
            json!({ "$responseType": "text/plain", "$responseHeaders": { "X-Custom": "c" } }),
            Error::build("MoleculerServerError", 500, "with headers"),
        ))
        .action(failing("errStatusMeta", json!({ "$statusCode": 418 }), client(400, "nope")))
        .action(fail("errStatusProp", plain("Error", 404, "st")))
}
