//! The real thing: nodes of Moleculer 0.15 and 0.14 on Node.js, which `tools/interop/install.sh` installs.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use ligand_tcp::{TcpOptions, Urls};
use ligand_transport::Cluster;
use ligand_wire::packet::PacketKind;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::watch,
};

use crate::node::{Node, quiet, soon};

const PROGRAM: &str = r#"
const { ServiceBroker } = require("moleculer");
const options = JSON.parse(process.argv[1]);
const broker = new ServiceBroker({ logger: false, ...options });
broker.createService({
    name: "greeter",
    actions: { hello: ctx => `Hello ${ctx.params.name}` },
    events: { "user.created": ctx => say({ event: ctx.params }) },
});
const say = value => process.stdout.write(JSON.stringify(value) + "\n");
broker.localBus.on("$node.connected", ({ node }) => say({ connected: node.id }));
broker.localBus.on("$node.disconnected", ({ node, unexpected }) => say({ disconnected: node.id, unexpected }));
broker.start().then(() => say({ started: broker.transit.tx.opts.port, ver: broker.PROTOCOL_VERSION }));
require("readline").createInterface({ input: process.stdin }).on("line", async line => {
    if (line == "list") {
        const nodes = await broker.call("$node.list", { withServices: true });
        say({ list: nodes.map(({ id, available, port, services }) =>
            ({ id, available, port, services: services.map(s => s.name).filter(n => n[0] != "$") })) });
    } else if (line == "stop") {
        await broker.stop();
        process.exit(0);
    } else {
        broker.call(...JSON.parse(line)).catch(err => say({ error: err.type || err.message }));
    }
});
"#;

struct Js {
    child: Child,
    stdin: ChildStdin,
    lines: Arc<Mutex<Vec<Value>>>,
    count: watch::Receiver<usize>,
}

impl Js {
    fn start(program: &Path, dir: &Path, options: &Value) -> Self {
        let mut child = Command::new(program)
            .args(["-e", PROGRAM, &options.to_string()])
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = Arc::<Mutex<Vec<Value>>>::default();
        let (changed, count) = watch::channel(0);
        let kept = lines.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                kept.lock().push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
                changed.send_modify(|count| *count += 1);
            }
        });
        Self { stdin: child.stdin.take().unwrap(), child, lines, count }
    }

    /// Waits for a line that fits.
    async fn says<T>(&mut self, fits: impl Fn(&Value) -> Option<T>) -> T {
        let wait = async {
            loop {
                if let Some(found) = self.lines.lock().iter().find_map(&fits) {
                    return found;
                }
                self.count.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(crate::node::LONG, wait).await {
            Ok(found) => found,
            Err(_) => panic!("not said; {:?}", self.lines.lock()),
        }
    }

    async fn tell(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Asks for its list of nodes until `id` is as described.
    async fn lists(&mut self, id: &str, fits: impl Fn(&Value) -> bool) {
        let asking = async {
            loop {
                self.lines.lock().clear();
                self.tell("list").await;
                let list = self.says(|line| line.get("list").cloned()).await;
                if list.as_array().unwrap().iter().any(|node| node["id"] == id && fits(node)) {
                    return;
                }
            }
        };
        if tokio::time::timeout(crate::node::LONG, asking).await.is_err() {
            panic!("not listed; {:?}", self.lines.lock());
        }
    }
}

/// The program, and the directories with different versions, as `tools/interop/install.sh` leaves them.
fn installed() -> Option<(PathBuf, Vec<PathBuf>)> {
    let js = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/interop/js");
    let program = js.join("v15/node_modules/node/bin/node");
    if !program.exists() {
        assert!(
            std::env::var_os("LIGAND_SKIP_NODE").is_some(),
            "Moleculer is not installed: run tools/interop/install.sh, or set LIGAND_SKIP_NODE to go without"
        );
        return None;
    }
    Some((program, vec![js.join("v15"), js.join("v14")]))
}

fn ver(version: &Value) -> &'static str {
    if version == "4" { "4" } else { "5" }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_list_each_other() {
    let Some((program, dirs)) = installed() else { return };
    for dir in dirs {
        let options =
            json!({ "nodeID": "js", "transporter": { "type": "TCP", "options": { "udpDiscovery": false } } });
        let mut js = Js::start(&program, &dir, &options);
        let (port, version) =
            js.says(|line| Some((line.get("started")?.as_u64()?, line["ver"].clone()))).await;
        let urls = Urls::Text(format!("127.0.0.1:{port}/js"));
        let rust = Node::new("rust", "", TcpOptions { url: urls, bind_address: None, ..quiet() })
            .speaks(ver(&version))
            .connect()
            .await;
        rust.broker.cluster.offer("math");
        rust.until("js", |broker| broker.cluster.view() == ["js:$node+greeter"]).await;
        js.lists("rust", |node| node["available"] == true && node["services"] == json!(["math"])).await;
        // A change is told at once.
        rust.broker.cluster.offer("more");
        js.lists("rust", |node| node["services"] == json!(["math", "more"]) && node["port"] == rust.port())
            .await;
        // Calls arrive, both ways.
        js.tell(r#"["math.get", {"n": 7}, {"retries": 0}]"#).await;
        rust.until("a call", |broker| {
            broker.received.lock().iter().any(|(kind, _)| *kind == PacketKind::Request)
        })
        .await;
        let v = ver(&version);
        let request = format!(
            r#"{{"id":"1","action":"greeter.hello","params":{{"name":"Ann"}},"meta":{{}},"level":1,"ver":"{v}","sender":"rust"}}"#
        );
        soon(rust.send("js", PacketKind::Request, request)).await.unwrap();
        rust.until("an answer", |broker| {
            broker.received.lock().iter().any(|(kind, body)| {
                *kind == PacketKind::Response && body.windows(9).any(|window| window == b"Hello Ann")
            })
        })
        .await;
        // Thought gone by us, it comes back; thought gone by it, so do we.
        rust.broker.cluster.lost("js", true);
        rust.until("js again", |broker| broker.cluster.view() == ["js:$node+greeter"]).await;
        // A large packet that Moleculer takes.
        let large = "x".repeat(900_000);
        let event = format!(
            r#"{{"id":"2","event":"user.created","data":"{large}","broadcast":true,"meta":{{}},"level":1,"ver":"{v}","sender":"rust"}}"#
        );
        soon(rust.send("js", PacketKind::Event, event)).await.unwrap();
        js.says(|line| (line.get("event")?.as_str()?.len() == large.len()).then_some(())).await;
        js.lists("rust", |node| node["available"] == true).await;
        rust.stop().await;
        js.says(|line| (line.get("disconnected")? == "rust").then_some(())).await;
        println!("{}: protocol {version}", dir.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_javascript_node_that_dies_is_lost_and_known_again() {
    let Some((program, dirs)) = installed() else { return };
    for dir in dirs {
        let rust = Node::new("rust", "", TcpOptions { bind_address: None, ..quiet() });
        let rust = rust.speaks(if dir.to_string_lossy().contains("14") { "4" } else { "5" }).connect().await;
        let urls = json!([rust.url()]);
        let options = json!({
            "nodeID": "js", "transporter": { "type": "TCP", "options": { "udpDiscovery": false, "urls": urls } }
        });
        let view = ["js:$node+greeter"];
        let mut js = Js::start(&program, &dir, &options);
        rust.sees(&view).await;
        js.child.kill().await.unwrap();
        rust.until("lost", |broker| !broker.cluster.is_available("js")).await;
        let mut js = Js::start(&program, &dir, &options);
        rust.sees(&view).await;
        js.lists("rust", |node| node["available"] == true).await;
        js.tell("stop").await;
        rust.until("gone", |broker| !broker.cluster.is_available("js")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_multicast() {
    let Some((program, dirs)) = installed() else { return };
    for (n, dir) in dirs.into_iter().enumerate() {
        let port = std::net::UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
        let namespace = format!("lab{n}");
        let tcp = json!({ "type": "TCP", "options": { "udpPort": port } });
        let options = json!({ "nodeID": "js", "namespace": namespace, "transporter": tcp });
        let mut js = Js::start(&program, &dir, &options);
        let version = js.says(|line| line.get("ver").cloned()).await;
        let rust = Node::new("rust", &namespace, TcpOptions { udp_port: port, ..TcpOptions::default() });
        let rust = rust.speaks(ver(&version)).connect().await;
        rust.until("js", |broker| broker.cluster.is_available("js")).await;
        js.lists("rust", |node| node["available"] == true).await;
        assert!(rust.broker.cluster.peer("js").unwrap().address.is_some());
    }
}
