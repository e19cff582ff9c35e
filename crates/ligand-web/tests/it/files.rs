//! Static files beside routes.

use std::{path::Path, sync::Arc};

use ligand_core::{Context, ServiceBroker};
use ligand_web::{Files, Gateway, Req, Route, error};

use crate::{
    client::{Answer, Direct},
    fixture,
};

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("public/index.html", "<html>index</html>"),
        ("public/lorem.txt", "Lorem ipsum dolor sit amet."),
        ("public/sub/index.html", "<html>sub</html>"),
        ("public/ü b.txt", "name"),
        ("public/100%.txt", "percent"),
        ("public/.hidden", "secret"),
        ("public/.git/config", "secret"),
        ("public/noext", "noext"),
        ("public/api/only", "file"),
        ("secret.txt", "secret"),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn gateway(folder: &Path) -> Gateway {
    let files = Files::new(folder.join("public"));
    Gateway::builder().files(files).route(Route::new("/api").alias("GET /num", "fx.num")).build()
}

async fn get(gateway: &Gateway, broker: &ServiceBroker, path: &str, headers: &[(&str, &str)]) -> Answer {
    Direct(gateway, broker).send("GET", path, headers, "").await
}

#[tokio::test]
async fn files_are_answers_where_no_route_has_one() {
    let (folder, broker) = (folder(), fixture::broker().await);
    let gateway = gateway(folder.path());
    for (path, kind, body) in [
        ("/", "text/html; charset=utf-8", "<html>index</html>"),
        ("/lorem.txt", "text/plain; charset=utf-8", "Lorem ipsum dolor sit amet."),
        ("/sub/", "text/html; charset=utf-8", "<html>sub</html>"),
        ("//sub//index.html", "text/html; charset=utf-8", "<html>sub</html>"),
        ("/%C3%BC%20b.txt", "text/plain; charset=utf-8", "name"),
        ("/100%25.txt", "text/plain; charset=utf-8", "percent"),
        ("/noext", "application/octet-stream", "noext"),
        ("/api/only", "application/octet-stream", "file"),
        ("/api/num", "application/json; charset=utf-8", "123"),
    ] {
        let answer = get(&gateway, &broker, path, &[]).await;
        assert_eq!(
            (answer.status, answer.header("content-type"), answer.body.as_str()),
            (200, kind, body),
            "{path}"
        );
    }
    let answer = get(&gateway, &broker, "/lorem.txt", &[]).await;
    assert_eq!(
        (answer.header("cache-control"), answer.header("accept-ranges")),
        ("public, max-age=0", "bytes")
    );
    assert_eq!((answer.header("content-length"), answer.header("x-content-type-options")), ("27", "nosniff"));
    let moved = get(&gateway, &broker, "/sub", &[]).await;
    assert_eq!((moved.status, moved.header("location"), moved.body.as_str()), (301, "/sub/", ""));
    let head = Direct(&gateway, &broker).send("HEAD", "/lorem.txt", &[], "").await;
    assert_eq!((head.status, head.header("content-length"), head.body.as_str()), (200, "27", ""));
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(
            Direct(&gateway, &broker).send(method, "/lorem.txt", &[], "").await.status,
            404,
            "{method}"
        );
    }
    broker.stop().await;
}

#[tokio::test]
async fn parts_of_files_and_what_has_not_changed() {
    let (folder, broker) = (folder(), fixture::broker().await);
    let gateway = gateway(folder.path());
    let whole = get(&gateway, &broker, "/lorem.txt", &[]).await;
    let (etag, modified) = (whole.header("etag").to_owned(), whole.header("last-modified").to_owned());
    assert!(!etag.is_empty() && !modified.is_empty(), "{whole:?}");
    for (range, status, body, told) in [
        ("bytes=0-4", 206, "Lorem", "bytes 0-4/27"),
        ("bytes=22-", 206, "amet.", "bytes 22-26/27"),
        ("bytes=-5", 206, "amet.", "bytes 22-26/27"),
        ("bytes=100-", 416, "", "bytes */27"),
    ] {
        let answer = get(&gateway, &broker, "/lorem.txt", &[("range", range)]).await;
        assert_eq!(
            (answer.status, answer.body.as_str(), answer.header("content-range")),
            (status, body, told),
            "{range}"
        );
    }
    for (name, value, status) in [
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", &modified, 304),
        ("if-modified-since", "Mon, 06 Aug 2001 14:23:28 GMT", 200),
        ("if-match", "\"other\"", 412),
        ("if-unmodified-since", "Mon, 06 Aug 2001 14:23:28 GMT", 412),
    ] {
        let answer = get(&gateway, &broker, "/lorem.txt", &[(name, value)]).await;
        assert_eq!((answer.status, answer.body.is_empty()), (status, status != 200), "{name} {value}");
    }
    // A range of a file that has changed would not fit what the client has.
    for (value, status) in [(etag.as_str(), 206), ("\"other\"", 200), ("Mon, 06 Aug 2001 14:23:28 GMT", 200)]
    {
        let headers = [("range", "bytes=0-4"), ("if-range", value)];
        assert_eq!(get(&gateway, &broker, "/lorem.txt", &headers).await.status, status, "{value}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn nothing_but_the_files_of_the_directory_is_shown() {
    let (folder, broker) = (folder(), fixture::broker().await);
    let gateway = gateway(folder.path());
    for path in [
        "/.hidden",
        "/.git/config",
        "/%2ehidden",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub%2findex.html",
        "/..%5csecret.txt",
        "/..;/secret.txt",
        "/%252e%252e/secret.txt",
        "/sub/../../secret.txt",
        "/c:/secret.txt",
        "/lorem.txt/",
        "/lorem.txt/x",
        "/nothing",
        "/api/nothing",
    ] {
        let answer = get(&gateway, &broker, path, &[]).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    for path in ["/a%00b", "/%"] {
        assert_eq!(get(&gateway, &broker, path, &[]).await.status, 400, "{path}");
    }
    // Not even a redirect elsewhere.
    std::fs::create_dir(folder.path().join("public/evil.example")).unwrap();
    let moved = get(&gateway, &broker, "//evil.example", &[]).await;
    assert_eq!((moved.status, moved.header("location")), (301, "/evil.example/"));
    broker.stop().await;
}

#[tokio::test]
async fn a_page_stands_in_for_what_is_not_there() {
    let (folder, broker) = (folder(), fixture::broker().await);
    let files = Files::new(folder.path().join("public")).single_page("index.html");
    let gateway =
        Gateway::builder().files(files).route(Route::new("/api").alias("GET /num", "fx.num")).build();
    let page = [("accept", "text/html,*/*")];
    for (path, headers, status) in [
        ("/orders/7", &page[..], 200),
        ("/orders/7", &[], 404),
        ("/api/orders", &page, 404),
        ("/lorem.txt", &page, 200),
    ] {
        assert_eq!(get(&gateway, &broker, path, headers).await.status, status, "{path} {headers:?}");
    }
    assert_eq!(get(&gateway, &broker, "/orders/7", &page).await.body, "<html>index</html>");
    broker.stop().await;
}

#[tokio::test]
async fn files_of_a_route_are_for_whom_it_lets_pass() {
    let (folder, broker) = (folder(), fixture::broker().await);
    let files = || Files::new(folder.path().join("public"));
    let known = |_: Context, req: Arc<Req>| async move {
        req.header("x-key").map(str::to_owned).ok_or_else(|| error::unauthorized(error::NO_TOKEN))
    };
    let gateway =
        Gateway::builder().route(Route::new("/own/:tenant").files(files()).authenticate(known)).build();
    assert_eq!(get(&gateway, &broker, "/own/a/lorem.txt", &[]).await.error(), (401, "NO_TOKEN".into()));
    let answer = get(&gateway, &broker, "/own/a/lorem.txt", &[("x-key", "k")]).await;
    assert_eq!(answer.status, 200);
    let moved = get(&gateway, &broker, "/own/a/sub", &[("x-key", "k")]).await;
    assert_eq!((moved.status, moved.header("location")), (301, "/own/a/sub/"));
    let decides =
        |_: Context, _: Arc<ligand_core::service::ActionDef>| async { Ok::<_, ligand_core::Error>(()) };
    for (gateway, text) in [
        (Gateway::builder().route(Route::new("/").files(files()).authorize(decides)), "authorize"),
        (Gateway::builder().files(Files::new("/not/there")), "'/not/there' is no directory"),
        (Gateway::builder().files(files().single_page("other.html")), "'other.html'"),
    ] {
        let error =
            ServiceBroker::builder().service(gateway.bind("127.0.0.1:0").build()).start().await.unwrap_err();
        assert!(error.message().contains(text), "{error}");
    }
    broker.stop().await;
}
