//! Which request reaches which action: paths, aliases, masks, order, automatic aliases.

use ligand::{
    Context, Error, Result, Value, json,
    web::{Gateway, Incoming, IntoResponse as _, Multipart, Next, Route, Target, error, http::HeaderValue},
};

use super::{Group, only_posts, open};
use crate::gateway::{fixture, posts};

pub(super) fn group(name: &str) -> Option<Group> {
    Some(match name {
        // The gateway publishes a list of its aliases, and direct calls reach it.
        "A" | "A2" => Group::new([open("/")]).with(|gateway| gateway.publish_aliases()),
        "D" => Group::new([open("/")]).with(|gateway| gateway.path("/my-api")),
        "D2" => Group::new([open("/")]).with(|gateway| gateway.path("/")),
        "D3" => Group::new([open("sub")]).with(|gateway| gateway.path("noslash")),
        "D4" => Group::new([open("/api")]),
        "E" => Group::new([open("/").camel_case_names()]),
        "F" => Group::new([open("/api").allow(["fx.hello", "math.*", "fx.obj*"])]),
        "F2" => Group::new([open("/api").deny(["fx.greet", "math.sub", "fx.obj*"])]),
        "F3" => Group::new([open("/api").allow(["**"]).deny(["fx.hello"])]),
        "F4" => Group::new([open("/").allow(["fx.h*", "*.add", "fx.n?m"])]),
        "F5" => Group::new([Route::new("/api")
            .allow(["math.*"])
            .alias("/add", "math.add")
            .alias("/hello", "fx.hello")
            .alias("/mw", Target::action("fx.hello").middleware(mark))]),
        "F6" => Group::new([open("/").allow::<&str>([])]),
        "G" => Group::new([aliases(), open("/unsecure")]),
        "H" => Group::new([
            Route::new("/api")
                .separate_params()
                .alias("GET /echo", "fx.params")
                .alias("POST /echo", "fx.params")
                .alias("/p/:name", "fx.params"),
            open("/raw").separate_params(),
        ]),
        "I" => Group::new([Route::new("/api").alias("REST /posts", "posts")]).of(only_posts()),
        "I2" => Group::new([rest(Target::action("posts").only(["list", "get"]))]).of(only_posts()),
        "I3" => Group::new([rest(Target::action("posts").except(["list", "get", "update", "remove"]))])
            .of(only_posts()),
        "I4" => Group::new([rest(Target::action("posts").only(["list", "get"]).except(["list"]))])
            .of(only_posts()),
        "I5" => Group::new([Route::new("/api").alias("REST /users/:uid/posts/", "posts")]).of(only_posts()),
        "K" => Group::new([
            open("/api1").allow(["math.*"]).alias("/main", "math.add"),
            open("/api2").allow(["fx.*"]).alias("/main", "fx.greet"),
        ]),
        "K2" => Group::new([Route::new("/api").allow(["math.*"]).alias("/add", "math.add")]),
        "K4" => Group::new([
            Route::new("/").alias("/b", "fx.hello"),
            Route::new("/a").alias("/c", "fx.num"),
            Route::new("/a/b").aliases([("/c", "fx.yes"), ("/d/:id", "fx.params"), ("/d/e", "fx.text")]),
        ]),
        "K5" => Group::new([
            Route::new("/").alias("/:any", "fx.params").alias("/b", "fx.hello"),
            Route::new("/a/b").alias("/d/:id", "fx.params").alias("/d/e", "fx.text"),
        ])
        .with(|gateway| gateway.declared_order()),
        "K6" => Group::new([
            named("r1", "1").alias("/hello", "fx.hello"),
            named("r2", "2").alias("/hi", "fx.num"),
        ]),
        "K7" => Group::new([
            Route::new("/my").alias("/hello", "fx.hello"),
            Route::new("/my").alias("/hi", "fx.num"),
        ]),
        "K8" => {
            Group::new([Route::new("/lang/:lng/").handler("GET /", language).alias("GET /x", "fx.params")])
                .with(|gateway| gateway.path("/api"))
        }
        "S" => Group::new([uploads()]).of(vec![posts::file()]),
        "T" | "T2" | "T3" | "T4" => automatic(name),
        "U1" => Group::new([open("/").internal_services("@")]).with(|gateway| gateway.path("/api")),
        "U4" => Group::new(["/t1", "/t2"].map(|path| {
            Route::new(path)
                .ignore_case(path == "/t1")
                .alias("GET /users", "fx.num")
                .alias("GET /Users", "fx.yes")
        })),
        "U5" => Group {
            steps: vec![
                |gateway| gateway.add_route(Route::new("/my").alias("/hello", "fx.hello")),
                |gateway| gateway.add_route(Route::new("/my").alias("/hi", "fx.num")),
                |gateway| {
                    gateway.remove_route("/my");
                    Ok(())
                },
            ],
            ..Group::new([])
        },
        "U6" => Group::new([
            Route::new("/api").alias("GET /aliases", "api.listAliases").alias("GET /greet", "fx.greet"),
            Route::new("/admin").alias("/hello", "fx.hello"),
        ])
        .with(|gateway| gateway.publish_aliases()),
        "U10" => Group::new([Route::new("/").alias("GET /people", "people.list")]),
        "X" => Group::new([forms()]),
        "Z4" => Group::new([
            Route::new("/api/public").alias("POST /login", "fx.hello"),
            open("/api").auto_aliases().alias("GET /x", "fx.num"),
        ]),
        _ => return None,
    })
}

fn rest(target: Target) -> Route {
    Route::new("/api").alias("REST /posts", target)
}

async fn mark(request: Incoming, next: Next) -> Result<ligand::web::http::Response<ligand::web::Body>> {
    request.set_response_header("x-mw".parse()?, HeaderValue::from_static("1"));
    next.run(request).await
}

fn aliases() -> Route {
    let fails = |error: fn() -> Error| move |_: Incoming, _: Next| async move { Err::<(), _>(error()) };
    let some = || Error::build("MoleculerError", 500, "Some error");
    let mended = |request: Incoming, next: Next| async move {
        match next.run(request).await {
            Err(error) => format!("handled {}", error.message()).into_response().map(|mut response| {
                response.headers_mut().remove("content-type");
                response
            }),
            answer => answer,
        }
    };
    Route::new("/api")
        // Aliases to actions of the node are written here.
        .internal_services("")
        .alias("/add", "math.add")
        .alias("GET /hello", "fx.hello")
        .alias("POST   /hello", "fx.greet")
        .alias("GET  /greeter/:name", "fx.greet")
        .alias("POST /greeting/:name", "fx.greet")
        .alias("/opt{/:name}", "fx.params")
        .alias("/rep/*args", "fx.params")
        .alias("GET /", "fx.hello")
        .handler("GET /custom", custom)
        .alias("GET /mw", Target::action("fx.greet").middleware(mark).middleware(mark))
        // A chain without an end does not compile here: this one says what the reference answers.
        .alias("GET /mw-noaction", Target::handler(nobody).middleware(mark))
        .alias("GET /mw-err", Target::action("fx.hello").middleware(fails(some)))
        .alias(
            "GET /mw-plainerr",
            Target::action("fx.hello").middleware(fails(|| Error::new("plain mw error"))),
        )
        .alias("GET /mw-errhandled", Target::action("fx.hello").middleware(mended).middleware(fails(some)))
        .alias("GET /reqres", "fx.reqres")
        .alias("GET /two/:a/:b", "fx.params")
        .alias("GET /num/:id", "fx.typed")
        .alias("GET /missing", "no.such")
        .alias("GET /private", "fx.vPrivate")
        .alias("GET /public", "fx.vPublic")
        .alias("GET /protected", "fx.vProtected")
        .alias("GET /internal", "$node.list")
        .handler("GET /urls", urls)
        .alias("GET /trailing/", "fx.hello")
}

/// What is written without a type in the reference.
fn untyped(text: String) -> ligand::web::http::Response<String> {
    ligand::web::http::Response::new(text)
}

async fn custom(_: Context, request: Incoming) -> Result<impl ligand::web::IntoResponse> {
    let query = ligand::web::query::parse(request.query().unwrap_or_default(), 100)?;
    let name = query.get("name").and_then(Value::as_str).unwrap_or("undefined");
    Ok(untyped(format!("Custom by {name}")))
}

async fn nobody(_: Context, _: Incoming) -> Result<()> {
    let data = json!({ "path": "/api/mw-noaction", "alias": { "method": "GET", "path": "mw-noaction" } });
    Err(Error::build("MoleculerServerError", 500, "No alias handler")
        .with_kind("NO_ALIAS_HANDLER")
        .with_data(data))
}

async fn language(_: Context, request: Incoming) -> Result<impl ligand::web::IntoResponse> {
    Ok(untyped(format!("lang {}", request.param("lng").unwrap_or_default())))
}

async fn urls(_: Context, request: Incoming) -> Result<impl ligand::web::IntoResponse> {
    let base = request.route_path().unwrap_or_default();
    let original = request.uri.to_string();
    let query = ligand::web::query::parse(request.query().unwrap_or_default(), 100)?;
    let urls = json!({
        "url": original.strip_prefix(base).unwrap_or(&original), "originalUrl": original, "baseUrl": base,
        "parsedUrl": request.path, "query": query,
    });
    Ok(untyped(urls.to_string()))
}

fn named(name: &str, mark: &'static str) -> Route {
    Route::new("/my").name(name).on_response(move |req, _, headers| {
        if req.action().is_some() {
            headers.insert("x-r", HeaderValue::from_static(mark));
        }
    })
}

fn uploads() -> Route {
    let multipart = |files, empty: bool| Multipart::new().files(files).without_file(empty);
    Route::new("/upload")
        .json(false)
        .multipart(multipart(1, false))
        .alias("POST /", "multipart:file.save")
        .alias("PUT /", "stream:file.save")
        .alias("PUT /:id", "stream:file.save")
        .upload("POST /multi", "file.save", multipart(3, false))
        .upload("POST /form/:id", "file.save", multipart(0, true))
        .upload("POST /small", "file.save", multipart(1, false).file_limit(4_usize))
        .alias("POST /reject", "multipart:file.reject")
}

fn automatic(name: &str) -> Group {
    let mut services = posts::all();
    services.push(fixture::fx());
    let route = Route::new("/api").auto_aliases();
    match name {
        "T2" => Group::new([route.allow(["posts.get", "custom.*"])]).of(services),
        "T3" => Group::new([route.deny(["posts.list"])]).of(only_posts()),
        "T4" => Group::new([route]).of(vec![fixture::fx()]),
        _ => Group::new([route.alias("GET /manual", "fx.hello")])
            .of(services)
            .with(|gateway| gateway.publish_aliases()),
    }
}

fn forms() -> Route {
    // `get lower` and `GET,POST both` of the reference never match; here they are refused when they are written.
    Route::new("/api")
        .alias("GET /o1", "fx.hello")
        .alias("GET /absolute", Target::action("fx.hello").full_path())
        .alias("GET /o3", "fx.params")
        .alias("POST /o4", "fx.params")
        .alias("GET /o5", "stream:fx.echo")
        .alias("GET /a.b", "fx.num")
        .alias("GET /star/*rest", "fx.params")
}

/// Errors that the reference offers, by the names of its cases.
pub(super) fn offered(name: &str) -> Option<Error> {
    let data = || json!({ "a": 1 });
    let of = |name: &'static str, code, text: &'static str| Error::build(name, code, text);
    Some(match name {
        "NotFound" => error::not_found(),
        "NotFoundT" => of("NotFoundError", 404, "Not found").with_kind("MY").with_data(data()),
        "BadRequest" => error::bad_request("T").with_data(data()),
        "Forbidden" => of("ForbiddenError", 403, "Forbidden"),
        "UnAuth" => error::unauthorized(error::INVALID_TOKEN),
        "PayloadTooLarge" => error::payload_too_large().with_data(data()),
        "RateLimit" => of("RateLimitExceeded", 429, "Rate limit exceeded"),
        "Unavailable" => of("ServiceUnavailableError", 503, "Service unavailable"),
        "InvalidBody" => {
            of("InvalidRequestBodyError", 400, "Invalid request body").with_kind("INVALID_REQUEST_BODY")
        }
        "InvalidResp" => of("InvalidResponseTypeError", 500, "Invalid response type 'function'")
            .with_kind("INVALID_RESPONSE_TYPE")
            .with_data(json!({ "dataType": "function" })),
        "Str" => of("MoleculerError", 500, "just a string"),
        "Plain" => Error::new("plain"),
        _ => return None,
    })
}

pub(super) const OFFERED: [&str; 12] = [
    "NotFound",
    "NotFoundT",
    "BadRequest",
    "Forbidden",
    "UnAuth",
    "PayloadTooLarge",
    "RateLimit",
    "Unavailable",
    "InvalidBody",
    "InvalidResp",
    "Str",
    "Plain",
];

/// What an embedding server answers about what is not the gateway's.
pub(super) fn next(text: &str) -> ligand::web::http::Response<String> {
    let mut response = untyped(format!("NEXT {text}"));
    *response.status_mut() = ligand::web::http::StatusCode::from_u16(299).expect("a status");
    response
}

/// Puts a gateway into a server that answers what it leaves.
pub(super) fn hosted(gateway: &Gateway, broker: &ligand::ServiceBroker) -> Gateway {
    let next = |_: Context, _: Incoming| async { Ok::<_, Error>(next("no-error")) };
    let paths = ["* /", "* /*rest", "OPTIONS /", "OPTIONS /*rest"];
    let all = paths.iter().fold(Route::new("/"), |route, path| route.handler(path, next));
    let rest = Gateway::builder()
        .without_health()
        .compat(|compat| *compat = ligand::web::Compat::moleculer_web())
        .route(all)
        .build()
        .mount(broker);
    let mounted = gateway.mount(broker).or(rest);
    Gateway::builder()
        .name("host")
        .without_health()
        .compat(|compat| *compat = ligand::web::Compat::moleculer_web())
        .route(Route::new("/").service("/", mounted))
        .build()
}
