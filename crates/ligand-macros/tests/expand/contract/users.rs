/// What the users service offers.
#[contract(name = "users", version = 1)]
pub trait UsersApi {
    /// The name of a user.
    async fn name_of(params: ById) -> Result<String>;
    async fn add(left: u64, right: u64) -> u64;
    #[action(name = "count.all")]
    async fn count() -> Result<u64>;
}
