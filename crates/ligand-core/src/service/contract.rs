//! What callers know of a service, and the checks that a service keeps to it.

pub(crate) mod agreement;
mod terms;

use ligand_wire::Payload;

use super::Client;
pub(crate) use terms::check;
pub use terms::{Promise, Term};

/// What callers need to know of a service: its name and its client.
///
/// `#[service]` implements it for the service itself, `#[contract]` for a name that stands for a service
/// implemented elsewhere.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a service nor a contract",
    label = "no client is known for this type",
    note = "put #[service(name = \"..\")] on its impl block, or #[contract(name = \"..\")] on a trait"
)]
pub trait Contract: 'static {
    /// Full name with version: `v2.orders`.
    const NAME: &'static str;

    /// The generated client.
    type Client: Client;

    /// What a `#[contract]` promises; nothing for a service itself. See [`ServiceDef::keeps_to`].
    ///
    /// [`ServiceDef::keeps_to`]: super::ServiceDef::keeps_to
    fn terms() -> Vec<Term> {
        Vec::new()
    }
}

/// Makes the parameters of the contract those of the service's action, without writing them out.
pub(crate) type Conversion = fn(Payload) -> Payload;
