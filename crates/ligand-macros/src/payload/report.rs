//! What a value's own checks say when it is not valid, and where.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, Type};

use super::{
    Payload,
    emit::{bindings, is_plain, pattern},
    place::Step,
};
use crate::{check::Custom, signature::is_named};

/// Whether a check of a field passes. Without a value there is nothing to check, as for the rules.
pub(super) fn condition(custom: &Custom, field: &Ident, ty: &Type) -> TokenStream {
    let inner = custom.condition(&quote!(value));
    match optional(field, ty) {
        Some(value) => quote!(#value.is_none_or(|value| #inner)),
        None => custom.condition(&quote!(#field)),
    }
}

/// The value of a field that may have none, as an `Option` of a reference.
fn optional(field: &Ident, ty: &Type) -> Option<TokenStream> {
    if is_named(ty, "Option") {
        Some(quote!(#field.as_ref()))
    } else if is_named(ty, "Patch") {
        Some(quote!(#field.as_value()))
    } else {
        None
    }
}

impl Payload {
    /// `Validate::violations`, where there is something to say. `fields` tells whether all rules of the fields hold.
    pub(super) fn violations(&self, fields: Option<&TokenStream>) -> Option<TokenStream> {
        let mut arms = Vec::new();
        let variants = self.variants();
        let count = variants.len();
        for (index, (path, _, fields, shape)) in variants.into_iter().enumerate() {
            let names = bindings(fields);
            let parts: Vec<Option<TokenStream>> = fields
                .iter()
                .zip(&names)
                .zip(shape.checks.iter().zip(&self.places[index]))
                .map(|((field, name), (checks, place))| {
                    let own = own(&checks.conditions(name), checks.customs(), name, &field.ty);
                    let inside = (!is_plain(&field.ty)).then(|| {
                        quote!((&::ligand::__private::wire::validate::probe::Probe(#name)).probe_violations(report);)
                    });
                    let parts: Vec<TokenStream> = own.into_iter().chain(inside).collect();
                    (!parts.is_empty()).then(|| at(place, quote!(#(#parts)*)))
                })
                .collect();
            let used: Vec<bool> = parts.iter().map(Option::is_some).collect();
            if used.contains(&true) {
                let pattern = pattern(&path, fields, &names, &used);
                arms.push(quote!(#pattern => { #(#parts)* }));
            }
        }
        if arms.is_empty() && self.customs.is_empty() {
            return None;
        }
        let rest = (arms.len() < count).then(|| quote!(_ => {}));
        let inside = (!arms.is_empty()).then(|| quote!(match self { #(#arms)* #rest }));
        // A check of the whole may count on its fields.
        let whole = (!self.customs.is_empty()).then(|| {
            let reports = self.customs.iter().map(|custom| custom.report(&quote!(self)));
            match fields {
                Some(fields) => quote!(if #fields { #(#reports)* }),
                None => quote!(#(#reports)*),
            }
        });
        Some(quote! {
            fn violations(&self, report: &mut ::ligand::__private::wire::validate::Report) {
                #inside
                #whole
            }
        })
    }
}

/// The checks of a field, which may count on its rules.
fn own(rules: &[TokenStream], customs: &[Custom], field: &Ident, ty: &Type) -> Option<TokenStream> {
    if customs.is_empty() {
        return None;
    }
    let reports = customs.iter().map(|custom| match optional(field, ty) {
        Some(value) => {
            let report = custom.report(&quote!(value));
            quote!(if let ::core::option::Option::Some(value) = #value { #report })
        }
        None => custom.report(&quote!(#field)),
    });
    Some(match rules {
        [] => quote!(#(#reports)*),
        rules => quote!(if #(#rules)&&* { #(#reports)* }),
    })
}

/// Within the steps of a place.
fn at(place: &[Step], inside: TokenStream) -> TokenStream {
    place.iter().rev().fold(inside, |inside, step| match step {
        Step::Key(name) => quote!(report.key(#name, |report| { #inside });),
        Step::Index(index) => quote!(report.index(#index, |report| { #inside });),
    })
}
