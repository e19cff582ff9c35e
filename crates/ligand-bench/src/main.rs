//! Benchmarks.
#![allow(dead_code)]

mod local;
mod measure;

use std::time::Duration;

#[tokio::main]
async fn main() {
    let t = Duration::from_secs(1);
    println!("call {:?}", local::call(t).await.unwrap());
}
