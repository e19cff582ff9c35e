#[service(name = "stock")]
impl Stock {
    /// Reserves goods.
    #[action]
    async fn reserve(&self, params: Reserve) -> Result<u64> {
        self.take(params)
    }

    fn take(&self, params: Reserve) -> Result<u64> {
        Ok(1)
    }
}
