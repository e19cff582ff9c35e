#[service(name = "orders", mixins(db: Db<Order>, audit: Audit), without("insert"), contract = api::OrdersApi)]
impl Orders {
    #[action(before(lowercase), after(mark), on_error(rescue), fallback = instead)]
    async fn create(&self, params: Create) -> Result<Order> {
        self.db.insert(params).await
    }

    #[event]
    async fn on_user(&self, event: UserCreated) -> Result<()> {
        Ok(())
    }

    /// Everything.
    #[event("orders.*", group = "audit", throttle = "1s", bulkhead(concurrency = 1))]
    fn audit(&self, ctx: &Context, payload: Payload) {}

    #[event("ping")]
    #[event("pong")]
    async fn ping(&self) {}

    #[event("heavy", blocking)]
    fn heavy(&self, payload: Payload) {}

    #[action(blocking)]
    fn compute(&self, ctx: &Context, params: Create) -> Result<Order> {
        Ok(Order::default())
    }

    #[action]
    async fn import(self: &Arc<Self>) {}

    /// Sweeps.
    #[every("1m", start = "now", overlap = "queue", jitter = "5s", timeout = "30s")]
    async fn sweep_all(&self, ctx: &Context) -> Result<()> {
        Ok(())
    }

    #[every("1h", name = "count", start = "10s", blocking)]
    fn counting(&self) {}

    #[created]
    fn made(&self, broker: &ServiceBroker) -> Result<()> {
        Ok(())
    }

    #[started]
    async fn up(&self, ctx: &Context) -> Result<()> {
        Ok(())
    }

    #[stopped]
    fn down(&self) {}

    #[before("*")]
    async fn guard(&self, ctx: &Context) -> Result<()> {
        Ok(())
    }

    #[after("create|get")]
    fn stamp(&self, result: &mut Stamped) {}

    #[on_error("*")]
    async fn log(&self, ctx: &Context, error: Error) -> Result<Payload> {
        Err(error)
    }

    async fn lowercase(&self, ctx: &Context, params: &mut Create) -> Result<()> {
        Ok(())
    }

    fn mark(&self, result: &mut Payload) {}

    async fn rescue(&self, error: Error) -> Result<Order, OrderError> {
        Err(error)
    }

    async fn instead(&self, ctx: &Context, error: Error) -> Order {
        Order::default()
    }
}
