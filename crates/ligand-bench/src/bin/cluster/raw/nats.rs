//! Request and reply of `async-nats`.

use std::time::Duration;

use futures_util::StreamExt as _;

use crate::load::{self, Load, Result, USER};

pub(crate) async fn serve(bus: &str) -> Result<()> {
    let client = async_nats::connect(bus).await?;
    let mut requests = client.subscribe("raw.echo").await?;
    client.flush().await?;
    println!("ready");
    let answers = async {
        while let Some(message) = requests.next().await {
            if let Some(reply) = message.reply {
                let _ = client.publish(reply, message.payload).await;
            }
        }
    };
    tokio::select! {
        () = answers => {}
        () = crate::servers::until_closed() => {}
    }
    Ok(())
}

pub(crate) async fn load(bus: &str, time: Duration) -> Result<Load> {
    let client = async_nats::connect(bus).await?;
    load::run(time, move || {
        let client = client.clone();
        async move {
            let answer = client.request("raw.echo", USER.into()).await?;
            assert!(answer.payload.len() == USER.len());
            Ok(())
        }
    })
    .await
}
