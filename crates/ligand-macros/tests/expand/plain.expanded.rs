::ligand::__private::put_this_attribute_above_the_derives::derive! {
    Clone PartialEq :
    #[derive(::ligand::__private::put_this_attribute_above_the_derives::Serialize,
    ::ligand::__private::put_this_attribute_above_the_derives::Deserialize,
    ::ligand::__private::put_this_attribute_above_the_derives::JsonSchema)] #[serde(crate
    = "::ligand::__private::serde", rename_all = "camelCase")] #[schemars(crate =
    "::ligand::__private::schemars")] #[doc = " A user."] pub struct User { pub id : u64,
    pub nick_name : Option < String >, }
}
#[automatically_derived]
#[allow(clippy::all, unused_imports, unused_parens)]
const _: () = {
    use ::ligand::__private::wire::validate::probe::{
        Checked as _, CheckedMut as _, Unchecked as _, UncheckedMut as _,
    };
    impl ::ligand::__private::wire::validate::Validate for User {
        const WIRE_NAMES: ::core::option::Option<&'static [&'static str]> = ::core::option::Option::Some(
            &["id", "nickName"],
        );
        fn schema() -> ::ligand::__private::wire::schema::Schema {
            static SCHEMA: ::std::sync::OnceLock<
                ::ligand::__private::wire::schema::Schema,
            > = ::std::sync::OnceLock::new();
            SCHEMA
                .get_or_init(::ligand::__private::wire::schema::Schema::of::<Self>)
                .clone()
        }
    }
};
const _: () = {
    #[derive(::ligand::__private::put_this_attribute_above_the_derives::Written)]
    #[ligand_written{#[automatically_derived]impl::core::fmt::Debug
    for
    User{fn
    fmt(&self, f:&mut::core::fmt::Formatter<'_>)->::core::fmt::Result{match
    self{Self{id:field_0,
    nick_name:field_1,
    }= >f.debug_struct("User").field("id", field_0).field("nick_name", field_1).finish(),
    }}}}]
    #[allow(dead_code)]
    struct __Above;
};
#[automatically_derived]
impl ::ligand::__private::EventPayload for User {
    const NAME: &'static str = "users.created";
}
#[automatically_derived]
impl ::ligand::__private::agreement::Named for User {
    const NAMES: &'static [&'static str] = &["id", "nickName"];
}
#[automatically_derived]
#[allow(clippy::all, deprecated)]
impl ::ligand::__private::agreement::FieldTypes<(u64, Option<String>)> for User {
    fn parts(&self) -> (u64, Option<String>) {
        (
            ::core::clone::Clone::clone(&self.id),
            ::core::clone::Clone::clone(&self.nick_name),
        )
    }
    fn of_parts((id, nick_name): (u64, Option<String>)) -> Self {
        Self { id, nick_name }
    }
}
