#![allow(unused)]

use ligand::prelude::*;

struct Users;

#[service(nam = "users", version = 1.5, mixins(Db<u8>), contract = "x", dependencies(3), version = 2, settings(a))]
impl Users {
    #[action(
        cach(keys("id")),
        timeout = "5 parsecs",
        cache(keys("a b"), tll = "1s"),
        retry(retries = -1, factor = 0.5, delays = "1s"),
        circuit_breaker(threshold = 2.0),
        bulkhead(concurrency = 0),
        private = true
    )]
    async fn all_wrong(&self) {}

    #[action = "x"]
    async fn no_parentheses(&self) {}

    #[action(rest = "FETCH /x")]
    async fn bad_method(&self) {}

    #[action(rest("GET x", "GET /fine"), name = "two words", fallback, meta(x))]
    async fn bad_path(&self) {}

    #[action(timeout = 5 cache)]
    async fn bad_grammar(&self) {}

    #[event("x y", groups = "a", throttle = "1s", debounce = "x")]
    async fn bad_event(&self) {}

    #[started(late)]
    async fn up(&self) {}
}

fn main() {}
