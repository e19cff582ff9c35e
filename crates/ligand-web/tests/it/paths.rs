//! Parameters of paths: two spellings of a name, and what is refused before the first request.

use ligand_core::{
    Action, ActionRef, Context, Error, Payload, Result, ServiceBroker, ServiceDef, service::Rest,
};
use ligand_web::{Gateway, Route};
use ligand_wire::schema::Schema;
use serde_json::{Value, json};

use crate::client::Direct;

fn schema(names: &[&str]) -> Schema {
    let properties: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({"type": "integer"}))).collect();
    Schema::from_json(json!({"type": "object", "properties": properties})).unwrap()
}

/// An action that answers its parameters and says that it takes these.
fn echo(name: &'static str, names: &[&str]) -> Action {
    Action::raw(name, |_: &Context, params: Payload| ligand_core::future::ready(Ok(params)))
        .params_schema(schema(names))
}

fn local(route: Route) -> Gateway {
    Gateway::builder().bind("127.0.0.1:0").route(route).build()
}

async fn start(service: ServiceDef, gateway: Gateway) -> Result<ServiceBroker> {
    ServiceBroker::builder().service(gateway).service(service).start().await
}

#[tokio::test]
async fn both_spellings_of_a_name_mean_one_parameter() {
    let service = ServiceDef::new("books")
        .action(echo("get", &["bookId"]).rest("GET /one/:book_id").unwrap().rest("GET /two/:bookId").unwrap())
        .action(echo("old", &["book_id"]).rest("GET /three/:bookId").unwrap());
    let route = Route::new("/").auto_aliases().before(|_, req| async move {
        assert_eq!((req.param("book_id"), req.param("bookId")), (Some("7"), Some("7")));
        Ok::<_, Error>(())
    });
    let gateway =
        local(route.alias("GET /four/:book_id", "books.get").alias("GET /five/:bookId", "books.old"));
    let broker = start(service, gateway.clone()).await.unwrap();
    let http = Direct(&gateway, &broker);
    for (path, name) in [
        ("/books/one/7", "bookId"),
        ("/books/two/7", "bookId"),
        ("/books/three/7", "book_id"),
        ("/four/7", "bookId"),
        ("/five/7", "book_id"),
    ] {
        assert_eq!(http.get(path).await.json(), json!({ name: 7 }), "{path}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn a_parameter_that_the_action_does_not_take_stops_the_start() {
    let action = |rest: &str| echo("get", &["id", "name"]).rest(rest).unwrap();
    let dynamic =
        |action: Action| (ServiceDef::new("books").action(action), Gateway::builder().port(0).build());
    let alias = |text: &str| {
        (
            ServiceDef::new("books").action(echo("get", &["id", "name"])),
            local(Route::new("/").alias(text, "books.get")),
        )
    };
    let settled = |base: Value| {
        (
            ServiceDef::new("books").setting("rest", base).action(action("GET /:id")),
            Gateway::builder().port(0).build(),
        )
    };
    const GET: ActionRef<Value, Value> = ActionRef::new("books.get");
    let typed = (
        ServiceDef::new("books").action(echo("get", &["id"])),
        local(Route::new("/").alias("GET /:idd", GET)),
    );
    let rest = Route::new("/").alias("REST /:shelf/books", "books");
    let rest = (ServiceDef::new("books").action(echo("get", &["id"])), local(rest));
    let list = Action::new("get", |_: Context, _: Vec<i64>| async { Ok::<_, Error>(1) }).params::<Vec<i64>>();
    for ((service, gateway), text) in [
        (
            dynamic(action("GET /:idd")),
            "'GET /:idd': ':idd' is no parameter of the action; did you mean ':id'?",
        ),
        (dynamic(action("GET /x/*nam")), "did you mean ':name'?"),
        (dynamic(echo("get", &["id"]).with_rest(Rest::new("GET", "/x").below("/:idd"))), "':id'?"),
        (dynamic(echo("get", &["id"]).with_rest(Rest::new("GET", "/{id}"))), "write ':id'"),
        (dynamic(echo("get", &["id"]).with_rest(Rest::new("FETCH", "/x"))), "'FETCH'"),
        (dynamic(list.rest("GET /:id").unwrap()), "takes none"),
        (alias("GET /:idd"), "'GET /:idd': ':idd' is no parameter of the action; did you mean ':id'?"),
        (alias("GET /:id/:book"), "It takes: id, name"),
        (rest, "':shelf'"),
        (typed, "did you mean ':id'?"),
        (settled(json!("/shelves/:nmae")), "did you mean ':name'?"),
        (settled(json!(["/ok", "/{id}"])), "write ':id'"),
    ] {
        let error = start(service, gateway).await.expect_err(text);
        assert_eq!(error.kind(), "SERVICE_SCHEMA_ERROR");
        assert!(error.message().contains(text) && error.message().contains("books"), "{text}: {error}");
    }
}

#[tokio::test]
async fn what_is_not_known_to_be_wrong_starts() {
    let open = json!({"type": "object", "properties": {"id": {}}, "additionalProperties": true});
    let raw = |name| Action::raw(name, |_: &Context, params: Payload| ligand_core::future::ready(Ok(params)));
    let apart = json!({"type": "object", "properties": {
        "params": {"type": "object", "properties": {
            "bookId": {"type": "integer", "x-ligand": {"aliases": ["ean13"]}},
        }},
        "query": {}, "body": {},
    }});
    // As the schema of a type has it.
    let linked = json!({"type": "object", "properties": {"params": {"$ref": "#/$defs/ById"}, "query": {}},
        "$defs": {"ById": {"type": "object", "properties": {"bookId": {"type": "integer"}}}}});
    let service = ServiceDef::new("books")
        .setting("rest", "/of/:tenant/books")
        .action(raw("linked").params_schema(Schema::from_json(linked).unwrap()))
        .action(raw("free").rest("GET /:anything").unwrap())
        .action(
            raw("open").params_schema(Schema::from_json(open).unwrap()).rest("GET /open/:anything").unwrap(),
        )
        .action(
            raw("apart")
                .params_schema(Schema::from_json(apart).unwrap())
                .rest("GET /apart/:book_id")
                .unwrap(),
        )
        .action(echo("known", &["id", "tenant"]).rest("GET /known/:id").unwrap());
    // Parameters of the route's own path are for its stages.
    let gateway = Gateway::builder()
        .route(
            Route::new("/:tenant").alias("GET /known/:id", "books.known").alias("GET /gone/:idd", "no.such"),
        )
        .route(
            Route::new("/apart")
                .separate_params()
                .alias("GET /:book_id", "books.apart")
                .alias("GET /by-ean/:ean_13", "books.apart")
                .alias("GET /linked/:book_id", "books.linked")
                .alias("GET /free/:anything", "books.linked"),
        )
        .port(0)
        .build();
    let broker = start(service, gateway.clone()).await.unwrap();
    let http = Direct(&gateway, &broker);
    assert_eq!(http.get("/5/known/7").await.json(), json!({"tenant": 5, "id": 7}));
    assert_eq!(http.get("/apart/7").await.json(), json!({"params": {"bookId": 7}, "query": {}}));
    assert_eq!(http.get("/apart/by-ean/7").await.json(), json!({"params": {"ean13": 7}, "query": {}}));
    assert_eq!(http.get("/apart/linked/7").await.json(), json!({"params": {"bookId": 7}, "query": {}}));
    assert_eq!(http.get("/apart/free/7").await.json(), json!({"params": {"anything": "7"}, "query": {}}));
    broker.stop().await;
}
