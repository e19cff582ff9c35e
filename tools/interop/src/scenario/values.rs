//! Values that travel: parameters and results of every type.

use serde_json::{Value, json};

use crate::{
    check::{Outcome, same},
    cluster::{Cluster, Serializer},
    process::Program,
};

fn sample() -> Value {
    json!({
        "text": "árvíztűrő ☃ 😀 \"quoted\" \\ \n\t",
        "empty": "",
        "marked": "[[DT]]12",
        "small": [0, 1, -1, 127, 128, 255, 256, -128, -129, 65535, 65536, -32768, -32769],
        "wide": [2_147_483_647, -2_147_483_648_i64, 4_294_967_295_u64, 4_294_967_296_u64, -214_748_365],
        "exact": [9_007_199_254_740_991_u64, -9_007_199_254_740_991_i64, 1_732_147_200_000_u64],
        "fractions": [0.1, -0.5, 1.5, 3.25e-100, 5e-324, 0.333_333_333_333_333_3],
        "truth": [true, false, null],
        "nested": { "a": { "b": [{ "c": [[], {}, [[1]]] }] } },
        "key with.dots and ☃": 1,
    })
}

/// Objects, lists, texts and numbers of every size come back as they were.
pub(super) async fn params(cluster: &Cluster) -> Outcome {
    let params = sample();
    for node in cluster.targets() {
        let call = json!({ "action": "conf.echo", "params": params, "meta": params, "nodeID": node.id() });
        let result = cluster.call(call).await?.result("conf.echo")?;
        same(format_args!("params through {node}"), &result["params"], &params)?;
        same(format_args!("meta through {node}"), &result["meta"], &params)?;
    }
    Ok(())
}

/// No params are an empty object; null, texts, numbers and lists are params too.
pub(super) async fn odd_params(cluster: &Cluster) -> Outcome {
    let cases = [
        (None, "{}"),
        (Some(json!(null)), "null"),
        (Some(json!(5)), "number 5"),
        (Some(json!(true)), "boolean true"),
        (Some(json!("five")), "string five"),
        (Some(json!([1, null, "two"])), "[1,null,\"two\"]"),
    ];
    for node in cluster.targets() {
        for (params, seen) in &cases {
            let mut call = json!({ "action": "probe.given", "nodeID": node.id() });
            if let Some(params) = params {
                call["params"] = params.clone();
            }
            let result = cluster.call(call).await?.result("probe.given")?;
            same(format_args!("{params:?} at {node}"), &result, &json!(seen))?;
        }
    }
    Ok(())
}

/// Undefined is not null, and false, zero, nothing in a text or list are results.
pub(super) async fn results(cluster: &Cluster) -> Outcome {
    let cases = [
        ("undefined", json!({ "$undefined": true })),
        ("null", json!(null)),
        ("false", json!(false)),
        ("zero", json!(0)),
        ("empty", json!("")),
        ("list", json!([])),
    ];
    for node in cluster.targets() {
        for (what, want) in &cases {
            let call = json!({ "action": "probe.give", "params": { "what": what }, "nodeID": node.id() });
            let result = cluster.call(call).await?.result("probe.give")?;
            same(format_args!("{what} from {node}"), &result, want)?;
        }
    }
    Ok(())
}

/// `conf.types` as it arrives: numbers exactly, dates and bytes as the serializer's own.
pub(super) async fn types(cluster: &Cluster) -> Outcome {
    // JSON has no dates and bytes; a Rust caller that asks for them reads what JavaScript writes instead.
    let plain = cluster.setup().serializer == Serializer::Json && cluster.supervisor().program().is_js();
    let want = json!({
        "i8": -1, "u32": 4_294_967_295_u64, "i53": 9_007_199_254_740_991_u64, "neg": -9_007_199_254_740_991_i64,
        "f32": 1.5, "f64": 0.1, "t": true, "n": null, "s": "árvíztűrő ☃ 😀", "empty": "",
        "arr": [1, "two", null, [3]], "obj": { "a": { "b": { "c": 1 } } },
        "date": if plain { json!("2026-01-02T03:04:05.678Z") } else { json!({ "$date": "2026-01-02T03:04:05.678Z" }) },
        "bytes": if plain { json!({ "type": "Buffer", "data": [0, 1, 2, 255] }) } else { json!({ "$bytes": "AAEC/w==" }) },
    });
    for node in cluster.targets() {
        let answer = cluster.supervisor().ask("types", json!({ "nodeID": node.id() })).await?;
        let result = crate::cluster::Answer(answer).result("conf.types")?;
        same(format_args!("conf.types of {node}"), &result, &want)?;
    }
    Ok(())
}

/// The same values as params: what the callee sees.
pub(super) async fn sent_types(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let plain = cluster.setup().serializer == Serializer::Json && node.program().is_js();
        let want = json!({
            "i8": "number -1", "u32": "number 4294967295", "i53": "number 9007199254740991",
            "neg": "number -9007199254740991", "f32": "number 1.5", "f64": "number 0.1",
            "t": "boolean true", "n": "null", "s": "string árvíztűrő ☃ 😀", "empty": "string ",
            "arr": "[1,\"two\",null,[3]]", "obj": "{\"a\":{\"b\":{\"c\":1}}}",
            "date": if plain { "string 2026-01-02T03:04:05.678Z" } else { "date 2026-01-02T03:04:05.678Z" },
            "bytes": if plain { "{\"type\":\"Buffer\",\"data\":[0,1,2,255]}" } else { "bytes 000102ff" },
        });
        let answer = cluster.supervisor().ask("sendTypes", json!({ "nodeID": node.id() })).await?;
        let result = crate::cluster::Answer(answer).result("probe.seen")?;
        same(format_args!("values seen by {node}"), &result, &want)?;
    }
    Ok(())
}

/// A result of 700 KB, and params of 300 KB.
pub(super) async fn large(cluster: &Cluster) -> Outcome {
    for node in cluster.targets() {
        let call = json!({ "action": "probe.text", "params": { "times": 100_000 }, "nodeID": node.id() });
        let result = cluster.call(call).await?.result("probe.text")?;
        same(format_args!("a long text from {node}"), &result, &json!("ligand ".repeat(100_000)))?;
        let params = json!({ "text": "☃".repeat(100_000) });
        let call = json!({ "action": "conf.echo", "params": params, "nodeID": node.id() });
        let result = cluster.call(call).await?.result("conf.echo")?;
        same(format_args!("a long text through {node}"), &result["params"], &params)?;
    }
    Ok(())
}

/// Whether the nodes' program has headers, which protocol 4 has not.
pub(super) fn has_headers(program: Program) -> bool {
    program != Program::Js14
}
