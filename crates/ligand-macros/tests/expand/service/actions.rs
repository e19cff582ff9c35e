#[service(
    name = "users",
    version = 2,
    dependencies("stock", Orders),
    settings(page_size = 10, "$secureSettings" = ["key"]),
    metadata(team = "core")
)]
impl<S: Store> Users<S> {
    /// Registers a user.
    ///
    /// Sends a letter.
    #[action(
        rest("POST /", "POST /register"),
        cache(keys("id", "#user.id"), ttl = "1m 30s"),
        timeout = "1500us",
        retry(retries = 3, delay = "100ms"),
        circuit_breaker = false,
        bulkhead,
        public,
        meta(role = "admin")
    )]
    async fn register(&self, ctx: &Context, params: Register) -> Result<User, UserError> {
        self.write(ctx, params).await
    }

    #[cfg(feature = "names")]
    #[action(private, fallback("nobody"))]
    fn full_name(&self, #[check(length(1..))] first: String, last: Option<String>) -> String {
        first
    }

    #[action(name = "count", cache, fallback = "v1.users.count")]
    async fn count_all(&self) -> u32 {
        1
    }

    #[action(cache = false)]
    async fn echo(&self, ctx: &Context, params: Payload) -> Payload {
        params
    }
}
