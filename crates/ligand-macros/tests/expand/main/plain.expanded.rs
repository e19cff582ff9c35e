fn main() -> Result<()> {
    async fn main() -> Result<()> {
        start().await
    }
    ::ligand::__private::core::runtime::block_on(::core::option::Option::Some(2), main())
}
