#[allow(unreachable_code)]
fn main() {
    ::core::compile_error! {
        "#[ligand::main] goes on `async fn main() -> Result<()>`; add `async`"
    }
    ::core::panic!()
}
