use std::borrow::Cow;

use serde_json::json;

use super::*;
use crate::{
    codec,
    packet::{Event, Gossip, NodeInfo, Request, Response},
    payload::Format,
};

fn written(packet: &Packet<'_>, ver: &str) -> String {
    let mut out = b"before ".to_vec();
    codec::encode(packet, Envelope { ver, sender: "A" }, Format::Json, &mut out).unwrap();
    String::from_utf8(out).unwrap().split_off(7)
}

fn read(kind: PacketKind, text: &str) -> Result<Received<'static>> {
    let bytes: &'static Bytes = Box::leak(Box::new(Bytes::copy_from_slice(text.as_bytes())));
    codec::decode(kind, Format::Json, bytes)
}

fn fields(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

fn request(text: &str) -> Request<'static> {
    match read(PacketKind::Request, text).unwrap().packet {
        Packet::Request(request) => request,
        other => panic!("{other:?}"),
    }
}

fn response(text: &str) -> Response<'static> {
    match read(PacketKind::Response, text).unwrap().packet {
        Packet::Response(response) => response,
        other => panic!("{other:?}"),
    }
}

fn flaw(text: &str) -> String {
    read(PacketKind::Request, text).unwrap_err().message().to_owned()
}

#[test]
fn requests_are_written_as_node_writes_them() {
    let meta = fields(json!({ "m": 1 }));
    let headers = fields(json!({ "h": 1, "$streamObjectMode": true }));
    let request = Request {
        id: "1".into(),
        action: "math.add".into(),
        meta: Cow::Borrowed(&meta),
        headers: Some(Cow::Borrowed(&headers)),
        timeout: Some(1000.0),
        level: 1,
        request_id: Some("a\"b".into()),
        seq: Some(0),
        ..Request::default()
    };
    let rest = r#""timeout":1000,"level":1,"tracing":null,"parentID":null,"requestID":"a\"b","caller":null,"stream":false,"seq":0"#;
    assert_eq!(
        written(&Packet::Request(request.clone()), "5"),
        format!(
            r#"{{"id":"1","action":"math.add","params":{{}},"meta":{{"m":1}},"headers":{{"h":1,"$streamObjectMode":true}},{rest},"ver":"5","sender":"A"}}"#
        )
    );
    // Version 4 has no headers; the flags of streams are in the meta.
    assert_eq!(
        written(&Packet::Request(request), "4"),
        format!(
            r#"{{"id":"1","action":"math.add","params":{{}},"meta":{{"m":1,"$streamObjectMode":true}},{rest},"ver":"4","sender":"A"}}"#
        )
    );
}

#[test]
fn nothing_is_written_as_node_writes_it() {
    let text = written(&Packet::Response(Response { id: "1".into(), ..Response::default() }), "5");
    assert_eq!(text, r#"{"id":"1","meta":{},"success":true,"ver":"5","sender":"A"}"#);
    let null = Response { id: "1".into(), data: Payload::NULL, ..Response::default() };
    assert!(written(&Packet::Response(null), "5").contains(r#""success":true,"data":null,"ver""#));
    let event = Event { id: "1".into(), event: "e".into(), level: 1, ..Event::default() };
    assert_eq!(
        written(&Packet::Event(event), "5"),
        r#"{"id":"1","event":"e","data":null,"broadcast":false,"meta":{},"level":1,"tracing":null,"parentID":null,"requestID":null,"caller":null,"needAck":null,"ver":"5","sender":"A"}"#
    );
    assert_eq!(written(&Packet::Discover, "5"), r#"{"ver":"5","sender":"A"}"#);
}

#[test]
fn numbers_and_bytes_are_written_as_in_javascript() {
    let with = |timeout| {
        let request = Request { timeout: Some(timeout), ..Request::default() };
        let text = written(&Packet::Request(request), "5");
        serde_json::from_str::<Value>(&text).unwrap()["timeout"].to_string()
    };
    assert_eq!(
        [with(0.0), with(2997.173657), with(f64::NAN), with(1e300)],
        ["0", "2997.173657", "null", "1e+300"]
    );
    let bytes = Response { data: Payload::binary(&[0, 9, 10, 99, 100, 255][..]), ..Response::default() };
    let text = written(&Packet::Response(bytes), "5");
    assert!(text.contains(r#""data":{"type":"Buffer","data":[0,9,10,99,100,255]},"ver""#), "{text}");
}

#[test]
fn errors_leave_without_their_internal_text() {
    let error = Error::conflict("taken").with_internal("password=1").with_data(json!({ "a": 5 }));
    let failed = Response { id: "1".into(), error: Some(error.clone()), ..Response::default() };
    let text = written(&Packet::Response(failed), "5");
    assert_eq!(
        text,
        r#"{"id":"1","meta":{},"success":false,"data":null,"error":{"name":"MoleculerClientError","message":"taken","nodeID":"A","code":409,"type":"CONFLICT","retryable":false,"stack":"MoleculerClientError: taken","data":{"a":5}},"ver":"5","sender":"A"}"#
    );
    let back = response(&text).error.unwrap();
    assert_eq!((&back, back.node_id()), (&error, Some("A")));
}

#[test]
fn a_failed_encode_leaves_the_buffer_alone() {
    #[derive(Clone, serde::Deserialize)]
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    let mut out = b"before".to_vec();
    let packet = Packet::Response(Response { data: Payload::typed(Broken), ..Response::default() });
    let err = codec::encode(&packet, Envelope { ver: "5", sender: "A" }, Format::Json, &mut out).unwrap_err();
    assert_eq!((err.kind(), &out[..]), ("PAYLOAD_ENCODE_ERROR", &b"before"[..]));
}

#[test]
fn almost_everything_may_be_missing_null_or_odd() {
    let bare = request(r#" {"id":7,"action":"a"} "#);
    assert_eq!((&*bare.id, &*bare.action, bare.level, bare.timeout), ("7", "a", 1, None));
    assert!(bare.params.is_undefined() && bare.headers.is_none() && bare.meta.is_empty());

    let odd = request(
        r#"{"id":"x\n\u00e9","action":"a","params":null,"meta":[],"headers":"h","timeout":"25.5","level":2.0,
        "tracing":1,"parentID":{"a":[{}]},"requestID":8,"caller":null,"stream":"yes","seq":3.0,"extra":{"ver":1},"ver":5}"#,
    );
    assert_eq!((&*odd.id, odd.timeout, odd.level, odd.seq), ("x\né", Some(25.5), 2, Some(3)));
    assert_eq!((odd.parent_id, odd.request_id.as_deref(), odd.stream), (None, Some("8"), false));
    assert!(!odd.params.is_undefined() && odd.params.is_null());

    let negative = request(r#"{"id":"1","action":"a","timeout":-5,"level":-1,"seq":-1}"#);
    assert_eq!((negative.timeout, negative.level, negative.seq), (Some(0.0), 1, None));
    let huge = request(r#"{"id":"1","action":"a","timeout":1e999,"level":1e30}"#);
    assert_eq!((huge.timeout, huge.level), (None, u32::MAX));
    let twice = request(r#"{"id":"1","action":"a","params":1,"params":2,"id":"2"}"#);
    assert_eq!((&*twice.id, twice.params.get("").is_none()), ("2", true));
    assert_eq!(twice.params.take::<u8>().unwrap(), 2);
}

#[test]
fn texts_and_payloads_point_into_the_packet() {
    let bytes =
        Bytes::from_static(br#"{"id":"abc","action":"a.b","params":{"a":[1, "}"]},"sender":"B","ver":"5"}"#);
    let received = codec::decode(PacketKind::Request, Format::Json, &bytes).unwrap();
    assert!(matches!(received.sender, Cow::Borrowed("B")));
    let Packet::Request(request) = received.packet else { panic!() };
    assert!(matches!(request.id, Cow::Borrowed("abc")));
    let params = request.params.as_json().unwrap();
    assert_eq!(params.as_ref(), br#"{"a":[1, "}"]}"#);
    assert!(bytes.as_ptr_range().contains(&params.as_ptr()));
}

#[test]
fn what_is_wrong_is_named_and_content_is_not_shown() {
    let cases = [
        ("", "cut off"),
        ("[]", "not an object"),
        ("{", "cut off"),
        (r#"{"action":"a"}"#, "no id"),
        (r#"{"id":null,"action":"a"}"#, "no id"),
        (r#"{"id":"1"}"#, "no action"),
        (r#"{"id":"1","action":"a"} x"#, "something follows the packet"),
        (r#"{"id":"1","action":"a"}}"#, "something follows the packet"),
        (r#"{"id":"1","action":"a",}"#, "no text where one must be"),
        (r#"{"id":"1" "action":"a"}"#, "no comma between two fields"),
        (r#"{"id""1"}"#, "no colon after a key"),
        (r#"{"id":"1","params":[1}}"#, "no comma between two values"),
        (r#"{"id":"1","params":{"a":1]}"#, "no comma between two values"),
        (r#"{"id":"1","params":{"a" 1}}"#, "no colon after a key"),
        (r#"{"id":"1","params":[1,]}"#, "no value where one must be"),
        (r#"{"id":"1","params":secret}"#, "no value where one must be"),
        (r#"{"id":"1","params":"secret"#, "cut off"),
        ("{\"id\":\"1\",\"params\":\"sec\nret\"}", "a control character in a text"),
        (r#"{"id":"\ud800"}"#, "a bad escape in a text"),
        (r#"{"id":"1","meta":{"secret":01}}"#, "bad JSON in line 1 column 12 of a value"),
    ];
    for (text, reason) in cases {
        assert_eq!(flaw(text), format!("Invalid REQ packet: {reason}."), "{text}");
    }
    let bytes = Bytes::from_static(b"{\"id\":\"\xff\"}");
    let err = codec::decode(PacketKind::Event, Format::Json, &bytes).unwrap_err();
    assert_eq!((err.message(), err.name()), ("Invalid EVENT packet: not UTF-8.", "InvalidPacketDataError"));
    assert_eq!((err.code(), err.kind()), (500, "INVALID_PACKET_DATA"));
}

#[test]
fn depth_is_limited_without_recursion() {
    let nested =
        |depth| format!(r#"{{"id":"1","action":"a","params":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let deepest = request(&nested(127)).params;
    assert!(deepest.to_value().is_ok());
    assert_eq!(flaw(&nested(128)), "Invalid REQ packet: nested too deep.");
    let bomb = format!(r#"{{"id":"1","params":{}"#, "[".repeat(10_000_000));
    assert_eq!(flaw(&bomb), "Invalid REQ packet: nested too deep.");
    let bomb = format!(r#"{{"id":"1","action":"a","meta":{}"#, r#"{"":"#.repeat(3_000_000));
    assert_eq!(flaw(&bomb), "Invalid REQ packet: nested too deep.");
}

#[test]
fn special_bytes_are_found_at_every_place() {
    for length in 0..40 {
        for special in ["\\\"", "\\\\", "é\\n", "\\u0041"] {
            for place in 0..=length {
                let inside = format!("{}{special}{}", "é".repeat(place), "x".repeat(length - place));
                let text = format!(r#"{{"id":"{inside}","action":"{}"}}"#, "y".repeat(length));
                let request = request(&text);
                let id: String = serde_json::from_str(&format!("\"{inside}\"")).unwrap();
                assert_eq!((&*request.id, request.action.len()), (&*id, length));
            }
        }
    }
}

#[test]
fn stream_flags_are_read_from_both_places() {
    let flags = r#"{"$streamObjectMode":true,"$streamError":{"name":"Error","message":"no","nodeID":"B"}}"#;
    for place in ["meta", "headers"] {
        let request = request(&format!(r#"{{"id":"1","action":"a","{place}":{flags}}}"#));
        assert!(request.object_mode());
        let error = request.stream_error().unwrap();
        assert_eq!((error.message(), error.node_id(), error.code()), ("no", Some("B"), 500));
        assert!(response(&format!(r#"{{"id":"1","{place}":{flags}}}"#)).object_mode());
    }
    let plain = request(r#"{"id":"1","action":"a","headers":{"$streamError":null}}"#);
    assert!(!plain.object_mode() && plain.stream_error().is_none());
}

#[test]
fn an_answer_without_success_goes_by_its_error() {
    let error = |text: &str| response(text).error.map(|error| error.message().to_owned());
    assert_eq!(error(r#"{"id":"1"}"#), None);
    assert_eq!(error(r#"{"id":"1","success":true,"error":{"message":"no"}}"#), None);
    assert_eq!(error(r#"{"id":"1","error":{"message":"no"}}"#).as_deref(), Some("no"));
    assert_eq!(error(r#"{"id":"1","success":false}"#).as_deref(), Some("Unknown error"));
    assert_eq!(error(r#"{"id":"1","success":false,"error":"text"}"#).as_deref(), Some("text"));
}

#[test]
fn cluster_packets_survive() {
    let texts = [
        (PacketKind::Disconnect, r#"{"ver":"5","sender":"A"}"#),
        (PacketKind::Heartbeat, r#"{"cpu":97,"ver":"5","sender":"A"}"#),
        (PacketKind::Heartbeat, r#"{"cpu":null,"cpuSeq":3,"seq":2,"instanceID":"i","ver":"5","sender":"A"}"#),
        (PacketKind::Ping, r#"{"time":1795217039098,"id":"a3fb","ver":"5","sender":"A"}"#),
        (
            PacketKind::Pong,
            r#"{"time":1795217039098,"id":"a3fb","arrived":1795217039099,"ver":"5","sender":"A"}"#,
        ),
        (PacketKind::GossipHello, r#"{"host":"192.0.2.2","port":7001,"ver":"5","sender":"A"}"#),
        (PacketKind::GossipRequest, r#"{"online":{"A":[2,1,100]},"ver":"5","sender":"A"}"#),
        (PacketKind::GossipResponse, r#"{"online":{"B":[4,12.5]},"offline":{"C":2},"ver":"5","sender":"A"}"#),
    ];
    for (kind, text) in texts {
        let received = read(kind, text).unwrap();
        assert_eq!((written(&received.packet, "5").as_str(), received.packet.kind()), (text, kind));
    }
}

#[test]
fn infos_survive() {
    let text = r#"{"services":[{"name":"math","version":2,"fullName":"v2.math","settings":{"open":{"x":1}},"metadata":{},"actions":{"v2.math.add":{"rawName":"add","name":"v2.math.add"}},"events":{"a.b":{"name":"a.b"}}}],"ipList":["192.0.2.2"],"hostname":"vm","client":{"type":"nodejs","version":"0.15.1","langVersion":"v20.20.2"},"config":{},"instanceID":"31fce678","metadata":{"a":1},"seq":2,"ver":"5","sender":"A"}"#;
    let received = read(PacketKind::Info, text).unwrap();
    assert_eq!(written(&received.packet, "5"), text);
    let odd = r#"{"services":[7]}"#;
    let message = read(PacketKind::Info, odd).unwrap_err().message().to_owned();
    assert!(message.starts_with("Invalid INFO packet: services[0]: not an object"), "{message}");
    let Packet::Info(info) = read(PacketKind::Info, "{}").unwrap().packet else { panic!() };
    assert_eq!(*info, NodeInfo { seq: 1, ..NodeInfo::default() });
    let gossip = Packet::GossipRequest(Gossip::default());
    assert_eq!(written(&gossip, "5"), r#"{"ver":"5","sender":"A"}"#);
}
