//! Hooks change parameters, results and errors of actions; a mixin brings actions into a service.
//!
//! ```text
//! saved: BUY MILK
//! recovered: nothing there
//! about: notes, a service with a mixin
//! ```

use ligand::{Action, ServiceDef, prelude::*, service::Mixin};

struct About; // a mixin: a service has it in a field

impl Mixin for About {
    fn define(&self, service: &str) -> ServiceDef {
        let text = format!("{service}, a service with a mixin");
        let about = Action::of("about", move |_: Payload| std::future::ready(Ok::<_, Error>(text.clone())));
        ServiceDef::new(service).action(about)
    }
}

struct Notes {
    about: About,
}

#[service(name = "notes", mixins(about: About))]
impl Notes {
    #[action(before(upper), after(mark))]
    async fn add(&self, text: String) -> Result<String> {
        Ok(text)
    }

    #[action]
    async fn last(&self) -> Result<String> {
        Err(Error::not_found("no notes"))
    }

    fn upper(&self, params: &mut NotesAddParams) {
        params.text.make_ascii_uppercase();
    }

    fn mark(&self, result: &mut String) {
        result.insert_str(0, "saved: ");
    }

    #[on_error("l*")] // all actions whose name matches: a result instead of the error
    fn recover(&self, error: Error) -> Result<String> {
        if error.code() == 404 { Ok("nothing there".into()) } else { Err(error) }
    }
}

#[ligand::main]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().service(Notes { about: About }).start().await?;
    let notes = broker.client::<Notes>();
    println!("{}", notes.add("buy milk".into()).await?);
    println!("recovered: {}", notes.last().await?);
    println!("about: {}", broker.call_named("notes.about", json!({})).await?.take::<String>()?);
    broker.stop().await;
    Ok(())
}
