//! A way to a server that can be cut.

use std::{fmt, io, sync::OnceLock};

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
    RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("a process may start threads")
    })
}

/// A way to a port of this machine that can be cut.
pub struct Proxy {
    port: u16,
    to: u16,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("port", &self.port).field("to", &self.to).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Opens a way to this port.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(to: u16) -> Self {
        let mut proxy = Self { port: 0, to, task: Mutex::new(None) };
        proxy.port = proxy.listen(0).await.expect("a port is free");
        proxy
    }

    /// Where it begins.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where it leads.
    pub(super) const fn to(&self) -> u16 {
        self.to
    }

    async fn listen(&self, port: u16) -> io::Result<u16> {
        let to = self.to;
        let listening = runtime().spawn(async move {
            let listener = TcpListener::bind(("127.0.0.1", port)).await?;
            let port = listener.local_addr()?.port();
            Ok::<_, io::Error>((listener, port))
        });
        let (listener, port) = listening.await.map_err(io::Error::other)??;
        let task = runtime().spawn(async move {
            let mut ways = JoinSet::new();
            loop {
                let Ok((mut near, _)) = listener.accept().await else { continue };
                let _ = near.set_nodelay(true);
                while ways.try_join_next().is_some() {}
                ways.spawn(async move {
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                    let _ = far.set_nodelay(true);
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        *self.task.lock() = Some(task);
        Ok(port)
    }

    /// Closes all connections and takes no more.
    pub async fn cut(&self) {
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
    }

    /// Takes connections again.
    ///
    /// # Panics
    /// When another program took the port in between.
    pub async fn heal(&self) {
        if self.task.lock().is_none() {
            self.listen(self.port).await.expect("the port is still free");
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}
