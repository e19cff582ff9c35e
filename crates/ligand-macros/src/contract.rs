//! `#[contract]`: a trait that says what a service offers becomes a name with a client; the service itself is
//! implemented elsewhere, perhaps in another language.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Expr, ExprLit, FnArg, Ident, ItemTrait, Lit, LitStr, TraitItem, TraitItemFn, Type,
    ext::IdentExt, parse_quote,
};

use crate::{
    errors::Errors,
    options::{Argument, Place, arguments, camel_case, cfgs, docs, read, word},
    signature::{self, Field, Input},
    surface::{Call, Surface, allows, core, form, forms_in_scope, mixed_in},
};

const CONTRACT: Place = Place {
    name: "`#[contract]`",
    options: "name = \"users\", version = 2, mixins(Crud<User>), without(\"remove\")",
};
const ACTION: Place = Place { name: "contract `#[action]`", options: "name" };

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let Options { name, mixins, without } = read_options(options, &mut errors);
    let Ok(item_trait) = syn::parse2::<ItemTrait>(item.clone()) else {
        errors.at(
            item,
            "#[contract] goes on a trait: `#[contract(name = \"users\")] pub trait UsersApi { .. }`",
        );
        let errors = errors.into_tokens();
        return quote!(#item #errors);
    };
    if !item_trait.generics.params.is_empty() {
        errors.at(&item_trait.generics, "a contract has no type parameters: what travels has fixed types");
    }
    if let Some(bound) = item_trait.supertraits.first() {
        errors.at(bound, "a contract stands alone; remove the supertrait");
    }
    let mut calls: Vec<Call> = Vec::new();
    for item in &item_trait.items {
        let TraitItem::Fn(function) = item else {
            errors.at(item, "a contract has actions only: `async fn get(params: ById) -> Result<User>;`");
            continue;
        };
        let Some(call) = call(function, &name, &mut errors) else { continue };
        if let Some(first) = calls.iter().find(|other| other.wire == call.wire) {
            errors.at(
                &function.sig.ident,
                format_args!(
                    "the action `{}` exists already, from `{}`; give one of them another name",
                    call.wire, first.method
                ),
            );
        }
        calls.push(call);
    }
    let emitted = emit(&item_trait, &name, &calls, &mixins, &without);
    let errors = errors.into_tokens();
    quote!(#emitted #errors)
}

#[derive(Default)]
struct Options {
    /// Full name with version.
    name: String,
    mixins: Vec<Type>,
    without: Vec<LitStr>,
}

fn read_options(options: TokenStream, errors: &mut Errors) -> Options {
    let (mut name, mut prefix, mut named) = (String::new(), String::new(), false);
    let (mut mixins, mut without) = (Vec::new(), Vec::new());
    read(options, CONTRACT, errors, |entry, errors| {
        let result = if entry.is("name") {
            named = true;
            entry.text("`name = \"users\"`").and_then(|text| word(&text, "a service")).map(|text| name = text)
        } else if entry.is("version") {
            match &entry.argument {
                Argument::Value(Expr::Lit(ExprLit { lit: Lit::Int(number), .. }))
                    if number.base10_parse::<u32>().is_ok() =>
                {
                    prefix = format!("v{}.", number.base10_digits());
                    Ok(())
                }
                Argument::Value(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
                    word(text, "a version").map(|text| prefix = format!("{text}."))
                }
                _ => Err(entry.wrong(
                    "a version is a whole number or a text: `version = 2` or `version = \"staging\"`",
                )),
            }
        } else if entry.is("mixins") {
            entry.list("`mixins(Type, ..)`, for example `mixins(Crud<User>)`").map(|types| mixins = types)
        } else if entry.is("without") {
            entry.list("`without(\"remove\", ..)`").map(|names| without = names)
        } else {
            return false;
        };
        result.unwrap_or_else(|error| errors.push(error));
        true
    });
    if !named {
        let fix = "a contract has the name of its service; add one: `#[contract(name = \"users\")]`";
        errors.at_span(Span::call_site(), fix);
    }
    if let (Some(first), true) = (without.first(), mixins.is_empty()) {
        errors.at(
            first,
            "`without` leaves out actions that a mixin brings, and there are none; remove it or add `mixins(..)`",
        );
    }
    Options { name: format!("{prefix}{name}"), mixins, without }
}

fn call(function: &TraitItemFn, service: &str, errors: &mut Errors) -> Option<Call> {
    let signature = &function.sig;
    let mut right = signature::modifiers(signature, "an action", errors);
    if let Some(body) = &function.default {
        errors.at(body, "a contract only says what there is; remove the body");
        right = false;
    }
    let typed = signature.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    });
    let inputs = signature::after_self(typed.collect(), "an action", errors)?;
    if inputs.ctx {
        let at = signature.inputs.iter().find(|argument| matches!(argument, FnArg::Typed(_)));
        errors.at(&at, "callers bring their own context; remove `ctx` from the contract");
        right = false;
    }
    let input = signature::input(&inputs.arguments, errors);
    let output = signature::output(&signature.output, errors);
    let wire = wire_name(&function.attrs, errors).unwrap_or_else(|| camel_case(&signature.ident));
    right.then_some(())?;
    Some(Call {
        method: signature.ident.clone(),
        full: format!("{service}.{wire}"),
        wire,
        docs: docs(&function.attrs),
        cfgs: cfgs(&function.attrs),
        input: input?,
        strict: false,
        result: output?.ty,
    })
}

fn wire_name(attributes: &[Attribute], errors: &mut Errors) -> Option<String> {
    let mut name = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("action")) {
        let tokens = arguments(&attribute.meta, errors);
        read(tokens, ACTION, errors, |entry, errors| {
            let of_service = crate::service::is_action_option(&entry.name.unraw().to_string());
            if !entry.is("name") && of_service {
                errors.at(
                    &entry.name,
                    format_args!(
                        "a contract says names and types; `{}` belongs to the service, on its own method",
                        entry.name
                    ),
                );
                return true;
            }
            if !entry.is("name") {
                return false;
            }
            match entry.text("`name = \"list\"`").and_then(|text| word(&text, "an action")) {
                Ok(text) => name = Some(text),
                Err(error) => errors.push(error),
            }
            true
        });
    }
    name
}

fn emit(item: &ItemTrait, name: &str, calls: &[Call], mixins: &[Type], without: &[LitStr]) -> TokenStream {
    let ident: &Ident = &item.ident;
    let ty: Type = parse_quote!(#ident);
    let generics = syn::Generics::default();
    let surface = Surface { ident, ty: &ty, generics: &generics, name, calls: calls.iter().collect() };
    let (callers, client, core, allows) = (surface.emit(), surface.client_ident(), core(), allows());
    let (attributes, visibility) = (&item.attrs, &item.vis);
    let actions = calls.iter().filter(|call| call.cfgs.is_empty()).map(|call| {
        let (wire, text, names) = (&call.wire, missing(ident, call), call.names(ident));
        quote!((#wire, #text, #names))
    });
    let terms = calls.iter().map(|call| {
        let (wire, text, cfgs) = (&call.wire, missing(ident, call), &call.cfgs);
        let (params, result) = (form(&call.params(ident)), form(&call.result));
        quote!(#(#cfgs)* terms.push(::ligand::__private::generated::term(#wire, #text, #params, #result));)
    });
    let mixed = (!mixins.is_empty()).then(|| {
        quote! {
            // What the contract says itself comes first.
            for term in ::core::iter::empty()#(.chain(<#mixins as #core::service::Promise>::terms()))* {
                let out: &[&str] = &[#(#without),*];
                if !out.contains(&term.action()) && terms.iter().all(|own| own.action() != term.action()) {
                    terms.push(term);
                }
            }
        }
    });
    let mixed_in = mixed_in(mixins.iter(), &client, name);
    let forms = forms_in_scope();
    quote! {
        #(#attributes)*
        #[derive(Clone, Copy, Debug)]
        #[allow(dead_code)]
        #visibility struct #ident;

        #callers

        #allows
        impl ::ligand::__private::agreement::Written for #ident {
            const ACTIONS: &'static [(&'static str, &'static str, ::ligand::__private::agreement::Names)] = {
                use ::ligand::__private::agreement::Nameless as _;
                &[#(#actions),*]
            };
        }

        impl #core::Contract for #ident {
            const NAME: &'static str = #name;
            type Client = #client;

            fn terms() -> ::std::vec::Vec<#core::service::Term> {
                #forms
                #[allow(unused_mut)]
                let mut terms: ::std::vec::Vec<#core::service::Term> = ::std::vec::Vec::new();
                #(#terms)*
                #mixed
                terms
            }
        }

        #(#mixed_in)*
    }
}

/// What a service is told that lacks the action.
fn missing(contract: &Ident, call: &Call) -> String {
    let arguments = match &call.input {
        Input::Nothing => String::new(),
        Input::Params(ty) => format!(", params: {}", readable(ty)),
        Input::Fields(fields) => {
            fields.iter().map(|Field { name, ty, .. }| format!(", {name}: {}", readable(ty))).collect()
        }
    };
    format!(
        "the contract `{contract}` has the action `{}`, the service has not; add `#[action] async fn {}(&self{arguments}) -> Result<{}>`",
        call.wire,
        call.method,
        readable(&call.result)
    )
}

/// Tokens without the blanks between them.
fn readable(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(' ', "").replace(',', ", ")
}
