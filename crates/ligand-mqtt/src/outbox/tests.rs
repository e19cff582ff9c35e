use super::*;

fn outbox(window: u16, max_packet: usize) -> Outbox {
    let outbox = Outbox::default();
    outbox.open(
        Version::V5,
        &Welcome { code: 0, window, max_packet, max_qos: Qos::ExactlyOnce, keep_alive: None },
    );
    outbox.ready();
    outbox
}

fn packet(ticket: Option<u64>, size: usize) -> Publish {
    Publish {
        topic: "t".into(),
        qos: Qos::AtMostOnce,
        ticket: ticket.map(Ticket),
        body: vec![b'x'; size].into(),
    }
}

#[tokio::test]
async fn a_full_window_makes_senders_wait_in_order() {
    let outbox = outbox(1, 1000);
    assert!(matches!(outbox.send(packet(Some(1), 1)), Sending::Done(Ok(()))));
    let second = outbox.send(packet(Some(2), 2));
    // Needs no acknowledgement, but stands in the line.
    let third = outbox.send(packet(None, 3));
    assert!(matches!((&second, &third), (Sending::Waiting(_), Sending::Waiting(_))));
    assert_eq!(outbox.acknowledged(Step::Ack, 1, NO_SUBSCRIBERS), Some(Ticket(1)));
    second.await.unwrap();
    third.await.unwrap();
    assert_eq!(outbox.acknowledged(Step::Ack, 2, 0), None);
    assert_eq!(outbox.acknowledged(Step::Ack, 2, NO_SUBSCRIBERS), None);
    let mut bytes = Vec::new();
    assert!(outbox.take(&mut bytes) && outbox.drained());
    let bodies: Vec<usize> =
        bytes.split(|&byte| byte != b'x').map(<[u8]>::len).filter(|&len| len > 0).collect();
    assert_eq!(bodies, [1, 2, 3]);
}

#[tokio::test]
async fn a_full_buffer_makes_senders_wait_and_a_loss_ends_it() {
    let outbox = outbox(20, 10 << 20);
    assert!(matches!(outbox.send(packet(None, FULL + 1)), Sending::Done(Ok(()))));
    let waits = outbox.send(packet(None, 1));
    let dropped = outbox.send(packet(None, 7));
    assert!(matches!(waits, Sending::Waiting(_)));
    drop(dropped);
    let mut bytes = Vec::new();
    assert!(outbox.take(&mut bytes));
    waits.await.unwrap();
    bytes.clear();
    outbox.take(&mut bytes);
    assert!(bytes.len() < 10, "the packet of a dropped sender does not leave");
    assert!(matches!(outbox.send(packet(None, FULL + 1)), Sending::Done(Ok(()))));
    let waits = outbox.send(packet(None, 1));
    outbox.close();
    assert_eq!(waits.await.unwrap_err().code(), 502);
    assert!(matches!(outbox.send(packet(None, 1)), Sending::Done(Err(_))));
    assert!(outbox.flush().await.is_err());
}

#[tokio::test]
async fn too_large_packets_are_refused() {
    let outbox = outbox(20, 100);
    let Sending::Done(Err(error)) = outbox.send(packet(None, 100)) else { panic!("it was taken") };
    assert_eq!(error.kind(), "PACKET_TOO_LARGE");
}

#[tokio::test]
async fn exactly_once_keeps_the_id_until_the_end() {
    let outbox = outbox(1, 1000);
    let send = |ticket| outbox.send(Publish { qos: Qos::ExactlyOnce, ..packet(Some(ticket), 1) });
    assert!(matches!(send(1), Sending::Done(Ok(()))));
    assert_eq!(outbox.acknowledged(Step::Received, 1, NO_SUBSCRIBERS), Some(Ticket(1)));
    assert!(matches!(send(2), Sending::Waiting(_)));
    assert_eq!(outbox.acknowledged(Step::Complete, 1, 0), None);
    outbox.take(&mut Vec::new());
    assert!(matches!(send(3), Sending::Done(Ok(()))));
}
