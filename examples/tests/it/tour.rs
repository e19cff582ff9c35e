//! The tour of the shop in the README, pasted into bash while a shop runs.

use std::{fs, net::TcpListener, path::Path, process::Command};

use ligand::{ServiceBroker, config::Env};
use shop::settings::Settings;

/// The script as the README has it.
fn script() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    readme.split("```bash\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap().to_owned()
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_sells_two_of_ten() {
    if !has("bash") || !has("curl") {
        eprintln!("skipped: the tour needs bash and curl");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let database = format!("sqlite://{}/shop.db?mode=rwc", folder.path().display());
    let secret = "a secret for this test of 32 bytes";
    let variables = [("PORT", port.as_str()), ("DATABASE_URL", &database), ("JWT_SECRET", secret)];
    let settings = Settings::from_env(&Env::from_pairs(variables)).unwrap();
    let broker = shop::app::services(ServiceBroker::builder(), settings).unwrap().start().await.unwrap();

    let script = script();
    assert!(script.lines().count() <= 11, "a tour is short");
    let script = script.replace("localhost:3000", &format!("127.0.0.1:{port}"));
    let run = move || Command::new("bash").arg("-euc").arg(script).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<_> = text.lines().collect();
    let expected = [
        "Registration successful",
        r#""totalPrice":5,"#,
        r#"[{"_id":"#,
        r#""stock":8"#,
        r#""status":"ready""#,
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, part) in lines.iter().zip(expected) {
        assert!(line.contains(part), "{line} has no {part}");
    }
    broker.stop().await;
}
