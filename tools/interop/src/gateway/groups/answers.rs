//! What answers look like: bodies, hooks, errors, tags, logs.

use std::{sync::Arc, time::Duration};

use ligand::{
    Context, Error, Payload,
    broker::CallOptions,
    context::Meta,
    json,
    middleware::Fallback,
    web::{Answer, Cors, Etag, Files, Incoming, Next, Req, Route, error, http::Response},
};

use super::{
    Group,
    guards::{handed_on, sets},
    open,
    routing::{hosted, next},
};

pub(super) fn group(name: &str) -> Option<Group> {
    Some(match name {
        "B" | "C" | "J2" | "J6" | "U2" | "U3" | "U7" | "W2" | "W3" | "Q5" | "O6" | "O7" | "O8" | "V2" => {
            plain(name)
        }
        "J1" => Group::new([open("/").json(false)]),
        "J3" => Group::new([open("/").json(false).forms()]),
        "J4" => Group::new([open("/").body_limit("1kb")]),
        "J5" => Group::new([open("/").json(false).texts().separate_params()]),
        "O1" => Group::new([Route::new("/")
            .alias("GET /info", "fx.ctxinfo")
            .alias("GET /nul", "fx.nul")
            .before(|ctx: Context, req: Arc<Req>| async move {
                ctx.set_meta("ua", req.header("user-agent").unwrap_or_default());
                ctx.set_meta("ip", "x");
                Ok::<_, Error>(())
            })
            .after(|_: Context, req: Arc<Req>, mut answer: Answer| async move {
                let data = answer.payload.to_value()?;
                answer.payload = json!({ "wrapped": data }).into();
                Ok::<_, Error>(
                    answer.header("x-after", "1").header("x-before", req.action().unwrap_or_default()),
                )
            })]),
        "O2" => Group::new([
            open("/").before(|_: Context, _: Arc<Req>| async { Err::<(), _>(error::forbidden("NO")) })
        ]),
        "O3" => Group::new([open("/").after(|_: Context, _: Arc<Req>, mut answer: Answer| async move {
            answer.payload = Payload::UNDEFINED;
            Ok::<_, Error>(answer)
        })]),
        "O4" => Group::new([open("/").after(|_: Context, _: Arc<Req>, _: Answer| async {
            Err::<Answer, _>(Error::build("MoleculerError", 500, "after"))
        })]),
        "O5" => Group::new([
            open("/r")
                .error_response(|_, error| Some(text(500, format!("Route error: {}", error.message())))),
            open("/g"),
        ])
        .with(|gateway| {
            gateway.error_response(|_, error| Some(text(501, format!("Global error: {}", error.message()))))
        }),
        "O9" => options(),
        "P" => chains(),
        "Q1" => Group::new([open("/").etag(Etag::weak())]),
        "Q3" => Group::new([open("/")]).with(|gateway| gateway.etag(Etag::strong())),
        "Q4" => Group::new([open("/").etag(Etag::from_fn(|_| "123abc".into()))]),
        "R1" => Group::new([]).with(|gateway| gateway.files(assets())),
        "R2" => Group::new([open("/api")]).with(|gateway| gateway.files(assets())),
        "R3" => Group::new([Route::new("/").files(assets()).cors(Cors::origins_if(|origin| origin == "a"))]),
        "U8" => Group::new([open("/").before(|ctx: Context, req: Arc<Req>| async move {
            ctx.set_meta("ua", format!("root-{}", req.method));
            Ok::<_, Error>(())
        })]),
        "U9" => Group::new([open("/").call_options(within(50))]),
        "V" => {
            let failed = |_: &Req, error: &Error| Some(next(&format!("{}:{}", error.name(), error.code())));
            let mut group =
                Group::new([open("/").error_response(failed)]).with(|gateway| gateway.path("/api"));
            group.host = Some(hosted);
            group
        }
        "W1" => Group::new([Route::new("/")
            .alias("GET /hello", "fx.hello")
            .alias("GET /bad", "fx.err400")
            .alias("GET /boom", "fx.err")]),
        "Z1" => Group::new([Route::new("/api")
            .cors(Cors::any())
            .allow(["fx.*"])
            .alias("GET /hello", "fx.hello")
            .alias("GET /bad", "fx.err422")
            .alias("POST /greet", "fx.greet")
            .alias("GET /plain", "fx.errPlain")
            .alias("GET /to", "fx.slow")
            .call_options(within(60))
            .error_response(|_, error| Some(shaped(error)))]),
        _ => return None,
    })
}

/// One open route, and what the gateway says of all.
fn plain(name: &str) -> Group {
    let group = match name {
        "W2" => Group::new([Route::new("/").alias("GET /hello", "fx.hello").alias("GET /bad", "fx.err400")]),
        _ => Group::new([open("/")]),
    };
    match name {
        "O6" => group.with(|gateway| {
            gateway.error_formatter(|error| json!({ "msg": error.message(), "code": error.code() }))
        }),
        "O7" => group.with(|gateway| {
            gateway.error_response(|_, error| {
                let response = Response::builder().status(error::status(error));
                response.header("content-type", "application/json; charset=utf-8").body(String::new()).ok()
            })
        }),
        "O8" => group.with(|gateway| {
            gateway.json_encoder(|_, json| [b"{\"enc\":".as_slice(), &json, b"}"].concat().into())
        }),
        "V2" => {
            let mut group = group.with(|gateway| {
                gateway.error_response(|_, error| Some(text(555, format!("onError {}", error.message()))))
            });
            group.host = Some(hosted);
            group
        }
        "U2" => group.with(|gateway| gateway.query(|query| query.commas = true)),
        "U3" => group.with(|gateway| {
            gateway.limits(|limits| limits.query_pairs = 2).query(|query| {
                (query.places, query.depth, query.dots, query.cut) = (0, 1, true, true);
            })
        }),
        _ => group,
    }
}

fn assets() -> Files {
    Files::new(concat!(env!("CARGO_MANIFEST_DIR"), "/gateway/assets"))
}

fn text(status: u16, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = ligand::web::http::StatusCode::from_u16(status).expect("a status");
    if status != 555 {
        response
            .headers_mut()
            .insert("content-type", ligand::web::http::HeaderValue::from_static("text/plain"));
    }
    response
}

/// `{error, code, data}` with what the error has of it.
fn shaped(error: &Error) -> Response<String> {
    let mut body = json!({ "error": error.message() });
    // A plain error has no code.
    if error.name() != "Error" {
        body["code"] = error.code().into();
    }
    if let Some(data) = error.data() {
        body["data"] = data.clone();
    }
    let mut response = text(error::status(error).as_u16(), body.to_string());
    let kind = ligand::web::http::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", kind);
    response
}

fn within(millis: u64) -> CallOptions {
    CallOptions { timeout: Some(Duration::from_millis(millis)), ..CallOptions::default() }
}

fn options() -> Group {
    let mut meta = Meta::default();
    meta.set("ua", "from-call-options");
    let fallback = Fallback::value(json!({ "fb": true }));
    Group::new([
        open("/t").call_options(within(50)),
        open("/f").call_options(CallOptions { fallback: Some(fallback), ..within(50) }),
        open("/m").call_options(CallOptions { meta, ..CallOptions::default() }),
    ])
}

fn chains() -> Group {
    let global = |request: Incoming, next: Next| sets(request, next, "x-g", "1".into());
    let where_it_is = |request: Incoming, next: Next| {
        let original = request.uri.to_string();
        let base = "/m";
        let below = original.strip_prefix(base).unwrap_or(&original).to_owned();
        sets(request, next, "x-r2", format!("{below}|{base}|{original}"))
    };
    let boom = |_: Incoming, _: Next| async { Err::<(), _>(handed_on(Error::new("boom"))) };
    let caught = |request: Incoming, next: Next| async move {
        Ok::<_, Error>(match next.run(request).await {
            Err(_) => ligand::web::http::Response::new(ligand::web::Body::from("caught")),
            Ok(response) => response,
        })
    };
    Group::new([
        open("/m")
            .middleware(|request, next| sets(request, next, "x-r1", "1".into()))
            .middleware(where_it_is),
        open("/e").middleware(boom),
        open("/h").middleware(caught).middleware(boom),
        open("/short").middleware(|_, _| async { Ok::<_, Error>(Response::new("short".to_owned())) }),
        open("/c").middleware(|_, _| async { Err::<(), _>(handed_on(Error::build("Error", 404, "nf"))) }),
    ])
    .with(|gateway| gateway.middleware(global))
}
