//! Files over HTTP: bodies as bytes and texts, streams as answers, as fast as the client reads.
//!
//! ```text
//! PUT /notes/7/image -> 200 "4 bytes of note 7"
//! POST /notes -> 200 "# Hi"
//! GET /notes/7/image -> image/png 7777
//! GET /notes/log -> application/x-ndjson {"line":1} {"line":2}
//! ```

use ligand::prelude::*;
use ligand::web::{Gateway, Route};
use ligand::{Binary, Streaming};
use ligand_test::TestBroker;

struct Notes;

#[service(name = "notes")]
impl Notes {
    /// The body becomes `image`, whatever it holds; `:id` stands beside it.
    #[action(rest = "PUT /:id/image", body(raw, field = "image", types("image/*"), limit = "5mb"))]
    async fn store(&self, id: u64, image: Binary) -> String {
        format!("{} bytes of note {id}", image.len())
    }

    /// The body is all that the action takes.
    #[action(rest = "POST /", body = text)]
    async fn write(&self, params: String) -> String {
        params
    }

    #[action(rest = "GET /:id/image")]
    async fn image(&self, id: u64) -> Reply<Streaming> {
        Reply::new(Streaming::from_bytes(id.to_string().repeat(4))).content_type("image/png")
    }

    /// Values go out as lines of JSON.
    #[action(rest = "GET /log")]
    async fn log(&self) -> Streaming {
        Streaming::from_values([1, 2].map(|line| json!({ "line": line })))
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let gateway = Gateway::builder().route(Route::new("/").auto_aliases()).build();
    let broker = TestBroker::builder().service(Notes).start().await?;
    let http = broker.http(&gateway);
    for (method, path, kind) in [("PUT", "/notes/7/image", "image/png"), ("POST", "/notes", "text/markdown")]
    {
        let response = http.request(method, path).header("content-type", kind).body("# Hi").await;
        println!("{method} {path} -> {} {}", response.status(), response.text());
    }
    for path in ["/notes/7/image", "/notes/log"] {
        let response = http.get(path).await;
        let (kind, text) = (response.header("content-type").unwrap_or_default(), response.text());
        println!("GET {path} -> {kind} {}", text.trim_end().replace('\n', " "));
    }
    broker.stop().await;
    Ok(())
}
