//! Input that nobody sends by accident.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{SECRET, Shop};

#[test]
fn bodies() {
    let shop = Shop::start();
    let user = shop.user("eve");
    let stuffed = format!(r#"{{"name":"{}","price":1}}"#, "x".repeat(2_000_000));
    let deep = "[".repeat(100_000);
    let deeper = format!(r#"{{"name":{deep}"#);
    let wide = format!(r#"{{"name":"Wide","price":1,"more":[{}0]}}"#, "0,".repeat(40_000));
    let cases: &[(&[u8], u16)] = &[
        (stuffed.as_bytes(), 413),
        (deep.as_bytes(), 400),
        (deeper.as_bytes(), 400),
        (wide.as_bytes(), 200),
        (b"{\"name\":\"\xff\xfe\",\"price\":1}", 400),
        (b"{\"name\":\"\\ud800\",\"price\":1}", 400),
        (b"{\"name\":\"two\",\"price\":1}{}", 400),
        (b"{\"name\":\"open\",\"price\":1", 400),
        (b"{\"name\":\"NaN\",\"price\":NaN}", 400),
        (b"{\"name\":\"huge\",\"price\":1e400}", 400),
        (b"{\"name\":\"huge\",\"price\":1e300}", 422),
        (b"{\"name\":\"less\",\"price\":-1}", 422),
        (b"{\"name\":\"text\",\"price\":\"1\"}", 422),
        (b"{\"name\":[\"list\"],\"price\":1}", 422),
        (b"{\"name\":{\"$gt\":\"\"},\"price\":1}", 422),
        (b"{\"name\":\"null\",\"price\":null}", 422),
        (b"{\"name\":\"part\",\"price\":1,\"stock\":1.5}", 422),
        (b"{\"name\":\"lot\",\"price\":1,\"stock\":99999999999999999999}", 422),
        (b"{\"name\":\"__proto__\",\"price\":1,\"__proto__\":{\"a\":1},\"constructor\":{}}", 200),
        (b"[]", 422),
        (b"[1,2,3]", 422),
        (b"\"text\"", 400),
        (b"1", 400),
        (b"null", 400),
        (b"\xef\xbb\xbf{\"name\":\"BOM\",\"price\":1}", 200),
        (b"", 422),
    ];
    for (body, status) in cases {
        let answer = user.send("POST", "/api/product", &[], Some(body));
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]);
        assert_eq!(answer.status, *status, "{start}: {}", answer.text);
    }
    // Two names: one of them counts, or it is refused.
    let twice = user.send("POST", "/api/product", &[], Some(br#"{"name":"one","name":"two","price":1}"#));
    assert!(matches!(twice.status, 200 | 400 | 422), "{}", twice.text);
    let answer = user.send("POST", "/api/product", &[("Content-Encoding", "gzip")], Some(b"{}"));
    assert!((400..500).contains(&answer.status), "{}", answer.text);
    let long = "p".repeat(90_000);
    let login = json!({ "email": "eve@example.com", "password": long });
    shop.anybody().post("/api/public/login", &login).expect(422, Some("VALIDATION_ERROR"));
    for email in [json!({ "$ne": null }), json!(["eve@example.com"]), json!(true), json!(null)] {
        let answer = shop.anybody().post("/api/public/login", &json!({ "email": email, "password": "x" }));
        answer.expect(422, Some("VALIDATION_ERROR"));
    }
    shop.is_well();
}

fn keys(count: usize) -> String {
    (0..count).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join("&")
}

#[test]
fn paths_and_queries() {
    let shop = Shop::start();
    let user = shop.user("eve");
    let fewer = keys(2000);
    for (path, statuses) in [
        (format!("/api/product?{fewer}"), &[400][..]),
        (format!("/api/product?{}", "a[]=1&".repeat(900)), &[200]),
        (format!("/api/product?page{}=1", "[a]".repeat(2000)), &[200, 422]),
        ("/api/product?a[999999999]=1&__proto__[x]=1&page=%ff".into(), &[200, 400, 422]),
        ("/api/product?page=1&page=2".into(), &[200, 422]),
        ("/api/product/%ff".into(), &[400]),
        ("/api/product/%00".into(), &[400]),
        ("/api/product/..%2f..%2fuser".into(), &[404]),
        ("/api/product/%2e%2e/user/me".into(), &[404]),
        (format!("/api/product/{}", "x".repeat(65)), &[422]),
        (format!("/api/product/{}", "x".repeat(20_000)), &[422, 414]),
        ("/api/product/'%20OR%20'1'='1".into(), &[404]),
        ("//api//product//".into(), &[200]),
        ("/API/product".into(), &[404]),
    ] {
        let answer = user.get(&path);
        let start: String = path.chars().take(80).collect();
        assert!(statuses.contains(&answer.status), "{start}: {} {}", answer.status, answer.text);
    }
    shop.is_well();
}

/// A token with any claims, truly signed.
fn signed(claims: &Value, secret: &str, algorithm: Algorithm) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes()))
        .unwrap()
}

#[test]
fn tokens() {
    let shop = Shop::start();
    let eve = shop.user("eve");
    let id = &eve.get("/api/user/me").body["_id"];
    let far = 4_000_000_000_i64;
    let claims = |exp: Value| json!({ "id": id, "email": "eve@example.com", "role": "admin", "exp": exp });
    let good = signed(&claims(json!(far)), SECRET, Algorithm::HS256);
    eve.clone().with_token(&good).get("/api/admin/stats").expect(200, None);

    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let other = signed(&claims(json!(far)), "another secret, also longer than 32 bytes", Algorithm::HS256);
    let changed = signed(&json!({ "id": id, "role": "user", "exp": far }), SECRET, Algorithm::HS256);
    let changed = changed.rsplit_once('.').unwrap().1;
    let mut tokens = vec![
        other,
        format!("{none}.{body}."),
        format!("{none}.{body}.{signature}"),
        format!("{none}.{body}"),
        format!("{head}.{body}."),
        format!("{head}.{body}"),
        format!("{head}.{body}.{changed}"),
        format!("{head}.{body}.{signature}.{signature}"),
        format!("{head}..{signature}"),
        signed(&claims(json!(far)), SECRET, Algorithm::HS384),
        signed(&claims(json!(far)), SECRET, Algorithm::HS512),
        signed(&json!({ "id": id, "role": "admin" }), SECRET, Algorithm::HS256),
        signed(&json!({ "id": id, "role": "admin", "exp": far, "nbf": far - 1 }), SECRET, Algorithm::HS256),
        "..".into(),
        ".".into(),
        "junk".into(),
        "null".into(),
        "x".repeat(20_000),
        format!("{head}.{}.{signature}", "A".repeat(20_000)),
        "' OR 1=1 --".into(),
    ];
    for exp in [
        json!(1),
        json!(0),
        json!(-1),
        json!("4000000000"),
        json!(null),
        json!(true),
        json!([far]),
        json!({}),
        json!(1e300),
        json!(i64::MAX),
    ] {
        tokens.push(signed(&claims(exp), SECRET, Algorithm::HS256));
    }
    for token in &tokens {
        let start: String = token.chars().take(200).collect();
        for path in ["/api/user/me", "/api/admin/stats"] {
            let answer = eve.clone().with_token(token).get(path);
            assert_eq!(
                (answer.status, answer.body["type"].as_str()),
                (401, Some("INVALID_TOKEN")),
                "{start}"
            );
        }
    }
    // Truly signed, but the claims are no user of ours.
    for claims in [
        json!({ "exp": far }),
        json!({ "exp": far, "id": 5 }),
        json!({ "exp": far, "id": id, "role": "root" }),
    ] {
        let answer =
            eve.clone().with_token(&signed(&claims, SECRET, Algorithm::HS256)).get("/api/admin/stats");
        assert!(matches!(answer.status, 401 | 403), "{claims}: {}", answer.text);
    }
    let gone = json!({ "id": "gone", "email": "g@example.com", "role": "user", "exp": far });
    let gone = eve.clone().with_token(&signed(&gone, SECRET, Algorithm::HS256)).get("/api/user/me");
    gone.expect(404, Some("NOT_FOUND"));

    let anybody = shop.anybody();
    for (value, status, kind) in [
        ("Bearer".to_owned(), 401, Some("NO_TOKEN")),
        ("Bearer ".to_owned(), 401, Some("NO_TOKEN")),
        ("Basic YTpi".to_owned(), 401, Some("NO_TOKEN")),
        (good.clone(), 401, Some("NO_TOKEN")),
        (format!("Bearer  {good}"), 200, None),
        (format!("bearer {good}"), 200, None),
        (format!("Bearer {good} x"), 401, Some("INVALID_TOKEN")),
        (format!("Bearer Bearer {good}"), 401, Some("INVALID_TOKEN")),
    ] {
        let answer = anybody.send("GET", "/api/user/me", &[("Authorization", &value)], None);
        assert_eq!(
            (answer.status, answer.body["type"].as_str()),
            (status, kind),
            "'{value}': {}",
            answer.text
        );
    }
    for path in [
        format!("/api/user/me?token={good}"),
        format!("/api/user/me?access_token={good}&authorization=Bearer%20{good}"),
    ] {
        anybody.get(&path).expect(401, Some("NO_TOKEN"));
    }
    let double = [("Authorization", &*format!("Bearer {good}")), ("Authorization", "Bearer junk")];
    anybody.send("GET", "/api/user/me", &double, None).expect(401, Some("INVALID_TOKEN"));
    shop.is_well();
}

/// What comes back for these bytes, until the shop closes or the client has sent everything and hung up.
fn raw(shop: &Shop, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", shop.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // The shop may close before everything is sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn broken_http() {
    let shop = Shop::start();
    let token = format!(
        "GET /api/user/me HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {}\r\n\r\n",
        "x".repeat(1_000_000)
    );
    let many = format!("GET /api/product?{} HTTP/1.1\r\nHost: s\r\n\r\n", keys(10_000));
    let url = format!("GET /{} HTTP/1.1\r\nHost: s\r\n\r\n", "x".repeat(100_000));
    let headers = format!("GET / HTTP/1.1\r\nHost: s\r\n{}\r\n", "X-A: 1\r\n".repeat(1000));
    for bytes in [
        token.as_bytes(),
        many.as_bytes(),
        url.as_bytes(),
        headers.as_bytes(),
        b"junk\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\nHost: s\r\n\r\n",
        b"GET /api/product\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : s\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: s\r\nX: a\0b\r\n\r\n",
        b"GET /\x80 \x01 HTTP/1.1\r\nHost: s\r\n\r\n",
        b"POST /api/product HTTP/1.1\r\nHost: s\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /api/product HTTP/1.1\r\nHost: s\r\nContent-Length: -5\r\n\r\nabcdef",
        b"POST /api/product HTTP/1.1\r\nHost: s\r\nContent-Length: 0x5\r\n\r\nabcdef",
        b"POST /api/product HTTP/1.1\r\nHost: s\r\nContent-Length: 99999999999999999999\r\n\r\nab",
        b"POST /api/public/login HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /api/public/login HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"em",
        b"",
    ] {
        let answer = raw(&shop, bytes);
        let start: String = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4");
        assert!(refused, "{start:?}: {answer}");
    }
    // Requests are never smuggled: with both lengths, nothing after the first request is answered.
    let smuggled = b"POST /api/public/login HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\
        Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: s\r\n\r\n";
    assert!(!raw(&shop, smuggled).contains("\"status\":\"ok\""));
    let pipelined = "GET /health HTTP/1.1\r\nHost: s\r\n\r\n".repeat(999);
    let pipelined = format!("{pipelined}GET /health HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", shop.port)).unwrap();
    stream.write_all(pipelined.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("\"status\":\"ok\"").count(), 1000);
    // Line breaks in a path do not make lines of their own.
    raw(&shop, b"GET /a%0d%0aINFO%20forged HTTP/1.1\r\nHost: s\r\n\r\n");
    assert!(shop.lines().iter().all(|line| !line.starts_with("INFO forged")));
    shop.is_well();
}
