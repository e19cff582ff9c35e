//! Bodies that actions read while they come, on this node and on another.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ligand_core::{
    Action, Context, Error, Payload, ServiceBroker, ServiceDef,
    edge::{HttpBody, Multipart},
};
use ligand_transport::memory::MemoryBus;
use ligand_web::{Gateway, Limits, Route};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use crate::client::{Answer, Direct, Raw};

/// What `files.hold` has read, and whether it still runs.
#[derive(Clone, Default)]
struct Watched {
    read: Arc<watch::Sender<usize>>,
    runs: Arc<watch::Sender<usize>>,
    may: Arc<Option<Semaphore>>,
    calls: Arc<AtomicUsize>,
}

struct Mark(Watched);

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.runs.send_modify(|runs| *runs -= 1);
    }
}

async fn reaches(counts: &watch::Sender<usize>, least: usize) {
    let mut counts = counts.subscribe();
    let reached = counts.wait_for(|now| *now >= least);
    tokio::time::timeout(Duration::from_secs(10), reached).await.expect("not reached").unwrap();
}

async fn ended(counts: &watch::Sender<usize>) {
    let mut counts = counts.subscribe();
    let ended = counts.wait_for(|now| *now == 0);
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("still runs").unwrap();
}

fn files(watched: &Watched) -> ServiceDef {
    let (hold, save) = (watched.clone(), watched.clone());
    let save = move |ctx: Context, params: Payload| {
        save.calls.fetch_add(1, Ordering::Relaxed);
        async move {
            let Some(mut stream) = ctx.stream() else {
                return Ok(json!({"params": params.to_value()?, "stream": false}));
            };
            let mut text = Vec::new();
            while let Some(chunk) = stream.next_bytes().await {
                text.extend_from_slice(&chunk?);
            }
            let start = String::from_utf8_lossy(&text[..text.len().min(20)]).into_owned();
            Ok::<_, Error>(
                json!({"size": text.len(), "start": start, "params": params.to_value()?, "stream": true}),
            )
        }
    };
    ServiceDef::new("files")
        .action(Action::new("save", save.clone()))
        .action(
            Action::new("own", save.clone())
                .rest("PUT /own/:id")
                .unwrap()
                .body(HttpBody::stream().limit(20).types(["text/*"])),
        )
        .action(
            Action::new("form", save)
                .rest("POST /form/:id")
                .unwrap()
                .body(HttpBody::multipart(Multipart::new().files(1).file_limit(5))),
        )
        .action(Action::new("reject", |_: Context, _: Payload| async {
            Err::<(), _>(Error::client(415, "UNSUPPORTED", "rejected upload"))
        }))
        .action(Action::new("unread", |_: Context, params: Payload| async move { params.to_value() }))
        .action(Action::new("hold", move |ctx: Context, _: Payload| {
            let hold = hold.clone();
            async move {
                hold.runs.send_modify(|runs| *runs += 1);
                let mark = Mark(hold);
                let mut stream = ctx.stream().unwrap();
                let mut read = 0;
                loop {
                    if let Some(may) = &*mark.0.may {
                        may.acquire().await.unwrap().forget();
                    }
                    let Some(chunk) = stream.next_bytes().await else { break };
                    read += chunk?.len();
                    mark.0.read.send_replace(read);
                }
                Ok::<_, Error>(read)
            }
        }))
}

struct Setup {
    near: ServiceBroker,
    far: ServiceBroker,
    gateway: Gateway,
    watched: Watched,
}

fn route() -> Route {
    Route::new("/upload")
        .multipart(Multipart::new().files(1))
        .alias("POST /", "multipart:files.save")
        .alias("PUT /", "stream:files.save")
        .alias("PUT /:id", "stream:files.save")
        .upload("POST /multi", "files.save", Multipart::new().files(3).fields(2).field_limit(10))
        .upload("POST /form/:id", "files.save", Multipart::new().without_file(true))
        .upload("POST /small", "files.save", Multipart::new().file_limit(4))
        .alias("POST /reject", "multipart:files.reject")
        .alias("POST /unread", "multipart:files.unread")
        .alias("POST /hold", "multipart:files.hold")
        .stream("PUT /hold/it", "files.hold")
        .auto_aliases()
}

async fn setup_with(watched: Watched, limits: impl FnOnce(&mut Limits)) -> Setup {
    let bus = MemoryBus::new();
    let gateway = Gateway::builder().bind("127.0.0.1:0").limits(limits).route(route()).build();
    let far = ServiceBroker::builder().node_id("far").transporter(bus.transporter()).service(files(&watched));
    let far = far.start().await.unwrap();
    let near =
        ServiceBroker::builder().node_id("near").transporter(bus.transporter()).service(gateway.clone());
    let near = near.start().await.unwrap();
    near.wait_for_services(&["files"], Duration::from_secs(5)).await.unwrap();
    Setup { near, far, gateway, watched }
}

async fn setup() -> Setup {
    setup_with(Watched::default(), |_| {}).await
}

impl Setup {
    async fn stop(self) {
        self.near.stop().await;
        self.far.stop().await;
    }

    fn address(&self) -> SocketAddr {
        self.gateway.local_addr().unwrap()
    }

    async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let kind = [("content-type", "multipart/form-data; boundary=b1")];
        Direct(&self.gateway, &self.near).send("POST", path, &kind, body).await
    }

    async fn put(&self, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
        Direct(&self.gateway, &self.near).send("PUT", path, &[("content-type", kind)], body).await
    }
}

fn text(name: &str, value: &str) -> String {
    format!("--b1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(name: &str, filename: &str, content: &str) -> String {
    format!(
        "--b1\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n\
         Content-Type: image/png\r\n\r\n{content}\r\n"
    )
}

fn form(parts: &[String]) -> String {
    parts.concat() + "--b1--\r\n"
}

fn told(name: &str, filename: &str) -> Value {
    json!({"$fieldname": name, "$filename": filename, "$encoding": "7bit", "$mimetype": "image/png"})
}

#[tokio::test]
async fn a_file_is_the_stream_of_a_call_on_another_node() {
    let setup = setup().await;
    let one = form(&[text("title", "T"), file("pic", "a.png", "hello"), text("late", "L")]);
    let answer = setup.post("/upload?q=1", one).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut params = told("pic", "a.png");
    params["title"] = json!("T");
    params["q"] = json!("1");
    assert_eq!(answer.json(), json!({"size": 5, "start": "hello", "params": params, "stream": true}));
    // Several are a list, one of several allowed too.
    let two = form(&[file("a", "a", "one"), file("b", "b", "three")]);
    let sizes = |answer: Answer| {
        let all: Vec<_> = answer.json().as_array().unwrap().iter().map(|one| one["size"].clone()).collect();
        json!(all)
    };
    assert_eq!(sizes(setup.post("/upload/multi", two).await), json!([3, 5]));
    assert_eq!(sizes(setup.post("/upload/multi", form(&[file("a", "a", "one")])).await), json!([3]));
    // An action says it too.
    let answer = setup.post("/upload/files/form/7", form(&[file("a", "a", "five5")])).await;
    assert_eq!((answer.status, answer.json()["size"].clone()), (200, json!(5)), "{answer:?}");
    assert_eq!(answer.json()["params"]["id"], "7");
    // What the action does not read is no hindrance, and its error is the answer.
    let answer = setup.post("/upload/unread", form(&[file("a", "a", &"x".repeat(3_000_000))])).await;
    assert_eq!((answer.status, answer.json()), (200, told("a", "a")), "{answer:?}");
    assert_eq!(
        setup.post("/upload/reject", form(&[file("a", "a", "x")])).await.error(),
        (415, "UNSUPPORTED".into())
    );
    setup.stop().await;
}

#[tokio::test]
async fn a_whole_body_is_a_stream() {
    let setup = setup().await;
    let answer = setup.put("/upload/7?q=1", "video/mp4", vec![b'v'; 3_000_000]).await;
    let expected =
        json!({"size": 3_000_000, "start": "v".repeat(20), "params": {"id": "7", "q": "1"}, "stream": true});
    assert_eq!((answer.status, answer.json()), (200, expected));
    // Also one of JSON, and none at all.
    assert_eq!(setup.put("/upload", "application/json", "{").await.json()["size"], 1);
    assert_eq!(setup.put("/upload", "application/json", "").await.json()["size"], 0);
    assert_eq!(setup.put("/upload/files/own/7", "text/plain", "x".repeat(20)).await.json()["size"], 20);
    let own = setup.put("/upload/files/own/7", "text/plain", "x".repeat(21)).await;
    assert_eq!(own.error(), (413, "PAYLOAD_TOO_LARGE".into()));
    let own = setup.put("/upload/files/own/7", "image/png", "x").await;
    assert_eq!(own.error(), (415, "UNSUPPORTED_MEDIA_TYPE".into()));
    setup.stop().await;
}

#[tokio::test]
async fn fields_of_a_form_replace_neither_path_nor_query_nor_what_the_gateway_says() {
    let setup = setup().await;
    let fields = [
        text("id", "evil"),
        text("q", "evil"),
        text("$filename", "evil"),
        text("__proto__", "x"),
        text("a", "1"),
        text("a", "2"),
    ];
    let body = form(&[&fields[..], &[file("f", "../../x\\y.png", "1")]].concat());
    let answer = setup.post("/upload/form/5?q=good&$mimetype=evil", body).await;
    let mut params = told("f", "y.png");
    for (name, value) in [("id", "5"), ("q", "good"), ("a", "2")] {
        params[name] = json!(value);
    }
    assert_eq!(answer.json()["params"], params, "{answer:?}");
    setup.stop().await;
}

#[tokio::test]
async fn a_form_without_a_file_is_refused_unless_that_is_allowed() {
    let setup = setup().await;
    // What browsers send for an input without a file.
    let nothing = "--b1\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\
                   Content-Type: application/octet-stream\r\n\r\n\r\n";
    for body in [form(&[]), form(&[text("a", "1")]), form(&[nothing.to_owned()])] {
        let answer = setup.post("/upload", body).await;
        assert_eq!(answer.error(), (400, "FILE_MISSING".into()), "{answer:?}");
    }
    let answer = setup.post("/upload/form/5", form(&[text("a", "1")])).await;
    assert_eq!(answer.json(), json!([{"params": {"a": "1", "id": "5"}, "stream": false}]));
    assert_eq!(setup.post("/upload/form/5", form(&[nothing.to_owned()])).await.json(), json!([]));
    setup.stop().await;
}

#[tokio::test]
async fn what_is_too_much_is_413_and_never_lost() {
    let setup = setup_with(Watched::default(), |limits| limits.upload_bytes = 200_000).await;
    let many = |count: usize| form(&vec![file("f", "a", "1"); count]);
    let bomb = |count: usize| form(&vec![text("f", "1"); count]);
    let head = format!(
        "--b1\r\nContent-Disposition: form-data; name=\"f\"\r\nX-A: {}\r\n\r\n1\r\n",
        "a".repeat(100_000)
    );
    let name = text(&"n".repeat(5000), "1");
    for (what, path, body, data) in [
        (
            "file + 1 byte",
            "/upload/small",
            form(&[file("f", "a.png", "12345")]),
            json!({"fieldname": "f", "filename": "a.png", "encoding": "7bit", "mimetype": "image/png"}),
        ),
        ("files", "/upload", many(2), json!({"limit": "files", "most": 1})),
        ("files", "/upload/multi", many(4), json!({"limit": "files", "most": 3})),
        ("fields", "/upload/multi", bomb(3), json!({"limit": "fields", "most": 2})),
        ("parts", "/upload", bomb(2000), json!({"limit": "fields", "most": 100})),
        (
            "field",
            "/upload/multi",
            form(&[text("f", "12345678901")]),
            json!({"fieldname": "f", "limit": "field", "most": 10}),
        ),
        ("head", "/upload", form(&[head]), Value::Null),
        ("name", "/upload", form(&[name]), json!({"limit": "name", "most": 1024})),
        ("all", "/upload", form(&[file("f", "a", &"x".repeat(200_000))]), Value::Null),
        ("preamble", "/upload", "x".repeat(100_000), Value::Null),
    ] {
        let answer = setup.post(path, body).await;
        assert_eq!(answer.error(), (413, "PAYLOAD_TOO_LARGE".into()), "{what}: {answer:?}");
        assert_eq!(answer.json().get("data").cloned().unwrap_or_default(), data, "{what}");
    }
    assert_eq!(setup.post("/upload/small", form(&[file("f", "a", "1234")])).await.status, 200);
    setup.stop().await;
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let setup = setup().await;
    let long = format!("multipart/form-data; boundary={}", "b".repeat(10_000));
    let send = async |kind: &str, body: &str| {
        let headers = [("content-type", kind)];
        Direct(&setup.gateway, &setup.near)
            .send("POST", "/upload", &headers[..usize::from(!kind.is_empty())], body)
            .await
            .error()
    };
    for kind in ["", "application/json", "multipart/mixed; boundary=b1", "text/plain"] {
        assert_eq!(send(kind, "x").await, (415, "UNSUPPORTED_MEDIA_TYPE".into()), "{kind}");
    }
    for kind in ["multipart/form-data", "multipart/form-data; boundary=", &long] {
        assert_eq!(send(kind, "x").await, (400, "INVALID_MULTIPART".into()), "{kind}");
    }
    let kind = "multipart/form-data; boundary=b1";
    for body in [
        "",
        "nothing of it",
        "--b1\r\n",
        "--b1\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nno end",
        "--b1\r\nno header\r\n\r\nx\r\n--b1--\r\n",
        "--b1\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n\u{fffd}",
    ] {
        assert_eq!(send(kind, body).await, (400, "INVALID_MULTIPART".into()), "{body}");
    }
    let encoded = [("content-type", kind), ("content-encoding", "gzip")];
    let answer = Direct(&setup.gateway, &setup.near).send("POST", "/upload", &encoded, "x").await;
    assert_eq!(answer.error(), (415, "ENCODING_UNSUPPORTED".into()));
    assert_eq!(setup.watched.calls.load(Ordering::Relaxed), 1, "one of them had a file that broke off");
    setup.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_ends_the_work() {
    let setup = setup().await;
    let begun = format!(
        "--b1\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n{}",
        "x".repeat(1000)
    );
    for (head, begun) in [
        ("POST /upload/hold HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b1", begun.as_str()),
        ("PUT /upload/hold/it HTTP/1.1\r\nContent-Type: image/png", &begun),
    ] {
        setup.watched.read.send_replace(0);
        let mut raw = Raw::connect(setup.address()).await;
        raw.write(format!("{head}\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{begun}")).await;
        reaches(&setup.watched.read, 900).await;
        assert_eq!(*setup.watched.runs.borrow(), 1);
        drop(raw);
        ended(&setup.watched.runs).await;
    }
    setup.stop().await;
}

#[tokio::test]
async fn a_client_that_sends_nothing_more_is_not_waited_for() {
    let setup =
        setup_with(Watched::default(), |limits| limits.body_timeout = Duration::from_millis(200)).await;
    let head = "POST /upload/hold HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\
                Content-Type: multipart/form-data; boundary=b1\r\n\r\n--b1\r\nContent-Disposition: form-data; name=\"f\"";
    for more in ["", "; filename=\"a\"\r\n\r\nxxxxx"] {
        let mut raw = Raw::connect(setup.address()).await;
        raw.write(format!("{head}{more}")).await;
        assert_eq!(raw.read().await.unwrap().error(), (408, "BODY_TIMEOUT".into()), "{more}");
        ended(&setup.watched.runs).await;
    }
    setup.stop().await;
}

#[tokio::test]
async fn an_action_that_reads_slowly_slows_its_client() {
    let watched = Watched { may: Arc::new(Some(Semaphore::new(0))), ..Watched::default() };
    let gateway = Gateway::builder().bind("127.0.0.1:0").route(route()).build();
    let broker = ServiceBroker::builder().service(files(&watched)).service(gateway.clone());
    let broker = broker.start().await.unwrap();
    let whole = 64 << 20;
    let mut raw = Raw::connect(gateway.local_addr().unwrap()).await;
    raw.write(format!("PUT /upload/hold/it HTTP/1.1\r\nHost: x\r\nContent-Length: {whole}\r\n\r\n")).await;
    let mut sent = 0;
    let piece = vec![b'x'; 64 * 1024];
    // Until the sockets take no more: far less than the whole.
    while let Ok(written) = tokio::time::timeout(
        Duration::from_millis(500),
        tokio::io::AsyncWriteExt::write(&mut raw.stream, &piece),
    )
    .await
    {
        sent += written.unwrap();
        assert!(sent < 32 << 20, "{sent} bytes were taken, and none was read");
    }
    watched.may.as_ref().as_ref().unwrap().add_permits(1_000_000);
    while sent < whole {
        let piece = &piece[..piece.len().min(whole - sent)];
        sent += tokio::io::AsyncWriteExt::write(&mut raw.stream, piece).await.unwrap();
    }
    let answer = raw.read().await.unwrap();
    assert_eq!((answer.status, answer.json()), (200, json!(whole)));
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_takes_the_time_it_needs_and_the_answer_its_own() {
    let slow = Action::new("slow", |ctx: Context, _: Payload| async move {
        let size = ctx.stream().unwrap().collect_bytes(1 << 20).await?.len();
        tokio::time::sleep(Duration::from_secs(if size > 10 { 5 } else { 50 })).await;
        Ok::<_, Error>(size)
    });
    let broker = ServiceBroker::builder().service(ServiceDef::new("s").action(slow)).start().await.unwrap();
    let gateway = Gateway::builder().route(Route::new("/").stream("PUT /slow", "s.slow")).build();
    let body = |pieces: usize| {
        let pieces = futures_util::stream::unfold(pieces, |left| async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let piece = http_body::Frame::data(bytes::Bytes::from(vec![b'x'; 10_000 / 1000]));
            (left > 0).then(|| (Ok::<_, std::io::Error>(piece), left - 1))
        });
        ligand_web::RequestBody::stream(http_body_util::StreamBody::new(pieces))
    };
    for (pieces, status) in [(10, 200), (1, 504)] {
        let request = http::Request::put("/slow").body(body(pieces)).unwrap();
        assert_eq!(gateway.handle(&broker, request).await.status(), status, "{pieces}");
    }
    broker.stop().await;
}
