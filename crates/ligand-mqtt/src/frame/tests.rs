use super::*;

fn read(version: Version, bytes: &[u8]) -> Result<Incoming, Malformed> {
    let (head, rest) = length(bytes)?.ok_or(SHORT)?;
    assert_eq!(head + rest, bytes.len());
    decode(version, bytes[0], Bytes::copy_from_slice(&bytes[head..]))
}

#[test]
fn publish_both_ways() {
    for version in [Version::V3, Version::V5] {
        for (qos, id) in [(Qos::AtMostOnce, 0), (Qos::AtLeastOnce, 7), (Qos::ExactlyOnce, 65_535)] {
            for size in [0, 1, 127, 128, 20_000, 3_000_000] {
                let body = vec![b'x'; size];
                let mut out = Vec::new();
                publish(&mut out, version, "MOL.REQ.a", qos, id, &body);
                assert!(out.len() <= publish_length(version, "MOL.REQ.a", qos, &body));
                let topic = Bytes::from_static(b"MOL.REQ.a");
                let packet = Incoming::Publish { topic, qos, id, body: body.into() };
                assert_eq!(read(version, &out), Ok(packet));
            }
        }
    }
}

#[test]
fn connect_and_subscribe() {
    let hello = Hello {
        client_id: "n",
        username: Some("u"),
        password: Some(b"p"),
        keep_alive: 15,
        max_packet: 0x0100_0000,
    };
    let mut out = Vec::new();
    connect(&mut out, Version::V3, hello);
    assert_eq!(out, b"\x10\x13\0\x04MQTT\x04\xc2\0\x0f\0\x01n\0\x01u\0\x01p");
    out.clear();
    connect(&mut out, Version::V5, Hello { username: None, password: None, ..hello });
    assert_eq!(out, b"\x10\x13\0\x04MQTT\x05\x02\0\x0f\x05\x27\x01\0\0\0\0\x01n");
    out.clear();
    subscribe(&mut out, Version::V5, 1, Qos::AtLeastOnce, ["a", "b"].into_iter());
    assert_eq!(out, b"\x82\x0b\0\x01\0\0\x01a\x01\0\x01b\x01");
}

#[test]
fn steps_and_farewells() {
    let mut out = Vec::new();
    for kind in [Step::Ack, Step::Received, Step::Release, Step::Complete] {
        out.clear();
        step(&mut out, kind, 258);
        assert_eq!(read(Version::V5, &out), Ok(Incoming::Step { step: kind, id: 258, reason: 0 }));
    }
    let nobody = Incoming::Step { step: Step::Ack, id: 1, reason: NO_SUBSCRIBERS };
    assert_eq!(read(Version::V5, b"\x40\x03\0\x01\x10"), Ok(nobody));
    assert_eq!(read(Version::V5, b"\xe0\x01\x8b"), Ok(Incoming::Bye { reason: 0x8b }));
    assert_eq!(read(Version::V3, b"\xd0\0"), Ok(Incoming::Pong));
}

#[test]
fn a_welcome_with_limits() {
    // Receive maximum 20, maximum packet size 1000, highest QoS 1, keep alive 9, a user property, an assigned id.
    let bytes = b"\x20\x1a\0\0\x17\x21\0\x14\x27\0\0\x03\xe8\x24\x01\x13\0\x09\x26\0\x01a\0\x01b\x12\0\0";
    let welcome =
        Welcome { code: 0, window: 20, max_packet: 1000, max_qos: Qos::AtLeastOnce, keep_alive: Some(9) };
    assert_eq!(read(Version::V5, bytes), Ok(Incoming::Welcome(welcome)));
    let refused = Welcome {
        code: 1,
        window: u16::MAX,
        max_packet: LONGEST,
        max_qos: Qos::ExactlyOnce,
        keep_alive: None,
    };
    assert_eq!(read(Version::V5, b"\x20\x02\0\x01"), Ok(Incoming::Welcome(refused)));
}

#[test]
fn nonsense_is_an_error() {
    assert_eq!(length(b"\x30"), Ok(None));
    assert_eq!(length(b"\x30\xff\xff"), Ok(None));
    assert!(length(b"\x30\xff\xff\xff\xff\x01").is_err());
    // Every beginning of every packet, and every single byte changed: an answer, never a panic.
    let mut whole = Vec::new();
    publish(&mut whole, Version::V5, "MOL.INFO", Qos::AtLeastOnce, 3, b"body");
    let welcome = b"\x20\x0f\0\0\x0c\x21\0\x14\x27\0\0\x03\xe8\x24\x01\x13\0\x09".to_vec();
    for packet in [whole, welcome, b"\x90\x04\0\x01\0\x80".to_vec(), b"\x40\x03\0\x01\x10".to_vec()] {
        for version in [Version::V3, Version::V5] {
            for end in 2..packet.len() {
                let _ = decode(version, packet[0], Bytes::copy_from_slice(&packet[2..end]));
            }
            for place in 2..packet.len() {
                for value in 0..=255 {
                    let mut bytes = packet.clone();
                    bytes[place] = value;
                    let _ = decode(version, packet[0], Bytes::copy_from_slice(&bytes[2..]));
                }
            }
        }
    }
    for first in 0..=255 {
        let _ = decode(Version::V5, first, Bytes::from_static(b"\0"));
    }
}
