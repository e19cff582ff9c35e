#[payload(unknown = "reject")]
#[derive(Clone)]
pub struct CreateUser {
    #[check(trim, length(1..=64), pattern = "^[A-Z]")]
    pub name: String,
    #[check(range(min = 0), default = 18)]
    pub age: u8,
    #[check(items(..=3), unique_items)]
    pub tags: Vec<String>,
    pub address: Address,
    #[check(length(8..), secret)]
    pub password: String,
}
