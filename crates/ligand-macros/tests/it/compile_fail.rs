//! The texts of compile errors. `TRYBUILD=overwrite` accepts new ones.

#[test]
fn wrong_uses_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    cases.compile_fail("tests/ui/*/*.rs");
}
