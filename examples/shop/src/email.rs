//! E-mail: the last step of a notification. Writes to the log instead of a mail server.

use ligand::prelude::*;

/// A message to send.
#[payload]
pub struct Message {
    #[check(email)]
    pub to: String,
    #[check(length(1..=200))]
    pub subject: String,
    #[check(length(1..=10_000))]
    pub body: String,
}

/// The e-mail service.
#[derive(Debug)]
pub struct Email;

#[service(name = "email")]
impl Email {
    /// Sends one message.
    #[action(public)]
    async fn send(&self, params: Message) -> Result<()> {
        tracing::info!(subject = params.subject, "e-mail sent");
        Ok(())
    }
}
