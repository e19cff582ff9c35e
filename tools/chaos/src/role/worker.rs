//! A node that takes calls and events.

use ligand::{Result, json};

use super::{Commands, Setup, load::Load, say, used, view};

pub(super) async fn run(setup: &Setup) -> Result<()> {
    let mut commands = Commands::new()?;
    let broker = setup.broker()?.service(Load).start().await?;
    say(&json!({ "ready": setup.node }));
    while let Some(command) = commands.next().await {
        match command["do"].as_str() {
            Some("view") => say(&json!({ "view": view(&broker).await })),
            Some("used") => say(&json!({ "used": used(&broker) })),
            _ => break,
        }
    }
    broker.stop().await;
    say(&json!({ "ended": used(&broker) }));
    Ok(())
}
