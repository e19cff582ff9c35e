//! What callers know of a service, and the checks that a service keeps to it.

use super::{ActionRef, Client};

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
}

/// Holds when an action of a service has the types its contract says; used by generated code.
#[diagnostic::on_unimplemented(
    message = "the action does not keep to the contract",
    label = "the contract says `{Contracted}`, this is `{Self}`",
    note = "change the types of one of them"
)]
pub trait Agrees<Contracted> {}

#[diagnostic::do_not_recommend]
impl<P, R> Agrees<ActionRef<P, R>> for ActionRef<P, R> {}

/// Stands for an action that the contract does not have; every type agrees with it.
#[derive(Clone, Copy, Debug)]
pub struct NotInContract;

#[diagnostic::do_not_recommend]
impl<P, R> Agrees<NotInContract> for ActionRef<P, R> {}

/// Fails to compile when the types differ.
pub const fn agrees<Contracted: Copy, Own: Agrees<Contracted> + Copy>(_contracted: Contracted, _own: Own) {}

/// Fails to compile when the service has another name than the contract, or lacks one of its actions. Each
/// action of the contract comes with the text that says so.
pub const fn implements(
    contract: &str,
    service: &str,
    actions: &[(&str, &'static str)],
    implemented: &[&str],
) {
    if !same(contract, service) {
        panic!("the service has another name or version than its contract; make them equal");
    }
    let mut index = 0;
    while index < actions.len() {
        if !contains(implemented, actions[index].0) {
            panic!("{}", actions[index].1);
        }
        index += 1;
    }
}

const fn contains(names: &[&str], name: &str) -> bool {
    let mut index = 0;
    while index < names.len() {
        if same(names[index], name) {
            return true;
        }
        index += 1;
    }
    false
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}
