//! Who may call: CORS, rates, authentication, authorisation, and the order of these steps.

use std::sync::Arc;

use ligand::{
    Context, Error, Result, Value, json,
    service::ActionDef,
    web::{Answer, Cors, Incoming, Next, RateLimit, Req, Route, error, http::Method},
};

use super::{
    Group, open,
    routing::{OFFERED, offered},
};

pub(super) fn group(name: &str) -> Option<Group> {
    let local = || Cors::origins(["http://localhost:3000"]);
    Some(match name {
        "L1" | "L8" => Group::new([open("/").cors(Cors::any())]),
        "L2" => Group::new([open("/").cors(Cors::origins_if(|origin| origin == "a"))]),
        "L3" => Group::new([open("/").cors(local().expose(["X-Response-Time"]).credentials())]),
        "L4" => Group::new([open("/").cors(Cors::origins_if(|origin| origin == "http://ok"))]),
        "L5" => {
            let listed = ["http://localhost:3000", "https://localhost:4000", "http://*.a.com"];
            Group::new([open("/").cors(Cors::origins(listed).expose(["X-Custom-Header", "X-Response-Time"]))])
        }
        "L6" => Group::new([open("/").cors(
            Cors::origins(["http://test-server"])
                .expose(["X-Custom-Header", "X-Response-Time"])
                .credentials()
                .headers(["X-Rate-Limiting"])
                .methods([Method::GET, Method::POST, Method::DELETE])
                .max_age(std::time::Duration::from_secs(3600)),
        )]),
        "L7" => {
            Group::new([Route::new("/").alias("GET /hello", "fx.hello").cors(local().methods([Method::GET]))])
        }
        "M1" => Group::new([open("/").rate_limit(rate(3))]),
        "M2" => Group::new([open("/").rate_limit(rate(1).headers(false))]),
        "M3" => Group::new([open("/").rate_limit(rate(1).by(|req| req.header("x-key").map(str::to_owned)))]),
        "M4" => Group::new([open("/a").rate_limit(rate(1)), open("/b")]),
        "M5" => Group::new([open("/").rate_limit(rate(1)).cors(Cors::any())]),
        "N1" => Group::new([
            open("/n").authenticate(authenticate),
            open("/z").authenticate(authenticate).authorize(authorize),
            open("/q").authorize(authorize),
            open("/empty")
                .authenticate(|_, _| async { Err::<(), _>(Error::build("MoleculerError", 500, "")) }),
            // A stage that does not exist cannot be named: this route has none.
            open("/missing"),
        ]),
        "N2" => Group::new([open("/")]),
        "N3" => Group::new([OFFERED.iter().fold(Route::new("/"), |route, name| {
            let failing = move |_: Context, _: Incoming| async move { Err::<(), _>(raised(name)) };
            route.handler(&format!("GET /{name}"), failing)
        })]),
        "N4" => Group::new(OFFERED.map(|name| {
            open(&format!("/{name}"))
                .middleware(move |_, _| async move { Err::<(), _>(handed_on(raised(name))) })
        })),
        "Y" => Group::new([open("/")
            .cors(Cors::any())
            .authenticate(|_, _| async { Err::<(), _>(error::unauthorized(error::INVALID_TOKEN)) })]),
        "Y2" => Group::new([steps()]),
        "Z2" => Group::new([Route::new("/api").alias("GET /me", "fx.whoami")]),
        "Z3" => Group::new([Route::new("/api").alias("GET /me", "fx.whoami").authenticate(
            |_: Context, req: Arc<Req>| async move {
                match req.header("authorization") {
                    Some(_) => Ok(json!({ "id": 7 })),
                    None => Err(error::unauthorized(error::NO_TOKEN)),
                }
            },
        )]),
        _ => return None,
    })
}

/// By the text of `X-Forwarded-For`, as the reference believes it.
fn rate(limit: u32) -> RateLimit {
    RateLimit::new(limit, std::time::Duration::from_secs(60)).by_header("x-forwarded-for")
}

/// Every step says its name. What comes before authentication is a middleware here.
fn steps() -> Route {
    fn seen(ctx: &Context, step: &str) -> Result<()> {
        let before: Option<String> = ctx.meta("order")?;
        ctx.set_meta("order", before.map_or_else(|| step.to_owned(), |before| format!("{before},{step}")));
        Ok(())
    }
    open("/")
        .rate_limit(rate(100))
        .middleware(|request: Incoming, next: Next| async move {
            seen(request.ctx(), "before")?;
            next.run(request).await
        })
        .authenticate(|ctx: Context, _: Arc<Req>| async move { seen(&ctx, "authn") })
        .authorize(|ctx: Context, _: Arc<ActionDef>| async move { seen(&ctx, "authz") })
        .after(|ctx: Context, _: Arc<Req>, answer: Answer| async move {
            let order: String = ctx.require_meta("order")?;
            Ok::<_, Error>(answer.header("x-order", &order))
        })
}

async fn authenticate(_: Context, req: Arc<Req>) -> Result<Value> {
    match req.header("authorization") {
        None => Ok(Value::Null),
        Some("Bearer good") => Ok(json!({ "id": 1, "name": "John" })),
        Some(other) => Err(error::unauthorized(error::INVALID_TOKEN).with_data(json!({ "got": other }))),
    }
}

async fn authorize(ctx: Context, action: Arc<ActionDef>) -> Result<()> {
    let user: Option<Value> = ctx.meta("user")?;
    match user {
        _ if action.full_name() == "fx.obj" => Err(Error::build("ForbiddenError", 403, "Forbidden")),
        None => Err(error::unauthorized(error::NO_TOKEN)),
        Some(_) => Ok(()),
    }
}

fn raised(name: &str) -> Error {
    offered(name).unwrap_or_else(|| Error::new(name.to_owned()))
}

/// What becomes of an error that a middleware of a route hands to the next one: a plain one loses its name.
pub(super) fn handed_on(error: Error) -> Error {
    match error.name() {
        "Error" => Error::build("MoleculerError", error.code(), error.message().to_owned()),
        _ => error,
    }
}

/// A middleware that sets a header whatever comes.
pub(super) async fn sets(
    request: Incoming,
    next: Next,
    name: &'static str,
    value: String,
) -> Result<ligand::web::http::Response<ligand::web::Body>> {
    request.set_response_header(name.parse()?, value.parse()?);
    next.run(request).await
}
