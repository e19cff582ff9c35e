//! Calls and events within one process.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ligand::{
    middleware::Middleware,
    prelude::*,
    service::{ActionDef, DynAction, IntoServiceDef},
};
use ligand_bench::measure::{Timing, sequential, sequential_of};

/// Two numbers.
#[payload]
pub(crate) struct Add {
    pub(crate) a: f64,
    pub(crate) b: f64,
}

/// How often.
#[payload]
pub(crate) struct Times {
    pub(crate) count: u32,
}

pub(crate) struct Math;

/// So many calls make one of `math.nested`.
pub(crate) const NESTED: u32 = 100;

#[service(name = "math")]
impl Math {
    /// Adds.
    #[action]
    fn add(&self, params: Add) -> f64 {
        params.a + params.b
    }

    /// Adds in a future.
    #[action]
    async fn add_later(&self, params: Add) -> f64 {
        params.a + params.b
    }

    /// Calls `math.add` so often.
    #[action]
    async fn nested(&self, ctx: &Context, params: Times) -> Result<f64> {
        let mut sum = 0.0;
        for _ in 0..params.count {
            sum += ctx.call(Self::ADD, Add { a: 1.0, b: 2.0 }).await?;
        }
        Ok(sum)
    }
}

async fn adding(broker: ServiceBroker, time: Duration) -> Timing {
    let timing = sequential(time, || async {
        let sum = broker.call(Math::ADD, Add { a: 1.0, b: 2.0 }).await;
        black_box(sum.expect("math.add answers"));
    })
    .await;
    broker.stop().await;
    timing
}

/// A typed call with the default middlewares.
pub(crate) async fn call(time: Duration) -> Result<Timing> {
    Ok(adding(ServiceBroker::builder().service(Math).start().await?, time).await)
}

/// The same from within an action.
pub(crate) async fn nested(time: Duration) -> Result<Timing> {
    let broker = ServiceBroker::builder().service(Math).start().await?;
    let timing = sequential_of(NESTED, time, || async {
        black_box(broker.call(Math::NESTED, Times { count: NESTED }).await.expect("math.nested answers"));
    })
    .await;
    broker.stop().await;
    Ok(timing)
}

/// A middleware that is active and passes everything on.
struct Pass;

impl Middleware for Pass {
    fn name(&self) -> &'static str {
        "pass"
    }

    fn local_action(&self, _action: &ActionDef, next: DynAction) -> DynAction {
        Arc::new(move |ctx: &Context, params: Payload| next.call(ctx, params))
    }
}

/// The same with five active middlewares.
pub(crate) async fn call_with_five_middlewares(time: Duration) -> Result<Timing> {
    let mut builder = ServiceBroker::builder().service(Math);
    for _ in 0..5 {
        builder = builder.middleware(Pass);
    }
    Ok(adding(builder.start().await?, time).await)
}

/// A middleware that is an async function and passes everything on.
pub(crate) fn passing() -> impl Middleware {
    ligand::middleware::from_fn("pass", |ctx, params, next| async move { next.call(&ctx, params).await })
}

/// The same with five active middlewares that are async functions.
pub(crate) async fn call_with_five_async_middlewares(time: Duration) -> Result<Timing> {
    let mut builder = ServiceBroker::builder().service(Math);
    for _ in 0..5 {
        builder = builder.middleware(passing());
    }
    Ok(adding(builder.start().await?, time).await)
}

/// Something happened.
#[payload(event = "user.created")]
pub(crate) struct UserCreated {
    pub(crate) id: u64,
}

/// Counts what it hears; there are ten of them, each a group of its own.
pub(crate) struct Listener(pub(crate) Arc<AtomicU64>);

#[service(name = "listener")]
impl Listener {
    #[event]
    fn hear(&self, event: UserCreated) {
        self.0.fetch_add(event.id, Ordering::Relaxed);
    }
}

/// One event to ten services; the sender waits for all of them.
pub(crate) async fn event(time: Duration) -> Result<Timing> {
    let heard = Arc::new(AtomicU64::new(0));
    let mut builder = ServiceBroker::builder();
    for number in 0..10u32 {
        builder =
            builder.service(Listener(heard.clone()).into_service_def().renamed(format!("listener{number}")));
    }
    let broker = builder.start().await?;
    let sent = AtomicU64::new(0);
    let timing = sequential(time, || async {
        sent.fetch_add(1, Ordering::Relaxed);
        broker.emit(UserCreated { id: 1 }).wait_for_listeners().await.expect("events are sent");
    })
    .await;
    broker.stop().await;
    assert_eq!(heard.load(Ordering::Relaxed), sent.load(Ordering::Relaxed) * 10, "an event was lost");
    Ok(timing)
}

/// A product with nine fields.
#[payload]
pub(crate) struct Product {
    id: String,
    name: String,
    description: String,
    price: f64,
    stock: i64,
    category: String,
    is_active: bool,
    created_at: i64,
    updated_at: i64,
}

/// One product.
#[payload]
pub(crate) struct ById {
    pub(crate) id: String,
}

pub(crate) struct Catalogue;

#[service(name = "product")]
impl Catalogue {
    /// One product.
    #[action(cache(keys("id")))]
    fn get(&self, params: ById) -> Product {
        Product {
            id: params.id,
            name: "Mechanical Keyboard".into(),
            description: "RGB mechanical keyboard with Cherry MX switches".into(),
            price: 2999.0,
            stock: 50,
            category: "electronics".into(),
            is_active: true,
            created_at: 1_700_000_000_000,
            updated_at: 1_700_000_000_000,
        }
    }
}

async fn catalogue() -> Result<ServiceBroker> {
    ServiceBroker::builder().memory_cache().service(Catalogue).start().await
}

pub(crate) const ID: &str = "65f000000000000000000001";

/// A cached answer, shared with the cache as a JavaScript object would be.
pub(crate) async fn cached(time: Duration) -> Result<Timing> {
    let broker = catalogue().await?;
    let timing = sequential(time, || async {
        let product = broker.call(Catalogue::GET, ById { id: ID.into() }).shared().await;
        black_box(product.expect("product.get answers"));
    })
    .await;
    broker.stop().await;
    Ok(timing)
}

/// A cached answer of which the caller gets a copy.
pub(crate) async fn cached_copy(time: Duration) -> Result<Timing> {
    let broker = catalogue().await?;
    let timing = sequential(time, || async {
        let product = broker.call(Catalogue::GET, ById { id: ID.into() }).await;
        black_box(product.expect("product.get answers"));
    })
    .await;
    broker.stop().await;
    Ok(timing)
}
