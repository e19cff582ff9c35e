//! `#[contract]`: calls of a service that is known by its contract only, and services that keep to one.

use ligand::prelude::*;

#[payload]
struct ById {
    id: u64,
}

/// What the counter offers.
#[contract(name = "counter", version = 1)]
trait CounterApi {
    /// The value of one counter.
    async fn value_of(params: ById) -> Result<u64>;
    async fn add(&self, left: u64, right: u64) -> u64;
    #[action(name = "list.all")]
    async fn list() -> Result<Vec<u64>>;
}

struct Counter;

#[service(name = "counter", version = 1, contract = CounterApi)]
impl Counter {
    #[action]
    async fn value_of(&self, params: ById) -> Result<u64> {
        Ok(params.id)
    }

    #[action]
    fn add(&self, params: CounterApiAddParams) -> u64 {
        params.left + params.right
    }

    #[action(name = "list.all")]
    async fn list(&self) -> Vec<u64> {
        vec![1]
    }

    /// Not in the contract.
    #[action]
    async fn more(&self, ctx: &Context) -> Result<u64> {
        ctx.client::<CounterApi>().add(1, 1).await
    }
}

#[tokio::test]
async fn a_contract_calls_like_the_service() {
    let broker = ServiceBroker::builder().service(Counter).start().await.unwrap();
    let counter = broker.client::<CounterApi>();
    assert_eq!(counter.value_of(ById { id: 4 }).await.unwrap(), 4);
    assert_eq!(counter.add(1, 2).await.unwrap(), 3);
    assert_eq!(counter.list().await.unwrap(), [1]);
    assert_eq!(broker.client::<Counter>().more().await.unwrap(), 2);
    assert_eq!((CounterApi::NAME, CounterApi::LIST.name()), ("v1.counter", "v1.counter.list.all"));
}

mod generic {
    //! A service with a type parameter.

    use ligand::prelude::*;

    trait Clock: Send + Sync + 'static {
        fn now(&self) -> u64;
    }

    struct Fixed(u64);

    impl Clock for Fixed {
        fn now(&self) -> u64 {
            self.0
        }
    }

    struct Times<C> {
        clock: C,
    }

    #[service(name = "times")]
    impl<C: Clock> Times<C> {
        #[action]
        async fn now(&self) -> u64 {
            self.clock.now()
        }
    }

    #[tokio::test]
    async fn a_service_may_have_type_parameters() {
        let broker = ServiceBroker::builder().service(Times { clock: Fixed(3) }).start().await.unwrap();
        assert_eq!(broker.client::<Times<Fixed>>().now().await.unwrap(), 3);
        assert_eq!(Times::<Fixed>::NOW.name(), "times.now");
    }
}

mod mixin {
    //! A mixin and its client methods.

    use std::{marker::PhantomData, sync::Arc};

    use ligand::{Action, Caller, MixedIn, Mixin, Request, ServiceDef, prelude::*};

    struct Store<T>(PhantomData<fn() -> T>);

    impl<T: 'static> Mixin for Store<T> {
        fn define(&self, service: &str) -> ServiceDef {
            let service: Arc<str> = service.into();
            let size = Action::of("size", |(): ()| async { Ok::<_, Error>(5_u8) });
            let name = Action::of("name", move |(): ()| {
                let service = service.clone();
                async move { Ok::<_, Error>(service.to_string()) }
            });
            ServiceDef::new("store")
                .action(size)
                .action(name)
                .action(Action::of("drop", |(): ()| async { Ok::<_, Error>(()) }))
        }
    }

    trait StoreClient<T>: MixedIn<Store<T>> {
        fn store_name(&self) -> Request<String> {
            Caller::call_as(self.caller(), format!("{}.name", Self::SERVICE), Payload::NULL)
        }
    }

    impl<T, C: MixedIn<Store<T>>> StoreClient<T> for C {}

    struct Shelf {
        store: Store<u8>,
    }

    #[service(name = "shelf", version = 3, mixins(store: Store<u8>), without("drop"))]
    impl Shelf {
        #[action]
        async fn size(&self) -> u8 {
            6
        }
    }

    #[tokio::test]
    async fn mixins_add_and_the_service_wins() {
        let shelf = Shelf { store: Store(PhantomData) };
        let broker = ServiceBroker::builder().service(shelf).start().await.unwrap();
        let shelf = broker.client::<Shelf>();
        assert_eq!(shelf.size().await.unwrap(), 6);
        assert_eq!(shelf.store_name().await.unwrap(), "v3.shelf");
        assert_eq!(broker.call_named("v3.shelf.drop", Payload::NULL).await.unwrap_err().code(), 404);
    }
}
