//! What `#[payload]` emits: `tests/expand/*.rs` next to `*.expanded.rs`. `UPDATE_EXPECT=1` accepts changes.

use std::path::Path;

use expect_test::expect_file;
use proc_macro2::TokenStream;

/// Expands the one item of a file, as the compiler would.
fn expanded(source: &str) -> String {
    let file = syn::parse_file(source).unwrap();
    let mut item: syn::DeriveInput = {
        let item = &file.items[0];
        syn::parse2(quote::quote!(#item)).unwrap()
    };
    let at = item.attrs.iter().position(|attribute| attribute.path().is_ident("payload")).unwrap();
    let attribute = item.attrs.remove(at);
    let options = match &attribute.meta {
        syn::Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let tokens = super::expand(options, &quote::quote!(#item));
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

#[test]
fn expansions_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_file() && !name.ends_with(".expanded.rs") {
            count += 1;
            let actual = expanded(&std::fs::read_to_string(&path).unwrap());
            expect_file![path.with_extension("expanded.rs")].assert_eq(&actual);
        }
    }
    assert!(count >= 3);
}
