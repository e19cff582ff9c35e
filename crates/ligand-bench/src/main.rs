//! Benchmarks.

mod local;
mod measure;

use std::time::Duration;

#[global_allocator]
static ALLOC: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    if std::env::args().nth(1).as_deref() == Some("count") {
        local::count().await;
        return;
    }
    for _ in 0..3 {
        let t = local::call(Duration::from_secs(1)).await.unwrap();
        println!("{t:?}");
    }
}
