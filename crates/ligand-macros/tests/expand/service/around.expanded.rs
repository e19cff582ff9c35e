impl Orders {
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn create(&self, params: Create) -> Result<Order> {
        self.db.insert(params).await
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn on_user(&self, event: UserCreated) -> Result<()> {
        Ok(())
    }
    /// Everything.
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn audit(&self, ctx: &Context, payload: Payload) {}
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn ping(&self) {}
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn heavy(&self, payload: Payload) {}
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn compute(&self, ctx: &Context, params: Create) -> Result<Order> {
        Ok(Order::default())
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn import(self: &Arc<Self>) {}
    /// Sweeps.
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn sweep_all(&self, ctx: &Context) -> Result<()> {
        Ok(())
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn counting(&self) {}
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn made(&self, broker: &ServiceBroker) -> Result<()> {
        Ok(())
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn up(&self, ctx: &Context) -> Result<()> {
        Ok(())
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn down(&self) {}
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn guard(&self, ctx: &Context) -> Result<()> {
        Ok(())
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn stamp(&self, result: &mut Stamped) {}
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn log(&self, ctx: &Context, error: Error) -> Result<Payload> {
        Err(error)
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn lowercase(&self, ctx: &Context, params: &mut Create) -> Result<()> {
        Ok(())
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    fn mark(&self, result: &mut Payload) {}
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn rescue(&self, error: Error) -> Result<Order, OrderError> {
        Err(error)
    }
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn instead(&self, ctx: &Context, error: Error) -> Order {
        Order::default()
    }
}
#[doc(hidden)]
#[allow(non_camel_case_types, dead_code)]
enum Orders_has_two_service_blocks__put_all_methods_into_one {}
impl ::ligand::__private::agreement::OneServiceBlockForEachType for Orders {}
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
impl Orders {
    ///The action `orders.create`.
    pub const CREATE: ::ligand::__private::core::ActionRef<Create, Order> = ::ligand::__private::core::ActionRef::new(
        "orders.create",
    );
    ///The action `orders.compute`.
    pub const COMPUTE: ::ligand::__private::core::ActionRef<Create, Order> = ::ligand::__private::core::ActionRef::new(
        "orders.compute",
    );
    ///The action `orders.import`.
    pub const IMPORT: ::ligand::__private::core::ActionRef<(), ()> = ::ligand::__private::core::ActionRef::new(
        "orders.import",
    );
}
///Calls the actions of `orders`; made by `client::<Orders>()`.
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
pub struct OrdersClient(::ligand::__private::core::service::Caller);
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
impl OrdersClient {
    ///The action `orders.create`.
    pub fn create(
        &self,
        params: Create,
    ) -> ::ligand::__private::core::broker::Request<Order> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("orders.create"),
            ::ligand::__private::probe::Probe::<Create>::new().form(),
            params,
        )
    }
    ///The action `orders.compute`.
    pub fn compute(
        &self,
        params: Create,
    ) -> ::ligand::__private::core::broker::Request<Order> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("orders.compute"),
            ::ligand::__private::probe::Probe::<Create>::new().form(),
            params,
        )
    }
    ///The action `orders.import`.
    pub fn import(&self) -> ::ligand::__private::core::broker::Request<()> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("orders.import"),
            ::ligand::__private::probe::Probe::<()>::new().form(),
            (),
        )
    }
}
impl ::ligand::__private::core::service::Client for OrdersClient {
    fn new(caller: ::ligand::__private::core::service::Caller) -> Self {
        Self(caller)
    }
}
const _: () = {
    ::ligand::__private::probe::travels::<Create>();
    ::ligand::__private::probe::travels::<Order>();
};
impl ::ligand::__private::core::Contract for Orders {
    const NAME: &'static str = "orders";
    type Client = OrdersClient;
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
impl ::ligand::__private::core::Service for Orders {
    fn define(self: ::std::sync::Arc<Self>) -> ::ligand::__private::core::ServiceDef {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        let def = ::ligand::__private::core::ServiceDef::new("orders")
            .keeps_to::<api::OrdersApi>()
            .without_action("insert");
        let def = def
            .action(
                ::ligand::__private::generated::converting(
                        ::ligand::__private::generated::action_of(
                            "create",
                            &self,
                            ::ligand::__private::probe::Probe::<Create>::new().form(),
                            ::ligand::__private::probe::Probe::<Order>::new().form(),
                            |this, params: Create| {
                                async move { Self::create(&this, params).await }
                            },
                        ),
                        {
                            #[allow(dead_code)]
                            trait Free: Sized {
                                const CREATE: ::ligand::__private::agreement::NotInContract = ::ligand::__private::agreement::NotInContract;
                            }
                            impl Free for api::OrdersApi {}
                            #[allow(unused_imports)]
                            use ::ligand::__private::agreement::{
                                ByFields as _, ByTypes as _,
                            };
                            let own = ::ligand::__private::core::ActionRef::<
                                Create,
                                Order,
                            >::new("orders.create");
                            ::ligand::__private::agreement::Agreement::of(
                                    <api::OrdersApi>::CREATE,
                                    own,
                                )
                                .check()
                        },
                    )
                    .before(
                        ::ligand::__private::generated::before(
                            ::ligand::__private::probe::Probe::<Create>::new().form(),
                            ::ligand::__private::generated::bind(
                                &self,
                                |
                                    this: ::std::sync::Arc<Self>,
                                    ctx: ::ligand::__private::core::Context,
                                    mut value: Create|
                                async move {
                                    Self::lowercase(&this, &ctx, &mut value)
                                        .await
                                        .map(|()| value)
                                        .map_err(::core::convert::Into::into)
                                },
                            ),
                        ),
                    )
                    .after(
                        ::ligand::__private::generated::after(
                            ::ligand::__private::probe::Probe::<Payload>::new().form(),
                            ::ligand::__private::generated::bind(
                                &self,
                                |
                                    this: ::std::sync::Arc<Self>,
                                    _: ::ligand::__private::core::Context,
                                    mut value: Payload|
                                async move {
                                    ::core::result::Result::<
                                        _,
                                        ::ligand::__private::core::Error,
                                    >::Ok(Self::mark(&this, &mut value))
                                        .map(|()| value)
                                        .map_err(::core::convert::Into::into)
                                },
                            ),
                        ),
                    )
                    .on_error(
                        ::ligand::__private::generated::on_error(
                            ::ligand::__private::probe::Probe::<Order>::new().form(),
                            ::ligand::__private::generated::bind(
                                &self,
                                |
                                    this: ::std::sync::Arc<Self>,
                                    _: ::ligand::__private::core::Context,
                                    error: ::ligand::__private::core::Error|
                                async move {
                                    Self::rescue(&this, error)
                                        .await
                                        .map_err(::core::convert::Into::into)
                                },
                            ),
                        ),
                    )
                    .fallback(
                        ::ligand::__private::generated::fallback(
                            ::ligand::__private::probe::Probe::<Order>::new().form(),
                            ::ligand::__private::generated::bind(
                                &self,
                                |
                                    this: ::std::sync::Arc<Self>,
                                    ctx: ::ligand::__private::core::Context,
                                    error: ::ligand::__private::core::Error|
                                async move {
                                    ::core::result::Result::<
                                        _,
                                        ::ligand::__private::core::Error,
                                    >::Ok(Self::instead(&this, &ctx, error).await)
                                        .map_err(::core::convert::Into::into)
                                },
                            ),
                        ),
                    ),
            );
        let def = def
            .action(
                ::ligand::__private::generated::converting(
                    ::ligand::__private::generated::action_blocking(
                        "compute",
                        &self,
                        ::ligand::__private::probe::Probe::<Create>::new().form(),
                        ::ligand::__private::probe::Probe::<Order>::new().form(),
                        |this, ctx, params: Create| Self::compute(&this, &ctx, params),
                    ),
                    {
                        #[allow(dead_code)]
                        trait Free: Sized {
                            const COMPUTE: ::ligand::__private::agreement::NotInContract = ::ligand::__private::agreement::NotInContract;
                        }
                        impl Free for api::OrdersApi {}
                        #[allow(unused_imports)]
                        use ::ligand::__private::agreement::{
                            ByFields as _, ByTypes as _,
                        };
                        let own = ::ligand::__private::core::ActionRef::<
                            Create,
                            Order,
                        >::new("orders.compute");
                        ::ligand::__private::agreement::Agreement::of(
                                <api::OrdersApi>::COMPUTE,
                                own,
                            )
                            .check()
                    },
                ),
            );
        let def = def
            .action(
                ::ligand::__private::generated::converting(
                    ::ligand::__private::generated::action_of(
                        "import",
                        &self,
                        ::ligand::__private::probe::Probe::<
                            ::ligand::__private::core::Payload,
                        >::new()
                            .form(),
                        ::ligand::__private::probe::Probe::<()>::new().form(),
                        |this, _: ::ligand::__private::core::Payload| {
                            async move {
                                ::core::result::Result::<
                                    _,
                                    ::ligand::__private::core::Error,
                                >::Ok(Self::import(&this).await)
                            }
                        },
                    ),
                    {
                        #[allow(dead_code)]
                        trait Free: Sized {
                            const IMPORT: ::ligand::__private::agreement::NotInContract = ::ligand::__private::agreement::NotInContract;
                        }
                        impl Free for api::OrdersApi {}
                        #[allow(unused_imports)]
                        use ::ligand::__private::agreement::{
                            ByFields as _, ByTypes as _,
                        };
                        let own = ::ligand::__private::core::ActionRef::<
                            (),
                            (),
                        >::new("orders.import");
                        ::ligand::__private::agreement::Agreement::of(
                                <api::OrdersApi>::IMPORT,
                                own,
                            )
                            .check()
                    },
                ),
            );
        let def = def
            .event(
                ::ligand::__private::generated::event(
                    <UserCreated as ::ligand::__private::core::EventPayload>::NAME,
                    &self,
                    ::ligand::__private::probe::Probe::<UserCreated>::new().form(),
                    |this, _, event: UserCreated| {
                        async move { Self::on_user(&this, event).await }
                    },
                ),
            );
        let def = def
            .event(
                ::ligand::__private::generated::event_now(
                        "orders.*",
                        &self,
                        ::ligand::__private::probe::Probe::<Payload>::new().form(),
                        |this, ctx, event: Payload| ::core::result::Result::<
                            _,
                            ::ligand::__private::core::Error,
                        >::Ok(Self::audit(&this, &ctx, event)),
                    )
                    .doc("Everything.")
                    .group("audit")
                    .throttle(::core::time::Duration::from_millis(1000))
                    .bulkhead(::ligand::__private::core::config::BulkheadOptions {
                        concurrency: ::core::option::Option::Some(1),
                        ..::core::default::Default::default()
                    }),
            );
        let def = def
            .event(
                ::ligand::__private::generated::event(
                    "ping",
                    &self,
                    ::ligand::__private::probe::Probe::<
                        ::ligand::__private::core::Payload,
                    >::new()
                        .form(),
                    |this, _, _: ::ligand::__private::core::Payload| {
                        async move {
                            ::core::result::Result::<
                                _,
                                ::ligand::__private::core::Error,
                            >::Ok(Self::ping(&this).await)
                        }
                    },
                ),
            );
        let def = def
            .event(
                ::ligand::__private::generated::event(
                    "pong",
                    &self,
                    ::ligand::__private::probe::Probe::<
                        ::ligand::__private::core::Payload,
                    >::new()
                        .form(),
                    |this, _, _: ::ligand::__private::core::Payload| {
                        async move {
                            ::core::result::Result::<
                                _,
                                ::ligand::__private::core::Error,
                            >::Ok(Self::ping(&this).await)
                        }
                    },
                ),
            );
        let def = def
            .event(
                ::ligand::__private::generated::event_blocking(
                    "heavy",
                    &self,
                    ::ligand::__private::probe::Probe::<Payload>::new().form(),
                    |this, _, event: Payload| ::core::result::Result::<
                        _,
                        ::ligand::__private::core::Error,
                    >::Ok(Self::heavy(&this, event)),
                ),
            );
        let def = def
            .job(
                ::ligand::__private::core::service::Job::every(
                        "sweepAll",
                        ::core::time::Duration::from_millis(60000),
                        ::ligand::__private::generated::bind_one(
                            &self,
                            |
                                this: ::std::sync::Arc<Self>,
                                ctx: ::ligand::__private::core::Context|
                            async move { Self::sweep_all(&this, &ctx).await },
                        ),
                    )
                    .doc("Sweeps.")
                    .start_now()
                    .overlap(::ligand::__private::core::service::Overlap::Queue)
                    .jitter(::core::time::Duration::from_millis(5000))
                    .timeout(::core::time::Duration::from_millis(30000)),
            );
        let def = def
            .job(
                ::ligand::__private::generated::job_blocking(
                        "count",
                        ::core::time::Duration::from_millis(3600000),
                        &self,
                        |this, _| ::core::result::Result::<
                            _,
                            ::ligand::__private::core::Error,
                        >::Ok(Self::counting(&this)),
                    )
                    .start_after(::core::time::Duration::from_millis(10000)),
            );
        let def = def
            .before(
                "*",
                ::ligand::__private::generated::before(
                    ::ligand::__private::probe::Probe::<
                        ::ligand::__private::core::Payload,
                    >::new()
                        .form(),
                    ::ligand::__private::generated::bind(
                        &self,
                        |
                            this: ::std::sync::Arc<Self>,
                            ctx: ::ligand::__private::core::Context,
                            value: ::ligand::__private::core::Payload|
                        async move {
                            Self::guard(&this, &ctx)
                                .await
                                .map(|()| value)
                                .map_err(::core::convert::Into::into)
                        },
                    ),
                ),
            );
        let def = def
            .after(
                "create|get",
                ::ligand::__private::generated::after(
                    ::ligand::__private::probe::Probe::<Stamped>::new().form(),
                    ::ligand::__private::generated::bind(
                        &self,
                        |
                            this: ::std::sync::Arc<Self>,
                            _: ::ligand::__private::core::Context,
                            mut value: Stamped|
                        async move {
                            ::core::result::Result::<
                                _,
                                ::ligand::__private::core::Error,
                            >::Ok(Self::stamp(&this, &mut value))
                                .map(|()| value)
                                .map_err(::core::convert::Into::into)
                        },
                    ),
                ),
            );
        let def = def
            .on_error(
                "*",
                ::ligand::__private::generated::on_error(
                    ::ligand::__private::probe::Probe::<Payload>::new().form(),
                    ::ligand::__private::generated::bind(
                        &self,
                        |
                            this: ::std::sync::Arc<Self>,
                            ctx: ::ligand::__private::core::Context,
                            error: ::ligand::__private::core::Error|
                        async move {
                            Self::log(&this, &ctx, error)
                                .await
                                .map_err(::core::convert::Into::into)
                        },
                    ),
                ),
            );
        let def = def
            .created({
                let this = ::std::sync::Arc::clone(&self);
                move |broker: &::ligand::__private::core::ServiceBroker| {
                    Self::made(&this, broker).map_err(::core::convert::Into::into)
                }
            });
        let def = def
            .started(
                ::ligand::__private::generated::bind_one(
                    &self,
                    |
                        this: ::std::sync::Arc<Self>,
                        ctx: ::ligand::__private::core::Context|
                    async move {
                        Self::up(&this, &ctx).await.map_err(::core::convert::Into::into)
                    },
                ),
            );
        let def = def
            .stopped(
                ::ligand::__private::generated::bind_one(
                    &self,
                    |
                        this: ::std::sync::Arc<Self>,
                        _: ::ligand::__private::core::Context|
                    async move {
                        ::core::result::Result::<
                            _,
                            ::ligand::__private::core::Error,
                        >::Ok(Self::down(&this))
                            .map_err(::core::convert::Into::into)
                    },
                ),
            );
        let def = def
            .mixin_with({
                let this = ::std::sync::Arc::clone(&self);
                move |name| ::ligand::__private::core::service::Mixin::define(
                    &(*this).db,
                    name,
                )
            });
        let def = def
            .mixin_with({
                let this = ::std::sync::Arc::clone(&self);
                move |name| ::ligand::__private::core::service::Mixin::define(
                    &(*this).audit,
                    name,
                )
            });
        def
    }
}
impl ::ligand::__private::core::service::MixedIn<Db<Order>> for OrdersClient {
    const SERVICE: &'static str = "orders";
    fn caller(&self) -> &::ligand::__private::core::service::Caller {
        &self.0
    }
}
impl ::ligand::__private::core::service::MixedIn<Audit> for OrdersClient {
    const SERVICE: &'static str = "orders";
    fn caller(&self) -> &::ligand::__private::core::service::Caller {
        &self.0
    }
}
const _: () = {
    ::ligand::__private::probe::travels::<Payload>();
    ::ligand::__private::probe::travels::<Stamped>();
};
const _: () = {
    ::ligand::__private::probe::fits::<Order, Stamped>();
};
const _: () = {
    #[allow(unused_imports)]
    use ::ligand::__private::agreement::Nameless as _;
    ::ligand::__private::agreement::implements(
        <api::OrdersApi as ::ligand::__private::core::Contract>::NAME,
        "orders",
        <api::OrdersApi as ::ligand::__private::agreement::Written>::ACTIONS,
        &[
            (
                "create",
                "the action `create` takes `Create`, and the contract `api::OrdersApi` has other fields there; give them the same names",
                <::ligand::__private::agreement::NamesOf<Create>>::NAMES,
            ),
            (
                "compute",
                "the action `compute` takes `Create`, and the contract `api::OrdersApi` has other fields there; give them the same names",
                <::ligand::__private::agreement::NamesOf<Create>>::NAMES,
            ),
            (
                "import",
                "the action `import` takes nothing, and the contract `api::OrdersApi` has other fields there; give them the same names",
                <::ligand::__private::agreement::NamesOf<()>>::NAMES,
            ),
        ],
        true,
    )
};
