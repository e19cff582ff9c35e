//! From services and mocks to a running test broker.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    future::Future,
    sync::Arc,
    time::Duration,
};

use ligand_core::{
    Action, ActionRef, Context, Data, Error, Payload, Result, ServiceBroker, ServiceDef,
    broker::BrokerBuilder,
    future::Work,
    service::{ActionDef, DynAction, IntoServiceDef},
};

use crate::{
    TestBroker,
    record::{Record, Recorder},
};

type Change = Box<dyn FnOnce(BrokerBuilder) -> BrokerBuilder + Send>;

/// Describes a test broker. See [`TestBroker::builder`].
///
/// Nothing outside of the test has influence: neither `ligand.toml` nor the environment is read.
pub struct TestBrokerBuilder {
    services: Vec<ServiceDef>,
    stubs: Vec<String>,
    mocks: Vec<(&'static str, DynAction)>,
    changes: Vec<Change>,
    patience: Duration,
}

impl Default for TestBrokerBuilder {
    fn default() -> Self {
        Self {
            services: Vec::new(),
            stubs: Vec::new(),
            mocks: Vec::new(),
            changes: Vec::new(),
            patience: Duration::from_secs(5),
        }
    }
}

impl TestBrokerBuilder {
    /// Adds a service under test.
    pub fn service(mut self, service: impl IntoServiceDef) -> Self {
        self.services.push(service.into_service_def().resolved());
        self
    }

    /// Answers an action with a function: of a service that is not there, or in the place of a real handler (the
    /// real action's validation, hooks and cache stay).
    ///
    /// A mocked service is there for those that wait for it. Assert on [`TestBroker::calls`] afterwards, not in
    /// the function: a panic in it is an error of the service that called.
    ///
    /// ```
    /// # use ligand_core::{ActionRef, Error};
    /// # use ligand_test::TestBroker;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ligand_core::Result<()> {
    /// const NAME: ActionRef<u32, String> = ActionRef::new("users.name");
    /// let broker = TestBroker::builder()
    ///     .mock(NAME, |id| match id {
    ///         1 => Ok("Ada".to_owned()),
    ///         _ => Err(Error::not_found("User not found")),
    ///     })
    ///     .start()
    ///     .await?;
    /// assert_eq!(broker.call(NAME, 1).await?, "Ada");
    /// assert_eq!(broker.call(NAME, 2).await.unwrap_err().code(), 404);
    /// # Ok(()) }
    /// ```
    pub fn mock<P: Data, R: Data>(
        mut self,
        action: ActionRef<P, R>,
        answer: impl Fn(P) -> Result<R> + Send + Sync + 'static,
    ) -> Self {
        let mock = move |_: &Context, params: Payload| -> Work<Payload> {
            Work::done(params.take().and_then(&answer).map(Payload::typed))
        };
        self.mocks.push((action.name(), Arc::new(mock)));
        self
    }

    /// As [`TestBrokerBuilder::mock`], with an async function that also gets the context: to be slow, to look at
    /// the meta, to call further.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::{ActionRef, Context};
    /// # use ligand_test::TestBroker;
    /// const WHO: ActionRef<(), Option<String>> = ActionRef::new("users.who");
    /// let broker = TestBroker::builder()
    ///     .mock_async(WHO, |ctx: Context, ()| async move { ctx.meta("user") })
    ///     .start()
    ///     .await?;
    /// assert_eq!(broker.call(WHO, ()).meta("user", "ada").await?.as_deref(), Some("ada"));
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn mock_async<P, R, F, Fut>(mut self, action: ActionRef<P, R>, answer: F) -> Self
    where
        P: Data,
        R: Data,
        F: Fn(Context, P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let mock = move |ctx: &Context, params: Payload| -> Work<Payload> {
            match params.take() {
                Ok(params) => {
                    let work = answer(ctx.clone(), params);
                    Work::new(async move { work.await.map(Payload::typed) })
                }
                Err(error) => Work::done(Err(error)),
            }
        };
        self.mocks.push((action.name(), Arc::new(mock)));
        self
    }

    /// An empty service of this full name, for services that wait for it and do not call it in the test.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand_core::Result<()> {
    /// # use ligand_core::ServiceDef;
    /// # use ligand_test::TestBroker;
    /// let orders = ServiceDef::new("orders").dependency("stock");
    /// let broker = TestBroker::builder().service(orders).stub("stock").start().await?;
    /// # broker.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn stub(mut self, service: impl Into<String>) -> Self {
        self.stubs.push(service.into());
        self
    }

    /// Changes the broker itself: options, cache, middlewares.
    ///
    /// ```
    /// # use ligand_test::TestBroker;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> ligand_core::Result<()> {
    /// let broker = TestBroker::builder()
    ///     .configure(|broker| broker.memory_cache().options(|options| options.retry_policy.enabled = true))
    ///     .start()
    ///     .await?;
    /// assert!(broker.cache().is_some());
    /// # Ok(()) }
    /// ```
    pub fn configure(mut self, change: impl FnOnce(BrokerBuilder) -> BrokerBuilder + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// The longest wait for an event or a call. Default: 5 seconds.
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// Starts the services.
    ///
    /// # Errors
    /// `TEST_SETUP_ERROR` when a service waits for one that is neither added nor mocked (the text names the mock to
    /// add) or a mock fits nothing; else as [`BrokerBuilder::start`].
    pub async fn start(self) -> Result<TestBroker> {
        let stubs = self.stub_services()?;
        self.check_dependencies(&stubs)?;
        let record = Arc::new(Record::new(self.patience));
        let mocks: HashMap<_, _> = self.mocks.into_iter().collect();
        let broker = ServiceBroker::builder().node_id("test");
        let broker = broker.middleware(Recorder { record: record.clone(), mocks });
        let broker = stubs.into_values().chain(self.services).fold(broker, BrokerBuilder::service);
        let broker = self.changes.into_iter().fold(broker, |broker, change| change(broker));
        Ok(TestBroker::new(broker.start().await?, record))
    }

    /// The services that exist only as mocks, by full name.
    fn stub_services(&self) -> Result<BTreeMap<String, ServiceDef>> {
        let mut stubs: BTreeMap<_, _> =
            self.stubs.iter().map(|name| (name.clone(), ServiceDef::new(name.clone()))).collect();
        for (index, (name, mock)) in self.mocks.iter().enumerate() {
            if self.mocks[..index].iter().any(|(other, _)| other == name) {
                return Err(setup(format!("'{name}' is mocked twice; answer both in one function")));
            }
            let Some((service, action)) = name.rsplit_once('.') else {
                return Err(setup(format!("'{name}' is no full action name such as 'users.get'")));
            };
            if let Some(real) = self.services.iter().find(|def| def.full_name() == service) {
                if !real.actions().iter().any(|other| other.raw_name() == action) {
                    let names: Vec<_> = real.actions().iter().map(ActionDef::raw_name).collect();
                    return Err(setup(format!(
                        "the mock of '{name}' fits nothing: the real service '{service}' has the actions {}",
                        names.join(", ")
                    )));
                }
                continue;
            }
            let mock = mock.clone();
            let handler = move |ctx: &Context, params: Payload| mock.call(ctx, params);
            let stub = stubs.remove(service).unwrap_or_else(|| ServiceDef::new(service));
            stubs.insert(service.into(), stub.action(Action::raw(action, handler)));
        }
        Ok(stubs)
    }

    fn check_dependencies(&self, stubs: &BTreeMap<String, ServiceDef>) -> Result<()> {
        let there = |name: &String| {
            name == "$node"
                || stubs.contains_key(name)
                || self.services.iter().any(|def| def.full_name() == *name)
        };
        for def in &self.services {
            for dependency in def.dependencies() {
                if !dependency.any_of.iter().any(there) {
                    let name = dependency.any_of.first().map_or("", String::as_str);
                    return Err(setup(format!(
                        "service '{}' waits for '{}', which the test does not have: add the service, a mock of one \
                         of its actions (.mock(ActionRef::new(\"{name}.<action>\"), |params| ..)), or \
                         .stub(\"{name}\")",
                        def.full_name(),
                        dependency.any_of.join("' or '"),
                    )));
                }
            }
        }
        Ok(())
    }
}

fn setup(message: String) -> Error {
    Error::build("TestSetupError", 500, message).with_kind("TEST_SETUP_ERROR")
}

impl fmt::Debug for TestBrokerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mocks: Vec<_> = self.mocks.iter().map(|(name, _)| name).collect();
        f.debug_struct("TestBrokerBuilder")
            .field("services", &self.services)
            .field("stubs", &self.stubs)
            .field("mocks", &mocks)
            .finish_non_exhaustive()
    }
}
