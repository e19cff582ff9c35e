use futures_util::{FutureExt as _, stream};
use ligand_wire::{Error, Result};

use super::*;
use crate::stream::{Assembly, Feedback, Limits, MAX_CHUNK, Progress, WINDOW};

async fn all(mut flow: Outflow) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    while let Some(Numbered { seq, part }) = flow.next().await {
        parts.push((
            seq,
            match part {
                Part::Chunk(chunk) => match chunk.as_binary() {
                    Some(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                    None => chunk.to_value().unwrap().to_string(),
                },
                Part::End => "END".into(),
                Part::Error(error) => format!("ERROR {}", error.message()),
            },
        ));
    }
    parts
}

fn texts(texts: &'static [&'static str]) -> Streaming {
    Streaming::bytes(stream::iter(texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes())))))
}

fn numbered(texts: &[&str]) -> Vec<(u64, String)> {
    (1..).zip(texts.iter().map(|text| (*text).to_owned())).collect()
}

#[tokio::test]
async fn long_chunks_are_cut_and_empty_ones_left_out() {
    let flow = Outflow::new(texts(&["abcde", "", "f", "ghij"]), 2, None);
    assert_eq!(all(flow).await, numbered(&["ab", "cd", "e", "f", "gh", "ij", "END"]));
    assert_eq!(all(Outflow::new(texts(&[]), 2, None)).await, numbered(&["END"]));
}

#[tokio::test]
async fn values_stay_whole_and_an_error_replaces_the_end() {
    let source = Streaming::objects(stream::iter([Ok(vec![1, 2, 3]), Err(Error::new("disk")), Ok(vec![])]));
    assert_eq!(all(Outflow::new(source, 1, None)).await, numbered(&["[1,2,3]", "ERROR disk"]));
    let source = texts(&["a"]);
    let mut reader = source.clone();
    assert!(reader.next().await.is_some());
    let parts = all(Outflow::new(source, 1, None)).await;
    assert!(parts.len() == 1 && parts[0].1.starts_with("ERROR"));
}

#[tokio::test]
async fn it_waits_for_credit() {
    let mut flow = Outflow::new(texts(&["0123456789"]), 1, Some(3 * 65));
    let credit = flow.credit();
    for _ in 0..3 {
        assert!(flow.next().now_or_never().is_some());
    }
    assert!(flow.next().now_or_never().is_none());
    credit.grant(65);
    assert!(flow.next().now_or_never().is_some());
    credit.grant(10);
    assert!(flow.next().now_or_never().is_none());
    let (next, ()) = tokio::join!(flow.next(), async { credit.grant(u64::MAX) });
    assert_eq!(next.unwrap().seq, 5);
}

#[tokio::test]
async fn values_count_what_they_became() {
    let source = Streaming::objects(stream::iter((0..10).map(Ok)));
    let mut flow = Outflow::new(source, MAX_CHUNK, Some(1000));
    assert!(flow.next().now_or_never().is_some());
    flow.sent(2000);
    assert!(flow.next().now_or_never().is_none());
    flow.credit().grant(1064);
    assert!(flow.next().now_or_never().is_none());
    flow.credit().grant(1065);
    assert!(flow.next().now_or_never().is_some());
}

#[tokio::test]
async fn cancelling_wakes_it_and_drops_the_source() {
    struct Noted(tokio::sync::oneshot::Sender<()>);
    let (noted, dropped) = tokio::sync::oneshot::channel();
    let noted = Noted(noted);
    let source = Streaming::bytes(stream::poll_fn(move |_| {
        let _ = &noted.0;
        Poll::<Option<Result<Bytes>>>::Pending
    }));
    let mut flow = Outflow::new(source, 1, None);
    let credit = flow.credit();
    let (next, ()) = tokio::join!(flow.next(), async { credit.cancel() });
    assert!(next.is_none());
    assert!(dropped.await.is_err());
    assert!(flow.next().await.is_none());
}

/// Sender and reader with the packets between them: the reader's side gives credit.
struct Way(Credit);

impl Feedback for Way {
    fn consumed(&self, total: u64) {
        self.0.grant(total);
    }

    fn cancelled(&self) {
        self.0.cancel();
    }
}

/// Sends `source` through both ends and returns what the reader got, and the most that was on the way.
async fn through(source: Streaming) -> (usize, u64) {
    let mode = source.mode();
    let mut flow = Outflow::new(source, MAX_CHUNK, Some(WINDOW));
    let way = Arc::new(Way(flow.credit()));
    let (mut assembly, mut reader) =
        Assembly::new(mode, Limits { bytes: 2 * WINDOW, ..Limits::default() }, way);
    let unread = AtomicU64::new(0);
    let sending = async {
        let mut most = 0;
        while let Some(Numbered { seq, part }) = flow.next().await {
            let len =
                if let Part::Chunk(chunk) = &part { chunk.as_binary().map_or(10_000, Bytes::len) } else { 0 };
            flow.sent(10_000);
            most = most.max(unread.fetch_add(len as u64, Ordering::Relaxed) + len as u64);
            assert!(!matches!(assembly.accept(seq, part, 10_000), Progress::Broken(_)));
            tokio::task::yield_now().await;
        }
        most
    };
    let reading = async {
        let mut total = 0;
        while let Some(chunk) = reader.next().await {
            let len = chunk.unwrap().as_binary().map_or(10_000, Bytes::len);
            total += len;
            unread.fetch_sub(len as u64, Ordering::Relaxed);
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
        }
        total
    };
    let (most, total) = tokio::join!(sending, reading);
    (total, most)
}

#[tokio::test]
async fn a_slow_reader_slows_the_source() {
    let chunk = Bytes::from(vec![7; 1_000_000]);
    let (total, most) = through(Streaming::bytes(stream::iter(vec![Ok(chunk); 50]))).await;
    assert_eq!(total, 50_000_000);
    assert!(most <= WINDOW + MAX_CHUNK as u64, "{most}");
    let (total, most) = through(Streaming::objects(stream::iter((0..2000).map(Ok)))).await;
    assert_eq!(total, 20_000_000);
    assert!(most <= WINDOW + 10_000, "{most}");
}

#[tokio::test]
async fn a_reader_that_goes_stops_the_sender() {
    let endless = Streaming::bytes(stream::repeat_with(|| Ok(Bytes::from_static(&[0; 1000]))));
    let mut flow = Outflow::new(endless, MAX_CHUNK, Some(WINDOW));
    let (_assembly, reader) = Assembly::new(Mode::Bytes, Limits::default(), Arc::new(Way(flow.credit())));
    assert!(flow.next().await.is_some());
    drop(reader);
    assert!(flow.next().await.is_none());
}
