use http::HeaderValue;

use ligand_core::edge::HttpBody;

use super::*;
use crate::query::QueryOptions;

const OPTIONS: QueryOptions = QueryOptions { commas: false, dots: false, depth: 5, places: 20, cut: false };
const RULES: Rules = Rules {
    limit: 1000,
    time: Duration::from_secs(1),
    decode: false,
    depth: 64,
    pairs: query::Bounds { most: 10, options: OPTIONS },
};
const FORMS: Bodies = Bodies { forms: true, ..NONE };
const NONE: Bodies = Bodies { forms: false, texts: false, raw: false, no_json: false, ignore_others: false };

async fn read(kind: &'static str, body: impl Into<RequestBody>) -> Result<Content> {
    read_as(Accepts::Route(FORMS), kind, body).await
}

async fn read_as(accepts: Accepts<'_>, kind: &'static str, body: impl Into<RequestBody>) -> Result<Content> {
    let mut headers = HeaderMap::new();
    if !kind.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    content(&mut body.into(), &headers, RULES, accepts).await
}

#[tokio::test]
async fn json_is_checked_and_kept_as_it_is() {
    for kind in ["application/json", "Application/JSON; charset=UTF-8", "application/problem+json"] {
        assert_eq!(
            read(kind, r#" {"a":[1]}"#).await.unwrap(),
            Content::Json(r#" {"a":[1]}"#.into(), Shape::Object)
        );
    }
    assert_eq!(
        read("application/json", "\u{feff}{}").await.unwrap(),
        Content::Json("{}".into(), Shape::Object)
    );
    assert_eq!(read("application/json", " [1]").await.unwrap(), Content::Json(" [1]".into(), Shape::List));
    assert_eq!(read("", ()).await.unwrap(), Content::None);
    assert_eq!(read("application/json", "").await.unwrap(), Content::None);
}

#[tokio::test]
async fn broken_json_is_refused() {
    let deep = "[".repeat(100_000);
    let bad: [&[u8]; 12] = [
        b"{bad",
        b"123",
        b"\"x\"",
        b"null",
        b"{} {}",
        b"[NaN]",
        b"[01]",
        b"{\"a\":1,}",
        b"[\"\xff\"]",
        b"[\"\xed\xa0\x80\"]",
        b" ",
        b"[\"\\x\"]",
    ];
    for body in bad.into_iter().map(<[u8]>::to_vec) {
        let error = read("application/json", body.clone()).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (400, "entity.parse.failed"), "{body:?}");
    }
    let rules = Rules { limit: usize::MAX, ..RULES };
    assert!(json::check(deep.as_bytes(), rules.depth).unwrap_err().message().contains("64"));
    let fits = format!("{}{}", "[".repeat(64), "]".repeat(64));
    json::check(fits.as_bytes(), 64).unwrap();
    json::check(br#"{"a":"[[[[[[\"[[[","b":"\\"}"#, 1).unwrap();
}

#[tokio::test]
async fn numbers_and_names_that_cannot_be_held_are_named() {
    let long = format!(r#"{{"{}":1e999}}"#, "n".repeat(900));
    for (body, field) in [
        (r#"{"a":1e400}"#, "a"),
        (r#"{"a":{"b":[1,{"c":-1e309}]}}"#, "a.b[1].c"),
        ("[1,1e400]", "[1]"),
        (r#"{"a":1,"b":2,"a":3}"#, "a"),
        (r#"{"x":[{"y":1,"\u0079":2}]}"#, "x[0].y"),
        (r#"{"a":tru}"#, "a"),
    ] {
        let error = read("application/json", body).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (400, "entity.parse.failed"), "{body}");
        assert!(error.message().contains(&format!("'{field}'")), "{body}: {error}");
        assert_eq!(error.data(), Some(&serde_json::json!({ "field": field })), "{body}");
    }
    assert!(read("application/json", long).await.unwrap_err().message().len() < 400);
    let names: Vec<_> = (0..100).map(|i| format!(r#""n{i}":0"#)).collect();
    json::check(format!("{{{}}}", names.join(",")).as_bytes(), 64).unwrap();
    let error = json::check(format!(r#"{{{},"n7":1}}"#, names.join(",")).as_bytes(), 64).unwrap_err();
    assert!(error.message().contains("'n7'"), "{error}");
    let fine = r#"{"a":18446744073709551616,"b":1.0,"c":1e308,"d":{"a":1},"e":[{"a":1},{"a":1}]}"#;
    assert!(read("application/json", fine).await.is_ok());
}

#[tokio::test]
async fn other_types_charsets_and_sizes_are_refused() {
    for (kind, code, name) in [
        ("", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("application/jsonp", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("application/json; charset=utf-16", 415, "charset.unsupported"),
    ] {
        let error = read(kind, "{}").await.unwrap_err();
        assert_eq!((error.code(), error.kind()), (code, name), "{kind}");
    }
    let error = read("application/json", "x".repeat(1001)).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (413, "entity.too.large"));
}

#[tokio::test]
async fn forms_are_read_where_they_are_allowed() {
    let kind = "application/x-www-form-urlencoded";
    let Content::Form(form) = read(kind, "a[b]=1&d=3&d=4").await.unwrap() else { panic!("a form") };
    assert_eq!(Value::Object(form), serde_json::json!({"a": {"b": "1"}, "d": ["3", "4"]}));
    assert_eq!(read_as(Accepts::Route(Bodies::default()), kind, "a=1").await.unwrap_err().code(), 415);
}

fn single(content: Content) -> (Option<String>, Single) {
    match content {
        Content::Whole { field, content } => (field, content),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn routes_read_texts_and_bytes_by_their_type() {
    let all = Accepts::Route(Bodies { forms: true, texts: true, raw: true, ..NONE });
    let body = || Some("body".to_owned());
    for kind in ["text/plain", "text/csv; charset=utf-8", "TEXT/html; charset=\"US-ASCII\""] {
        assert_eq!(
            single(read_as(all, kind, "hi").await.unwrap()),
            (body(), Single::Text("hi".into())),
            "{kind}"
        );
    }
    for kind in
        ["", "image/png", "application/octet-stream; charset=latin1", "multipart/form-data; boundary=x"]
    {
        let bytes = Single::Bytes { bytes: Bytes::from_static(b"\xff"), ours: false };
        assert_eq!(single(read_as(all, kind, b"\xff".to_vec()).await.unwrap()), (body(), bytes), "{kind}");
    }
    assert!(matches!(read_as(all, "application/json", "{}").await.unwrap(), Content::Json(..)));
    assert!(matches!(read_as(all, FORM, "a=1").await.unwrap(), Content::Form(_)));
    assert_eq!(read_as(all, "image/png", "").await.unwrap(), Content::None);
    let error = read_as(all, "text/plain; charset=latin1", "x").await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (415, "charset.unsupported"));
    let error = read_as(all, "text/plain", b"\xff".to_vec()).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (400, "entity.parse.failed"));
    let texts = Accepts::Route(Bodies { texts: true, ..NONE });
    let error = read_as(texts, "image/png", "x").await.unwrap_err();
    assert!(error.code() == 415 && error.message().ends_with("send application/json or text/*"), "{error}");
}

#[tokio::test]
async fn an_action_says_what_it_takes_whatever_the_type() {
    let raw = HttpBody::raw();
    for kind in ["", "application/json", "application/x-www-form-urlencoded", "text/plain; charset=utf-16"] {
        let bytes = Single::Bytes { bytes: Bytes::from_static(b"{bad"), ours: true };
        let read = read_as(Accepts::Declared(raw.def()), kind, "{bad").await.unwrap();
        assert_eq!(single(read), (Some("body".to_owned()), bytes), "{kind}");
    }
    let empty = Single::Bytes { bytes: Bytes::new(), ours: true };
    assert_eq!(single(read_as(Accepts::Declared(raw.def()), "", "").await.unwrap()).1, empty);
    let images = HttpBody::raw().field("image").types(["image/*", "application/pdf"]);
    for (kind, taken) in
        [("image/png", true), ("Application/PDF; x=y", true), ("imagepng", false), ("", false)]
    {
        let read = read_as(Accepts::Declared(images.def()), kind, "x").await;
        match taken {
            true => assert_eq!(single(read.unwrap()).0.as_deref(), Some("image"), "{kind}"),
            false => {
                assert!(read.unwrap_err().message().ends_with("send image/* or application/pdf"), "{kind}");
            }
        }
    }
    let text = HttpBody::text().whole();
    assert_eq!(
        single(read_as(Accepts::Declared(text.def()), "text/plain", "hi").await.unwrap()),
        (None, Single::Text("hi".into()))
    );
    assert_eq!(
        read_as(Accepts::Declared(text.def()), "application/json", "{}").await.unwrap_err().code(),
        415
    );
    let form = HttpBody::form();
    assert!(matches!(read_as(Accepts::Declared(form.def()), FORM, "a=1").await.unwrap(), Content::Form(_)));
    assert_eq!(
        read_as(Accepts::Declared(form.def()), "application/json", "{}").await.unwrap_err().code(),
        415
    );
    assert_eq!(read_as(Accepts::Declared(form.def()), "", "").await.unwrap(), Content::None);
}
