//! A way to a server that can be cut.

use std::sync::OnceLock;

use parking_lot::Mutex;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    task::{JoinHandle, JoinSet},
};

/// Runs outside of the tests' runtimes, so that they can count their tasks.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    to: u16,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Proxy {
    pub(crate) async fn start(to: u16) -> Self {
        let mut proxy = Self { port: 0, to, task: Mutex::new(None) };
        proxy.port = proxy.listen(0).await;
        proxy
    }

    async fn listen(&self, port: u16) -> u16 {
        let to = self.to;
        let (listener, port) = runtime()
            .spawn(async move {
                let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
                let port = listener.local_addr().unwrap().port();
                (listener, port)
            })
            .await
            .unwrap();
        let task = runtime().spawn(async move {
            let mut ways = JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                near.set_nodelay(true).unwrap();
                while ways.try_join_next().is_some() {}
                ways.spawn(async move {
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                    let _ = far.set_nodelay(true);
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        *self.task.lock() = Some(task);
        port
    }

    /// Closes all connections and takes no more.
    pub(crate) async fn cut(&self) {
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
    }

    /// Takes connections again.
    pub(crate) async fn heal(&self) {
        self.listen(self.port).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}
