//! `#[service]`: a service with everything, on a broker.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use ligand::{ServiceDef, prelude::*, service::Visibility};

#[payload]
struct ById {
    #[check(range(min = 1))]
    id: u64,
}

#[payload]
struct User {
    id: u64,
    name: String,
}

#[payload]
struct CreateUser {
    #[check(length(1..=8))]
    name: String,
}

#[payload(event = "users.created")]
struct UserCreated {
    id: u64,
}

/// A type without rules or schema.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Plain(u8);

#[derive(Default)]
struct Users {
    log: Mutex<Vec<String>>,
    count: AtomicU32,
}

#[service(
    name = "users",
    version = 2,
    settings(page_size = 10, "$secureSettings" = ["secret"], secret = "x"),
    metadata(team = "core", tags = ["a", "b"])
)]
impl Users {
    /// Register a user.
    ///
    /// More text.
    #[action(rest = "POST /", before(lowercase), after(mark), meta(role = "admin", level = 3))]
    async fn create(&self, ctx: &Context, params: CreateUser) -> Result<User> {
        let user = User { id: 1, name: params.name };
        ctx.emit(UserCreated { id: user.id }).await?;
        Ok(user)
    }

    #[action(
        rest("GET /:id", "GET /by-id/:id"),
        cache(keys("id", "#user.id", "@x-lang"), ttl = "60s"),
        timeout = "5s"
    )]
    async fn get(&self, params: ById) -> Result<User, std::fmt::Error> {
        self.count.fetch_add(1, Ordering::Relaxed);
        match params.id {
            404 => Err(std::fmt::Error),
            id => Ok(User { id, name: "Ada".into() }),
        }
    }

    #[action(name = "full", private)]
    fn full_name(
        &self,
        #[check(length(1..))] first: String,
        /* none */ last_name: Option<String>,
    ) -> String {
        format!("{first} {}", last_name.unwrap_or_default())
    }

    #[action(protected)]
    async fn count_all(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    #[action]
    async fn echo(&self, params: Payload) -> Payload {
        params
    }

    #[action(rest("GET /there", below("/other", "GET /:id", "POST /"), full("GET /robots.txt")))]
    async fn elsewhere(&self, id: Option<u64>) {
        let _ = id;
    }

    #[action]
    fn plain(&self, params: Plain) -> Plain {
        params
    }

    #[action]
    async fn through(&self, ctx: &Context) -> Result<String> {
        ctx.client::<Users>().full_name("Ada".into(), Some("Lovelace".into())).await
    }

    #[action(on_error(rescue))]
    async fn fails(&self) -> Result<u8> {
        Err(Error::conflict("no"))
    }

    #[action(fallback = instead, retry(retries = 1, delay = "1ms"))]
    async fn falls(&self) -> Result<u8> {
        Err(Error::conflict("no"))
    }

    #[action(fallback = instead, on_error(rescue))]
    async fn falls_from_a_reply(&self) -> Result<Reply<u8>> {
        Err(Error::not_found("nothing to recover"))
    }

    #[action(
        fallback(7),
        circuit_breaker(threshold = 0.5, min_request_count = 3, window_time = "60s", half_open_time = "5s"),
        bulkhead(concurrency = 3, max_queue_size = 10)
    )]
    async fn falls_to_value(&self) -> Result<u8> {
        Err(Error::conflict("no"))
    }

    #[event]
    async fn on_created(&self, event: UserCreated) -> Result<()> {
        self.note(format!("created {}", event.id));
        Ok(())
    }

    /// All of them.
    #[event("users.*", group = "audit")]
    fn audit(&self, ctx: &Context, payload: Payload) {
        self.note(format!("{} {}", ctx.event_name(), payload.get("id").unwrap_or_default()));
    }

    #[event("ping")]
    fn ping(&self) {
        self.note("ping".into());
    }

    #[created]
    fn made(&self, _broker: &ServiceBroker) -> Result<()> {
        self.note("created".into());
        Ok(())
    }

    #[started]
    async fn up(&self, ctx: &Context) -> Result<()> {
        self.note(format!("started {}", ctx.service_full_name()));
        Ok(())
    }

    #[stopping]
    async fn going(&self) {
        self.note("stopping".into());
    }

    #[stopped]
    async fn down(&self) -> Result<()> {
        self.note("stopped".into());
        Ok(())
    }

    #[before("create|echo")]
    fn guard(&self, ctx: &Context) -> Result<()> {
        match ctx.meta::<bool>("banned")? {
            Some(true) => Err(Error::forbidden("banned")),
            _ => Ok(()),
        }
    }

    #[after("plain")]
    async fn increase(&self, result: &mut Plain) {
        result.0 += 1;
    }

    async fn lowercase(&self, _ctx: &Context, params: &mut CreateUser) -> Result<()> {
        params.name.make_ascii_lowercase();
        Ok(())
    }

    async fn mark(&self, _ctx: &Context, result: &mut Payload) -> Result<()> {
        let name = result.get("name").unwrap_or_default();
        result.value_mut()?["name"] = json!(format!("{}!", name.as_str().unwrap_or_default()));
        Ok(())
    }

    async fn rescue(&self, ctx: &Context, error: Error) -> Result<u8> {
        if ctx.meta::<bool>("strict")?.is_some() { Err(error) } else { Ok(1) }
    }

    fn instead(&self, _error: Error) -> u8 {
        2
    }

    fn note(&self, text: String) {
        self.log.lock().expect("nobody panicked").push(text);
    }
}

async fn started() -> (Arc<Users>, ServiceBroker) {
    let users = Arc::new(Users::default());
    let broker = ServiceBroker::builder().service(users.clone()).start().await.expect("it starts");
    (users, broker)
}

#[tokio::test]
async fn actions_run_with_their_hooks() {
    let (_, broker) = started().await;
    let users = broker.client::<Users>();
    let user = users.create(CreateUser { name: "ADA".into() }).await.unwrap();
    assert_eq!(user, User { id: 1, name: "ada!".into() });
    assert_eq!(users.get(ById { id: 5 }).await.unwrap().id, 5);
    assert_eq!(users.get(ById { id: 404 }).await.unwrap_err().code(), 500);
    assert_eq!(users.get(ById { id: 0 }).await.unwrap_err().code(), 422);
    assert_eq!(users.plain(Plain(1)).await.unwrap(), Plain(2));
    assert_eq!(users.fails().await.unwrap(), 1);
    assert_eq!(users.fails().meta("strict", true).await.unwrap_err().code(), 409);
    assert_eq!(users.falls().await.unwrap(), 2);
    assert_eq!(users.falls_to_value().await.unwrap(), 7);
    // Those of an action that says more than a value answer the value.
    assert_eq!(users.falls_from_a_reply().await.unwrap(), 1);
    assert_eq!(users.falls_from_a_reply().meta("strict", true).await.unwrap(), 2);
    assert_eq!(broker.call(Users::COUNT_ALL, ()).await.unwrap(), 2);
    let banned = users.create(CreateUser { name: "x".into() }).meta("banned", true).await;
    assert_eq!(banned.unwrap_err().code(), 403);
}

#[tokio::test]
async fn arguments_are_fields_on_the_wire() {
    let (_, broker) = started().await;
    assert_eq!(broker.client::<Users>().through().await.unwrap(), "Ada Lovelace");
    let from_outside = broker.client::<Users>().full_name("Ada".into(), None).await;
    assert_eq!(from_outside.unwrap_err().code(), 404);
    let params = UsersFullNameParams { first: "a".into(), last_name: None };
    assert_eq!(serde_json::to_value(&params).unwrap(), json!({ "first": "a", "lastName": null }));
}

#[tokio::test]
async fn payloads_pass_untouched() {
    let (_, broker) = started().await;
    let answer = broker.call_named("v2.users.echo", json!({ "a": [1] })).await.unwrap();
    assert_eq!(answer.to_value().unwrap(), json!({ "a": [1] }));
    let count = broker.call_named("v2.users.countAll", json!({ "ignored": true })).await.unwrap();
    assert_eq!(count.take::<u32>().unwrap(), 0);
}

#[tokio::test]
async fn events_and_life_cycle() {
    let (users, broker) = started().await;
    broker.emit(UserCreated { id: 3 }).wait_for_listeners().await.unwrap();
    broker.emit_named("ping", Payload::NULL).wait_for_listeners().await.unwrap();
    broker.stop().await;
    let mut log = users.log.lock().unwrap().clone();
    log[2..5].sort();
    assert_eq!(
        log,
        ["created", "started v2.users", "created 3", "ping", "users.created 3", "stopping", "stopped"]
    );
}

#[test]
fn the_definition_holds_what_was_written() {
    let def: ServiceDef = Service::define(Arc::new(Users::default()));
    assert_eq!((def.full_name().as_str(), Users::NAME), ("v2.users", "v2.users"));
    let action = |name: &str| def.actions().iter().find(|action| action.raw_name() == name).unwrap();
    let create = action("create");
    assert_eq!(create.doc(), "Register a user.\n\nMore text.");
    assert_eq!(create.rest()[0].to_string(), "POST /");
    assert_eq!(create.metadata("role"), Some(&json!("admin")));
    assert_eq!(create.params().unwrap().json()["properties"]["name"]["maxLength"], 8);
    assert!(create.returns().is_some());
    assert!(action("plain").params().is_none() && action("echo").params().is_none());
    assert_eq!(action("get").rest().len(), 2);
    let get = |path: &str| ligand::service::Rest::new("GET", path);
    let there = [
        get("/there"),
        get("/:id").below("/other"),
        ligand::service::Rest::new("POST", "/").below("/other"),
        get("/robots.txt").full(),
    ];
    assert_eq!(action("elsewhere").rest(), there);
    assert_eq!(action("full").visibility(), Visibility::Private);
    assert_eq!(action("countAll").visibility(), Visibility::Protected);
    assert_eq!(Users::FULL_NAME.name(), "v2.users.full");
    let patterns: Vec<_> = def.events().iter().map(|event| event.pattern()).collect();
    assert_eq!(patterns, ["users.created", "users.*", "ping"]);
    assert_eq!((def.events()[1].group(), def.events()[1].doc()), ("audit", "All of them."));
}

struct Pages;

#[service(name = "pages")]
impl Pages {
    #[action]
    async fn create(&self, title: String) -> Result<Reply<String>> {
        Ok(Reply::created("/pages/1", title))
    }

    #[action(http(headers("x-a"), cookies("session")), run_to_end = false)]
    fn show(&self, ctx: &Context) -> Reply<Option<String>> {
        Reply::new(ctx.http().and_then(|http| http.header("x-a")).map(str::to_owned)).status(203)
    }

    #[action(http, run_to_end)]
    async fn both(&self, ctx: &Context) -> Result<(String, Option<String>)> {
        let pages = ctx.client::<Pages>();
        Ok((pages.create("t".to_owned()).await?, pages.show().await?))
    }
}

#[tokio::test]
async fn a_reply_is_its_value_to_callers_and_more_to_a_gateway() {
    let broker = ServiceBroker::builder().service(Pages).start().await.unwrap();
    let ask = async |name: &'static str| {
        let head = ligand::context::ReplyHead::new();
        let request = ligand::edge::HttpWants::new().headers(["x-a"]).of("GET", "/", None, [("x-a", "1")]);
        let call = broker.call_named(name, json!({ "title": "t" })).http(request).reply_head(&head);
        (call.await.unwrap().to_value().unwrap(), head.directives().get("$statusCode").cloned())
    };
    assert_eq!(ask("pages.create").await, (json!("t"), Some(json!(201))));
    assert_eq!(ask("pages.show").await, (json!("1"), Some(json!(203))));
    assert_eq!(ask("pages.both").await, (json!(["t", null]), None));
    let defined = ligand::Service::define(Arc::new(Pages));
    let [create, show, both] = defined.actions() else { panic!("three actions") };
    let told = |action: &ligand::service::ActionDef| (action.run_to_end(), action.http());
    assert_eq!(told(create), (None, None));
    let wants = ligand::edge::HttpWants::new();
    assert_eq!(told(show), (Some(false), Some(wants.clone().headers(["x-a"]).cookies(["session"]))));
    assert_eq!(told(both), (Some(true), Some(wants)));
    broker.stop().await;
}
