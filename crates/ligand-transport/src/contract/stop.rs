//! Checks of tickets, flushing and leaving.

use std::time::Duration;

use ligand_wire::{packet::PacketKind, topic::Topic};
use tokio::time::timeout;

use super::{
    Bed, Bus, PATIENCE,
    bed::{action_topic, expect_tasks, tasks, ticket},
};

/// The ticket of a packet to a node that never was comes back; that of a delivered one does not.
pub async fn nobody_there_is_told<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.undelivered {
        return;
    }
    let [from, to] = bed.nodes(["from", "to"]).await;
    let (delivered, lost) = (ticket(), ticket());
    let topic = |node: &str| Topic::node(PacketKind::Request, node.into());
    from.send(topic("to"), "hello", Some(delivered)).await.expect("a connected node sends");
    to.expect(PacketKind::Request, b"hello").await;
    // A transporter that knows all nodes may refuse at once instead.
    if from.send(topic("nobody"), "hello?", Some(lost)).await.is_ok() {
        let told = from.link.wait_undelivered(lost, Duration::from_secs(1)).await;
        assert!(told, "nobody was there, and that was not told");
    }
    if from.transporter.features().balancer {
        let lost = ticket();
        from.send(action_topic("no.such"), "?", Some(lost)).await.expect("a connected node sends");
        assert!(from.link.wait_undelivered(lost, Duration::from_secs(1)).await, "nobody has the action");
    }
    assert!(
        !from.link.undelivered_tickets().contains(&delivered),
        "a delivered packet was called undelivered"
    );
    assert!(from.link.losses().is_empty());
    from.expect_nothing().await;
}

/// An answer or event to a node that is away is told, or it arrives when the node is there again.
pub async fn an_answer_to_a_node_that_is_away_is_told<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.undelivered {
        return;
    }
    let [from, to] = bed.nodes(["from", "to"]).await;
    to.transporter.disconnect().await;
    let mut kept = Vec::new();
    for kind in [PacketKind::Response, PacketKind::Event] {
        let mut told = false;
        // A server may read the first packet before it reads that the node has left.
        for _ in 0..3 {
            let lost = ticket();
            let sent = from.send(Topic::node(kind, "to".into()), lost.0.to_string(), Some(lost)).await;
            if sent.is_err() || from.link.wait_undelivered(lost, Duration::from_secs(1)).await {
                told = true;
                break;
            }
            kept.push((kind, lost.0.to_string()));
        }
        if told {
            kept.retain(|(other, _)| *other != kind);
        }
    }
    let [again] = bed.nodes(["to"]).await;
    if from.transporter.features().own_discovery {
        let known = || crate::Link::cluster(&*from.link).peer("to").is_some_and(|peer| peer.available);
        assert!(super::bed::until(super::PATIENCE, known).await, "the node is not seen again");
    }
    from.tell(PacketKind::Response, "to", "again").await;
    let mut new = false;
    while !(new && kept.is_empty()) {
        let (kind, body) = again.next().await;
        new |= (kind, &body[..]) == (PacketKind::Response, b"again");
        kept.retain(|(other, text)| *other != kind || text.as_bytes() != &body[..]);
    }
}

/// The ticket of a packet to a node that has left comes back.
pub async fn a_node_that_left_is_told<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.undelivered {
        return;
    }
    let [from, to] = bed.nodes(["from", "to"]).await;
    to.transporter.disconnect().await;
    // A server may read the first packet before it reads that the node has left.
    for _ in 0..3 {
        let lost = ticket();
        let topic = Topic::node(PacketKind::Request, "to".into());
        if from.send(topic, "hello?", Some(lost)).await.is_err()
            || from.link.wait_undelivered(lost, Duration::from_secs(1)).await
        {
            return;
        }
    }
    panic!("the node had left, and that was not told");
}

/// `flush` ends while connected.
pub async fn flush_ends<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let [from, to] = bed.nodes(["from", "to"]).await;
    for number in 0..100 {
        from.tell(PacketKind::Event, "to", number.to_string()).await;
    }
    let flushed = timeout(PATIENCE, from.transporter.flush()).await.expect("flush ends");
    flushed.expect("the bus is there");
    for number in 0..100 {
        to.expect(PacketKind::Event, number.to_string().as_bytes()).await;
    }
}

/// Nothing arrives after `disconnect`, nothing can be sent, and it is no loss.
pub async fn disconnect_ends_delivery<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let [from, to] = bed.nodes(["from", "to"]).await;
    timeout(PATIENCE, to.transporter.disconnect()).await.expect("disconnect ends");
    let before = to.link.waiting_packets();
    // It may be refused: some buses see that nobody is there.
    let _ = from.send(Topic::node(PacketKind::Event, "to".into()), "late", None).await;
    if !from.transporter.features().own_discovery {
        from.tell_all(PacketKind::Info, "late").await;
    }
    from.transporter.flush().await.expect("the bus is there");
    tokio::time::sleep(super::SILENCE).await;
    assert_eq!(to.link.waiting_packets(), before, "a packet came after disconnect");
    assert!(to.link.losses().is_empty(), "a disconnect is no loss: {:?}", to.link.losses());
    let sent = to.send(Topic::node(PacketKind::Event, "from".into()), "late", None).await;
    assert_eq!(sent.expect_err("nothing is sent after disconnect").name(), "BrokerDisconnectedError");
    timeout(PATIENCE, to.transporter.disconnect()).await.expect("a second disconnect ends too");
}

/// What was handed over before `disconnect` arrives.
pub async fn disconnect_hands_over_the_rest<B: Bus>() {
    const COUNT: usize = 2000;
    let bed = Bed::<B>::start().await;
    let [from, to] = bed.nodes(["from", "to"]).await;
    for number in 0..COUNT {
        from.tell(PacketKind::Event, "to", number.to_string()).await;
    }
    timeout(PATIENCE, from.transporter.disconnect()).await.expect("disconnect ends");
    for number in 0..COUNT {
        to.expect(PacketKind::Event, number.to_string().as_bytes()).await;
    }
}

/// After `disconnect` no task of the transporter lives.
pub async fn disconnect_leaves_nothing_behind<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let before = tasks();
    let [here, there] = bed.nodes(["here", "there"]).await;
    here.tell(PacketKind::Event, "there", "x").await;
    there.expect(PacketKind::Event, b"x").await;
    here.transporter.disconnect().await;
    there.transporter.disconnect().await;
    expect_tasks(before).await;
}
