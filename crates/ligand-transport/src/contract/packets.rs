//! Checks of packets on their way.

use std::collections::HashSet;

use bytes::Bytes;
use ligand_wire::{packet::PacketKind, topic::Topic};

use super::{Bed, Bus};

/// A packet to one node arrives there and nowhere else.
pub async fn targeted_packets_reach_only_their_node<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let [first, second, third] = bed.nodes(["first", "second", "third"]).await;
    for kind in [PacketKind::Request, PacketKind::Response, PacketKind::Event] {
        first.tell(kind, "second", kind.as_str()).await;
        second.expect(kind, kind.as_str().as_bytes()).await;
    }
    first.expect_nothing().await;
    second.expect_nothing().await;
    third.expect_nothing().await;
}

/// A packet to all arrives once at every node; whether the sender gets it too is left open.
pub async fn broadcasts_reach_every_node<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.broadcasts {
        return;
    }
    let [first, second, third] = bed.nodes(["first", "second", "third"]).await;
    if first.transporter.features().own_discovery {
        return;
    }
    use PacketKind::{Disconnect, Discover, Heartbeat, Info, Ping};
    for kind in [Discover, Info, Heartbeat, Ping, Disconnect] {
        first.tell_all(kind, kind.as_str()).await;
        second.expect(kind, kind.as_str().as_bytes()).await;
        third.expect(kind, kind.as_str().as_bytes()).await;
    }
    second.expect_nothing().await;
    third.expect_nothing().await;
}

/// Ten thousand packets to one topic arrive complete and in order.
pub async fn order_is_kept<B: Bus>() {
    const COUNT: u32 = 10_000;
    let bed = Bed::<B>::start().await;
    let [from, to] = bed.nodes(["from", "to"]).await;
    let sending = async {
        for number in 0..COUNT {
            from.tell(PacketKind::Event, "to", number.to_be_bytes().to_vec()).await;
        }
    };
    let receiving = async {
        for number in 0..COUNT {
            to.expect(PacketKind::Event, &number.to_be_bytes()).await;
        }
    };
    futures_util::future::join(sending, receiving).await;
    to.expect_nothing().await;
}

/// Packets of several senders at the same time all arrive, both ways.
pub async fn many_senders_lose_nothing<B: Bus>() {
    const COUNT: u32 = 500;
    let bed = Bed::<B>::start().await;
    let [one, two] = bed.nodes(["one", "two"]).await;
    let send = |number: u32| {
        let (one, two) = (&one, &two);
        async move {
            let body = Bytes::from(vec![b'x'; number as usize % 900]);
            let body: Bytes = [&number.to_be_bytes()[..], &body].concat().into();
            one.tell(PacketKind::Request, "two", body.clone()).await;
            two.tell(PacketKind::Response, "one", body).await;
        }
    };
    futures_util::future::join_all((0..COUNT).map(send)).await;
    for node in [&one, &two] {
        let mut seen = HashSet::new();
        for _ in 0..COUNT {
            let (_, body) = node.next().await;
            let number = u32::from_be_bytes(body[..4].try_into().expect("four bytes"));
            assert_eq!(body.len(), 4 + number as usize % 900);
            assert!(seen.insert(number), "{number} came twice");
        }
    }
}

/// Bodies of all lengths and bytes arrive unchanged.
pub async fn bodies_are_bytes<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let [from, to] = bed.nodes(["from", "to"]).await;
    let all: Vec<u8> = (0..=255).collect();
    let mut bodies = vec![Vec::new(), vec![0], b"\r\n".to_vec(), b"PING\r\n\0".to_vec(), all.clone()];
    for size in [125, 126, 127, 4096, 65_535, 65_536, bed.promises.largest_body] {
        bodies.push(all.iter().copied().cycle().take(size.min(bed.promises.largest_body)).collect());
    }
    for body in bodies {
        from.tell(PacketKind::Response, "to", body.clone()).await;
        to.expect(PacketKind::Response, &body).await;
    }
}

/// A body that is too large is an error at its sender, and nothing else: other packets travel before and after.
pub async fn a_body_that_is_too_large_is_told<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let Some(size) = bed.promises.too_large else { return };
    let [from, to] = bed.nodes(["from", "to"]).await;
    for kind in [PacketKind::Request, PacketKind::Response, PacketKind::Event] {
        from.tell(kind, "to", "before").await;
        let error = from
            .send(Topic::node(kind, "to".into()), vec![b'x'; size], None)
            .await
            .expect_err("a body that does not travel is an error");
        assert_eq!((error.code(), error.kind()), (413, "PACKET_TOO_LARGE"), "{error:#}");
        from.tell(kind, "to", "after").await;
        to.expect(kind, b"before").await;
        to.expect(kind, b"after").await;
    }
    assert!(from.link.losses().is_empty() && to.link.losses().is_empty(), "a connection was lost");
    if let Some(largest) = to.transporter.largest() {
        assert!(largest < size, "it says that it takes {largest} bytes");
    }
}

/// Names of nodes with dots, dashes and letters beyond ASCII work, and are not confused.
pub async fn node_ids_of_all_kinds<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let from = bed.node("from").await;
    for id in bed.promises.node_ids.clone() {
        let [to] = bed.nodes([id]).await;
        if from.transporter.features().own_discovery {
            let known = || crate::Link::cluster(&*from.link).peer(id).is_some_and(|peer| peer.available);
            assert!(super::bed::until(super::PATIENCE, known).await, "{id} is not seen");
        }
        from.tell(PacketKind::Request, id, id).await;
        to.expect(PacketKind::Request, id.as_bytes()).await;
        to.tell(PacketKind::Response, "from", "back").await;
        from.expect(PacketKind::Response, b"back").await;
        to.transporter.disconnect().await;
    }
}

/// Nodes of different namespaces do not hear each other, even when they have the same name.
pub async fn namespaces_are_apart<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let [from, plain] = bed.nodes(["from", "twin"]).await;
    if from.transporter.features().own_discovery {
        return;
    }
    let lab = bed.node_in("lab", "twin").await;
    let lab_from = bed.node_in("lab", "from").await;
    from.tell(PacketKind::Request, "twin", "plain").await;
    lab_from.tell(PacketKind::Request, "twin", "lab").await;
    plain.expect(PacketKind::Request, b"plain").await;
    lab.expect(PacketKind::Request, b"lab").await;
    if bed.promises.broadcasts {
        from.tell_all(PacketKind::Info, "plain").await;
        lab_from.tell_all(PacketKind::Info, "lab").await;
        plain.expect(PacketKind::Info, b"plain").await;
        lab.expect(PacketKind::Info, b"lab").await;
    }
    plain.expect_nothing().await;
    lab.expect_nothing().await;
}

/// What others publish on the topics of nodes reaches the link as bytes and breaks nothing.
pub async fn garbage_is_only_bytes<B: Bus>() {
    let bed = Bed::<B>::start().await;
    if !bed.promises.foreign {
        return;
    }
    let [here, there] = bed.nodes(["here", "there"]).await;
    let bodies: [&[u8]; 6] = [b"", b"\0", b"{", b"\xff\xfe\xfd", &[0xC1; 70_000], b"null"];
    for body in bodies {
        for topic in [Topic::node(PacketKind::Response, "here".into()), Topic::all(PacketKind::Info)] {
            if topic == Topic::all(topic.kind) && !bed.promises.broadcasts {
                continue;
            }
            bed.bus.publish("", &topic, Bytes::copy_from_slice(body)).await;
            here.expect(topic.kind, body).await;
        }
    }
    there.tell(PacketKind::Request, "here", "sane").await;
    here.expect(PacketKind::Request, b"sane").await;
    assert!(here.link.losses().is_empty(), "the connection broke: {:?}", here.link.losses());
}
