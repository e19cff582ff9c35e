//! The subjects on which the server answers this node: nobody subscribed, or "I have read everything up to here".

use std::{
    collections::HashMap,
    fmt::Write,
    sync::atomic::{AtomicU8, AtomicU64, Ordering},
};

use async_nats::{Message, StatusCode};
use ligand_transport::{Link, Ticket};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// What names of echoes begin with; no ticket does, they are hexadecimal.
const ECHO: char = 's';

/// The subjects below `<prefix>.`.
pub(crate) struct Inbox {
    prefix: String,
    last: AtomicU64,
    hears: AtomicU8,
    echoes: Mutex<HashMap<u64, oneshot::Sender<()>>>,
}

/// Whether echoes come.
const UNKNOWN: u8 = 0;
const HEARS: u8 = 1;
const DEAF: u8 = 2;

/// An echo that is waited for.
pub(crate) struct Echo<'a> {
    inbox: &'a Inbox,
    number: u64,
    receiver: oneshot::Receiver<()>,
}

impl Inbox {
    pub(crate) fn new(prefix: String) -> Self {
        Self { prefix, last: AtomicU64::new(0), hears: AtomicU8::new(UNKNOWN), echoes: Mutex::default() }
    }

    /// Whether echoes come; `None` when that is not known.
    pub(crate) fn hears(&self) -> Option<bool> {
        match self.hears.load(Ordering::Relaxed) {
            UNKNOWN => None,
            hears => Some(hears == HEARS),
        }
    }

    /// An echo did not come. True when none ever did, the first time.
    pub(crate) fn give_up(&self) -> bool {
        let deaf = self.hears.compare_exchange(UNKNOWN, DEAF, Ordering::Relaxed, Ordering::Relaxed);
        deaf.is_ok()
    }

    /// What the inbox subscribes to.
    pub(crate) fn subject(&self) -> String {
        format!("{}.*", self.prefix)
    }

    /// Where the server says that nobody has subscribed.
    pub(crate) fn of_ticket(&self, ticket: Ticket) -> String {
        let mut subject = String::with_capacity(self.prefix.len() + 17);
        let _ = write!(subject, "{}.{:x}", self.prefix, ticket.0);
        subject
    }

    /// An echo, and the subject to publish to.
    pub(crate) fn echo(&self) -> (Echo<'_>, String) {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.echoes.lock().insert(number, sender);
        (Echo { inbox: self, number, receiver }, format!("{}.{ECHO}{number:x}", self.prefix))
    }

    /// Takes a message to the inbox.
    pub(crate) fn take(&self, message: &Message, link: &dyn Link) {
        let Some((_, name)) = message.subject.rsplit_once('.') else { return };
        match name.strip_prefix(ECHO) {
            Some(number) => {
                self.hears.store(HEARS, Ordering::Relaxed);
                let number = u64::from_str_radix(number, 16).ok();
                if let Some(sender) = number.and_then(|number| self.echoes.lock().remove(&number)) {
                    let _ = sender.send(());
                }
            }
            None if message.status == Some(StatusCode::NO_RESPONDERS) => {
                if let Ok(ticket) = u64::from_str_radix(name, 16) {
                    link.undelivered(Ticket(ticket));
                }
            }
            None => {}
        }
    }
}

impl Echo<'_> {
    /// Ends when the echo has come.
    pub(crate) async fn came(mut self) {
        let _ = (&mut self.receiver).await;
    }
}

impl Drop for Echo<'_> {
    fn drop(&mut self) {
        self.inbox.echoes.lock().remove(&self.number);
    }
}
