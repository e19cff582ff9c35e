use serde_json::json;

use super::*;

const SECRET: &str = "an example secret of 32 bytes ...";

fn keys() -> JwtKeys {
    JwtKeys::hs256(SECRET).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for index in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * index) & 63) as usize]));
        }
    }
    out
}

/// A token whose header and claims are as given, truly signed.
fn signed(head: &str, claims: &str, secret: &[u8], algorithm: Algorithm) -> String {
    install_provider();
    let message = format!("{}.{}", base64(head.as_bytes()), base64(claims.as_bytes()));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret), algorithm).unwrap();
    format!("{message}.{signature}")
}

fn hs256(claims: &str) -> String {
    signed(r#"{"alg":"HS256","typ":"JWT"}"#, claims, SECRET.as_bytes(), Algorithm::HS256)
}

#[test]
fn good_tokens_pass() {
    for keys in [keys(), JwtKeys::hs384(SECRET).unwrap(), JwtKeys::hs512(SECRET).unwrap()] {
        let token = keys.sign(&json!({"id": 5}), Duration::from_secs(60)).unwrap();
        let claims = keys.verify(&token).unwrap();
        assert_eq!(claims["id"], 5);
        assert_eq!(claims["exp"].as_u64().unwrap(), claims["iat"].as_u64().unwrap() + 60);
    }
    assert!(keys().verify(&hs256(r#"{"exp":4000000000.5}"#)).is_ok());
    assert!(
        keys()
            .verify(&signed(
                r#"{"alg":"HS256","kid":"../../etc/passwd' OR 1=1","jku":"http://evil","x5u":"http://evil"}"#,
                r#"{"exp":4000000000}"#,
                SECRET.as_bytes(),
                Algorithm::HS256,
            ))
            .is_ok()
    );
}

#[test]
fn bad_times_are_refused() {
    for claims in [
        "{}",
        r#"{"exp":"4000000000"}"#,
        r#"{"exp":null}"#,
        r#"{"exp":true}"#,
        r#"{"exp":[4000000000]}"#,
        r#"{"exp":{}}"#,
        r#"{"exp":-1}"#,
        r#"{"exp":0}"#,
        r#"{"exp":1000000000}"#,
        r#"{"exp":1e300}"#,
        r#"{"exp":18446744073709551615}"#,
        r#"{"exp":4000000000,"nbf":4000000000}"#,
        r#"{"exp":4000000000,"nbf":"0"}"#,
        r#"{"exp":4000000000,"nbf":null}"#,
        r#"{"exp":4000000000,"iat":"x"}"#,
        "[4000000000]",
        "\"exp\"",
        "not json",
    ] {
        let error = keys().verify(&hs256(claims)).unwrap_err();
        assert_eq!((error.code(), error.kind()), (401, "INVALID_TOKEN"), "{claims}");
    }
}

#[test]
fn other_algorithms_are_refused() {
    let claims = r#"{"exp":4000000000}"#;
    let secret = SECRET.as_bytes();
    let none =
        |head: &str, tail: &str| format!("{}.{}.{tail}", base64(head.as_bytes()), base64(claims.as_bytes()));
    for token in [
        none(r#"{"alg":"none"}"#, ""),
        none(r#"{"alg":"None"}"#, ""),
        none(r#"{"alg":""}"#, ""),
        none(r#"{"typ":"JWT"}"#, ""),
        none(r#"{"alg":"HS256"}"#, ""),
        signed(r#"{"alg":"HS512"}"#, claims, secret, Algorithm::HS512),
        signed(r#"{"alg":"HS384"}"#, claims, secret, Algorithm::HS256),
        signed(r#"{"alg":"RS256"}"#, claims, secret, Algorithm::HS256),
        signed(r#"{"alg":"HS256"}"#, claims, b"another secret", Algorithm::HS256),
        signed(r#"{"alg":"HS256","crit":["exp"]}"#, claims, secret, Algorithm::HS256),
        signed(r#"{"alg":"HS256","crit":[]}"#, claims, secret, Algorithm::HS256),
        signed(r#"{"alg":"HS256","crit":5}"#, claims, secret, Algorithm::HS256),
        signed(r#"{"alg":5}"#, claims, secret, Algorithm::HS256),
    ] {
        assert_eq!(keys().verify(&token).unwrap_err().kind(), "INVALID_TOKEN", "{token}");
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    let keys = JwtKeys::eddsa_public_pem(pem).unwrap();
    let forged = signed(r#"{"alg":"HS256"}"#, r#"{"exp":4000000000}"#, pem.as_bytes(), Algorithm::HS256);
    assert_eq!(keys.verify(&forged).unwrap_err().kind(), "INVALID_TOKEN");
    assert!(keys.sign(&json!({}), Duration::ZERO).is_err());
    assert!(JwtKeys::rs256_public_pem("junk").unwrap_err().message().contains("PEM"));
    assert!(JwtKeys::es256_public_pem(pem).is_err());
}

#[test]
fn junk_is_refused() {
    let good = hs256(r#"{"exp":4000000000}"#);
    let long = hs256(&format!(r#"{{"exp":4000000000,"x":"{}"}}"#, "x".repeat(MAX_TOKEN)));
    let nested = format!("{good}.a.b");
    let cut = &good[..good.len() - 2];
    for token in ["", ".", "..", "a.b.c", "a.b", "é.é.é", &long, &nested, cut, &"a".repeat(1 << 20)] {
        assert_eq!(keys().verify(token).unwrap_err().kind(), "INVALID_TOKEN");
    }
}

#[test]
fn issuers_and_audiences_are_checked() {
    let keys = keys().issuer("shop").audience("web");
    let ttl = Duration::from_secs(60);
    assert!(keys.verify(&keys.sign(&json!({}), ttl).unwrap()).is_ok());
    for claims in [
        r#"{"exp":4000000000}"#,
        r#"{"exp":4000000000,"iss":"shop"}"#,
        r#"{"exp":4000000000,"iss":"evil","aud":"web"}"#,
        r#"{"exp":4000000000,"iss":"shop","aud":["app"]}"#,
        r#"{"exp":4000000000,"iss":["shop"],"aud":"web"}"#,
    ] {
        assert!(keys.verify(&hs256(claims)).is_err(), "{claims}");
    }
    assert!(keys.verify(&hs256(r#"{"exp":4000000000,"iss":"shop","aud":["app","web"]}"#)).is_ok());
}

#[test]
fn leeway_and_rotation() {
    let token = keys().sign(&json!({}), Duration::ZERO).unwrap();
    assert!(keys().verify(&token).is_err());
    assert!(keys().leeway(Duration::from_secs(5)).verify(&token).is_ok());
    let new = JwtKeys::hs512("another example secret of 32 bytes").unwrap();
    let old = keys().sign(&json!({}), Duration::from_secs(60)).unwrap();
    assert!(new.verify(&old).is_err());
    assert!(new.accept(&keys()).verify(&old).is_ok());
}

#[test]
fn secrets_are_not_shown() {
    assert!(!format!("{:?}", keys()).contains("secret"));
    assert!(JwtKeys::hs256("").is_err());
    let env = Env::from_pairs([("OTHER", "x")]);
    assert!(JwtKeys::from_env(&env).unwrap_err().message().contains("JWT_SECRET"));
}
