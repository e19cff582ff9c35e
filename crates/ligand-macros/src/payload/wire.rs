//! The names of a payload's fields on the wire, for checks while the program is compiled.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, Fields, Meta};

use super::Payload;
use crate::{
    entity::names::{Rule, metas, wire_name},
    options::cfgs,
};

impl Payload {
    /// `const WIRE_NAMES`; nothing where serde is told something that leaves the names open.
    pub(super) fn wire_names(&self) -> Option<TokenStream> {
        let Data::Struct(data) = &self.item.data else { return None };
        let Fields::Named(fields) = &data.fields else { return None };
        let open = ["transparent", "untagged", "from", "try_from", "remote", "rename_all_fields"];
        let container = metas(&self.item.attrs, "serde");
        if container.iter().any(|meta| open.iter().any(|word| meta.path().is_ident(word))) {
            return None;
        }
        let nested = |meta: &Meta, word: &str| matches!(meta, Meta::List(list) if list.path.is_ident(word));
        let rule = Rule::known(&self.item.attrs)?;
        let mut names = Vec::new();
        for field in &fields.named {
            let said = metas(&field.attrs, "serde");
            let says = |word: &str| said.iter().any(|meta| meta.path().is_ident(word));
            if says("flatten") || said.iter().any(|meta| nested(meta, "rename")) {
                return None;
            }
            if says("skip") || says("skip_deserializing") {
                continue;
            }
            let (cfgs, name) = (cfgs(&field.attrs), wire_name(field, rule));
            names.push(quote!(#(#cfgs)* #name));
            for meta in &said {
                if let Meta::NameValue(pair) = meta
                    && pair.path.is_ident("alias")
                {
                    let other = &pair.value;
                    names.push(quote!(#(#cfgs)* #other));
                }
            }
        }
        Some(quote! {
            const WIRE_NAMES: ::core::option::Option<&'static [&'static str]> = ::core::option::Option::Some(&[#(#names),*]);
        })
    }
}
