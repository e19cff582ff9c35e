impl Stock {
    /// Reserves goods.
    #[allow(
        clippy::needless_pass_by_value,
        clippy::unnecessary_wraps,
        clippy::unused_async,
        clippy::unused_self
    )]
    async fn reserve(&self, params: Reserve) -> Result<u64> {
        self.take(params)
    }
    fn take(&self, params: Reserve) -> Result<u64> {
        Ok(1)
    }
}
#[doc(hidden)]
#[allow(non_camel_case_types, dead_code)]
enum Stock_has_two_service_blocks__put_all_methods_into_one {}
impl ::ligand::__private::agreement::OneServiceBlockForEachType for Stock {}
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
impl Stock {
    ///Reserves goods.
    pub const RESERVE: ::ligand::__private::core::ActionRef<Reserve, u64> = ::ligand::__private::core::ActionRef::new(
        "stock.reserve",
    );
}
///Calls the actions of `stock`; made by `client::<Stock>()`.
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
pub struct StockClient(::ligand::__private::core::service::Caller);
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
impl StockClient {
    ///Reserves goods.
    pub fn reserve(
        &self,
        params: Reserve,
    ) -> ::ligand::__private::core::broker::Request<u64> {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        ::ligand::__private::generated::call(
            &self.0,
            ::ligand::__private::core::ActionRef::new("stock.reserve"),
            ::ligand::__private::probe::Probe::<Reserve>::new().form(),
            params,
        )
    }
}
impl ::ligand::__private::core::service::Client for StockClient {
    fn new(caller: ::ligand::__private::core::service::Caller) -> Self {
        Self(caller)
    }
}
const _: () = {
    ::ligand::__private::probe::travels::<Reserve>();
    ::ligand::__private::probe::travels::<u64>();
};
impl ::ligand::__private::core::Contract for Stock {
    const NAME: &'static str = "stock";
    type Client = StockClient;
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
impl ::ligand::__private::core::Service for Stock {
    fn define(self: ::std::sync::Arc<Self>) -> ::ligand::__private::core::ServiceDef {
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
        let def = ::ligand::__private::core::ServiceDef::new("stock");
        let def = def
            .action(
                ::ligand::__private::generated::action_of(
                        "reserve",
                        &self,
                        ::ligand::__private::probe::Probe::<Reserve>::new().form(),
                        ::ligand::__private::probe::Probe::<u64>::new().form(),
                        |this, params: Reserve| {
                            async move { Self::reserve(&this, params).await }
                        },
                    )
                    .doc("Reserves goods."),
            );
        def
    }
}
