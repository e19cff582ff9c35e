//! The program, as one process and as three.

use std::{
    process::{Child, Command},
    time::{Duration, Instant},
};

use ligand_servers::free_port;
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

/// The longest a library may take to open.
const PATIENCE: Duration = Duration::from_secs(60);

/// Processes that end with this value.
struct Library {
    processes: Vec<Child>,
    agent: Agent,
    url: String,
    _folder: TempDir,
}

impl Library {
    /// One process for each list of services; an empty list is all of them.
    fn open(parts: &[&[&str]]) -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let places: Vec<_> =
            (0..parts.len()).map(|node| format!("127.0.0.1:{}/n{node}", free_port())).collect();
        let start = |(node, services): (usize, &&[&str])| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_library"));
            command.env_clear().current_dir(&folder).args(*services);
            command.envs([
                ("PORT", port.to_string()),
                ("NODEID", format!("n{node}")),
                ("LIGAND_APP__DATA", folder.path().display().to_string()),
                ("LIGAND_APP__JWT_SECRET", "a secret for tests, longer than 32 bytes".into()),
                ("LIGAND_APP__LIBRARIAN__EMAIL", "desk@example.com".into()),
                ("LIGAND_APP__LIBRARIAN__PASSWORD", "a long password".into()),
            ]);
            if parts.len() > 1 {
                command.env("TRANSPORTER", format!("tcp://{}", places.join(",")));
            }
            command.spawn().unwrap()
        };
        let processes = parts.iter().enumerate().map(start).collect();
        let agent =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
        let mut library = Self { processes, agent, url: format!("http://127.0.0.1:{port}"), _folder: folder };
        library.wait_until_ready();
        library
    }

    fn wait_until_ready(&mut self) {
        let end = Instant::now() + PATIENCE;
        while !matches!(self.agent.get(format!("{}/ready", self.url)).call(), Ok(answer) if answer.status() == 200)
        {
            assert!(Instant::now() < end, "the library does not open");
            for process in &mut self.processes {
                let ended = process.try_wait().unwrap();
                assert!(ended.is_none(), "a process ended: {ended:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        let request =
            self.agent.post(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {token}"));
        let mut answer = request.send_json(body).unwrap();
        assert_eq!(answer.status(), 200, "{path}: {}", answer.body_mut().read_to_string().unwrap());
        answer.body_mut().read_json().unwrap()
    }

    fn get(&self, path: &str, token: &str) -> Value {
        let request =
            self.agent.get(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {token}"));
        request.call().unwrap().body_mut().read_json().unwrap()
    }

    fn log_in(&self, email: &str) -> String {
        let session =
            self.post("/api/members/login", "", &json!({ "email": email, "password": "a long password" }));
        session["token"].as_str().unwrap().to_owned()
    }

    /// A loan from sign-up to return.
    fn lends(&self) {
        let join = json!({ "name": "Ada", "email": "ada@example.com", "password": "a long password" });
        self.post("/api/members", "", &join);
        let (desk, ada) = (self.log_in("desk@example.com"), self.log_in("ada@example.com"));
        let book = json!({ "title": "Emma", "author": "Jane Austen", "isbn": "9780141439587", "copies": 1 });
        let book = self.post("/api/books", &desk, &book);
        let loan = self.post("/api/loans", &ada, &json!({ "bookId": book["id"] }));
        assert_eq!(self.get("/api/loans/mine", &ada)[0]["id"], loan["id"]);
        self.post(&format!("/api/loans/{}/return", loan["id"].as_str().unwrap()), &ada, &json!({}));
        let found = self.get("/api/books?search=Austen", "");
        assert_eq!((&found["total"], &found["rows"][0]["copies"]), (&json!(1), &json!(1)));
        // Events are on their way when an answer is there.
        let end = Instant::now() + PATIENCE;
        let heard = || self.get("/api/audit?sort=at", &desk)["total"].as_u64().unwrap();
        while heard() < 3 {
            assert!(Instant::now() < end, "the audit log has heard of {} things", heard());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(heard(), 3);
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

#[test]
fn one_process_is_a_library() {
    Library::open(&[&[]]).lends();
}

#[test]
fn three_processes_are_a_library() {
    Library::open(&[&["audit", "members"], &["books"], &["loans", "api"]]).lends();
}
