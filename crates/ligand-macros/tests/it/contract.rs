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

    use ligand::{
        Action, ServiceDef,
        broker::Request,
        prelude::*,
        service::{Caller, MixedIn, Mixin},
    };

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

mod arguments {
    //! Arguments and a struct with the same fields are one thing, whoever of contract and service has which.

    use ligand::prelude::*;

    #[payload]
    struct Place {
        book_id: u64,
        #[check(range(min = 1))]
        pieces: u32,
        #[serde(rename = "for")]
        whom: Option<String>,
    }

    #[contract(name = "shelf")]
    trait ShelfApi {
        async fn place(params: Place) -> Result<String>;
        async fn take(book_id: u64, pieces: u32) -> Result<u64>;
        async fn drop_all(book_id: u64, #[serde(rename = "for")] whom: Option<String>, pieces: u32)
        -> String;
        async fn look(params: Value) -> Value;
    }

    struct Shelf;

    #[service(name = "shelf", contract = ShelfApi)]
    impl Shelf {
        /// Arguments for a struct, in another order.
        #[action]
        async fn place(
            &self,
            ctx: &Context,
            #[serde(rename = "for")] whom: Option<String>,
            #[check(range(min = 2))] pieces: u32,
            book_id: u64,
        ) -> Result<String> {
            Ok(format!("{} {book_id} {pieces} {whom:?}", ctx.action()))
        }

        /// Arguments for arguments.
        #[action]
        fn take(&self, book_id: u64, pieces: u32) -> u64 {
            book_id * u64::from(pieces)
        }

        /// A struct for arguments.
        #[action]
        async fn drop_all(&self, params: Place) -> Result<String> {
            Ok(format!("{params:?}"))
        }

        #[action]
        async fn look(&self, params: Value) -> Value {
            params
        }
    }

    #[tokio::test]
    async fn arguments_agree_with_a_struct_of_the_same_fields() {
        let broker = ServiceBroker::builder().service(Shelf).start().await.unwrap();
        let shelf = broker.client::<ShelfApi>();
        let place = |pieces| Place { book_id: 7, pieces, whom: Some("Ada".into()) };
        assert_eq!(shelf.place(place(2)).await.unwrap(), r#"shelf.place 7 2 Some("Ada")"#);
        // The rules are those of the service.
        assert_eq!(shelf.place(place(1)).await.unwrap_err().code(), 422);
        assert_eq!(shelf.take(3, 2).await.unwrap(), 6);
        let told = shelf.drop_all(1, None, 2).await.unwrap();
        assert_eq!(told, "Place { book_id: 1, pieces: 2, whom: None }");
        assert_eq!(shelf.drop_all(1, None, 0).await.unwrap_err().code(), 422);
        let own = broker.client::<Shelf>();
        assert_eq!(own.place(Some("Ada".into()), 2, 7).await.unwrap(), r#"shelf.place 7 2 Some("Ada")"#);
        assert_eq!(shelf.look(json!({ "a": 1 })).await.unwrap(), json!({ "a": 1 }));
    }
    /// Anybody who writes it out gets an error.
    #[derive(
        Clone, Debug, Default, PartialEq, serde::Deserialize, ligand::__private::schemars::JsonSchema,
    )]
    #[schemars(crate = "ligand::__private::schemars")]
    struct Unwritten;

    impl serde::Serialize for Unwritten {
        fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("written"))
        }
    }

    #[contract(name = "here")]
    trait HereApi {
        async fn stay(what: Unwritten) -> u8;
    }

    struct Here;

    #[service(name = "here", contract = HereApi)]
    impl Here {
        #[action]
        fn stay(&self, what: Unwritten) -> u8 {
            u8::from(what == Unwritten)
        }
    }

    #[tokio::test]
    async fn local_calls_through_a_contract_write_nothing_out() {
        let broker = ServiceBroker::builder().service(Here).start().await.unwrap();
        assert_eq!(broker.client::<HereApi>().stay(Unwritten).await.unwrap(), 1);
    }
}

mod promised {
    //! A contract that names a mixin, and one whose actions a mixin brings.

    use std::sync::Arc;

    use ligand::{
        Action, ServiceDef,
        broker::Request,
        prelude::*,
        service::{MixedIn, Mixin, Promise, Term},
    };

    /// What callers know of a `Counting`: no more than this.
    struct Counts;

    impl Promise for Counts {
        fn terms() -> Vec<Term> {
            ["next", "reset"].map(|name| Term::new(name, format!("it needs `{name}` of `Counting`"))).into()
        }
    }

    trait CountsClient: MixedIn<Counts> {
        fn next(&self) -> Request<String> {
            self.caller().call_as(format!("{}.next", Self::SERVICE), Payload::NULL)
        }
    }

    impl<C: MixedIn<Counts>> CountsClient for C {}

    #[derive(Default)]
    struct Counting;

    impl Mixin for Counting {
        fn define(&self, service: &str) -> ServiceDef {
            let name: Arc<str> = service.into();
            let says = |action: &str| {
                let name = name.clone();
                Action::of(action, move |(): ()| {
                    let name = name.to_string();
                    async move { Ok::<_, Error>(name) }
                })
            };
            ServiceDef::new("counting").action(says("next")).action(says("reset")).action(says("other"))
        }
    }

    #[contract(name = "gate", version = 1, mixins(Counts), without("reset"))]
    trait GateApi {
        async fn open(door: u8) -> Result<u8>;
        /// Brought by the mixin.
        async fn other() -> String;
    }

    #[derive(Default)]
    struct Gate {
        counting: Counting,
    }

    #[service(name = "gate", version = 1, contract = GateApi, mixins(counting: Counting), without("reset"))]
    impl Gate {
        #[action]
        fn open(&self, door: u8) -> u8 {
            door
        }
    }

    #[tokio::test]
    async fn actions_of_mixins_keep_a_contract_and_have_typed_callers() {
        let broker = ServiceBroker::builder().service(Gate::default()).start().await.unwrap();
        let gate = broker.client::<GateApi>();
        assert_eq!(gate.open(4).await.unwrap(), 4);
        assert_eq!(
            (gate.other().await.unwrap(), gate.next().await.unwrap()),
            ("v1.gate".into(), "v1.gate".into())
        );
    }

    #[tokio::test]
    async fn a_renamed_service_is_called_through_its_type_and_its_contract() {
        use ligand::service::IntoServiceDef as _;
        let back = Gate::default().into_service_def().renamed("back").version(2);
        let broker = ServiceBroker::builder().service(Gate::default()).service(back).start().await.unwrap();
        let (own, contract) =
            (broker.client_named::<Gate>("v2.back"), broker.client_named::<GateApi>("v2.back"));
        assert_eq!((own.open(1).await.unwrap(), contract.open(2).await.unwrap()), (1, 2));
        assert_eq!(
            (contract.other().await.unwrap(), contract.next().await.unwrap()),
            ("v2.back".into(), "v2.back".into())
        );
        let front = broker.root_context().client_named::<GateApi>("v1.gate");
        assert_eq!(front.next().await.unwrap(), "v1.gate");
        let gone = broker.client_named::<Gate>("v3.gate").open(1).await.unwrap_err();
        assert_eq!(gone.kind(), "SERVICE_NOT_FOUND");
    }

    #[derive(Default)]
    struct Half {
        counting: Counting,
    }

    /// `reset` is promised and left out.
    #[service(name = "half", contract = HalfApi, mixins(counting: Counting), without("reset", "other"))]
    impl Half {}

    #[contract(name = "half", mixins(Counts))]
    trait HalfApi {
        async fn other() -> String;
    }

    #[tokio::test]
    async fn what_no_mixin_brings_is_missed_at_start() {
        let error = ServiceBroker::builder().service(Half::default()).start().await.unwrap_err();
        let text = "service 'half': the contract `HalfApi` has the action `other`, the service has not; add \
                    `#[action] async fn other(&self) -> Result<String>`";
        assert_eq!((error.kind(), error.message()), ("SERVICE_SCHEMA_ERROR", text));
    }
}
