//! `#[ligand::main]`: runs an asynchronous `main` on a runtime.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, ItemFn, Lit};

use crate::{
    errors::Errors,
    options::{Argument, Place, read},
};

const MAIN: Place = Place { name: "`#[ligand::main]`", options: "worker_threads = 4" };

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut workers = quote!(::core::option::Option::None);
    read(options, MAIN, &mut errors, |entry, errors| {
        if !entry.is("worker_threads") {
            return false;
        }
        match &entry.argument {
            Argument::Value(Expr::Lit(ExprLit { lit: Lit::Int(number), .. }))
                if number.base10_parse::<u16>().is_ok_and(|number| number > 0) =>
            {
                workers = quote!(::core::option::Option::Some(#number));
            }
            _ => errors.push(entry.wrong("`worker_threads` is a whole number from 1")),
        }
        true
    });
    let usage = "#[ligand::main] goes on `async fn main() -> Result<()>`";
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        errors.at(item, usage);
        let errors = errors.into_tokens();
        return quote!(#item #errors);
    };
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        errors.at(&signature.fn_token, format_args!("{usage}; add `async`"));
    }
    if !signature.inputs.is_empty() {
        errors.at(&signature.inputs, format_args!("{usage}; it has no arguments"));
    }
    let errors = errors.into_tokens();
    if !errors.is_empty() {
        // An `async fn main` alone would be a second error.
        let (name, output) = (&signature.ident, &signature.output);
        return quote!(#[allow(unreachable_code)] fn #name() #output { #errors ::core::panic!() });
    }
    let (attributes, visibility, output) = (&function.attrs, &function.vis, &signature.output);
    let (name, body) = (&signature.ident, &function.block);
    quote! {
        #(#attributes)*
        #visibility fn #name() #output {
            async fn #name() #output #body
            ::ligand::__private::core::runtime::block_on(#workers, #name())
        }
    }
}
