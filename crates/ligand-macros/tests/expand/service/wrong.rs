#[service(name = "users")]
impl Users {
    #[action(rest = "FETCH /")]
    async fn get(&self, params: ById) -> u8 {
        1
    }

    #[action]
    async fn broken(&mut self) {}
}
