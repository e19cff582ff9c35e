#![allow(unused)]

use ligand::prelude::*;

struct Users;

#[service(name = "users")]
impl Users {
    #[every]
    async fn how_often(&self) {}

    #[every("soon")]
    async fn no_duration(&self) {}

    #[every("0 0 * * *")]
    async fn cron(&self) {}

    #[every("0")]
    async fn always(&self) {}

    #[every("1m", star = "now")]
    async fn unknown(&self) {}

    #[every("1m", start = "soon", overlap = "both", jitter = "2m", name = "two words")]
    async fn wrong_values(&self) {}

    #[every("1m")]
    async fn argument(&self, ctx: &Context, n: u32) {}

    #[every("1m")]
    async fn answer(&self) -> u32 {
        1
    }

    #[every("1m", blocking)]
    async fn waits(&self) {}

    #[action(blocking)]
    async fn action_waits(&self) {}

    #[event("x", blocking)]
    async fn listener_waits(&self) {}

    #[action(blocking = true)]
    fn value(&self) {}
}

fn main() {}
