//! What the compiler checks between a service and its contract; used by generated code.

use std::marker::PhantomData;

use ligand_wire::{Data, Payload};

use super::Conversion;
use crate::service::ActionRef;

/// What `#[contract]` says of its actions: the name of each, what to write when a service lacks it, the names of its
/// parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no contract",
    label = "a contract is the name of a trait with #[contract]",
    note = "write `#[contract(name = \"..\")] trait UsersApi {{ .. }}` and `contract = UsersApi`"
)]
pub trait Written {
    /// In the order of the trait.
    const ACTIONS: &'static [(&'static str, &'static str, Names)];
}

/// What `#[service]` implements besides: its name is what the compiler says of a second block on one type.
pub trait OneServiceBlockForEachType {}

/// Holds when an action of a service has the types its contract says; used by generated code.
#[diagnostic::on_unimplemented(
    message = "the action does not keep to the contract",
    label = "the contract says `{Contracted}`, this is `{Self}`",
    note = "change the types of one of them; arguments and a #[payload] struct with the same fields are the same"
)]
pub trait Agrees<Contracted> {}

#[diagnostic::do_not_recommend]
impl<P, R> Agrees<ActionRef<P, R>> for ActionRef<P, R> {}

/// Stands for an action that the contract does not have.
#[derive(Clone, Copy, Debug)]
pub struct NotInContract;

/// An action of the contract beside that of a service. `check` fails to compile when the types differ; it returns the
/// conversion that callers through the contract need.
#[derive(Clone, Copy, Debug)]
pub struct Agreement<Contracted, Own>(PhantomData<(Contracted, Own)>);

impl<Contracted, Own> Agreement<Contracted, Own> {
    /// Of these two.
    pub const fn of(_contracted: Contracted, _own: Own) -> Self
    where
        Contracted: Copy,
        Own: Copy,
    {
        Self(PhantomData)
    }
}

/// The best answer: both have the same types.
impl<P, R> Agreement<ActionRef<P, R>, ActionRef<P, R>> {
    /// Nothing has to be done.
    pub fn check(self) -> Option<Conversion> {
        None
    }
}

/// The action is not in the contract.
impl<P, R> Agreement<NotInContract, ActionRef<P, R>> {
    /// Nothing has to be done.
    pub fn check(self) -> Option<Conversion> {
        None
    }
}

/// The second answer: parameters of the same fields, such as a struct and a list of arguments.
pub trait ByFields<P, Q> {
    /// Fails to compile when the fields have other types.
    fn check<T>(self) -> Option<Conversion>
    where
        P: FieldTypes<T>,
        Q: FieldTypes<T>;
}

impl<P: Named + Data, Q: Named + Data, R> ByFields<P, Q> for Agreement<ActionRef<Q, R>, ActionRef<P, R>> {
    fn check<T>(self) -> Option<Conversion>
    where
        P: FieldTypes<T>,
        Q: FieldTypes<T>,
    {
        Some(|params| match params.peek::<Q>() {
            Some(contracted) => Payload::typed(P::of_parts(contracted.parts())),
            None => params,
        })
    }
}

/// The last answer: the types differ.
pub trait ByTypes<Contracted, Own> {
    /// Fails to compile.
    fn check(self) -> Option<Conversion>
    where
        Own: Agrees<Contracted>;
}

impl<Contracted, Own> ByTypes<Contracted, Own> for &Agreement<Contracted, Own> {
    fn check(self) -> Option<Conversion>
    where
        Own: Agrees<Contracted>,
    {
        None
    }
}

/// A struct whose fields travel one by one: `#[payload]` implements it, also for the structs that arguments of actions
/// become. A struct with type parameters, a flattened field or one in another form has none.
pub trait Named {
    /// The names on the wire, sorted.
    const NAMES: &'static [&'static str];
}

/// `T` holds the values of the fields, in the order of their [names](Named::NAMES).
#[diagnostic::on_unimplemented(
    message = "the arguments of the action have other types than the contract says",
    label = "the fields of `{Self}`, in the order of their names, are not `{T}`",
    note = "give the arguments the types of the contract's fields, or change the contract"
)]
pub trait FieldTypes<T>: Named {
    /// Copies of the values.
    fn parts(&self) -> T;

    /// A struct of these values.
    fn of_parts(parts: T) -> Self;
}

/// The names of the fields of `T`, when they are known: a constant of its own comes before that of [`Nameless`].
#[derive(Clone, Copy, Debug)]
pub struct NamesOf<T>(PhantomData<T>);

impl<T: Named> NamesOf<T> {
    /// The names on the wire.
    pub const NAMES: Names = Some(T::NAMES);
}

/// Types without fields that are known.
pub trait Nameless {
    /// None.
    const NAMES: Names = None;
}

impl<T> Nameless for NamesOf<T> {}

/// Names of fields, when they are known.
pub type Names = Option<&'static [&'static str]>;

/// Fails to compile when the service has another name than the contract, has other names of parameters, or lacks one
/// of its actions (unless mixins may bring it: then the start of the broker looks). Each action of the contract comes
/// with the text that says that it is missing, each of the service with the text that says that its names are others.
pub const fn implements(
    contract: &str,
    service: &str,
    actions: &[(&str, &'static str, Names)],
    implemented: &[(&str, &'static str, Names)],
    mixed: bool,
) {
    if !ligand_alias::equal(contract, service) {
        panic!("the service has another name or version than its contract; make them equal");
    }
    let mut index = 0;
    while index < actions.len() {
        let (name, missing, names) = actions[index];
        match position(implemented, name) {
            None if mixed => {}
            None => panic!("{}", missing),
            Some(at) => {
                if let (Some(names), (_, differs, Some(own))) = (names, implemented[at])
                    && !equal(names, own)
                {
                    panic!("{}", differs);
                }
            }
        }
        index += 1;
    }
}

const fn position(actions: &[(&str, &'static str, Names)], name: &str) -> Option<usize> {
    let mut index = 0;
    while index < actions.len() {
        if ligand_alias::equal(actions[index].0, name) {
            return Some(index);
        }
        index += 1;
    }
    None
}

const fn equal(a: &[&str], b: &[&str]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if !ligand_alias::equal(a[index], b[index]) {
            return false;
        }
        index += 1;
    }
    true
}
