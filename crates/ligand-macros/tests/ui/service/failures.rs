use ligand::prelude::*;

#[derive(Debug)]
struct NoError;

struct Users;

#[service(name = "users")]
impl Users {
    #[action]
    async fn get(&self, id: String) -> Result<String, NoError> {
        Ok(id)
    }

    #[action(blocking)]
    fn hash(&self, id: String) -> Result<String, NoError> {
        Ok(id)
    }

    #[event("user.gone")]
    async fn gone(&self) -> Result<(), NoError> {
        Ok(())
    }
}

fn main() {}
