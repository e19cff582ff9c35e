::ligand::__private::put_this_attribute_above_the_derives::derive! {
    Clone PartialEq :
    #[derive(::ligand::__private::put_this_attribute_above_the_derives::Serialize,
    ::ligand::__private::put_this_attribute_above_the_derives::Deserialize,
    ::ligand::__private::put_this_attribute_above_the_derives::JsonSchema)] #[serde(crate
    = "::ligand::__private::serde", rename_all = "camelCase", rename_all_fields =
    "camelCase")] #[schemars(crate = "::ligand::__private::schemars")] #[serde(tag =
    "type")] pub enum Payment < T > { Card { #[schemars(transform =
    ::ligand::__private::wire::schema::Annotate::new().flag("trim")
    .length(::core::option::Option::Some(16u64), ::core::option::Option::Some(16u64)))]
    number : String, holder : T, }, Points(Points), Cash, }
}
#[automatically_derived]
#[allow(clippy::all, unused_imports, unused_parens)]
const _: () = {
    use ::ligand::__private::wire::validate::probe::{
        Checked as _, CheckedMut as _, Unchecked as _, UncheckedMut as _,
    };
    impl<
        T: ::ligand::__private::wire::validate::Validate
            + ::ligand::__private::serde::Serialize,
    > ::ligand::__private::wire::validate::Validate for Payment<T> {
        const CHECKS: bool = true;
        fn is_valid(&self) -> bool {
            (match self {
                Self::Card { number: field_0, holder: field_1 } => {
                    ::ligand::__private::wire::rules::field::Text::every_text(
                        field_0,
                        &|text| ::ligand::__private::wire::rules::length_in(
                            text,
                            16usize,
                            16usize,
                        ),
                    )
                        && (&::ligand::__private::wire::validate::probe::Probe(field_1))
                            .probe_is_valid()
                }
                Self::Points(field_0) => {
                    (&::ligand::__private::wire::validate::probe::Probe(field_0))
                        .probe_is_valid()
                }
                _ => true,
            })
        }
        fn violations(&self, report: &mut ::ligand::__private::wire::validate::Report) {
            match self {
                Self::Card { holder: field_1, .. } => {
                    report
                        .key(
                            "holder",
                            |report| {
                                (&::ligand::__private::wire::validate::probe::Probe(
                                    field_1,
                                ))
                                    .probe_violations(report);
                            },
                        );
                }
                Self::Points(field_0) => {
                    (&::ligand::__private::wire::validate::probe::Probe(field_0))
                        .probe_violations(report);
                }
                _ => {}
            }
        }
        const SANITIZES: bool = true;
        fn sanitize(&mut self) {
            match self {
                Self::Card { number: field_0, holder: field_1 } => {
                    ::ligand::__private::wire::rules::field::TextMut::sanitize_text(
                        field_0,
                        ::ligand::__private::wire::rules::Sanitizers {
                            trim: true,
                            ..::core::default::Default::default()
                        },
                    );
                    (&mut ::ligand::__private::wire::validate::probe::ProbeMut(field_1))
                        .probe_sanitize();
                }
                Self::Points(field_0) => {
                    (&mut ::ligand::__private::wire::validate::probe::ProbeMut(field_0))
                        .probe_sanitize();
                }
                _ => {}
            }
        }
    }
};
const _: () = {
    #[derive(::ligand::__private::put_this_attribute_above_the_derives::Written)]
    #[ligand_written{#[automatically_derived]impl<T:::core::fmt::Debug>::core::fmt::Debug
    for
    Payment<T>{fn
    fmt(&self, f:&mut::core::fmt::Formatter<'_>)->::core::fmt::Result{match
    self{Self::Card{number:field_0,
    holder:field_1,
    }= >f.debug_struct(
        "Card"
    ).field("number", field_0).field("holder", field_1).finish(),
    Self::Points(field_0)= >f.debug_tuple("Points").field(field_0).finish(),
    Self::Cash = >f.write_str("Cash"),
    }}}}]
    #[allow(dead_code)]
    struct __Above;
};
