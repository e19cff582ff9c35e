use bytes::Bytes;

use super::{write::publish_length, *};

fn read(bytes: &[u8]) -> Vec<(u16, Frame)> {
    let mut rest = bytes;
    let mut frames = Vec::new();
    while let Some(length) = length(rest) {
        frames.push(Frame::read(Bytes::copy_from_slice(&rest[..length])).unwrap());
        rest = &rest[length..];
    }
    assert!(rest.is_empty());
    frames
}

#[test]
fn a_message_in_parts() {
    let message = Message {
        exchange: "",
        routing_key: "MOL.REQ.a",
        mandatory: true,
        persistent: true,
        priority: Some(3),
        correlation_id: Some(u64::MAX),
        expiration: Some(30_000),
        app_id: Some("1@here"),
    };
    let body: Vec<u8> = (0..250).collect();
    let mut out = Vec::new();
    publish(&mut out, 2, &message, &body, 108);
    assert!(out.len() <= publish_length(&message, &body) + 2 * 8);
    let frames = read(&out);
    let content = Content {
        size: 250,
        correlation_id: Some(u64::MAX.to_string().into()),
        app_id: Some("1@here".into()),
        headers: false,
    };
    assert_eq!(frames[1], (2, Frame::Content(content)));
    let parts: Vec<Bytes> = frames[2..]
        .iter()
        .map(|(_, frame)| match frame {
            Frame::Body(part) => part.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(parts.iter().map(Bytes::len).collect::<Vec<_>>(), [100, 100, 50]);
    assert_eq!(parts.concat(), body);
    out.clear();
    publish(&mut out, 2, &Message::default(), b"", 108);
    assert_eq!(read(&out)[1].1, Frame::Content(Content::default()));
    assert_eq!(read(&out).len(), 2);
}

#[test]
fn declarations() {
    let mut out = Vec::new();
    let arguments = vec![("x-expires".to_owned(), Field::Number(120_000))];
    declare_queue(&mut out, 1, "q", true, false, &arguments);
    assert_eq!(
        out,
        b"\x01\0\x01\0\0\0\x1c\0\x32\0\x0a\0\0\x01q\x02\0\0\0\x0f\x09x-expiresI\0\x01\xd4\xc0\xce"
    );
    out.clear();
    declare_exchange(&mut out, 1, "e", true, false, &Table::new());
    assert_eq!(out, b"\x01\0\x01\0\0\0\x14\0\x28\0\x0a\0\0\x01e\x06fanout\x02\0\0\0\0\xce");
}

#[test]
fn nonsense_is_an_error() {
    assert_eq!(length(b"\x01\0\0\0\0"), None);
    assert!(Frame::read(Bytes::from_static(b"\x01\0\0\0\0\0\x01")).is_err());
    let mut whole = Vec::new();
    whole.push(b"\x01\0\x01\0\0\0\x17\0\x3c\0\x3c\x01a\0\0\0\0\0\0\0\x05\0\0\x05MOL.a\xce".to_vec());
    whole.push(b"\x02\0\x02\0\0\0\x10\0\x3c\0\0\0\0\0\0\0\0\0\x01\x04\0\x011\xce".to_vec());
    whole.push(b"\x01\0\x05\0\0\0\x14\0\x3c\0\x47\0\0\0\0\0\0\0\x05\x01\0\x01q\0\0\0\0\xce".to_vec());
    whole.push(b"\x02\0\x05\0\0\0\x23\0\x3c\0\0\0\0\0\0\0\0\0\x01\x20\x48\0\0\0\x04\x01ht\x01\0\0\0\0\0\0\0\x05\x03me1\xce".to_vec());
    whole.push(b"\x01\0\0\0\0\0\x0c\0\x0a\0\x1e\0\xff\0\x02\0\0\0\x3c\xce".to_vec());
    for packet in whole {
        Frame::read(Bytes::from(packet.clone())).unwrap();
        for end in 7..packet.len() {
            let mut bytes = packet[..end].to_vec();
            bytes.push(END);
            let _ = Frame::read(bytes.into());
        }
        for place in 0..packet.len() - 1 {
            for value in 0..=255 {
                let mut bytes = packet.clone();
                bytes[place] = value;
                let _ = Frame::read(bytes.into());
            }
        }
    }
}
