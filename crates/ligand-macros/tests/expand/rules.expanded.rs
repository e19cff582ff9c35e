::ligand::__private::put_this_attribute_above_the_derives::derive! {
    PartialEq :
    #[derive(::ligand::__private::put_this_attribute_above_the_derives::Serialize,
    ::ligand::__private::put_this_attribute_above_the_derives::Deserialize,
    ::ligand::__private::put_this_attribute_above_the_derives::JsonSchema)] #[serde(crate
    = "::ligand::__private::serde", rename_all = "camelCase", deny_unknown_fields)]
    #[schemars(crate = "::ligand::__private::schemars")] #[derive(Clone)] pub struct
    CreateUser { #[schemars(transform =
    ::ligand::__private::wire::schema::Annotate::new().flag("trim")
    .length(::core::option::Option::Some(1u64), ::core::option::Option::Some(64u64))
    .pattern("^[A-Z]"))] pub name : String, #[schemars(transform =
    ::ligand::__private::wire::schema::Annotate::new()
    .range(::core::option::Option::Some((0i64).into()), ::core::option::Option::None))]
    #[serde(default = "CreateUser :: __ligand_default_0")] pub age : u8,
    #[schemars(transform = ::ligand::__private::wire::schema::Annotate::new()
    .items(::core::option::Option::None, ::core::option::Option::Some(3u64))
    .unique_items())] pub tags : Vec < String >, pub address : Address,
    #[schemars(transform = ::ligand::__private::wire::schema::Annotate::new()
    .length(::core::option::Option::Some(8u64), ::core::option::Option::None).secret())]
    pub password : String, }
}
#[doc(hidden)]
#[allow(clippy::all, dead_code)]
impl CreateUser {
    fn __ligand_default_0() -> u8 {
        18
    }
}
#[automatically_derived]
#[allow(clippy::all, unused_imports, unused_parens)]
const _: () = {
    use ::ligand::__private::wire::validate::probe::{
        Checked as _, CheckedMut as _, Unchecked as _, UncheckedMut as _,
    };
    ::ligand::__private::wire::foreign::described::<Address>();
    impl ::ligand::__private::wire::validate::Validate for CreateUser {
        const WIRE_NAMES: ::core::option::Option<&'static [&'static str]> = ::core::option::Option::Some(
            &["name", "age", "tags", "address", "password"],
        );
        const CHECKS: bool = true;
        fn is_valid(&self) -> bool {
            (match self {
                Self {
                    name: field_0,
                    age: field_1,
                    tags: field_2,
                    address: field_3,
                    password: field_4,
                } => {
                    ::ligand::__private::wire::rules::field::Text::every_text(
                        field_0,
                        &|text| {
                            ::ligand::__private::wire::rules::length_in(
                                text,
                                1usize,
                                64usize,
                            )
                                && {
                                    static REGEX: ::std::sync::OnceLock<
                                        ::ligand::__private::wire::rules::Regex,
                                    > = ::std::sync::OnceLock::new();
                                    ::ligand::__private::wire::rules::pattern(
                                        text,
                                        REGEX
                                            .get_or_init(|| ::ligand::__private::wire::rules::compiled(
                                                "^[A-Z]",
                                            )),
                                    )
                                }
                        },
                    )
                        && ::ligand::__private::wire::rules::field::Numeric::every_number(
                            field_1,
                            &|number| {
                                number
                                    .at_least(
                                        ::ligand::__private::wire::rules::field::Number::Int(0i128),
                                    )
                            },
                        )
                        && (|list| ::ligand::__private::wire::rules::field::Items::every_count(
                            list,
                            &|count| ::ligand::__private::wire::rules::count_in(
                                count,
                                0usize,
                                3usize,
                            ),
                        ))(field_2)
                        && ::ligand::__private::wire::rules::field::Unique::has_unique_items(
                            field_2,
                        )
                        && (&::ligand::__private::wire::validate::probe::Probe(field_3))
                            .probe_is_valid()
                        && ::ligand::__private::wire::rules::field::Text::every_text(
                            field_4,
                            &|text| ::ligand::__private::wire::rules::length_in(
                                text,
                                8usize,
                                ::core::primitive::usize::MAX,
                            ),
                        )
                }
            })
        }
        fn violations(&self, report: &mut ::ligand::__private::wire::validate::Report) {
            match self {
                Self { address: field_3, .. } => {
                    report
                        .key(
                            "address",
                            |report| {
                                (&::ligand::__private::wire::validate::probe::Probe(
                                    field_3,
                                ))
                                    .probe_violations(report);
                            },
                        );
                }
            }
        }
        const SANITIZES: bool = true;
        fn sanitize(&mut self) {
            match self {
                Self { name: field_0, address: field_3, .. } => {
                    ::ligand::__private::wire::rules::field::TextMut::sanitize_text(
                        field_0,
                        ::ligand::__private::wire::rules::Sanitizers {
                            trim: true,
                            ..::core::default::Default::default()
                        },
                    );
                    (&mut ::ligand::__private::wire::validate::probe::ProbeMut(field_3))
                        .probe_sanitize();
                }
            }
        }
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
    CreateUser{fn
    fmt(&self, f:&mut::core::fmt::Formatter<'_>)->::core::fmt::Result{match
    self{Self{name:field_0,
    age:field_1,
    tags:field_2,
    address:field_3,
    ..}= >f.debug_struct(
        "CreateUser"
    ).field(
        "name",
        field_0
    ).field(
        "age",
        field_1
    ).field(
        "tags",
        field_2
    ).field("address", field_3).field("password", &::core::format_args!("***")).finish(),
    }}}}]
    #[allow(dead_code)]
    struct __Above;
};
#[automatically_derived]
impl ::ligand::__private::agreement::Named for CreateUser {
    const NAMES: &'static [&'static str] = &[
        "address",
        "age",
        "name",
        "password",
        "tags",
    ];
}
#[automatically_derived]
#[allow(clippy::all, deprecated)]
impl ::ligand::__private::agreement::FieldTypes<
    (Address, u8, String, String, Vec<String>),
> for CreateUser {
    fn parts(&self) -> (Address, u8, String, String, Vec<String>) {
        (
            ::core::clone::Clone::clone(&self.address),
            ::core::clone::Clone::clone(&self.age),
            ::core::clone::Clone::clone(&self.name),
            ::core::clone::Clone::clone(&self.password),
            ::core::clone::Clone::clone(&self.tags),
        )
    }
    fn of_parts(
        (address, age, name, password, tags): (Address, u8, String, String, Vec<String>),
    ) -> Self {
        Self {
            address,
            age,
            name,
            password,
            tags,
        }
    }
}
