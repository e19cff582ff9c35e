//! `#[service]`: reads an impl block, collects every error, and emits the definition, the client and the names of
//! the actions.

mod body;
mod check;
mod emit;
mod hooks;
mod jobs;
mod model;
mod parse;
mod task;

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, ImplItem, ItemImpl, Type, parse_quote};

use self::model::Service;
pub(crate) use self::parse::is_action_option;
use crate::errors::Errors;

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = parse::service_options(options, &mut errors);
    let mut block = match syn::parse2::<ItemImpl>(item.clone()) {
        Ok(block) => block,
        Err(error) => {
            let starts = item.clone().into_iter().find(|token| token.to_string() != "#");
            if starts.is_some_and(|token| token.to_string() == "impl") {
                errors.push(error);
            } else {
                errors.at(
                    item,
                    "#[service] goes on an impl block: `#[service(name = \"users\")] impl Users { .. }`",
                );
            }
            let errors = errors.into_tokens();
            return quote!(#item #errors);
        }
    };
    let service = read(options, &mut block, &mut errors);
    let emitted = service.map(|service| service.emit());
    let errors = errors.into_tokens();
    quote!(#block #emitted #errors)
}

fn read(options: model::Options, block: &mut ItemImpl, errors: &mut Errors) -> Option<Service> {
    let ident = match &*block.self_ty {
        Type::Path(path) if path.qself.is_none() => {
            path.path.segments.last().map(|segment| segment.ident.clone())
        }
        _ => None,
    };
    let place = "#[service] goes on the type's own impl block: `impl Users { .. }`";
    let fits = match (&ident, &block.trait_) {
        (Some(_), None) => true,
        (_, Some((path, _))) => {
            errors.at(path, format_args!("{place}, not on the impl of a trait"));
            false
        }
        (None, None) => {
            errors.at(&block.self_ty, place);
            false
        }
    };
    let mut service = Service {
        ident: ident.unwrap_or_else(|| quote::format_ident!("Service")),
        ty: (*block.self_ty).clone(),
        generics: block.generics.clone(),
        options,
        actions: Vec::new(),
        events: Vec::new(),
        jobs: Vec::new(),
        hooks: Vec::new(),
        lifecycle: Vec::new(),
    };
    if let Some(lifetime) = block.generics.lifetimes().next() {
        errors.at(
            lifetime,
            "a service lives as long as the broker, so it has no lifetimes; let it own what it needs",
        );
        return None;
    }
    parse::methods(block, &mut service, errors);
    check::check(&mut service, block, errors);
    task::check(block, errors);
    allow_signatures(block, &service);
    fits.then_some(service)
}

/// The macro asks for these signatures, so no lint may object to them.
fn allow_signatures(block: &mut ItemImpl, service: &Service) {
    let actions = service.actions.iter().map(|action| &action.handler);
    let named = service.actions.iter().flat_map(|action| &action.hooks).map(|hook| &hook.handler);
    let events = service.events.iter().map(|event| &event.handler);
    let hooks = service.hooks.iter().map(|(_, hook)| &hook.handler);
    let lifecycle = service.lifecycle.iter().map(|lifecycle| &lifecycle.handler);
    let jobs = service.jobs.iter().map(|job| &job.handler);
    let handlers = actions.chain(named).chain(events).chain(jobs).chain(hooks).chain(lifecycle);
    let methods: HashSet<&Ident> = handlers.map(|handler| &handler.method).collect();
    for item in &mut block.items {
        if let ImplItem::Fn(function) = item
            && methods.contains(&function.sig.ident)
        {
            function.attrs.push(parse_quote! {
                #[allow(
                    clippy::needless_pass_by_value,
                    clippy::unnecessary_wraps,
                    clippy::unused_async,
                    clippy::unused_self
                )]
            });
        }
    }
}
