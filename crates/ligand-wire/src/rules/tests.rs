use super::{field::*, *};

#[test]
fn length_counts_utf16_units() {
    for text in ["", "abc", "é", "😀", "a😀é\u{FFFF}"] {
        assert_eq!(length(text), text.encode_utf16().count());
    }
    assert!(length_in("😀", 2, 2));
    assert!(!length_in("😀", 1, 1));
}

#[test]
fn email_is_moleculers_basic_notion() {
    for text in ["a@b.c", "a@b@c.d", "@@b.c", "ö@ü.x", "a@b..", "a@..b"] {
        assert!(email(text), "{text}");
    }
    for text in ["", "a", "a@b", "@b.c", "a@.c", "a@b.", "a @b.c", "a@b.c\n", "a@.", "a@..", "\u{FEFF}a@b.c"]
    {
        assert!(!email(text), "{text}");
    }
    assert!(email(&format!("{}@b.c", "a".repeat(250))));
    assert!(!email(&format!("{}@b.c", "a".repeat(251))));
}

#[test]
fn urls_and_uris() {
    assert!(url("http://x") && url("https://a.b/c?d#e"));
    assert!(
        !url("ftp://x")
            && !url("http://")
            && !url("http:// x")
            && !url("javascript:alert(1)")
            && !url("https://a b")
    );
    assert!(uri("ftp://x") && uri("mailto:a@b") && uri("urn:isbn:1"));
    assert!(!uri("x") && !uri(":x") && !uri("1a:x") && !uri("a:") && !uri("a:b c"));
}

#[test]
fn uuids() {
    for text in [
        "00000000-0000-0000-0000-000000000000",
        "10ba038e-48da-487b-96e8-8d3b99b6d18a",
        "10BA038E-48DA-187B-06E8-8D3B99B6D18A",
        "01890c3e-7c1b-7cc3-9c3a-7d9d2f3f4e5a",
    ] {
        assert!(uuid(text), "{text}");
    }
    for text in [
        "",
        "00000000-0000-0000-0000-000000000001",
        "10ba038e-48da-487b-06e8-8d3b99b6d18a",
        "10ba038e-48da-987b-96e8-8d3b99b6d18a",
        "10ba038e48da487b96e88d3b99b6d18a",
        "10ba038e-48da-487b-96e8-8d3b99b6d18g",
    ] {
        assert!(!uuid(text), "{text}");
    }
}

#[test]
fn dates_and_times() {
    for text in ["2024-02-29T12:30:00Z", "2023-12-31t23:59:60.123+02:00", "2000-02-29 00:00:00-00:30"] {
        assert!(date_time(text), "{text}");
    }
    for text in [
        "2023-02-29T12:30:00Z",
        "2024-01-01",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00+2:00",
        "1",
        "é024-01-01T00:00:00Z",
    ] {
        assert!(!date_time(text), "{text}");
    }
    assert!(!date("1900-02-29") && date("2024-04-30") && !date("2024-04-31") && !date("2024-04-00"));
}

#[test]
fn uniqueness_in_short_and_long_lists() {
    assert!(unique(&[1, 2, 3]) && !unique(&[1, 2, 1]));
    let mut long: Vec<String> = (0..500).map(|i| i.to_string()).collect();
    assert!(unique(&long));
    long.push("7".into());
    assert!(!unique(&long));
}

#[test]
fn sanitizers_trim_then_change_case() {
    let both = Sanitizers { trim: true, lowercase: true, uppercase: false };
    let mut text = String::from(" \u{FEFF}ÀB ");
    assert_eq!(both.view(&text), "àb");
    both.apply(&mut text);
    assert_eq!(text, "àb");
    assert_eq!(Sanitizers::default().view(" x "), " x ");
    uppercase(&mut text);
    assert_eq!(text, "ÀB");
}

#[test]
fn rules_pass_through_wrappers() {
    let short = |text: &str| length_in(text, 1, 3);
    assert!(String::from("abc").every_text(&short));
    assert!(!Some(String::from("abcd")).every_text(&short));
    assert!(None::<String>.every_text(&short));
    assert!(!Some(vec![Box::new(String::from("a")), Box::new(String::new())]).every_text(&short));
    assert!([1_u8, 2].every_number(&|n| n.at_least(Number::Int(1)) && n.at_most(Number::Int(2))));
    assert!(!f64::NAN.every_number(&|n| n.at_least(Number::Int(0))));
    assert!(!f64::NAN.every_number(&|n| n.at_most(Number::Int(0))));
    assert!(!0.0_f64.every_number(&|n| n.is_positive()));
    assert!(u64::MAX.every_number(&|n| n.at_least(Number::from(u64::MAX))));
    assert!(!Some(vec![1, 2, 3]).every_count(&|n| count_in(n, 0, 2)));
    assert!(!Some(vec![1, 1]).has_unique_items() && None::<Vec<u8>>.has_unique_items());
    assert!(!String::new().is_non_empty() && None::<String>.is_non_empty() && vec![0].is_non_empty());

    let mut tags = Some(vec![String::from(" A "), String::from("b")]);
    tags.sanitize_text(Sanitizers { trim: true, lowercase: true, uppercase: false });
    assert_eq!(tags, Some(vec!["a".into(), "b".into()]));
}
