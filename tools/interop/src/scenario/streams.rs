//! Streams of bytes and of objects, in both directions.

use aes::cipher::StreamCipher;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::{
    check::{Outcome, ensure, same},
    cluster::Cluster,
    node::byte,
    scenario::hex,
};

/// Size and hash of `size` bytes.
fn digest(size: usize) -> Value {
    let bytes: Vec<u8> = (0..size).map(byte).collect();
    json!({ "size": size, "sha1": hex(&Sha1::digest(bytes)) })
}

/// Sizes and chunks: none, one byte, both sides of the largest chunk of a packet, several of them.
const SIZES: [(usize, usize); 5] =
    [(0, 1000), (1, 1000), (262_144, 262_144), (262_145, 300_000), (1_000_000, 300_000)];

/// Bytes from a worker.
pub(super) async fn download(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        for (size, chunk) in SIZES {
            let call = json!({ "action": "conf.download", "params": { "size": size, "chunk": chunk }, "nodeID": node.id() });
            let stream = cluster.call(call).await?.stream("conf.download")?;
            same(format_args!("{size} bytes from {node}"), &stream, &digest(size))?;
        }
    }
    Ok(())
}

/// Bytes to a worker, with parameters beside them where the protocol has both.
pub(super) async fn upload(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        // Ligand nodes keep the parameters among themselves.
        let lost = cluster.is_old() && (cluster.supervisor().program().is_js() || node.program().is_js());
        for (size, chunk) in SIZES {
            let mut call = json!({ "action": "conf.upload", "upload": { "size": size, "chunk": chunk }, "nodeID": node.id() });
            let params = if lost { Value::Null } else { json!({ "name": "é.bin" }) };
            if !params.is_null() {
                call["params"] = params.clone();
            }
            let result = cluster.call(call).await?.result("conf.upload")?;
            let mut want = digest(size);
            want["params"] = params;
            same(format_args!("{size} bytes to {node}"), &result, &want)?;
        }
    }
    Ok(())
}

fn objects(n: usize) -> Value {
    json!((0..n).map(|i| json!({ "i": i })).collect::<Vec<_>>())
}

/// Objects from a worker.
pub(super) async fn object_download(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        for n in [0, 1, 500] {
            let call = json!({ "action": "conf.objects", "params": { "n": n }, "nodeID": node.id() });
            let stream = cluster.call(call).await?.stream("conf.objects")?;
            same(format_args!("{n} objects from {node}"), &stream["items"], &objects(n))?;
        }
    }
    Ok(())
}

/// Objects to a worker.
pub(super) async fn object_upload(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        for n in [0, 1, 500] {
            let call = json!({ "action": "probe.collect", "upload": { "kind": "objects", "n": n }, "nodeID": node.id() });
            let result = cluster.call(call).await?.result("probe.collect")?;
            same(format_args!("{n} objects to {node}"), &result["items"], &objects(n))?;
        }
    }
    Ok(())
}

/// The source breaks: what came before arrives, then the error.
pub(super) async fn broken_download(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let params = json!({ "kind": "objects", "n": 10, "failAfter": 3 });
        let call = json!({ "action": "probe.broken", "params": params, "nodeID": node.id() });
        let stream = cluster.call(call).await?.stream("probe.broken")?;
        ensure(
            stream["error"] == "the source broke",
            format_args!("the error of objects from {node}"),
            &stream,
        )?;
        let params = json!({ "size": 100_000, "chunk": 1000, "failAfter": 3 });
        let call = json!({ "action": "probe.broken", "params": params, "nodeID": node.id() });
        let stream = cluster.call(call).await?.stream("probe.broken")?;
        ensure(
            stream["error"] == "the source broke",
            format_args!("the error of bytes from {node}"),
            &stream,
        )?;
    }
    Ok(())
}

/// The caller's source breaks: the callee sees the error.
pub(super) async fn broken_upload(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        for upload in [
            json!({ "kind": "objects", "n": 10, "failAfter": 3 }),
            json!({ "size": 100_000, "chunk": 1000, "failAfter": 3 }),
        ] {
            let call =
                json!({ "action": "probe.collect", "upload": upload, "nodeID": node.id(), "timeout": 5000 });
            let result = cluster.call(call).await?.result("probe.collect")?;
            ensure(result["error"] == "the source broke", format_args!("the error seen by {node}"), &result)?;
        }
    }
    Ok(())
}

/// What goes up comes down again at the same time.
pub(super) async fn both_ways(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let call = json!({ "action": "probe.mirror", "upload": { "size": 2_000_000, "chunk": 65_536 }, "nodeID": node.id() });
        let stream = cluster.call(call).await?.stream("probe.mirror")?;
        same(format_args!("2 MB through {node}"), &stream, &digest(2_000_000))?;
    }
    Ok(())
}

/// The worker encrypts what passes through it.
pub(super) async fn cipher(cluster: &Cluster) -> Outcome {
    let mut bytes: Vec<u8> = (0..500_000).map(byte).collect();
    crate::node::cipher().apply_keystream(&mut bytes);
    let want = json!({ "size": bytes.len(), "sha1": hex(&Sha1::digest(&bytes)) });
    for action in ["aes.encrypt", "aes.decrypt"] {
        let call = json!({ "action": action, "upload": { "size": bytes.len(), "chunk": 50_000 } });
        let stream = cluster.call(call).await?.stream(action)?;
        same(action, &stream, &want)?;
    }
    Ok(())
}

/// Ten streams at once each way do not mix.
pub(super) async fn many(cluster: &Cluster) -> Outcome {
    let streams = (0..10_usize).map(|number| async move {
        let node = &cluster.workers()[number % cluster.workers().len()];
        let (size, chunk) = (50_000 + 1000 * number, 3000 + number);
        let call = json!({ "action": "conf.download", "params": { "size": size, "chunk": chunk }, "nodeID": node.id() });
        let down = cluster.call(call).await?.stream("conf.download")?;
        same(format_args!("stream {number} from {node}"), &down, &digest(size))?;
        let call = json!({ "action": "probe.collect", "upload": { "size": size, "chunk": chunk }, "nodeID": node.id() });
        let up = cluster.call(call).await?.result("probe.collect")?;
        same(format_args!("stream {number} to {node}"), &up, &digest(size))
    });
    try_join_all(streams).await?;
    Ok(())
}
