//! Options from files, the environment and code.

use std::io::Write as _;

use ligand_core::config::{CacherKind, Env};

use crate::support::*;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[tokio::test]
async fn code_wins_over_environment_over_file() {
    let toml = file(
        "node_id = \"file\"\nnamespace = \"file\"\nrequest_timeout = \"2s\"\n\n[cacher]\nkind = \"memory_lru\"\n\n\
         [retry_policy]\nretries = 1\ndelay = \"5ms\"\n",
    );
    let env = Env::from_pairs([("NODEID", "env"), ("LIGAND_NAMESPACE", "env"), ("LIGAND_CACHER__MAX", "7")]);
    let broker = ligand_core::ServiceBroker::builder()
        .config(toml.path())
        .unwrap()
        .env(env)
        .node_id("code")
        .options(|o| o.retry_policy.retries = 9)
        .start()
        .await
        .unwrap();
    let options = broker.options();
    assert_eq!((broker.node_id(), options.namespace.as_str()), ("code", "env"));
    assert_eq!((options.request_timeout, options.retry_policy.delay), (ms(2000), ms(5)));
    assert_eq!(options.retry_policy.retries, 9);
    let cacher = options.cacher.as_ref().unwrap();
    assert_eq!((cacher.kind, cacher.max), (CacherKind::MemoryLru, Some(7)));
    assert_eq!(broker.env().get("NODEID"), Some("env"));
}

#[tokio::test]
async fn mistakes_name_file_line_and_key() {
    for (text, place) in [
        ("node_id = \"a\"\nrequest_timout = \"2s\"\n", "line 2, key 'request_timout'"),
        ("request_timeout = \"soon\"\n", "line 1, key 'request_timeout'"),
        (
            "\n[bulkhead]\nconcurrency = -1\n",
            "line 3, key 'bulkhead.concurrency': invalid value: integer, expected a whole number, at least 0",
        ),
        (
            "[bulkhed]\nconcurrency = 1\n",
            "line 1, section 'bulkhed': there is no such key; did you mean 'bulkhead'?",
        ),
        ("node_id = \n", "line 1"),
    ] {
        let toml = file(text);
        let start = ligand_core::ServiceBroker::builder().config(toml.path()).unwrap().env(Env::default());
        let error = start.start().await.unwrap_err();
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        let file = toml.path().display().to_string();
        assert!(error.message().contains(place) && error.message().contains(&file), "{}", error.message());
    }
    let error = builder().env(Env::from_pairs([("LIGAND_BULKHEAD__SIZE", "1")])).start().await.unwrap_err();
    assert!(error.message().contains("LIGAND_BULKHEAD__SIZE"), "{}", error.message());
}

#[tokio::test]
async fn options_that_cannot_work_are_refused() {
    type Change = fn(&mut ligand_core::config::Options);
    let changes: [(&str, Change); 6] = [
        ("node_id", |o| o.node_id = Some(" ".into())),
        ("cacher.max", |o| {
            o.cacher.get_or_insert_default().max = Some(1);
        }),
        ("cacher.max_params_length", |o| {
            o.cacher.get_or_insert_default().max_params_length = 43;
        }),
        ("cacher.max_memory", |o| {
            o.cacher.get_or_insert_default().max_memory = 64;
        }),
        ("retry_policy.factor", |o| o.retry_policy.factor = f64::NAN),
        ("bulkhead.concurrency", |o| o.bulkhead.concurrency = 0),
    ];
    for (name, change) in changes {
        let error = builder().options(change).start().await.unwrap_err();
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
        assert!(error.message().contains(name), "{}", error.message());
    }
}

#[tokio::test]
async fn nothing_outside_has_influence_unless_asked_for() {
    let broker = ligand_core::ServiceBroker::builder().start().await.unwrap();
    assert!(broker.node_id().ends_with(&format!("-{}", std::process::id())));
    assert_eq!(broker.options().request_timeout, ms(10_000));
    assert!(broker.cache().is_none());
}

#[test]
fn dotenv_files_are_read_and_their_mistakes_named_without_secrets() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "# comment\nLIGAND_TEST_A=1\nLIGAND_TEST_B=\"two words\"").unwrap();
    let env = Env::load_from(file.path()).unwrap();
    assert_eq!((env.get("LIGAND_TEST_A"), env.get("LIGAND_TEST_B")), (Some("1"), Some("two words")));
    assert!(!format!("{env:?}").contains("two words"));
    writeln!(file, "hunter2 without a key").unwrap();
    let error = Env::load_from(file.path()).unwrap_err();
    assert!(
        error.message().contains("entry 3") && !error.message().contains("hunter2"),
        "{}",
        error.message()
    );
}
