//! Cache: keys, time to live, cleaning. The handler prints, so silence is a hit.
//!
//! ```text
//! looking up post 5
//! first: Post 5
//! second: Post 5
//! keys: ["posts.get:5"]
//! 30 s later:
//! looking up post 5
//! after an update:
//! looking up post 5
//! ```

use ligand::prelude::*;

struct Posts;

#[service(name = "posts")]
impl Posts {
    /// Only `id` makes the key: other parameters, such as `trace`, share the entry.
    #[action(cache(keys("id"), ttl = "30s"))]
    async fn get(&self, id: u64, trace: String) -> String {
        let _ = trace;
        println!("looking up post {id}");
        format!("Post {id}")
    }

    /// `posts.**` is every entry of this service.
    #[action]
    async fn update(&self, ctx: &Context) -> Result<()> {
        match ctx.broker().cache() {
            Some(cache) => cache.clean("posts.**").await,
            None => Ok(()),
        }
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let broker = ServiceBroker::builder().memory_cache().service(Posts).start().await?;
    let posts = broker.client::<Posts>();

    println!("first: {}", posts.get(5, "a".into()).await?);
    println!("second: {}", posts.get(5, "b".into()).await?);
    if let Some(cache) = broker.cache() {
        println!("keys: {:?}", cache.keys().await?);
    }

    println!("30 s later:");
    tokio::time::sleep(Duration::from_secs(30)).await;
    posts.get(5, "c".into()).await?;

    println!("after an update:");
    posts.update().await?;
    posts.get(5, "d".into()).await?;

    broker.stop().await;
    Ok(())
}
