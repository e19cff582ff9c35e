//! What Moleculer 0.15 on Node.js 22 made of known packets, with its own middlewares.

use ligand_transmit::{Compression, Encryption};
use ligand_transport::Transmit as _;
use serde_json::Value;

use super::*;

fn bytes(hex: &Value) -> Bytes {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn vectors() -> Vec<Value> {
    serde_json::from_str(include_str!("moleculer.json")).unwrap()
}

#[test]
fn compressed_packets_are_read() {
    let vectors: Vec<_> = vectors().into_iter().filter(|vector| vector["compression"].is_string()).collect();
    assert_eq!(vectors.len(), 27);
    for vector in vectors {
        let threshold = match vector["threshold"].as_str() {
            Some("1kb") => 1024,
            Some("10b") => 10,
            _ => 0,
        };
        let compression = Compression::new(vector["compression"].as_str().unwrap().parse().unwrap());
        let compression = compression.threshold(threshold);
        let (body, wire) = (bytes(&vector["body"]), bytes(&vector["wire"]));
        assert_eq!(compression.receive(REQ, wire.clone()).unwrap(), body);
        let ours = compression.send(REQ, body.clone()).unwrap();
        assert_eq!(ours[0], wire[0], "compressed or not, at {} bytes", body.len());
        assert!(ours[0] == 1 || ours == wire);
        assert_eq!(compression.receive(REQ, ours).unwrap(), body);
    }
}

#[test]
fn encrypted_packets_are_equal() {
    let vectors: Vec<_> = vectors().into_iter().filter(|vector| vector["encryption"].is_string()).collect();
    assert_eq!(vectors.len(), 12);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap().to_owned();
        let encryption = Encryption::new(&text("encryption"), text("key"), text("iv")).unwrap();
        let (body, wire) = (bytes(&vector["body"]), bytes(&vector["wire"]));
        assert_eq!(encryption.send(REQ, body.clone()).unwrap(), wire);
        assert_eq!(encryption.receive(REQ, wire).unwrap(), body);
    }
}
