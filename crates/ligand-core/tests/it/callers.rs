//! Callers of which little is known: what they ask is answered all the same.

use std::{sync::Arc, time::Duration};

use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef};
use ligand_transport::{
    Transporter as _,
    contract::TestLink,
    memory::{MemoryBus, MemoryTransporter},
};
use ligand_wire::{packet::PacketKind, topic::Topic};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::ms;

const ID: &str = "5f3c1a52-7d1e-4c3b-9a51-0123456789ab";

fn work() -> ServiceDef {
    ServiceDef::new("work")
        .action(Action::new("wait", |_: Context, millis: u64| async move {
            sleep(ms(millis)).await;
            Ok::<_, Error>(millis)
        }))
        .action(Action::new("save", |ctx: Context, (): ()| async move {
            let stream = ctx.stream().ok_or_else(|| Error::bad_request("no stream"))?;
            Ok::<_, Error>(stream.collect_bytes(1000).await?.len())
        }))
}

/// Somebody on the bus who writes packets by hand.
struct Peer {
    bus: MemoryBus,
    callee: ServiceBroker,
    link: Arc<TestLink>,
    _transporter: Arc<MemoryTransporter>,
}

async fn peer(bus: &MemoryBus) -> Peer {
    let callee = ServiceBroker::builder().node_id("callee").transporter(bus.transporter()).service(work());
    let callee = callee.start().await.unwrap();
    let (transporter, link) = (bus.transporter(), TestLink::new("peer", ""));
    transporter.clone().connect(link.clone()).await.unwrap();
    Peer { bus: bus.clone(), callee, link, _transporter: transporter }
}

impl Peer {
    fn says(&self, kind: PacketKind, mut packet: Value) {
        (packet["ver"], packet["sender"]) = ("5".into(), "peer".into());
        self.bus.publish("", &Topic::node(kind, "callee".into()), &packet.to_string().into());
    }

    fn tells_what_it_is(&self) {
        self.says(
            PacketKind::Info,
            json!({
                "instanceID": "i", "seq": 1, "hostname": "h", "ipList": [], "services": [], "metadata": {},
                "client": { "type": "rust", "version": "0.1.0", "langVersion": "1" }, "config": { "ligand": {} },
            }),
        );
    }

    /// Asks for `work.<action>`; `seq` is the number of a packet of a stream.
    fn asks(&self, action: &str, params: &Value, seq: Option<u64>) {
        let action = format!("work.{action}");
        let mut request = json!({
            "id": ID, "action": action, "params": params, "meta": {}, "level": 1, "timeout": 0, "headers": {},
        });
        if let Some(seq) = seq {
            (request["stream"], request["seq"]) = (true.into(), seq.into());
        }
        self.says(PacketKind::Request, request);
    }

    async fn hears(&self, within: Duration) -> Option<Value> {
        let heard = async {
            loop {
                let (kind, body) = self.link.next_packet(within).await?;
                if kind == PacketKind::Response {
                    return Some(serde_json::from_slice(&body).unwrap());
                }
            }
        };
        tokio::time::timeout(within, heard).await.ok().flatten()
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_never_told_what_it_is_gets_its_answer() {
    let peer = peer(&MemoryBus::new()).await;
    peer.asks("wait", &json!(50_000), None);
    let answer = peer.hears(Duration::from_secs(60)).await;
    assert_eq!(answer.expect("it is answered")["data"], 50_000);
    peer.callee.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_work_of_a_caller_that_left_ends() {
    let peer = peer(&MemoryBus::new()).await;
    peer.tells_what_it_is();
    peer.asks("wait", &json!(3_600_000), None);
    sleep(ms(100)).await;
    assert_eq!(peer.callee.in_flight().unwrap().serving, 1);
    let farewell = json!({ "ver": "5", "sender": "peer" });
    peer.bus.publish("", &Topic::all(PacketKind::Disconnect), &farewell.to_string().into());
    sleep(Duration::from_secs(50)).await;
    assert_eq!(peer.callee.in_flight().unwrap().serving, 0);
    peer.callee.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_stream_ended_before_its_first_packet_is_answered() {
    for known in [true, false] {
        let peer = peer(&MemoryBus::new()).await;
        if known {
            peer.tells_what_it_is();
        }
        // A later packet overtakes the first one, and this node is off the bus in between.
        peer.asks("save", &json!({ "type": "Buffer", "data": [1, 2] }), Some(1));
        sleep(ms(10)).await;
        peer.bus.isolate("callee");
        sleep(ms(100)).await;
        peer.bus.rejoin("callee");
        sleep(ms(10)).await;
        peer.asks("save", &json!(null), Some(0));
        let answer = peer.hears(Duration::from_secs(5)).await.expect("it is answered");
        assert_eq!((&answer["success"], &answer["error"]["type"]), (&json!(false), &json!("STREAM_CUT_OFF")));
        peer.callee.stop().await;
    }
}
