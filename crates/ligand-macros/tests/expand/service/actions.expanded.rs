impl<S: Store> Users<S> {
    /// Registers a user.
    ///
    /// Sends a letter.
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn register(
        &self,
        ctx: &Context,
        params: Register,
    ) -> Result<User, UserError> {
        self.write(ctx, params).await
    }
    #[cfg(feature = "names")]
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn full_name(&self, first: String, last: Option<String>) -> String {
        first
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn count_all(&self) -> u32 {
        1
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn echo(&self, ctx: &Context, params: Payload) -> Payload {
        params
    }
}
#[doc(hidden)]
#[allow(non_camel_case_types, dead_code)]
enum Users_has_two_service_blocks__put_all_methods_into_one {}
impl<S: Store> ::ligand::__private::agreement::OneServiceBlockForEachType for Users<S> {}
///Parameters of `v2.users.fullName`.
#[cfg(feature = "names")]
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
pub struct UsersFullNameParams {
    ///`first`
    #[check(length(1..))]
    pub first: String,
    ///`last`
    pub last: Option<String>,
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
impl<S: Store> Users<S> {
    /**Registers a user.

Sends a letter.*/
    pub const REGISTER: ::ligand::__private::core::ActionRef<Register, User> = ::ligand::__private::core::ActionRef::new(
        "v2.users.register",
    );
    ///The action `v2.users.fullName`.
    #[cfg(feature = "names")]
    pub const FULL_NAME: ::ligand::__private::core::ActionRef<
        UsersFullNameParams,
        String,
    > = ::ligand::__private::core::ActionRef::new("v2.users.fullName");
    ///The action `v2.users.count`.
    pub const COUNT_ALL: ::ligand::__private::core::ActionRef<(), u32> = ::ligand::__private::core::ActionRef::new(
        "v2.users.count",
    );
    ///The action `v2.users.echo`.
    pub const ECHO: ::ligand::__private::core::ActionRef<Payload, Payload> = ::ligand::__private::core::ActionRef::new(
        "v2.users.echo",
    );
}
///Calls the actions of `v2.users`; made by `client::<Users>()`.
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
    /**Registers a user.

Sends a letter.*/
    pub fn register(
        &self,
        params: Register,
    ) -> ::ligand::__private::core::broker::Request<User> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("v2.users.register"),
            ::ligand::__private::probe::Probe::<Register>::new().form(),
            params,
        )
    }
    ///The action `v2.users.fullName`.
    #[cfg(feature = "names")]
    pub fn full_name(
        &self,
        first: String,
        last: Option<String>,
    ) -> ::ligand::__private::core::broker::Request<String> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("v2.users.fullName"),
            ::ligand::__private::probe::Probe::<UsersFullNameParams>::new().form(),
            UsersFullNameParams { first, last },
        )
    }
    ///The action `v2.users.count`.
    pub fn count_all(&self) -> ::ligand::__private::core::broker::Request<u32> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("v2.users.count"),
            ::ligand::__private::probe::Probe::<()>::new().form(),
            (),
        )
    }
    ///The action `v2.users.echo`.
    pub fn echo(
        &self,
        params: Payload,
    ) -> ::ligand::__private::core::broker::Request<Payload> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("v2.users.echo"),
            ::ligand::__private::probe::Probe::<Payload>::new().form(),
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
    ::ligand::__private::probe::travels::<Register>();
    ::ligand::__private::probe::travels::<User>();
    #[cfg(feature = "names")] ::ligand::__private::probe::travels::<String>();
    ::ligand::__private::probe::travels::<u32>();
    ::ligand::__private::probe::travels::<Payload>();
};
impl<S: Store> ::ligand::__private::core::Contract for Users<S> {
    const NAME: &'static str = "v2.users";
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
impl<S: Store> ::ligand::__private::core::Service for Users<S> {
    fn define(self: ::std::sync::Arc<Self>) -> ::ligand::__private::core::ServiceDef {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        let def = ::ligand::__private::core::ServiceDef::new("users")
            .version(2u32)
            .setting("page_size", 10)
            .setting("$secureSettings", ::ligand::__private::serde_json::json!(["key"]))
            .metadata("team", "core")
            .dependency("stock")
            .dependency(<Orders as ::ligand::__private::core::Contract>::NAME);
        let def = def
            .action(
                ::ligand::__private::generated::action(
                        "register",
                        &self,
                        ::ligand::__private::probe::Probe::<Register>::new().form(),
                        ::ligand::__private::probe::Probe::<User>::new().form(),
                        |this, ctx, params: Register| {
                            let ctx = ::core::clone::Clone::clone(ctx);
                            async move { Self::register(&this, &ctx, params).await }
                        },
                    )
                    .doc("Registers a user.\n\nSends a letter.")
                    .with_rest(
                        ::ligand::__private::core::service::Rest::new("POST", "/"),
                    )
                    .with_rest(
                        ::ligand::__private::core::service::Rest::new(
                            "POST",
                            "/register",
                        ),
                    )
                    .visibility(::ligand::__private::core::service::Visibility::Public)
                    .cache(
                        ::ligand::__private::core::cache::CacheRule::keys([
                                "id",
                                "#user.id",
                            ])
                            .with_ttl(::core::time::Duration::from_millis(90000)),
                    )
                    .timeout(::core::time::Duration::new(0u64, 1500000u32))
                    .retry(::ligand::__private::core::config::RetryOptions {
                        retries: ::core::option::Option::Some(3),
                        delay: ::core::option::Option::Some(
                            ::core::time::Duration::from_millis(100),
                        ),
                        ..::core::default::Default::default()
                    })
                    .circuit_breaker(::ligand::__private::core::config::CircuitBreakerOptions {
                        enabled: ::core::option::Option::Some(false),
                        ..::core::default::Default::default()
                    })
                    .bulkhead(::ligand::__private::core::config::BulkheadOptions {
                        ..::core::default::Default::default()
                    })
                    .metadata("role", "admin"),
            );
        #[cfg(feature = "names")]
        let def = def
            .action(
                ::ligand::__private::generated::action_now_of(
                        "fullName",
                        &self,
                        ::ligand::__private::probe::Probe::<UsersFullNameParams>::new()
                            .form(),
                        ::ligand::__private::probe::Probe::<String>::new().form(),
                        |this, params: UsersFullNameParams| ::core::result::Result::<
                            _,
                            ::ligand::__private::core::Error,
                        >::Ok(Self::full_name(&this, params.first, params.last)),
                    )
                    .visibility(::ligand::__private::core::service::Visibility::Private)
                    .fallback(
                        ::ligand::__private::core::middleware::Fallback::value(
                            ::ligand::__private::serde_json::json!("nobody"),
                        ),
                    ),
            );
        let def = def
            .action(
                ::ligand::__private::generated::action_of(
                        "count",
                        &self,
                        ::ligand::__private::probe::Probe::<
                            ::ligand::__private::core::Payload,
                        >::new()
                            .form(),
                        ::ligand::__private::probe::Probe::<u32>::new().form(),
                        |this, _: ::ligand::__private::core::Payload| {
                            async move {
                                ::core::result::Result::<
                                    _,
                                    ::ligand::__private::core::Error,
                                >::Ok(Self::count_all(&this).await)
                            }
                        },
                    )
                    .cache(::ligand::__private::core::cache::CacheRule::new())
                    .fallback(
                        ::ligand::__private::core::middleware::Fallback::action(
                            "v1.users.count",
                        ),
                    ),
            );
        let def = def
            .action(
                ::ligand::__private::generated::action(
                        "echo",
                        &self,
                        ::ligand::__private::probe::Probe::<Payload>::new().form(),
                        ::ligand::__private::probe::Probe::<Payload>::new().form(),
                        |this, ctx, params: Payload| {
                            let ctx = ::core::clone::Clone::clone(ctx);
                            async move {
                                ::core::result::Result::<
                                    _,
                                    ::ligand::__private::core::Error,
                                >::Ok(Self::echo(&this, &ctx, params).await)
                            }
                        },
                    )
                    .no_cache(),
            );
        def
    }
}
::core::compile_error! {
    "a `public` action is not for the gateway, so `rest` would have no effect; remove one of them"
}
