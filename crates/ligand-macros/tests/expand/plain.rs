/// A user.
#[payload(event = "users.created")]
pub struct User {
    pub id: u64,
    pub nick_name: Option<String>,
}
