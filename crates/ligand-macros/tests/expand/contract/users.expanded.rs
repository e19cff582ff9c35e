/// What the users service offers.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code)]
pub struct UsersApi;
///Parameters of `v1.users.add`.
#[::ligand::payload]
#[allow(
    clippy::all,
    clippy::pedantic,
    dead_code,
    missing_docs,
    private_bounds,
    private_interfaces,
    unreachable_pub,
    unused_imports,
    unused_qualifications
)]
pub struct UsersApiAddParams {
    ///`left`
    pub left: u64,
    ///`right`
    pub right: u64,
}
#[allow(
    clippy::all,
    clippy::pedantic,
    dead_code,
    missing_docs,
    private_bounds,
    private_interfaces,
    unreachable_pub,
    unused_imports,
    unused_qualifications
)]
impl UsersApi {
    ///The name of a user.
    pub const NAME_OF: ::ligand::__private::core::ActionRef<ById, String> = ::ligand::__private::core::ActionRef::new(
        "v1.users.nameOf",
    );
    ///The action `v1.users.add`.
    pub const ADD: ::ligand::__private::core::ActionRef<UsersApiAddParams, u64> = ::ligand::__private::core::ActionRef::new(
        "v1.users.add",
    );
    ///The action `v1.users.count.all`.
    pub const COUNT: ::ligand::__private::core::ActionRef<(), u64> = ::ligand::__private::core::ActionRef::new(
        "v1.users.count.all",
    );
}
///Calls the actions of `v1.users`; made by `client::<UsersApi>()`.
#[allow(
    clippy::all,
    clippy::pedantic,
    dead_code,
    missing_docs,
    private_bounds,
    private_interfaces,
    unreachable_pub,
    unused_imports,
    unused_qualifications
)]
#[derive(Clone, Debug)]
pub struct UsersApiClient(::ligand::__private::core::Caller);
#[allow(
    clippy::all,
    clippy::pedantic,
    dead_code,
    missing_docs,
    private_bounds,
    private_interfaces,
    unreachable_pub,
    unused_imports,
    unused_qualifications
)]
impl UsersApiClient {
    ///The name of a user.
    pub fn name_of(&self, params: ById) -> ::ligand::__private::core::Request<String> {
        use ::ligand::__private::core::service::probe::{Unfit as _, Untold as _};
        self.0
            .call_typed(
                ::ligand::__private::core::ActionRef::new("v1.users.nameOf"),
                ::ligand::__private::core::service::probe::Probe::<ById>::new().form(),
                params,
            )
    }
    ///The action `v1.users.add`.
    pub fn add(&self, left: u64, right: u64) -> ::ligand::__private::core::Request<u64> {
        use ::ligand::__private::core::service::probe::{Unfit as _, Untold as _};
        self.0
            .call_typed(
                ::ligand::__private::core::ActionRef::new("v1.users.add"),
                ::ligand::__private::core::service::probe::Probe::<
                    UsersApiAddParams,
                >::new()
                    .form(),
                UsersApiAddParams { left, right },
            )
    }
    ///The action `v1.users.count.all`.
    pub fn count(&self) -> ::ligand::__private::core::Request<u64> {
        use ::ligand::__private::core::service::probe::{Unfit as _, Untold as _};
        self.0
            .call_typed(
                ::ligand::__private::core::ActionRef::new("v1.users.count.all"),
                ::ligand::__private::core::service::probe::Probe::<()>::new().form(),
                (),
            )
    }
}
impl ::ligand::__private::core::Client for UsersApiClient {
    fn new(caller: ::ligand::__private::core::Caller) -> Self {
        Self(caller)
    }
}
const _: () = {
    ::ligand::__private::core::service::probe::travels::<ById>();
    ::ligand::__private::core::service::probe::travels::<String>();
    ::ligand::__private::core::service::probe::travels::<u64>();
};
#[allow(
    clippy::all,
    clippy::pedantic,
    dead_code,
    missing_docs,
    private_bounds,
    private_interfaces,
    unreachable_pub,
    unused_imports,
    unused_qualifications
)]
impl UsersApi {
    #[doc(hidden)]
    pub const __ACTIONS: &'static [(
        &'static str,
        &'static str,
        ::ligand::__private::core::service::contract::Names,
    )] = {
        use ::ligand::__private::core::service::contract::Nameless as _;
        &[
            (
                "nameOf",
                "the contract `UsersApi` has the action `nameOf`, the service has not; add `#[action] async fn name_of(&self, params: ById) -> Result<String>`",
                <::ligand::__private::core::service::contract::NamesOf<ById>>::NAMES,
            ),
            (
                "add",
                "the contract `UsersApi` has the action `add`, the service has not; add `#[action] async fn add(&self, left: u64, right: u64) -> Result<u64>`",
                <::ligand::__private::core::service::contract::NamesOf<
                    UsersApiAddParams,
                >>::NAMES,
            ),
            (
                "count.all",
                "the contract `UsersApi` has the action `count.all`, the service has not; add `#[action] async fn count(&self) -> Result<u64>`",
                <::ligand::__private::core::service::contract::NamesOf<()>>::NAMES,
            ),
        ]
    };
}
impl ::ligand::__private::core::Contract for UsersApi {
    const NAME: &'static str = "v1.users";
    type Client = UsersApiClient;
    fn terms() -> ::std::vec::Vec<::ligand::__private::core::Term> {
        use ::ligand::__private::core::service::probe::{Unfit as _, Untold as _};
        #[allow(unused_mut)]
        let mut terms: ::std::vec::Vec<::ligand::__private::core::Term> = ::std::vec::Vec::new();
        terms
            .push(
                ::ligand::__private::core::Term::new(
                        "nameOf",
                        "the contract `UsersApi` has the action `nameOf`, the service has not; add `#[action] async fn name_of(&self, params: ById) -> Result<String>`",
                    )
                    .typed(
                        ::ligand::__private::core::service::probe::Probe::<ById>::new()
                            .form(),
                        ::ligand::__private::core::service::probe::Probe::<String>::new()
                            .form(),
                    ),
            );
        terms
            .push(
                ::ligand::__private::core::Term::new(
                        "add",
                        "the contract `UsersApi` has the action `add`, the service has not; add `#[action] async fn add(&self, left: u64, right: u64) -> Result<u64>`",
                    )
                    .typed(
                        ::ligand::__private::core::service::probe::Probe::<
                            UsersApiAddParams,
                        >::new()
                            .form(),
                        ::ligand::__private::core::service::probe::Probe::<u64>::new()
                            .form(),
                    ),
            );
        terms
            .push(
                ::ligand::__private::core::Term::new(
                        "count.all",
                        "the contract `UsersApi` has the action `count.all`, the service has not; add `#[action] async fn count(&self) -> Result<u64>`",
                    )
                    .typed(
                        ::ligand::__private::core::service::probe::Probe::<()>::new()
                            .form(),
                        ::ligand::__private::core::service::probe::Probe::<u64>::new()
                            .form(),
                    ),
            );
        terms
    }
}
