//! An entity with hidden fields: it stays in its service.
//!
//! The type itself does not travel: it is written without the hidden fields and cannot be read, so that neither an action
//! nor an event, a stream or a cache can hold it. What travels is a type of the visible fields, made here. The store
//! writes and reads the whole through a form that nobody can name.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Fields, Ident, Visibility, parse_quote};

use crate::{
    errors::Errors,
    payload::{Role, derived_above, expand_as},
};

pub(super) fn expand(
    input: &DeriveInput,
    hidden: &[Ident],
    visible: &Ident,
    errors: &mut Errors,
) -> TokenStream {
    let name = &input.ident;
    let entity = expand_as(Role::Kept, input.clone(), errors);
    // The others would say the same about the same fields.
    let quiet = &mut Errors::default();

    let mut shown = input.clone();
    shown.ident = visible.clone();
    keep(&mut shown, hidden);
    let doc = format!(" What leaves the service of [`{name}`]: its fields without the hidden ones.");
    // Checks of the whole are about the entity.
    shown.attrs.retain(|attribute| !attribute.path().is_ident("doc") && !attribute.path().is_ident("check"));
    shown.attrs.insert(0, parse_quote!(#[doc = #doc]));
    let names: Vec<_> = names(&shown).into_iter().cloned().collect();
    let shown = expand_as(Role::Payload, shown, quiet);

    let written = form(input, "__Written", hidden);
    let written = expand_as(Role::Written(name.clone()), written, quiet);
    let mut stored = form(input, "__Stored", &[]);
    let title = name.to_string();
    stored.attrs.push(parse_quote!(#[schemars(rename = #title)]));
    let stored = expand_as(Role::Form(name.clone()), stored, quiet);

    let serde = quote!(::ligand::__private::serde);
    let schemars = quote!(::ligand::__private::schemars);
    let schema = quote!(::ligand::__private::wire::schema::Schema);
    let wire = derived_above(&quote! {
        impl #serde::Serialize for #name {
            fn serialize<S: #serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                __Written::serialize(self, serializer)
            }
        }

        impl<'de> #serde::Deserialize<'de> for #name
        where
            #name: ::ligand::__private::db::NoHiddenFields<'de>,
        {
            fn deserialize<D: #serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                ::ligand::__private::db::NoHiddenFields::read(deserializer)
            }
        }
    });
    quote! {
        #entity

        #shown

        #[automatically_derived]
        impl ::core::convert::From<#name> for #visible {
            fn from(entity: #name) -> Self {
                Self { #(#names: entity.#names),* }
            }
        }

        #[automatically_derived]
        #[allow(clippy::all, dead_code)]
        const _: () = {
            #written

            #stored

            #wire

            impl ::ligand::__private::db::Form<#name> for #visible {
                const HIDES: bool = true;

                fn of(entity: #name) -> Self {
                    entity.into()
                }

                fn write<S: #serde::Serializer>(
                    entity: &#name,
                    serializer: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    __Stored::serialize(entity, serializer)
                }

                fn read<'de, D: #serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> ::core::result::Result<#name, D::Error> {
                    __Stored::deserialize(deserializer)
                }

                fn schema_of() -> #schema {
                    static SCHEMA: ::std::sync::OnceLock<#schema> = ::std::sync::OnceLock::new();
                    SCHEMA.get_or_init(#schema::of::<__Stored>).clone()
                }

                fn json_schema_of(generator: &mut #schemars::SchemaGenerator) -> #schemars::Schema {
                    <__Stored as #schemars::JsonSchema>::json_schema(generator)
                }
            }
        };
    }
}

/// The item under another name, only with what is said about the wire and without these fields.
fn form(input: &DeriveInput, name: &str, without: &[Ident]) -> DeriveInput {
    let is_wire = |attribute: &Attribute| {
        ["serde", "schemars", "check", "doc"].iter().any(|name| attribute.path().is_ident(name))
    };
    let mut form = input.clone();
    form.ident = format_ident!("{name}");
    form.vis = Visibility::Inherited;
    form.attrs.retain(is_wire);
    keep(&mut form, without);
    if let Data::Struct(data) = &mut form.data {
        for field in &mut data.fields {
            field.attrs.retain(is_wire);
        }
    }
    form
}

/// Takes fields out.
fn keep(input: &mut DeriveInput, without: &[Ident]) {
    if let Data::Struct(data) = &mut input.data
        && let Fields::Named(fields) = &mut data.fields
    {
        let all = std::mem::take(&mut fields.named);
        fields.named = all
            .into_iter()
            .filter(|field| !field.ident.as_ref().is_some_and(|name| without.contains(name)))
            .collect();
    }
}

fn names(input: &DeriveInput) -> Vec<&Ident> {
    match &input.data {
        Data::Struct(data) => data.fields.iter().filter_map(|field| field.ident.as_ref()).collect(),
        _ => Vec::new(),
    }
}
