//! A running shop and its clients.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::{Agent, http::HeaderMap};

use crate::spread::{INSTANCES, NODES, Street};

/// Signs the tokens of every test shop.
pub(crate) const SECRET: &str = "a secret for tests, longer than 32 bytes";
pub(crate) const ADMIN: (&str, &str) = ("admin@example.com", "admin-password");
pub(crate) const PASSWORD: &str = "password123";

/// The longest anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program in a folder of its own; nothing of the environment of the test reaches it.
pub(crate) fn program(folder: &TempDir, vars: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command
        .env_clear()
        .current_dir(folder)
        .envs([("PORT", "0"), ("DATABASE_URL", "sqlite://shop.db?mode=rwc"), ("JWT_SECRET", SECRET)])
        .envs([("ADMIN_EMAIL", ADMIN.0), ("ADMIN_PASSWORD", ADMIN.1)])
        .envs(vars.iter().copied());
    command
}

/// What the program wrote.
#[derive(Default)]
struct Output {
    lines: Mutex<Vec<String>>,
    news: Condvar,
}

impl Output {
    fn read(self: &Arc<Self>, from: impl Read + Send + 'static) {
        let output = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                output.lines.lock().push(line);
                output.news.notify_all();
            }
        });
    }

    /// Waits for what `find` answers about the lines.
    fn wait<T>(&self, what: &str, mut find: impl FnMut(&[String]) -> Option<T>) -> T {
        let mut lines = self.lines.lock();
        loop {
            if let Some(found) = find(&lines) {
                return found;
            }
            let late = self.news.wait_for(&mut lines, PATIENCE).timed_out();
            assert!(!late, "no {what} in:\n{}", lines.join("\n"));
        }
    }
}

/// A running shop; ends with its handle.
pub(crate) struct Shop {
    children: Vec<Child>,
    output: Arc<Output>,
    pub(crate) port: u16,
    pub(crate) folder: Option<TempDir>,
    /// Where the processes are, when there are several; ends after them.
    pub(crate) street: Option<Street>,
}

impl Shop {
    pub(crate) fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), &[])
    }

    pub(crate) fn start_in(folder: TempDir, vars: &[(&str, &str)]) -> Self {
        let command = program(&folder, vars);
        Self::run(folder, command)
    }

    pub(crate) fn run(folder: TempDir, command: Command) -> Self {
        let mut shop = Self::launch(command);
        shop.folder = Some(folder);
        shop.wait_until_open();
        shop
    }

    /// A shop of several processes; waits until it is ready.
    pub(crate) fn of_parts(folder: TempDir, commands: Vec<Command>, street: Street) -> Self {
        let mut shop = Self {
            children: Vec::new(),
            output: Arc::default(),
            port: 0,
            folder: Some(folder),
            street: Some(street),
        };
        commands.into_iter().for_each(|command| shop.add(command));
        shop.wait_until_open();
        shop.soon(200, || shop.anybody().get("/ready").status);
        shop
    }

    /// Does not wait until it is open.
    pub(crate) fn launch(command: Command) -> Self {
        let mut shop =
            Self { children: Vec::new(), output: Arc::default(), port: 0, folder: None, street: None };
        shop.add(command);
        shop
    }

    /// Starts one more process.
    pub(crate) fn add(&mut self, mut command: Command) {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        self.output.read(child.stdout.take().unwrap());
        self.output.read(child.stderr.take().unwrap());
        self.children.push(child);
    }

    pub(crate) fn wait_until_open(&mut self) {
        self.port = self.output.wait("port", |lines| {
            let url = lines.iter().find_map(|line| line.strip_prefix("  products  http://localhost:"))?;
            url.split_once('/')?.0.parse().ok()
        });
    }

    /// How often an action with a cache of its own runs for the same question.
    pub(crate) fn instances(&self) -> usize {
        if self.is_spread() { INSTANCES } else { 1 }
    }

    fn is_spread(&self) -> bool {
        self.street.is_some()
    }

    /// What becomes true in a moment: listeners hear of it first.
    #[track_caller]
    pub(crate) fn soon<T: PartialEq + std::fmt::Debug>(&self, wanted: T, mut value: impl FnMut() -> T) {
        let end = Instant::now() + PATIENCE;
        loop {
            let value = value();
            if value == wanted {
                return;
            }
            assert!(Instant::now() < end, "{wanted:?} is wanted, it is {value:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until `count` processes know the latest state of a node: an event goes to the listeners that are known.
    #[track_caller]
    pub(crate) fn is_known(&self, node: &str, count: usize) {
        let name = format!(" node=\"{node}\" seq=");
        let seq =
            |line: &String| -> Option<u64> { line.split_once(&name)?.1.split(' ').next()?.parse().ok() };
        self.soon(true, || {
            let told: Vec<u64> = self.output.lines.lock().iter().filter_map(seq).collect();
            let latest = told.iter().max();
            told.iter().filter(|seq| Some(*seq) == latest).count() >= count
        });
    }

    /// What the program says that must not start.
    pub(crate) fn refused(folder: &TempDir, vars: &[(&str, &str)]) -> String {
        let mut shop = Self::launch(program(folder, vars));
        let open = shop.output.wait("end", |lines| {
            let open = lines.iter().any(|line| line.contains("The shop is open"));
            (open || lines.iter().any(|line| line.starts_with("Error: "))).then_some(open)
        });
        assert!(!open, "{vars:?} is accepted");
        assert_eq!(shop.children[0].wait().unwrap().code(), Some(1));
        let said = shop.output.lines.lock().join("\n");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Somebody without a token.
    pub(crate) fn anybody(&self) -> Client<'_> {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_idle_connections_per_host(1)
            .build();
        Client { shop: self, agent: agent.into(), token: None }
    }

    /// Registers and logs in.
    pub(crate) fn user(&self, name: &str) -> Client<'_> {
        let email = format!("{name}@example.com");
        let user = json!({ "name": name, "email": email, "password": PASSWORD });
        self.anybody().post("/api/public/register", &user).expect(200, None);
        self.log_in(&email, PASSWORD)
    }

    pub(crate) fn admin(&self) -> Client<'_> {
        self.log_in(ADMIN.0, ADMIN.1)
    }

    pub(crate) fn log_in(&self, email: &str, password: &str) -> Client<'_> {
        let client = self.anybody();
        let answer = client.post("/api/public/login", &json!({ "email": email, "password": password }));
        answer.expect(200, None);
        let token = answer.header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
        client.with_token(&token)
    }

    /// All lines written before this call; when there are several processes, those that are known by now.
    pub(crate) fn lines(&self) -> Vec<String> {
        if self.is_spread() {
            return self.output.lines.lock().clone();
        }
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // The line of this request is behind all earlier ones.
        let id = format!("fence-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.anybody().send("GET", "/health", &[("X-Request-ID", &id)], None).expect(200, None);
        self.output.wait(&id, |lines| {
            let end = lines.iter().position(|line| line.contains(&format!("\"{id}\"")))?;
            Some(lines[..end].to_vec())
        })
    }

    pub(crate) fn count(&self, text: &str) -> usize {
        self.lines().iter().filter(|line| line.contains(text)).count()
    }

    /// How many lines with this text are known by now.
    pub(crate) fn said(&self, text: &str) -> usize {
        self.output.lines.lock().iter().filter(|line| line.contains(text)).count()
    }

    pub(crate) fn wait_for(&self, text: &str) {
        self.output.wait(text, |lines| lines.iter().any(|line| line.contains(text)).then_some(()));
    }

    /// SIGTERM
    pub(crate) fn terminate(&self) {
        for child in &self.children {
            let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
            assert!(status.success());
        }
    }

    /// SIGKILL for the process of one node.
    pub(crate) fn kill(&self, node: &str) {
        self.kill_part(NODES.iter().position(|(name, _)| *name == node).unwrap());
    }

    /// SIGKILL for the process at a place in the order of their start.
    pub(crate) fn kill_part(&self, place: usize) {
        let status = Command::new("kill").args(["-KILL", &self.children[place].id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// The end of the program, and its folder.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let statuses: Vec<_> = self.children.iter_mut().map(|child| child.wait().unwrap()).collect();
        statuses.iter().find(|status| !status.success()).copied().unwrap_or(statuses[0])
    }

    /// Stops it as an operator does.
    pub(crate) fn stop(mut self) -> TempDir {
        self.terminate();
        let status = self.ended();
        assert!(status.success(), "{status}");
        self.folder.take().unwrap()
    }

    /// It still works, and nothing in it panicked.
    pub(crate) fn is_well(&self) {
        let ready = self.anybody().get("/ready");
        ready.expect(200, None);
        assert_eq!(ready.body["status"], "ready");
        self.anybody().get("/api/product").expect(200, None);
        assert_eq!(self.count("panicked"), 0);
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            eprintln!("--- output of the shop\n{}\n---", self.output.lines.lock().join("\n"));
        }
    }
}

/// One client with at most one connection at a time.
#[derive(Clone)]
pub(crate) struct Client<'a> {
    shop: &'a Shop,
    agent: Agent,
    token: Option<String>,
}

impl Client<'_> {
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(crate) fn token(&self) -> String {
        self.token.clone().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], Some(body.to_string().as_bytes()))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[], Some(body.to_string().as_bytes()))
    }

    /// The bytes of a request, for who does not wait for the answer.
    pub(crate) fn raw(&self, method: &str, path: &str, body: &Value) -> String {
        let (token, body) = (self.token(), body.to_string());
        format!(
            "{method} {path} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(self.shop.url(path));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(body) => {
                let request = request.header("Content-Type", "application/json").body(body).unwrap();
                self.agent.run(request)
            }
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = response.body_mut().read_to_string().unwrap();
        for secret in ["argon2", "\"password\":", "$__v"] {
            assert!(!text.contains(secret), "{method} {path} answers {text}");
        }
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body, text }
    }

    /// Puts a product on sale; its id.
    pub(crate) fn product(&self, name: &str, price: f64, stock: i64) -> String {
        let answer = self.post("/api/product", &json!({ "name": name, "price": price, "stock": stock }));
        answer.expect(200, None);
        answer.id()
    }

    pub(crate) fn order(&self, product: &str, quantity: i64) -> Answer {
        self.post("/api/order", &json!({ "productId": product, "quantity": quantity }))
    }

    pub(crate) fn stock(&self, product: &str) -> i64 {
        self.get(&format!("/api/product/{product}")).body["stock"].as_i64().unwrap()
    }
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// Checks the status and the type of the error.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16, kind: Option<&str>) {
        let own = (self.status, self.body["type"].as_str());
        assert_eq!(own, (status, kind), "{}", self.text);
        if status >= 400 {
            assert_eq!(self.body["code"], status, "{}", self.text);
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn id(&self) -> String {
        self.body["_id"].as_str().unwrap().to_owned()
    }
}
