//! Weather on the bus in memory.

use std::{collections::HashSet, time::Duration};

use ligand_transport::{
    MemoryBus, Outbound, Sending, Ticket,
    contract::{Node, PATIENCE, TestLink},
};
use ligand_wire::{
    packet::PacketKind,
    topic::{To, Topic},
};
use tokio::time::{Instant, timeout};

const COUNT: u32 = 1000;

async fn node(bus: &MemoryBus, id: &str) -> Node {
    let node = Node { transporter: bus.transporter(), link: TestLink::new(id, "") };
    node.connect().await;
    node
}

/// Sends `COUNT` numbers and answers what arrived.
async fn sent_over(bus: MemoryBus) -> Vec<u32> {
    let (from, to) = (node(&bus, "from").await, node(&bus, "to").await);
    for number in 0..COUNT {
        from.tell(PacketKind::Event, "to", number.to_be_bytes().to_vec()).await;
    }
    let mut arrived = Vec::new();
    while let Some((_, body)) = to.link.next_packet(Duration::from_secs(1)).await {
        arrived.push(u32::from_be_bytes(body[..].try_into().unwrap()));
    }
    arrived
}

#[tokio::test(start_paused = true)]
async fn loss_is_drawn_from_the_seed() {
    let first = sent_over(MemoryBus::new().seed(7).loss(0.1)).await;
    assert!((850..950).contains(&first.len()), "{} of {COUNT} arrived", first.len());
    assert!(first.is_sorted());
    assert_eq!(sent_over(MemoryBus::new().seed(7).loss(0.1)).await, first);
    assert_ne!(sent_over(MemoryBus::new().seed(8).loss(0.1)).await, first);
    assert!(sent_over(MemoryBus::new().loss(1.0)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn delay_keeps_the_order() {
    let start = Instant::now();
    let bus = MemoryBus::new().delay(Duration::from_millis(5)..Duration::from_millis(20));
    let (from, to) = (node(&bus, "from").await, node(&bus, "to").await);
    from.tell(PacketKind::Event, "to", "x").await;
    to.expect(PacketKind::Event, b"x").await;
    assert!((5..=21).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    let arrived =
        sent_over(MemoryBus::new().delay(Duration::from_millis(1)..Duration::from_millis(20))).await;
    assert_eq!(arrived, (0..COUNT).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn reordering_and_duplication() {
    let arrived = sent_over(MemoryBus::new().seed(1).reordering(0.1)).await;
    assert!(!arrived.is_sorted());
    assert_eq!(arrived.iter().collect::<HashSet<_>>().len(), COUNT as usize);
    let arrived = sent_over(MemoryBus::new().seed(1).duplication(0.1)).await;
    assert!((1050..1150).contains(&arrived.len()), "{} arrived", arrived.len());
    assert!(arrived.is_sorted());
    assert_eq!(arrived.iter().collect::<HashSet<_>>().len(), COUNT as usize);
}

#[tokio::test]
async fn isolated_and_muted_nodes() {
    let bus = MemoryBus::new();
    let (here, there) = (node(&bus, "here").await, node(&bus, "there").await);
    let ask = |ticket| Outbound {
        topic: Topic::node(PacketKind::Request, "there".into()),
        body: "x".into(),
        ticket: Some(Ticket(ticket)),
    };
    bus.isolate("there");
    assert!(there.link.wait_losses(1, PATIENCE).await);
    here.transporter.send(ask(1)).await.unwrap();
    assert!(here.link.wait_undelivered(Ticket(1), PATIENCE).await);
    bus.rejoin("there");
    assert!(there.link.wait_connections(2, PATIENCE).await);
    bus.mute("there");
    here.transporter.send(ask(2)).await.unwrap();
    there.tell_all(PacketKind::Info, "y").await;
    there.expect_nothing().await;
    here.expect_nothing().await;
    assert_eq!((there.link.losses().len(), here.link.undelivered_tickets().len()), (1, 1));
    bus.rejoin("there");
    here.transporter.send(ask(3)).await.unwrap();
    there.expect(PacketKind::Request, b"x").await;
}

#[tokio::test]
async fn a_full_queue_makes_senders_wait() {
    let bus = MemoryBus::new().queue(2);
    let (from, to) = (node(&bus, "from").await, node(&bus, "to").await);
    let packet = |number: u32| Outbound {
        topic: Topic::node(PacketKind::Event, "to".into()),
        body: number.to_string().into(),
        ticket: None,
    };
    // On one thread the receiver does not run before this task waits.
    let sends: Vec<_> = (0..4).map(|number| from.transporter.send(packet(number))).collect();
    let waiting = sends.iter().filter(|send| matches!(send, Sending::Waiting(_))).count();
    assert_eq!(waiting, 2);
    for send in sends {
        timeout(PATIENCE, send).await.unwrap().unwrap();
    }
    for number in 0..4 {
        to.expect(PacketKind::Event, number.to_string().as_bytes()).await;
    }
}

#[tokio::test]
async fn patterns_of_balanced_events() {
    let bus = MemoryBus::new();
    let (from, to) = (node(&bus, "from").await, node(&bus, "to").await);
    let topic = |event: &str| Topic {
        kind: PacketKind::Event,
        to: To::Group { group: "mail".into(), event: event.into() },
    };
    to.transporter.balance(vec![topic("user.*"), topic("order.**")]).await.unwrap();
    for event in ["user.created", "user.a.b", "order.a.b"] {
        from.send(topic(event), event.to_owned(), None).await.unwrap();
    }
    to.expect(PacketKind::Event, b"user.created").await;
    to.expect(PacketKind::Event, b"order.a.b").await;
    to.expect_nothing().await;
}
