impl Users {
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn get(&self, params: ById) -> u8 {
        1
    }
    async fn broken(&mut self) {}
}
#[doc(hidden)]
#[allow(non_camel_case_types, dead_code)]
enum Users_has_two_service_blocks__put_all_methods_into_one {}
impl ::ligand::__private::agreement::OneServiceBlockForEachType for Users {}
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
impl Users {
    ///The action `users.get`.
    pub const GET: ::ligand::__private::core::ActionRef<ById, u8> = ::ligand::__private::core::ActionRef::new(
        "users.get",
    );
}
///Calls the actions of `users`; made by `client::<Users>()`.
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
pub struct UsersClient(::ligand::__private::core::service::Caller);
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
impl UsersClient {
    ///The action `users.get`.
    pub fn get(&self, params: ById) -> ::ligand::__private::core::broker::Request<u8> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("users.get"),
            ::ligand::__private::probe::Probe::<ById>::new().form(),
            params,
        )
    }
}
impl ::ligand::__private::core::service::Client for UsersClient {
    fn new(caller: ::ligand::__private::core::service::Caller) -> Self {
        Self(caller)
    }
}
const _: () = {
    ::ligand::__private::probe::travels::<ById>();
    ::ligand::__private::probe::travels::<u8>();
};
impl ::ligand::__private::core::Contract for Users {
    const NAME: &'static str = "users";
    type Client = UsersClient;
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
impl ::ligand::__private::core::Service for Users {
    fn define(self: ::std::sync::Arc<Self>) -> ::ligand::__private::core::ServiceDef {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        let def = ::ligand::__private::core::ServiceDef::new("users");
        let def = def
            .action(
                ::ligand::__private::generated::action_of(
                    "get",
                    &self,
                    ::ligand::__private::probe::Probe::<ById>::new().form(),
                    ::ligand::__private::probe::Probe::<u8>::new().form(),
                    |this, params: ById| {
                        async move {
                            ::core::result::Result::<
                                _,
                                ::ligand::__private::core::Error,
                            >::Ok(Self::get(&this, params).await)
                        }
                    },
                ),
            );
        def
    }
}
::core::compile_error! {
    "'FETCH /': 'FETCH' is not a method; use one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, or * for all, as in \"GET /:id\""
}
::core::compile_error! {
    "an action takes `&self` first, because all calls share the service (or `self: &Arc<Self>`, to hand it on to work in the background); put state that changes into a Mutex or an atomic"
}
