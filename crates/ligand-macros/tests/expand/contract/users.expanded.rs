/// What the users service offers.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code)]
pub struct UsersApi;
///Parameters of `v1.users.add`.
#[::ligand::__private::payload]
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
pub struct UsersApiClient(::ligand::__private::core::service::Caller);
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
    pub fn name_of(
        &self,
        params: ById,
    ) -> ::ligand::__private::core::broker::Request<String> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("v1.users.nameOf"),
            ::ligand::__private::probe::Probe::<ById>::new().form(),
            params,
        )
    }
    ///The action `v1.users.add`.
    pub fn add(
        &self,
        left: u64,
        right: u64,
    ) -> ::ligand::__private::core::broker::Request<u64> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("v1.users.add"),
            ::ligand::__private::probe::Probe::<UsersApiAddParams>::new().form(),
            UsersApiAddParams { left, right },
        )
    }
    ///The action `v1.users.count.all`.
    pub fn count(&self) -> ::ligand::__private::core::broker::Request<u64> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("v1.users.count.all"),
            ::ligand::__private::probe::Probe::<()>::new().form(),
            (),
        )
    }
}
impl ::ligand::__private::core::service::Client for UsersApiClient {
    fn new(caller: ::ligand::__private::core::service::Caller) -> Self {
        Self(caller)
    }
}
const _: () = {
    ::ligand::__private::probe::travels::<ById>();
    ::ligand::__private::probe::travels::<String>();
    ::ligand::__private::probe::travels::<u64>();
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
impl ::ligand::__private::agreement::Written for UsersApi {
    const ACTIONS: &'static [(
        &'static str,
        &'static str,
        ::ligand::__private::agreement::Names,
    )] = {
        use ::ligand::__private::agreement::Nameless as _;
        &[
            (
                "nameOf",
                "the contract `UsersApi` has the action `nameOf`, the service has not; add `#[action] async fn name_of(&self, params: ById) -> Result<String>`",
                <::ligand::__private::agreement::NamesOf<ById>>::NAMES,
            ),
            (
                "add",
                "the contract `UsersApi` has the action `add`, the service has not; add `#[action] async fn add(&self, left: u64, right: u64) -> Result<u64>`",
                <::ligand::__private::agreement::NamesOf<UsersApiAddParams>>::NAMES,
            ),
            (
                "count.all",
                "the contract `UsersApi` has the action `count.all`, the service has not; add `#[action] async fn count(&self) -> Result<u64>`",
                <::ligand::__private::agreement::NamesOf<()>>::NAMES,
            ),
        ]
    };
}
impl ::ligand::__private::core::Contract for UsersApi {
    const NAME: &'static str = "v1.users";
    type Client = UsersApiClient;
    fn terms() -> ::std::vec::Vec<::ligand::__private::core::service::Term> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        #[allow(unused_mut)]
        let mut terms: ::std::vec::Vec<::ligand::__private::core::service::Term> = ::std::vec::Vec::new();
        terms
            .push(
                ::ligand::__private::generated::term(
                    "nameOf",
                    "the contract `UsersApi` has the action `nameOf`, the service has not; add `#[action] async fn name_of(&self, params: ById) -> Result<String>`",
                    ::ligand::__private::probe::Probe::<ById>::new().form(),
                    ::ligand::__private::probe::Probe::<String>::new().form(),
                ),
            );
        terms
            .push(
                ::ligand::__private::generated::term(
                    "add",
                    "the contract `UsersApi` has the action `add`, the service has not; add `#[action] async fn add(&self, left: u64, right: u64) -> Result<u64>`",
                    ::ligand::__private::probe::Probe::<UsersApiAddParams>::new().form(),
                    ::ligand::__private::probe::Probe::<u64>::new().form(),
                ),
            );
        terms
            .push(
                ::ligand::__private::generated::term(
                    "count.all",
                    "the contract `UsersApi` has the action `count.all`, the service has not; add `#[action] async fn count(&self) -> Result<u64>`",
                    ::ligand::__private::probe::Probe::<()>::new().form(),
                    ::ligand::__private::probe::Probe::<u64>::new().form(),
                ),
            );
        terms
    }
}
