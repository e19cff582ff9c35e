//! Start, configuration and stop.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    spread::{Bus, Street},
    support::{PASSWORD, Shop, program},
};

#[test]
fn a_restart_keeps_the_data() {
    let shop = Shop::start();
    let user = shop.user("ada");
    let product = user.product("Mouse", 10.0, 5);
    let order = user.order(&product, 2).body;
    let token = user.token();
    let folder = shop.stop();

    let shop = Shop::start_in(folder, &[]);
    // The secret is the same, so the token is still good.
    let user = shop.anybody().with_token(&token);
    assert_eq!(user.get("/api/order/my").body, json!([order]));
    assert_eq!(user.stock(&product), 3);
    shop.log_in("ada@example.com", PASSWORD);
    assert_eq!(shop.admin().get("/api/admin/stats").body, json!({ "users": 2, "products": 1, "orders": 1 }));
}

#[test]
fn a_kill_keeps_what_was_answered() {
    let mut shop = Shop::start();
    let user = shop.user("ada");
    let product = user.product("Mouse", 10.0, 50);
    for _ in 0..5 {
        user.order(&product, 2).expect(200, None);
    }
    let folder = shop.folder.take().unwrap();
    drop(shop);
    let shop = Shop::start_in(folder, &[]);
    let user = shop.log_in("ada@example.com", PASSWORD);
    assert_eq!(user.get("/api/order/my").body.as_array().unwrap().len(), 5);
    assert_eq!(user.stock(&product), 40);
}

#[test]
fn running_requests_end_before_the_program() {
    let mut shop = Shop::start();
    let user = shop.user("ada");
    let product = user.product("Mouse", 10.0, 5);
    let token = user.token();
    let body = json!({ "productId": product, "quantity": 1 }).to_string();

    let idle = TcpStream::connect(("127.0.0.1", shop.port)).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", shop.port)).unwrap();
    write!(
        stream,
        "POST /api/order HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    )
    .unwrap();
    // The shop asks for the body: the request runs.
    let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut buffer = vec![0; go_on.len()];
    stream.read_exact(&mut buffer).unwrap();
    assert_eq!(buffer, go_on);
    shop.terminate();
    shop.wait_for("SIGTERM received");
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let status = shop.ended();
    assert!(status.success(), "{status}");
    drop(idle);

    let shop = Shop::start_in(shop.folder.take().unwrap(), &[]);
    assert_eq!(shop.anybody().with_token(&token).stock(&product), 4);
}

#[test]
fn a_signal_during_the_start_ends_it_in_order() {
    let folder = TempDir::new().unwrap();
    let mut shop = Shop::launch(program(&folder, &[]));
    shop.wait_for("listens on");
    shop.terminate();
    // Usually during the start; on a machine that is fast or busy enough, just after it.
    shop.wait_for("SIGTERM received");
    let status = shop.ended();
    assert!(status.success(), "{status}");
}

#[test]
fn a_quiet_shop_stays_open() {
    for level in ["warn", "off"] {
        let shop = Shop::start_in(TempDir::new().unwrap(), &[("LIGAND_LOG__LEVEL", level)]);
        let mut stream = TcpStream::connect(("127.0.0.1", shop.port)).unwrap();
        write!(stream, "GET /health HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        shop.stop();
    }
}

#[test]
fn an_env_file_counts_and_the_environment_wins() {
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join(".env"),
        "# a comment\nDATABASE_URL=sqlite://from-file.db?mode=rwc\nJWT_SECRET='wrong'\nADMIN_EMAIL=boss@example.com\n",
    )
    .unwrap();
    let mut command = program(&folder, &[]);
    command.env_remove("DATABASE_URL").env_remove("ADMIN_EMAIL");
    let shop = Shop::run(folder, command);
    shop.log_in("boss@example.com", "admin-password");
    assert!(shop.folder.as_ref().unwrap().path().join("from-file.db").is_file());
    assert_eq!(shop.count("shorter than 32 bytes"), 0, "JWT_SECRET of the environment wins");
}

#[test]
fn a_password_of_the_environment_is_taken_as_it_is() {
    let shop = Shop::start_in(TempDir::new().unwrap(), &[("ADMIN_PASSWORD", "  boss-pass  ")]);
    shop.log_in(crate::support::ADMIN.0, "  boss-pass  ");
    let wrong = serde_json::json!({ "email": crate::support::ADMIN.0, "password": "boss-pass" });
    shop.anybody().post("/api/public/login", &wrong).expect(401, Some("INVALID_CREDENTIALS"));
}

#[test]
fn secrets_that_are_missing_or_weak_are_warned_about() {
    let folder = TempDir::new().unwrap();
    let mut command = program(&folder, &[]);
    command.env_remove("JWT_SECRET");
    let shop = Shop::run(folder, command);
    assert_eq!(shop.count("WARN"), 1);
    assert_eq!(shop.count("JWT_SECRET is not set"), 1);
    let shop = Shop::start_in(shop.stop(), &[("JWT_SECRET", "short")]);
    assert_eq!(shop.count("WARN"), 1);
    assert_eq!(shop.count("JWT_SECRET is shorter than 32 bytes"), 1);
}

#[test]
fn a_wrong_setting_stops_the_start_and_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "no folder").unwrap();
    fs::write(folder.path().join("junk.db"), "this is certainly not a database ".repeat(100)).unwrap();
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (name, value, wanted) in [
        ("PORT", "abc", "PORT: 'abc'"),
        ("PORT", "70000", "PORT: '70000'"),
        ("PORT", "-1", "PORT: '-1'"),
        ("PORT", &port, &port),
        ("DATABASE_URL", "postgres://me:secret@host/shop", "postgres"),
        ("DATABASE_URL", "nonsense", "sqlite:"),
        ("DATABASE_URL", "sqlite://file/shop.db", "file/shop.db"),
        ("DATABASE_URL", "sqlite://junk.db", "junk.db"),
        ("LIGAND_REQUST_TIMEOUT", "1s", "LIGAND_REQUST_TIMEOUT"),
        ("LIGAND_REQUEST_TIMEOUT", "soon", "LIGAND_REQUEST_TIMEOUT"),
        ("LOGLEVEL", "loud", "word 1 is not a level"),
        ("ADMIN_PASSWORD", "hush ", "variable ADMIN_PASSWORD"),
        ("ADMIN_EMAIL", "hush", "variable ADMIN_EMAIL"),
        ("ADMIN_PASSWORD", "", "ADMIN_PASSWORD"),
        ("ADMIN_EMAIL", "", "ADMIN_EMAIL"),
    ] {
        let said = Shop::refused(&folder, &[(name, value)]);
        assert!(said.contains(wanted), "{name}={value}: {said}");
        assert!(!said.contains("secret") && !said.contains("hush"), "{said}");
    }
    for (file, text, wanted) in [
        ("ligand.toml", "\nrequst_timeout = \"2s\"\n", "ligand.toml, line 2, key 'requst_timeout'"),
        ("ligand.toml", "[cacher]\nttl = \"long\"\n", "ligand.toml, line 2, key 'cacher.ttl'"),
        (".env", "A=1\nJWT_SECRET hunter2\n", ".env: entry 2"),
    ] {
        fs::write(folder.path().join(file), text).unwrap();
        let said = Shop::refused(&folder, &[]);
        assert!(said.contains(wanted), "{file}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
        fs::remove_file(folder.path().join(file)).unwrap();
    }
}

#[test]
fn parts_start_in_any_order_and_keep_their_own_files() {
    let folder = TempDir::new().unwrap();
    let nodes = ["front", "goods", "people"];
    let street = Street::new(Bus::Tcp, "5", &nodes);
    // These nodes wait for each other.
    let front = street.part(&folder, "front", "api,order");
    let mut goods = street.part(&folder, "goods", "product,notification,email");
    goods.env_remove("DATABASE_URL");
    let mut people = program(&folder, &street.vars("people"));
    people.env("SERVICES", "user, admin").env_remove("DATABASE_URL");

    let mut shop = Shop::launch(front);
    shop.wait_for("still waiting for services");
    assert_eq!(shop.said("The shop is open"), 0);
    shop.add(goods);
    shop.wait_for("node=\"goods\"");
    shop.add(people);
    shop.wait_until_open();
    shop.wait_for("Open: product, notification, email.");
    shop.wait_for("Open: user, admin.");
    let user = shop.user("ada");
    let product = user.product("Mouse", 10.0, 5);
    user.order(&product, 2).expect(200, None);
    shop.wait_for("e-mail sent subject=\"Order ");
    for file in ["order.db", "data/product.db", "data/user.db"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    for file in ["user.db", "product.db", "data/order.db", "data/shop.db"] {
        assert!(!folder.path().join(file).exists(), "{file}");
    }
    shop.terminate();
    let status = shop.ended();
    assert!(status.success(), "{status}");
}

#[test]
fn what_is_not_there_cannot_be_chosen() {
    let folder = TempDir::new().unwrap();
    let known = "api, user, product, order, notification, email, admin";
    for (vars, wanted) in [
        (&[("SERVICES", "usr")][..], format!("SERVICES: there is no service 'usr'; there are {known}")),
        (&[("SERVICES", " , ")], format!("SERVICES names no service; there are {known}")),
        (&[("SERVICES", "user"), ("JWT_SECRET", "")], "JWT_SECRET is not set".into()),
        (&[("SERVICES", "api,order"), ("JWT_SECRET", "")], "JWT_SECRET is not set".into()),
        (
            &[("SERVICES", "product"), ("TRANSPORTER", "pigeon")],
            "option 'transporter': there is no such kind; there are tcp".into(),
        ),
    ] {
        let said = Shop::refused(&folder, vars);
        assert!(said.contains(&wanted), "{vars:?}: {said}");
    }
    for (args, wanted) in [
        (&["--services", "user,stock"][..], "--services: there is no service 'stock'"),
        (&["--services"], "--services needs names"),
        (&["--serve"], "'--serve' is not known"),
    ] {
        let mut command = program(&folder, &[("SERVICES", "user")]);
        let output = command.args(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.starts_with("Error: ") && said.contains(wanted), "{args:?}: {said}");
    }
    let output = program(&folder, &[]).arg("--help").output().unwrap();
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for name in known.split(", ") {
        assert!(help.contains(&format!("\n  {name} ")), "{help}");
    }
}
