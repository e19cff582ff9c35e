use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{FutureExt as _, stream};
use serde_json::{Value, json};

use super::*;

fn chunks(texts: &'static [&'static str]) -> Streaming {
    Streaming::bytes(stream::iter(texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes())))))
}

#[tokio::test]
async fn the_first_reader_has_it_and_others_are_told_once() {
    let mut first = chunks(&["a", "b"]);
    let mut second = first.clone();
    assert_eq!(first.next_bytes().await.unwrap().unwrap(), "a");
    let mut third = first.clone();
    assert_eq!(second.next().await.unwrap().unwrap_err().kind(), "STREAM_TAKEN");
    assert!(second.next().await.is_none());
    assert_eq!(third.next().await.unwrap().unwrap_err().kind(), "STREAM_TAKEN");
    assert_eq!(first.next_bytes().await.unwrap().unwrap(), "b");
    assert!(first.next().await.is_none());
    assert!(first.next().await.is_none());
}

#[tokio::test]
async fn it_moves_through_a_payload_and_is_never_nested() {
    let mut payload = Payload::typed(chunks(&["a", "b"]));
    payload.share();
    let copy = payload.clone();
    let stream: Streaming = payload.take().unwrap();
    assert_eq!(stream.collect_bytes(2).await.unwrap(), "ab");
    let mut late: Streaming = copy.clone().take().unwrap();
    assert_eq!(late.next().await.unwrap().unwrap_err().kind(), "STREAM_TAKEN");
    assert!(copy.to_value().unwrap_err().internal().unwrap().contains("cannot be part of a value"));
    assert!(Payload::from(json!({})).take::<Streaming>().is_err());
    assert_eq!(format!("{late:?}"), "Streaming(Bytes)");
}

#[tokio::test]
async fn an_error_ends_it() {
    let mut stream =
        Streaming::bytes(stream::iter([Ok(Bytes::from("a")), Err(Error::new("disk")), Ok("b".into())]));
    assert!(stream.next().await.unwrap().is_ok());
    assert_eq!(stream.next().await.unwrap().unwrap_err().message(), "disk");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn values_stay_typed_and_bytes_are_asked_for() {
    let values = Streaming::objects(stream::iter([Ok(json!({ "n": 1 })), Ok(json!("ab")), Ok(json!(5))]));
    assert_eq!(values.mode(), Mode::Objects);
    let mut values = values;
    assert_eq!(values.next_as::<Value>().await.unwrap().unwrap(), json!({ "n": 1 }));
    assert_eq!(values.next_bytes().await.unwrap().unwrap(), "ab");
    assert_eq!(values.next_bytes().await.unwrap().unwrap_err().kind(), "STREAM_CHUNK_INVALID");
}

#[tokio::test]
async fn collecting_is_bounded() {
    assert_eq!(chunks(&["ab", "", "cde"]).collect_bytes(5).await.unwrap(), "abcde");
    assert_eq!(chunks(&[]).collect_bytes(0).await.unwrap(), "");
    assert_eq!(chunks(&["ab", "cde"]).collect_bytes(4).await.unwrap_err().kind(), "STREAM_TOO_LONG");
    let one = Bytes::from(vec![1; 1000]);
    let same = Streaming::from_bytes(one.clone()).collect_bytes(1000).await.unwrap();
    assert_eq!(same.as_ptr(), one.as_ptr());
}

#[tokio::test]
async fn a_reader_is_read_in_pieces() {
    let content: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    let stream = Streaming::reader(std::io::Cursor::new(content.clone()));
    assert_eq!(stream.collect_bytes(usize::MAX).await.unwrap(), content);
    let mut pieces = Streaming::reader(std::io::Cursor::new(content)).into_byte_stream();
    assert_eq!(pieces.next().await.unwrap().unwrap().len(), READ_SIZE);
}

#[test]
fn nothing_is_read_before_somebody_asks_and_dropping_frees_the_source() {
    struct Noted(Arc<AtomicBool>);
    impl Drop for Noted {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (polled, dropped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (seen, noted) = (polled.clone(), Noted(dropped.clone()));
    let mut stream = Streaming::bytes(stream::poll_fn(move |_| {
        let _ = &noted;
        seen.store(true, Ordering::Relaxed);
        Poll::Pending
    }));
    let copy = stream.clone();
    assert!(!polled.load(Ordering::Relaxed));
    assert!(stream.next().now_or_never().is_none());
    assert!(polled.load(Ordering::Relaxed));
    drop(stream);
    assert!(dropped.load(Ordering::Relaxed));
    drop(copy);
}
