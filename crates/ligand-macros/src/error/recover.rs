//! The way back: from an error that came from anywhere to the variant that it is.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{DeriveInput, parse_quote, spanned::Spanned};

use super::{Case, Use, camel_case, core, message::Message};

/// `TryFrom<&ligand::Error>`. Variants that hold another error are asked last: some take every error.
pub(super) fn expand(input: &DeriveInput, cases: &[(&Case<'_>, Message)]) -> TokenStream {
    let (ident, core) = (&input.ident, core());
    let mut generics = input.generics.clone();
    // A type parameter that stands in the data is read from it, so there has to be a way.
    let in_data: Vec<String> = cases
        .iter()
        .flat_map(|(case, _)| &case.fields)
        .filter(|part| matches!(part.use_, Use::Data))
        .flat_map(|part| part.ty.to_token_stream())
        .map(|token| token.to_string())
        .collect();
    for parameter in generics.type_params_mut() {
        if in_data.contains(&parameter.ident.to_string()) {
            parameter.bounds.push(parse_quote!(::ligand::__private::serde::de::DeserializeOwned));
        }
    }
    generics.params.insert(0, parse_quote!('__error));
    let (generics, _, clause) = generics.split_for_impl();
    let (_, types, _) = input.generics.split_for_impl();
    let own =
        cases.iter().filter(|(case, _)| !case.is_transparent()).map(|(case, message)| variant(case, message));
    let others = cases.iter().filter(|(case, _)| case.is_transparent()).map(|(case, _)| other(case));
    quote! {
        #[automatically_derived]
        #[allow(unused_imports, unused_variables, clippy::all, clippy::pedantic)]
        impl #generics ::core::convert::TryFrom<&'__error #core::Error> for #ident #types #clause {
            type Error = &'__error #core::Error;

            fn try_from(error: &'__error #core::Error) -> ::core::result::Result<Self, Self::Error> {
                use ::ligand::__private::recovered::{
                    FromData as _, FromError as _, FromNothing as _, FromText as _, NotFromData as _, NotFromError as _,
                    NotFromNothing as _, NotFromText as _,
                };
                #(#own)*
                #(#others)*
                ::core::result::Result::Err(error)
            }
        }
    }
}

fn variant(case: &Case<'_>, message: &Message) -> TokenStream {
    let (path, code, kind) = (&case.path, case.code(), case.kind());
    let in_message = |index: usize| message.places.iter().position(|place| *place == Some(index));
    let mut needs_parts = false;
    let fields: Vec<TokenStream> = case
        .fields
        .iter()
        .enumerate()
        .map(|(index, part)| {
            let (member, ty) = (case.member(index), part.ty);
            let probe = quote_spanned!(ty.span()=> (&::ligand::__private::recovered::Probe::<#ty>::new()));
            let value = match (part.use_, in_message(index)) {
                (Use::Data, _) => {
                    let key = camel_case(&part.binding);
                    quote!(#probe.data(error, #key)?)
                }
                (Use::Skip, Some(place)) => {
                    needs_parts = true;
                    quote!(#probe.text(parts.get(#place)?)?)
                }
                // Written in a style that nothing reads.
                (Use::Skip, None) if message.used.contains(&index) => {
                    quote!(::core::option::Option::<#ty>::None?)
                }
                (Use::Skip, None) => quote!(#probe.nothing()?),
                // It does not travel.
                (Use::Internal, _) => quote!(match error.internal() {
                    ::core::option::Option::Some(text) => #probe.text(text)?,
                    ::core::option::Option::None => #probe.nothing()?,
                }),
            };
            quote!(#member: #value)
        })
        .collect();
    let texts = &message.texts;
    let parts = needs_parts.then(
        || quote!(let parts = ::ligand::__private::recovered::parts(error.message(), &[#(#texts),*])?;),
    );
    quote! {
        if error.code() == #code && error.kind() == #kind {
            let found = (|| {
                #parts
                ::core::option::Option::Some(#path { #(#fields),* })
            })();
            if let ::core::option::Option::Some(found) = found {
                return ::core::result::Result::Ok(found);
            }
        }
    }
}

fn other(case: &Case<'_>) -> TokenStream {
    let (path, member, ty) = (&case.path, case.member(0), case.fields[0].ty);
    let probe = quote_spanned!(ty.span()=> (&::ligand::__private::recovered::Probe::<#ty>::new()));
    quote! {
        if let ::core::option::Option::Some(other) = #probe.error(error) {
            return ::core::result::Result::Ok(#path { #member: other });
        }
    }
}
