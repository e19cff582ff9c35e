//! The fields of a payload by name and type, for contracts: two structs of the same fields are one thing on the wire.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, Fields, Ident, Type};

use super::{Payload, Role, form::is_watched};
use crate::entity::names::{Rule, serde_says_more, wire_name};

impl Payload {
    /// `Named` and `FieldTypes`, for structs whose fields travel one by one under names of their own.
    pub(super) fn fields(&self) -> Option<TokenStream> {
        let fields = self.plain_fields()?;
        let name = &self.item.ident;
        let names = fields.iter().map(|(wire, ..)| wire);
        let idents: Vec<_> = fields.iter().map(|(_, ident, _)| ident).collect();
        let types = fields.iter().map(|(.., ty)| ty);
        let types = quote!((#(#types,)*));
        let contract = quote!(::ligand::__private::agreement);
        Some(quote! {
            #[automatically_derived]
            impl #contract::Named for #name {
                const NAMES: &'static [&'static str] = &[#(#names),*];
            }

            #[automatically_derived]
            #[allow(clippy::all, deprecated)]
            impl #contract::FieldTypes<#types> for #name {
                fn parts(&self) -> #types {
                    (#(::core::clone::Clone::clone(&self.#idents),)*)
                }

                fn of_parts((#(#idents,)*): #types) -> Self {
                    Self { #(#idents),* }
                }
            }
        })
    }

    /// Name on the wire, name and type of each field, in the order of the first.
    fn plain_fields(&self) -> Option<Vec<(String, &Ident, &Type)>> {
        let item = &self.item;
        let Data::Struct(data) = &item.data else { return None };
        let Fields::Named(named) = &data.fields else { return None };
        let whole = ["rename_all", "deny_unknown_fields", "default"];
        let owned = !named.named.iter().any(|field| matches!(field.ty, Type::Reference(_)));
        let plain = matches!(self.role, Role::Payload)
            && owned
            && item.generics.params.is_empty()
            && !serde_says_more(&item.attrs, &whole);
        let rule = Rule::known(&item.attrs).filter(|_| plain)?;
        let mut fields = Vec::new();
        for field in &named.named {
            let single = ["rename", "alias", "default", "skip_serializing_if"];
            let conditional = field.attrs.iter().any(|attribute| attribute.path().is_ident("cfg"));
            let said: Vec<_> =
                field.attrs.iter().filter(|attribute| !is_watched(attribute)).cloned().collect();
            if conditional || serde_says_more(&said, &single) {
                return None;
            }
            fields.push((wire_name(field, rule), field.ident.as_ref()?, &field.ty));
        }
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        Some(fields)
    }
}
