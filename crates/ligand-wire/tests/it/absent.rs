//! Without the feature the other serializers are refused, by name.

use bytes::Bytes;
use ligand_wire::{
    Payload,
    codec::{self, Envelope},
    packet::{Packet, PacketKind},
    payload::Format,
};

#[test]
fn absent_serializers_are_named() {
    for format in Format::ALL.into_iter().filter(|format| !format.is_available()) {
        let mut out = vec![7];
        let envelope = Envelope { ver: "5", sender: "n" };
        let payload = Payload::encoded(format, &b"\xa1"[..]);
        let errors = [
            codec::encode(&Packet::Discover, envelope, format, &mut out).unwrap_err(),
            codec::decode(PacketKind::Discover, format, &Bytes::from_static(b"\x80")).unwrap_err(),
            Payload::typed(1_u8).encode(format, &mut out).unwrap_err(),
            Payload::NULL.encode(format, &mut out).unwrap_err(),
            payload.clone().take::<u8>().unwrap_err(),
            payload.to_value().unwrap_err(),
            payload.write_json(&mut out).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
            assert!(
                error.message().contains(format.as_str()) && error.message().contains("`serializers`"),
                "{error}"
            );
        }
        assert_eq!(out, [7]);
    }
    assert!(Format::Json.is_available());
}
