//! A RabbitMQ of the tests' own. It takes seconds to start, so most tests share one, each with a virtual host.

use std::{
    fs,
    ops::Deref,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use ligand_servers::{Kind, Server};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Tests that share a server.
const HOSTS: usize = 60;

/// Ends when it is dropped, and when this process ends.
pub(crate) struct Rabbit(Server);

impl Rabbit {
    /// The one that tests share, and a virtual host of the caller's own.
    pub(crate) async fn shared() -> (&'static Self, String) {
        static SHARED: OnceCell<Rabbit> = OnceCell::const_new();
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let server = SHARED.get_or_init(|| Self::start(HOSTS)).await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(number < HOSTS, "more tests than virtual hosts");
        (server, format!("t{number}"))
    }

    /// One with the virtual hosts `/` and `t0`, `t1`, …
    pub(crate) async fn start(hosts: usize) -> Self {
        let files = TempDir::new().unwrap();
        let names: Vec<String> = (0..hosts).map(|number| format!("t{number}")).chain(["/".into()]).collect();
        let every = |line: &dyn Fn(&String) -> String| names.iter().map(line).collect::<Vec<_>>().join(",");
        let vhosts = every(&|name| format!("{{\"name\":\"{name}\"}}"));
        let rights = "\"configure\":\".*\",\"write\":\".*\",\"read\":\".*\"";
        let permissions = every(&|name| {
            ["guest", "eve"]
                .map(|user| format!("{{\"user\":\"{user}\",\"vhost\":\"{name}\",{rights}}}"))
                .join(",")
        });
        let definitions = format!(
            "{{\"vhosts\":[{vhosts}],\"permissions\":[{permissions}],\
             \"users\":[{{\"name\":\"guest\",\"password\":\"guest\",\"tags\":[]}},\
             {{\"name\":\"eve\",\"password\":\"one\",\"tags\":[]}}]}}"
        );
        fs::write(files.path().join("definitions.json"), definitions).unwrap();
        let setup = Server::setup(Kind::Amqp).files(files).lines("load_definitions = {dir}/definitions.json");
        Self(setup.start().await.unwrap())
    }

    /// Runs one command of its administrator.
    pub(crate) async fn control(&self, words: &[&str]) {
        let program = "/usr/lib/rabbitmq/bin/rabbitmqctl";
        let mut command = self.command(if Path::new(program).exists() { program } else { "rabbitmqctl" });
        command.args(words);
        let done = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
        let done = done.expect("rabbitmqctl is installed");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Deref for Rabbit {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}
