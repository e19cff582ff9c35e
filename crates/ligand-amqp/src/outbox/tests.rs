use super::*;

fn outbox() -> Outbox {
    let outbox = Outbox::new(false, None);
    outbox.open(1000, "me");
    outbox.ready();
    outbox
}

fn packet(size: usize) -> Publish {
    Publish {
        name: "q".into(),
        exchange: false,
        ticket: None,
        expiration: None,
        node: None,
        body: vec![b'x'; size].into(),
    }
}

#[tokio::test]
async fn a_full_buffer_makes_senders_wait_and_a_loss_ends_it() {
    let outbox = outbox();
    assert!(matches!(outbox.send(packet(FULL + 1)), Sending::Done(Ok(()))));
    let waits = outbox.send(packet(1));
    let dropped = outbox.send(packet(700));
    assert!(matches!(waits, Sending::Waiting(_)));
    drop(dropped);
    let mut bytes = Vec::new();
    assert!(outbox.take(&mut bytes));
    waits.await.unwrap();
    bytes.clear();
    outbox.take(&mut bytes);
    assert!(bytes.len() < 200, "the packet of a dropped sender does not leave");
    assert!(matches!(outbox.send(packet(FULL + 1)), Sending::Done(Ok(()))));
    let waits = outbox.send(packet(1));
    outbox.close();
    assert_eq!(waits.await.unwrap_err().name(), "BrokerDisconnectedError");
    assert!(matches!(outbox.send(packet(1)), Sending::Done(Err(_))));
    assert!(outbox.flush().await.is_err());
}

#[test]
fn a_delivery_is_acknowledged_once_and_only_on_its_channel() {
    let outbox = outbox();
    let length = || {
        let mut bytes = Vec::new();
        outbox.take(&mut bytes);
        bytes.len()
    };
    let (own, shared) = (outbox.delivered(OWN, 1), outbox.delivered(SHARED, 1));
    outbox.ack(own);
    let one = length();
    assert!(one > 0);
    outbox.ack(own);
    outbox.renewed();
    outbox.ack(shared);
    assert_eq!(length(), 0);
    let late = outbox.delivered(OWN, 2);
    outbox.close();
    outbox.open(1000, "me");
    outbox.delivered(OWN, 2);
    outbox.ack(late);
    assert_eq!(length(), 0, "the delivery of another connection is not acknowledged");
}
