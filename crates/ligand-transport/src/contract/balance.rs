//! Checks of balanced topics.

use ligand_wire::packet::PacketKind;

use super::{
    Bed, Bus, Node, PATIENCE,
    bed::{action_topic, group_topic, until},
};

/// One of three members gets each packet, and all get some.
pub async fn one_member_gets_a_balanced_packet<B: Bus>() {
    const COUNT: usize = 300;
    let bed = Bed::<B>::start().await;
    let [from, first, second, third] = bed.nodes(["from", "first", "second", "third"]).await;
    if !from.transporter.features().balancer {
        return;
    }
    let members = [&first, &second, &third];
    for member in members {
        let topics = vec![action_topic("v2.posts.find"), action_topic("users.get")];
        member.transporter.balance(topics).await.expect("a connected node subscribes");
    }
    for number in 0..COUNT {
        from.ask_any("v2.posts.find", number.to_string()).await;
    }
    let arrived = || members.iter().map(|member| member.link.waiting_packets()).sum::<usize>();
    assert!(until(PATIENCE, || arrived() >= COUNT).await, "{} of {COUNT} arrived", arrived());
    let shares = members.map(|member| member.link.waiting_packets());
    assert!(shares.iter().all(|share| *share >= COUNT / 10), "not even: {shares:?}");
    tokio::time::sleep(super::SILENCE).await;
    assert_eq!(arrived(), COUNT, "more arrived than was sent");
    let (kind, _) = first.next().await;
    assert_eq!(kind, PacketKind::Request);
}

/// An event goes to one member of its group; patterns take what they match.
pub async fn balanced_events_go_to_one_of_each_group<B: Bus>() {
    const COUNT: usize = 60;
    let bed = Bed::<B>::start().await;
    let [from, mail, other_mail, stock] = bed.nodes(["from", "mail-1", "mail-2", "stock"]).await;
    if !from.transporter.features().balancer {
        return;
    }
    for (member, topic) in [
        (&mail, group_topic("mail", "user.created")),
        (&other_mail, group_topic("mail", "user.created")),
        (&stock, group_topic("stock", "user.created")),
    ] {
        member.transporter.balance(vec![topic]).await.expect("a connected node subscribes");
    }
    for number in 0..COUNT {
        let topic = group_topic("mail", "user.created");
        from.send(topic, number.to_string(), None).await.expect("a connected node sends");
    }
    let arrived = || mail.link.waiting_packets() + other_mail.link.waiting_packets();
    assert!(until(PATIENCE, || arrived() >= COUNT).await, "{} of {COUNT} arrived", arrived());
    assert_eq!(arrived(), COUNT);
    assert!(mail.link.waiting_packets() > 0 && other_mail.link.waiting_packets() > 0);
    stock.expect_nothing().await;
    let (kind, _) = mail.next().await;
    assert_eq!(kind, PacketKind::Event);
}

/// `balance` replaces what was subscribed before.
pub async fn balanced_subscriptions_are_replaced<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let [from, old, new] = bed.nodes(["from", "old", "new"]).await;
    if !from.transporter.features().balancer {
        return;
    }
    let subscribe = async |node: &Node, actions: &[&str]| {
        let topics = actions.iter().map(|action| action_topic(action)).collect();
        node.transporter.balance(topics).await.expect("a connected node subscribes");
    };
    subscribe(&old, &["a.one", "a.two"]).await;
    from.ask_any("a.one", "1").await;
    old.expect(PacketKind::Request, b"1").await;
    subscribe(&old, &["a.two"]).await;
    subscribe(&new, &["a.one"]).await;
    for number in 0..20 {
        from.ask_any("a.one", format!("one {number}")).await;
        new.expect(PacketKind::Request, format!("one {number}").as_bytes()).await;
    }
    from.ask_any("a.two", "two").await;
    old.expect(PacketKind::Request, b"two").await;
    old.expect_nothing().await;
    subscribe(&new, &[]).await;
}
