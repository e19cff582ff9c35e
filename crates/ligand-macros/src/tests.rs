//! What the macros emit: `tests/expand/<macro>/*.rs` next to `*.expanded.rs`. `UPDATE_EXPECT=1` accepts changes.

use std::path::Path;

use expect_test::expect_file;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Item, Meta};

/// Takes the attribute off the item and gives both.
fn split(mut item: Item, name: &str) -> (TokenStream, TokenStream) {
    let attributes: &mut Vec<Attribute> = match &mut item {
        Item::Impl(item) => &mut item.attrs,
        Item::Trait(item) => &mut item.attrs,
        Item::Fn(item) => &mut item.attrs,
        Item::Enum(item) => &mut item.attrs,
        _ => panic!("no such item in these tests"),
    };
    let at = attributes.iter().position(|attribute| attribute.path().segments.last().unwrap().ident == name);
    let options = match attributes.remove(at.unwrap()).meta {
        Meta::List(list) => list.tokens,
        _ => TokenStream::new(),
    };
    (options, item.into_token_stream())
}

fn expanded(source: &str, name: &str) -> String {
    let mut file = syn::parse_file(source).unwrap();
    let (options, item) = split(file.items.remove(0), name);
    let tokens = match name {
        "service" => crate::service::expand(options, &item),
        "contract" => crate::contract::expand(options, &item),
        "main" => crate::main_fn::expand(options, &item),
        _ => crate::error::expand(&item),
    };
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

#[test]
fn expansions_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
    let mut count = 0;
    for (part, name) in
        [("service", "service"), ("contract", "contract"), ("main", "main"), ("error", "derive")]
    {
        for entry in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_str().unwrap().ends_with(".expanded.rs") {
                count += 1;
                let actual = expanded(&std::fs::read_to_string(&path).unwrap(), name);
                expect_file![path.with_extension("expanded.rs")].assert_eq(&actual);
            }
        }
    }
    assert!(count >= 7);
}

#[test]
fn generated_code_names_private_paths_only() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand")];
    let mut paths = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(".expanded.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for (_, name) in
                    text.match_indices("::ligand::").map(|(at, found)| text.split_at(at + found.len()))
                {
                    assert!(
                        name.starts_with("__private"),
                        "{}: {}",
                        path.display(),
                        &name[..name.len().min(60)]
                    );
                    paths += 1;
                }
            }
        }
    }
    assert!(paths > 100, "{paths}");
}

mod values {
    use quote::format_ident;

    use crate::options::{camel_case, screaming};

    #[test]
    fn names_on_the_wire() {
        for (method, wire, constant) in [
            ("get", "get", "GET"),
            ("full_name", "fullName", "FULL_NAME"),
            ("get_2nd", "get2nd", "GET_2ND"),
            ("_hidden__name_", "hiddenName", "_HIDDEN__NAME_"),
        ] {
            let method = format_ident!("{method}");
            assert_eq!(camel_case(&method), wire);
            assert_eq!(screaming(&method), constant);
        }
        assert_eq!(camel_case(&format_ident!("r#type")), "type");
    }
}
