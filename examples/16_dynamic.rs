//! Services that are made at run time: the builder that `#[service]` writes for you, by hand.
//!
//! ```text
//! before: SERVICE_NOT_FOUND
//! double 4: 8
//! half 4: 2
//! after: SERVICE_NOT_FOUND
//! ```

use ligand::{Action, ServiceDef, prelude::*};

/// One action for each entry of a table that could come from a file.
fn define(table: &[(&'static str, f64)]) -> ServiceDef {
    table.iter().fold(ServiceDef::new("scale"), |service, &(name, factor)| {
        service.action(Action::of(name, move |number: f64| async move { Ok::<_, Error>(number * factor) }))
    })
}

#[ligand::main]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().start().await?;
    let call = |name: &str| broker.call_named(format!("scale.{name}"), json!(4.0));

    if let Err(error) = call("double").await {
        println!("before: {}", error.kind());
    }
    broker.add_service(define(&[("double", 2.0), ("half", 0.5)])).await?;
    for name in ["double", "half"] {
        println!("{name} 4: {}", call(name).await?.take::<f64>()?);
    }
    broker.destroy_service("scale").await?;
    if let Err(error) = call("double").await {
        println!("after: {}", error.kind());
    }

    broker.stop().await;
    Ok(())
}
