//! `#[serde(alias = ..)]`, which serde reads and schemars does not.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Expr, Field, Meta, ext::IdentExt, parse_quote};

use super::{serde_metas, serde_says};
use crate::{
    entity::names::{Rule, serde_value},
    options::cfgs,
};

/// What tells the schema of a field's other names.
pub(super) fn of_field(field: &Field) -> Option<Attribute> {
    let names = names(&field.attrs);
    (!names.is_empty()).then(|| {
        parse_quote!(#[schemars(transform = ::ligand::__private::wire::schema::Annotate::new().aliases(&[#(#names),*]))])
    })
}

/// What tells the schema of an enum of other names of its variants.
pub(super) fn of_variants(item: &DeriveInput) -> Option<TokenStream> {
    let Data::Enum(data) = &item.data else { return None };
    // Without a tag there are no names to read.
    if serde_says(&item.attrs, "untagged") {
        return None;
    }
    let rule = Rule::known(&item.attrs)?;
    let mut all = Vec::new();
    for variant in &data.variants {
        let aliases = names(&variant.attrs);
        if !aliases.is_empty() && !serde_says(&variant.attrs, "untagged") {
            let name = serde_value(&variant.attrs, "rename")
                .unwrap_or_else(|| rule.apply_to_variant(&variant.ident.unraw().to_string()));
            let cfgs = cfgs(&variant.attrs);
            all.push(quote!(#(#cfgs)* (#name, &[#(#aliases),*])));
        }
    }
    let tag = match serde_value(&item.attrs, "tag") {
        Some(tag) => quote!(::core::option::Option::Some(#tag)),
        None => quote!(::core::option::Option::None),
    };
    (!all.is_empty()).then(|| {
        quote!(#[schemars(transform = ::ligand::__private::wire::schema::VariantAliases::new(#tag, &[#(#all),*]))])
    })
}

fn names(attributes: &[Attribute]) -> Vec<Expr> {
    serde_metas(attributes)
        .into_iter()
        .filter_map(|meta| match meta {
            Meta::NameValue(pair) if pair.path.is_ident("alias") => Some(pair.value),
            _ => None,
        })
        .collect()
}
