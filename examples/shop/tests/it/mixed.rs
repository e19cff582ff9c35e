//! JavaScript and Rust services of one shop: both call, refuse, tell, stream and forget.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use futures_util::stream;
use ligand::{
    config::Env,
    prelude::*,
    stream::Streaming,
    web::{Answer, Gateway, Route, http::Request},
};
use sha1::{Digest as _, Sha1};
use tokio::runtime::Runtime;

use crate::{
    spread::{Bus, Mail, open_with},
    support::{Client, Shop},
};

const TESTER: &str = "tester";
const SUPPLIER: &str = "supplier";
/// Not a multiple of any chunk.
const SIZE: usize = 1_000_003;

/// How much to send.
#[payload]
struct Size {
    size: usize,
}

/// What came.
#[payload]
struct Digested {
    size: usize,
    sha1: String,
}

/// The Rust service that the supplier deals with.
#[derive(Default)]
struct Warehouse {
    labels: AtomicU64,
    restocks: AtomicUsize,
    audits: AtomicUsize,
    cleanings: AtomicUsize,
}

#[service(name = "warehouse")]
impl Warehouse {
    #[action]
    async fn refuse(&self) -> Result<()> {
        Err(Error::client(423, "WAREHOUSE_LOCKED", "The warehouse is locked")
            .with_data(json!({ "until": 8 })))
    }

    #[action]
    async fn breaks(&self) -> Result<()> {
        "no number".parse::<u64>()?;
        Ok(())
    }

    /// What the supplier refuses goes on to the caller as it is.
    #[action]
    async fn relay(&self, ctx: &Context) -> Result<Value> {
        ctx.call_named("supplier.refuse", json!({ "id": "7" })).await?.take()
    }

    #[action]
    async fn sign(&self, ctx: &Context) -> Result<Option<String>> {
        let user: Option<Value> = ctx.meta("user")?;
        ctx.set_meta("signed", json!({ "by": ctx.broker().node_id(), "for": user }));
        Ok(ctx.caller().map(ToOwned::to_owned))
    }

    /// What the meta is after the supplier has signed.
    #[action]
    async fn countersign(&self, ctx: &Context) -> Result<Value> {
        let caller: Value = ctx.call_named("supplier.sign", json!({})).await?.take()?;
        Ok(json!({ "caller": caller, "signed": ctx.meta::<Value>("signed")? }))
    }

    #[action]
    async fn upload(&self, ctx: &Context) -> Result<Digested> {
        let mut stream = ctx.stream().ok_or_else(|| Error::bad_request("no stream"))?;
        let (mut size, mut hash) = (0, Sha1::new());
        while let Some(chunk) = stream.next_bytes().await {
            let chunk = chunk?;
            size += chunk.len();
            hash.update(&chunk);
        }
        Ok(Digested { size, sha1: hex(hash) })
    }

    #[action]
    async fn download(&self, params: Size) -> Result<Streaming> {
        Ok(source(params.size))
    }

    /// Asks somebody who takes another identity.
    #[action]
    async fn deal(&self, ctx: &Context) -> Result<[Option<Value>; 2]> {
        ctx.call_named("supplier.usurp", json!({})).await?;
        Ok([ctx.meta("user")?, ctx.meta("seen")?])
    }

    #[action]
    async fn speak(&self) -> Reply<u8> {
        Reply::new(1).status(203).header("x-warehouse", "1")
    }

    /// Counts how often it runs: later answers come from the cache.
    #[action(cache(keys("id"), ttl = "60s"))]
    async fn label(&self, id: String) -> Result<String> {
        Ok(format!("{id} {}", self.labels.fetch_add(1, Ordering::SeqCst) + 1))
    }

    /// Whoever changed a product says so to everybody.
    #[event("cache.clean.product")]
    async fn forget(&self, ctx: &Context) -> Result<()> {
        if let Some(cache) = ctx.broker().cache() {
            cache.clean("warehouse.**").await?;
        }
        self.cleanings.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    #[event("restock.*", group = "stockroom")]
    async fn restock(&self) {
        self.restocks.fetch_add(1, Ordering::SeqCst);
    }

    #[event("audit.*", group = "ledger")]
    async fn audit(&self) {
        self.audits.fetch_add(1, Ordering::SeqCst);
    }

    #[action]
    async fn heard(&self) -> Result<[usize; 3]> {
        Ok([&self.restocks, &self.audits, &self.cleanings].map(|count| count.load(Ordering::SeqCst)))
    }
}

/// Byte k is (31·k + 7) mod 256.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from((31 * at + 7) % 256).unwrap()).collect()
}

fn source(size: usize) -> Streaming {
    let chunks: Vec<_> = pattern(size).chunks(70_000).map(|chunk| Ok(chunk.to_vec().into())).collect();
    Streaming::bytes(stream::iter(chunks))
}

fn hex(hash: Sha1) -> String {
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// What the digest of `SIZE` bytes must be.
fn digest() -> Value {
    json!({ "size": SIZE, "sha1": hex(Sha1::new_with_prefix(pattern(SIZE))) })
}

/// A shop with a supplier on Node.js and a warehouse in this process.
struct Mixed {
    broker: ServiceBroker,
    runtime: Runtime,
    shop: Shop,
}

impl Mixed {
    fn open(bus: Bus, mail: Mail) -> Option<Self> {
        let shop = open_with(bus, mail, &[(SUPPLIER, Some("supplier.js")), (TESTER, None)])?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let vars = shop.street.as_ref().unwrap().vars(TESTER);
        let builder = ServiceBroker::builder().env(Env::from_pairs(vars)).memory_cache();
        let broker = runtime.block_on(builder.service(Warehouse::default()).start()).unwrap();
        let names = ["user", "product", "order", SUPPLIER];
        runtime.block_on(broker.wait_for_services(&names, Duration::from_secs(30))).unwrap();
        let mixed = Self { broker, runtime, shop };
        // The supplier has heard of the others too.
        for action in ["product.count", "user.count", "order.count", "warehouse.heard"] {
            mixed.shop.soon(Value::Null, || mixed.ask(action, json!({}), json!({}))["error"].clone());
        }
        Some(mixed)
    }

    fn call(&self, action: &'static str, params: Value) -> Result<Value> {
        self.runtime.block_on(async { self.broker.call_named(action, params).await?.take() })
    }

    /// Has the supplier call an action: `result` or `error`, and the supplier's `meta` after it.
    fn ask(&self, action: &str, params: Value, meta: Value) -> Value {
        self.call("supplier.ask", json!({ "action": action, "params": params, "meta": meta })).unwrap()
    }

    /// Has the supplier send an event.
    fn tell(&self, event: Value) {
        self.call("supplier.tell", event).unwrap();
    }

    /// How often the supplier has heard something of a kind.
    fn supplier_heard(&self, kind: &str) -> usize {
        let heard = self.call("supplier.heard", json!({})).unwrap();
        heard.as_array().unwrap().iter().filter(|event| event["kind"] == kind).count()
    }

    /// How often the warehouse has heard of restocks, audits and cleanings.
    fn warehouse_heard(&self) -> [usize; 3] {
        serde_json::from_value(self.call("warehouse.heard", json!({})).unwrap()).unwrap()
    }

    fn errors(&self, product: &str) {
        let error = |action: &str, params: Value| self.ask(action, params, json!({}))["error"].clone();

        let stock = error("product.reserve", json!({ "orderId": "1", "id": product, "quantity": 99 }));
        assert_eq!(stock["is"], "MoleculerClientError", "{stock}");
        assert_eq!((&stock["code"], &stock["type"]), (&json!(422), &json!("INSUFFICIENT_STOCK")));
        assert_eq!(stock["message"], "Insufficient stock");
        assert_eq!(stock["data"], json!({ "available": 20, "requested": 99 }));
        assert_eq!(stock["retryable"], false);
        assert!(stock["nodeID"].as_str().unwrap().starts_with("product-"), "{stock}");

        let wrong = error("product.reserve", json!({ "orderId": "1", "id": product, "quantity": 0 }));
        assert_eq!((&wrong["is"], &wrong["code"]), (&json!("ValidationError"), &json!(422)), "{wrong}");
        assert_eq!(wrong["type"], "VALIDATION_ERROR");
        assert_eq!(
            (&wrong["data"][0]["type"], &wrong["data"][0]["field"]),
            (&json!("numberMin"), &json!("quantity"))
        );

        let missing = error("product.get", json!({ "id": "nope" }));
        assert_eq!(
            (&missing["name"], &missing["code"]),
            (&json!("EntityNotFoundError"), &json!(404)),
            "{missing}"
        );
        assert_eq!(missing["data"], json!({ "id": "nope" }));

        let locked = error("warehouse.refuse", json!({}));
        assert_eq!((&locked["code"], &locked["type"]), (&json!(423), &json!("WAREHOUSE_LOCKED")), "{locked}");
        assert_eq!((&locked["data"], &locked["nodeID"]), (&json!({ "until": 8 }), &json!(TESTER)));
        let broken = error("warehouse.breaks", json!({}));
        // As a JavaScript `Error`, which has no code.
        assert_eq!((&broken["name"], &broken["code"]), (&json!("Error"), &Value::Null), "{broken}");
        assert_eq!(broken["nodeID"], TESTER, "{broken}");
        assert!(!broken["message"].as_str().unwrap().contains("digit"), "internals are told: {broken}");

        for action in ["supplier.refuse", "warehouse.relay"] {
            let sold_out = self.call(action, json!({ "id": "7" })).unwrap_err();
            assert_eq!((sold_out.name(), sold_out.code()), ("MoleculerClientError", 410), "{sold_out:?}");
            assert_eq!((sold_out.kind(), sold_out.message()), ("SOLD_OUT", "Sold out"));
            assert_eq!(sold_out.data(), Some(&json!({ "left": 0, "id": "7" })));
            assert_eq!(sold_out.node_id(), Some(SUPPLIER));
        }
        // There and back again.
        let relayed = error("warehouse.relay", json!({}));
        assert_eq!(
            (&relayed["is"], &relayed["type"]),
            (&json!("MoleculerClientError"), &json!("SOLD_OUT")),
            "{relayed}"
        );
        assert_eq!(relayed["data"], json!({ "left": 0, "id": "7" }));

        let wrong = self.call("supplier.quote", json!({})).unwrap_err();
        assert_eq!((wrong.name(), wrong.code(), wrong.kind()), ("ValidationError", 422, "VALIDATION_ERROR"));
        assert_eq!(wrong.data().unwrap()[0]["field"], "id", "{wrong:?}");
        let broken = self.call("supplier.breaks", json!({})).unwrap_err();
        assert_eq!((broken.name(), broken.code()), ("TypeError", 500), "{broken:?}");
    }

    fn meta(&self) {
        let login = json!({ "email": "ada@example.com", "password": crate::support::PASSWORD });
        let answer = self.ask("user.login", login, json!({}));
        assert_eq!(answer["result"]["message"], "Login successful", "{answer}");
        assert!(answer["meta"]["token"].as_str().unwrap().starts_with("ey"), "{answer}");

        let answer = self.ask("warehouse.sign", json!({}), json!({ "user": "ada" }));
        assert_eq!(answer["result"], "supplier");
        assert_eq!(answer["meta"], json!({ "user": "ada", "signed": { "by": TESTER, "for": "ada" } }));

        let ctx = self.broker.root_context();
        ctx.set_meta("user", "eve");
        let call = ctx.call_named("warehouse.countersign", json!({}));
        let answer: Value = self.runtime.block_on(call).unwrap().take().unwrap();
        let signed = json!({ "by": SUPPLIER, "for": "eve" });
        assert_eq!(answer, json!({ "caller": "warehouse", "signed": signed }));
        assert_eq!(ctx.meta::<Value>("signed").unwrap(), Some(signed));
    }

    fn events(&self, ada: &Client<'_>, product: &str) {
        // The shop tells the supplier: one event for each order, with the meta of the customer.
        let order = ada.order(product, 2).id();
        self.shop.soon(1, || self.supplier_heard("order"));
        let heard = self.call("supplier.heard", json!({})).unwrap();
        let event = heard.as_array().unwrap().iter().find(|event| event["kind"] == "order").unwrap();
        assert_eq!((&event["event"], &event["payload"]["orderId"]), (&json!("order.created"), &json!(order)));
        assert_eq!(event["user"]["email"], "ada@example.com", "{event}");
        assert!(event["sender"].as_str().unwrap().starts_with("order-"), "{event}");

        // Both are in one group: one of them hears each event, both hear a broadcast.
        let counts = || (self.supplier_heard("restock"), self.warehouse_heard()[0]);
        for _ in 0..10 {
            self.tell(json!({ "event": "restock.tea", "payload": { "n": 1 } }));
            self.runtime
                .block_on(self.broker.emit_named("restock.tea", json!({ "n": 2 })).into_future())
                .unwrap();
        }
        self.shop.soon(20, || counts().0 + counts().1);
        let (supplier, warehouse) = counts();
        self.tell(json!({ "event": "restock.all", "broadcast": true }));
        self.shop.soon((supplier + 1, warehouse + 1), counts);
        let broadcast = self.broker.broadcast_named("restock.all", json!({}));
        self.runtime.block_on(broadcast.into_future()).unwrap();
        self.shop.soon((supplier + 2, warehouse + 2), counts);

        // Each is in a group of its own: both hear an event, unless it is for one group.
        let counts = || (self.supplier_heard("audit"), self.warehouse_heard()[1]);
        self.tell(json!({ "event": "audit.a" }));
        self.shop.soon((1, 1), counts);
        self.runtime.block_on(self.broker.emit_named("audit.b", json!({})).into_future()).unwrap();
        self.shop.soon((2, 2), counts);
        self.tell(json!({ "event": "audit.c", "groups": ["ledger"] }));
        self.shop.soon((2, 3), counts);
        let books = self.broker.emit_named("audit.d", json!({})).groups(["books"]);
        self.runtime.block_on(books.into_future()).unwrap();
        self.shop.soon((3, 3), counts);
    }

    fn streams(&self) {
        let upload = self.broker.call_named("supplier.upload", json!({})).stream(source(SIZE));
        let came: Value = self.runtime.block_on(upload).unwrap().take().unwrap();
        assert_eq!(came, digest());
        let pushed = self.call("supplier.push", json!({ "action": "warehouse.upload", "size": SIZE }));
        assert_eq!(pushed.unwrap(), digest());

        let download = self.broker.call_named("supplier.download", json!({ "size": SIZE }));
        let stream: Streaming = self.runtime.block_on(download).unwrap().take().unwrap();
        let bytes = self.runtime.block_on(stream.collect_bytes(SIZE)).unwrap();
        assert!(*bytes == *pattern(SIZE), "{} bytes", bytes.len());
        let pulled = self.call("supplier.pull", json!({ "action": "warehouse.download", "size": SIZE }));
        assert_eq!(pulled.unwrap(), digest());
    }

    /// A gateway in front of both: streams, bytes, and who has a say.
    fn edge(&self) {
        let route = Route::new("/")
            .direct_calls()
            .authenticate(|_, _| async { Ok::<_, Error>("ada") })
            .after(|ctx: Context, _, answer: Answer| async move {
                let user: Option<String> = ctx.meta("user")?;
                Ok::<_, Error>(answer.header("x-user", &user.unwrap_or_default()))
            });
        let gateway = Gateway::builder().route(route).build();
        let get = |path: &str| {
            let request = Request::builder().uri(path).body(()).unwrap();
            self.runtime.block_on(async {
                let (head, body) = gateway.handle(&self.broker, request).await.into_parts();
                let header = |name: &str| {
                    head.headers.get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned())
                };
                assert_eq!(header("x-user"), "ada", "{path}");
                let said = (head.status.as_u16(), header("x-supplier") + &header("x-warehouse"));
                (said, header("content-type"), body.collect().await.unwrap())
            })
        };
        let (said, kind, body) = get(&format!("/supplier/download?size={SIZE}"));
        assert_eq!((said.0, &*kind), (200, "application/octet-stream"));
        assert!(*body == *pattern(SIZE), "{} bytes", body.len());
        let (said, kind, body) = get("/supplier/image");
        assert_eq!((said.0, &*kind, &body[..]), (200, "image/png", &b"\x89PNG\0\xff"[..]));
        // The action that the route leads to is heard, whatever its language. Nobody else is.
        assert_eq!(get("/supplier/usurp").0, (202, "1".into()));
        assert_eq!(get("/warehouse/speak").0, (203, "1".into()));
        let (said, _, body) = get("/warehouse/deal");
        assert_eq!((said, &body[..]), ((200, String::new()), &br#"["ada",true]"#[..]));
        let (said, _, body) = get("/supplier/ask?action=warehouse.speak");
        assert_eq!(said, (200, String::new()), "{body:?}");
        assert!(body.starts_with(br#"{"result":1,"#), "{body:?}");
    }

    /// One broadcast cleans the caches of the supplier, of the warehouse and of both instances of the catalogue.
    fn caches(&self, ada: &Client<'_>, product: &str) {
        let quote = || {
            let quote = self.call("supplier.quote", json!({ "id": product })).unwrap();
            (quote["stock"].clone(), quote["runs"].clone())
        };
        let label = || self.call("warehouse.label", json!({ "id": product })).unwrap();
        let cleaned = || {
            let [.., warehouse] = self.warehouse_heard();
            [self.supplier_heard("clean"), warehouse, self.shop.count("Product cache cleared")]
        };
        let (stock, _) = quote();
        assert_eq!(quote(), (stock.clone(), json!(1)), "the second answer comes from the cache");
        assert_eq!([label(), label()], [json!(format!("{product} 1")), json!(format!("{product} 1"))]);

        // A Rust service changes a product.
        let before = cleaned();
        ada.order(product, 1).expect(200, None);
        self.shop.soon([before[0] + 1, before[1] + 1, before[2] + 2], cleaned);
        let less = json!(stock.as_i64().unwrap() - 1);
        assert_eq!(quote(), (less.clone(), json!(2)));
        assert_eq!(quote(), (less.clone(), json!(2)));
        assert_eq!(label(), format!("{product} 2"));

        // A JavaScript service says that one has changed.
        let fetched = "Fetching product list from database";
        let ask = || {
            ada.get("/api/product").expect(200, None);
            self.shop.count(fetched)
        };
        self.shop.soon(2, ask);
        let before = cleaned();
        self.tell(json!({ "event": "cache.clean.product", "broadcast": true }));
        self.shop.soon([before[0] + 1, before[1] + 1, before[2] + 2], cleaned);
        assert_eq!(quote(), (less, json!(3)));
        assert_eq!(label(), format!("{product} 3"));
        self.shop.soon(4, ask);
    }
}

impl Drop for Mixed {
    fn drop(&mut self) {
        self.runtime.block_on(self.broker.stop());
    }
}

fn javascript_and_rust(bus: Bus, mail: Mail) {
    let Some(mixed) = Mixed::open(bus, mail) else { return };
    let ada = mixed.shop.user("ada");
    let product = ada.product("Tea", 10.0, 20);
    mixed.errors(&product);
    mixed.meta();
    mixed.events(&ada, &product);
    mixed.streams();
    mixed.edge();
    mixed.caches(&ada, &product);
    assert_eq!(mixed.shop.count("panicked"), 0);
    assert_eq!(mixed.broker.traffic().unwrap().packets_refused, 0);
}

#[test]
fn moleculer_15_over_tcp() {
    javascript_and_rust(Bus::Tcp, Mail::Js15);
}

#[test]
fn moleculer_15_over_nats() {
    javascript_and_rust(Bus::Nats, Mail::Js15);
}

#[test]
fn moleculer_15_over_redis() {
    javascript_and_rust(Bus::Redis, Mail::Js15);
}

#[test]
fn moleculer_14_over_tcp() {
    javascript_and_rust(Bus::Tcp, Mail::Js14);
}

#[test]
fn moleculer_14_over_nats() {
    javascript_and_rust(Bus::Nats, Mail::Js14);
}

#[test]
fn moleculer_14_over_redis() {
    javascript_and_rust(Bus::Redis, Mail::Js14);
}
