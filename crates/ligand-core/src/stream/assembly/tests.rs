use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::FutureExt as _;
use serde_json::json;

use super::*;

#[derive(Default)]
struct Heard {
    consumed: Mutex<Vec<u64>>,
    cancelled: AtomicU64,
}

impl Feedback for Heard {
    fn consumed(&self, total: u64) {
        self.consumed.lock().push(total);
    }

    fn cancelled(&self) {
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }
}

fn assembly(mode: Mode, limits: Limits) -> (Assembly, Streaming, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let (assembly, stream) = Assembly::new(mode, limits, heard.clone());
    (assembly, stream, heard)
}

fn text(text: &str) -> Part {
    Part::Chunk(Payload::binary(Bytes::copy_from_slice(text.as_bytes())))
}

fn open(progress: &Progress) -> bool {
    matches!(progress, Progress::Open)
}

/// What is there now, and the error at its end, if any. `None` at the end says that it has ended.
fn read(stream: &mut Streaming) -> (Vec<String>, Option<Option<Error>>) {
    let mut chunks = Vec::new();
    loop {
        match stream.next_bytes().now_or_never() {
            None => return (chunks, None),
            Some(None) => return (chunks, Some(None)),
            Some(Some(Err(error))) => return (chunks, Some(Some(error))),
            Some(Some(Ok(bytes))) => chunks.push(String::from_utf8(bytes.to_vec()).unwrap()),
        }
    }
}

#[test]
fn every_order_with_duplicates_gives_the_same_stream() {
    let mut orders = vec![vec![]];
    for seq in 1..=5_u64 {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<u64>| {
                (0..=order.len()).map(move |at| {
                    let mut order = order.clone();
                    order.insert(at, seq);
                    order
                })
            })
            .collect();
    }
    assert_eq!(orders.len(), 120);
    for order in orders {
        let (mut assembly, mut stream, heard) = assembly(Mode::Bytes, Limits::default());
        for (at, seq) in order.iter().enumerate() {
            let part = |seq: u64| if seq == 5 { Part::End } else { text(&seq.to_string()) };
            assert!(open(&assembly.accept(0, Part::End, 10)));
            let progress = assembly.accept(*seq, part(*seq), 10);
            assert_eq!(open(&progress), at < 4, "{order:?}");
            assert_eq!(open(&assembly.accept(*seq, part(*seq), 10)), at < 4);
        }
        assert_eq!(
            read(&mut stream),
            (["1", "2", "3", "4"].map(String::from).to_vec(), Some(None)),
            "{order:?}"
        );
        drop(stream);
        assert_eq!(heard.cancelled.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn an_error_comes_after_what_is_in_order() {
    let (mut assembly, mut stream, _) = assembly(Mode::Bytes, Limits::default());
    assert!(open(&assembly.accept(1, text("a"), 10)));
    assert!(open(&assembly.accept(2, text("b"), 10)));
    assert!(matches!(assembly.accept(3, Part::Error(Error::new("disk")), 10), Progress::Complete));
    let (chunks, end) = read(&mut stream);
    assert_eq!((chunks, end.flatten().unwrap().message()), (vec!["a".into(), "b".into()], "disk"));
    assert_eq!(read(&mut stream), (vec![], Some(None)));
}

#[test]
fn an_error_does_not_wait_for_what_is_missing() {
    let (mut assembly, mut stream, _) = assembly(Mode::Bytes, Limits::default());
    assert!(open(&assembly.accept(1, text("a"), 10)));
    assert!(matches!(assembly.accept(3, Part::Error(Error::new("disk")), 10), Progress::Broken(_)));
    let (chunks, end) = read(&mut stream);
    assert_eq!((chunks, end.flatten().unwrap().message()), (vec!["a".into()], "disk"));
}

#[test]
fn a_slow_reader_breaks_it_and_keeps_what_was_in_order() {
    let limits = Limits { bytes: 1000, ..Limits::default() };
    let (mut assembly, mut stream, _) = assembly(Mode::Bytes, limits);
    let long = "x".repeat(400);
    assert!(open(&assembly.accept(1, text(&long), 10)));
    assert!(open(&assembly.accept(3, text(&long), 10)));
    let Progress::Broken(error) = assembly.accept(2, text(&long), 10) else { panic!("not broken") };
    assert_eq!(error.kind(), "STREAM_OVERFLOW");
    assert!(matches!(assembly.accept(2, text(&long), 10), Progress::Complete));
    let (chunks, end) = read(&mut stream);
    assert_eq!((chunks.len(), end.flatten()), (1, Some(error)));
}

#[test]
fn tiny_chunks_are_bounded_too() {
    let (mut assembly, _stream, _) = assembly(Mode::Bytes, Limits { bytes: 1000, ..Limits::default() });
    let taken = (1..100).take_while(|seq| open(&assembly.accept(*seq, text(""), 10))).count();
    assert_eq!(taken, 15);
}

#[test]
fn packets_too_far_ahead_break_it() {
    let (mut assembly, mut stream, _) = assembly(Mode::Bytes, Limits { ahead: 10, ..Limits::default() });
    assert!(open(&assembly.accept(11, text("k"), 10)));
    assert!(matches!(assembly.accept(12, text("l"), 10), Progress::Broken(_)));
    assert_eq!(read(&mut stream).1.flatten().unwrap().kind(), "STREAM_DISORDERED");
    let (mut assembly, _stream, _) = self::assembly(Mode::Bytes, Limits::default());
    assert!(matches!(assembly.accept(u64::MAX, text("l"), 10), Progress::Broken(_)));
}

#[test]
fn a_chunk_that_is_no_bytes_breaks_a_stream_of_bytes() {
    let (mut assembly, mut stream, _) = assembly(Mode::Bytes, Limits::default());
    assert!(open(&assembly.accept(1, Part::Chunk(json!({ "type": "Buffer", "data": [97] }).into()), 10)));
    assert!(matches!(assembly.accept(2, Part::Chunk(json!({ "a": 1 }).into()), 10), Progress::Broken(_)));
    let (chunks, end) = read(&mut stream);
    assert_eq!((chunks, end.flatten().unwrap().kind()), (vec!["a".into()], "STREAM_CHUNK_INVALID"));
}

#[test]
fn each_quarter_of_the_window_is_told() {
    let limits = Limits { window: 1000, ..Limits::default() };
    let (mut assembly, mut stream, heard) = assembly(Mode::Objects, limits);
    (1..=10).for_each(|seq| assert!(open(&assembly.accept(seq, text("x"), 100 - 64))));
    assert!(heard.consumed.lock().is_empty());
    assert_eq!(read(&mut stream).0.len(), 10);
    assert_eq!(*heard.consumed.lock(), [300, 600, 900]);
    assert!(open(&assembly.accept(11, text("x"), 1000)));
    let _ = assembly.accept(12, Part::End, 10);
    assert_eq!(read(&mut stream).0.len(), 1);
    assert_eq!(heard.consumed.lock().len(), 3, "nobody waits for credit after the end");
}

#[test]
fn dropping_the_reader_is_told_once_and_the_rest_costs_nothing() {
    let limits = Limits { bytes: 200, ..Limits::default() };
    let (mut assembly, mut stream, heard) = assembly(Mode::Bytes, limits);
    assert!(open(&assembly.accept(1, text("a"), 10)));
    assert_eq!(read(&mut stream).0, ["a"]);
    let copy = stream.clone();
    drop(stream);
    assert_eq!(heard.cancelled.load(Ordering::Relaxed), 1);
    for seq in 2..100 {
        assert!(open(&assembly.accept(seq, text("a long chunk"), 10)));
    }
    assert!(matches!(assembly.accept(100, Part::End, 10), Progress::Complete));
    drop((assembly, copy));
    assert_eq!(heard.cancelled.load(Ordering::Relaxed), 1);
}

#[test]
fn a_stream_that_nobody_took_is_cancelled_with_its_last_handle() {
    let (_assembly, stream, heard) = assembly(Mode::Bytes, Limits::default());
    let copy = stream.clone();
    drop(stream);
    assert_eq!(heard.cancelled.load(Ordering::Relaxed), 0);
    drop(copy);
    assert_eq!(heard.cancelled.load(Ordering::Relaxed), 1);
}

#[test]
fn losing_the_sender_ends_it() {
    let (mut assembly, mut stream, _) = assembly(Mode::Bytes, Limits::default());
    assert!(open(&assembly.accept(1, text("a"), 10)));
    let _ = assembly.fail(Error::new("Stream closed by node-2"));
    assert_eq!(read(&mut stream), (vec!["a".into()], Some(Some(Error::new("Stream closed by node-2")))));
    let (assembly, mut stream, _) = self::assembly(Mode::Bytes, Limits::default());
    drop(assembly);
    assert_eq!(read(&mut stream).1.flatten().unwrap().kind(), "STREAM_CUT_OFF");
}
