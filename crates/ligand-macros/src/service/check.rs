//! What must fit together: names, routes, hooks and the actions they are for.

use std::{
    collections::HashMap,
    mem::{Discriminant, discriminant},
};

use ligand_alias::Verb;
use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::{GenericParam, Ident, ImplItem, ImplItemFn, ItemImpl, Type};

use super::{
    body, hooks,
    model::{Action, Hook, HookKind, Service},
};
use crate::{
    errors::Errors,
    options::{Base, Route},
    signature::Input,
};

/// Completes the service and reports what does not fit.
pub(super) fn check(service: &mut Service, item: &ItemImpl, errors: &mut Errors) {
    for index in 0..service.actions.len() {
        let full = service.full_action(&service.actions[index].call.wire);
        service.actions[index].call.full = full;
    }
    wire_names(&service.actions, errors);
    routes(&service.actions, errors);
    visibility(&service.actions, errors);
    body::check(&service.actions, errors);
    named_hooks(service, item, errors);
    masks(service, errors);
    type_parameters(service, errors);
    if service.options.mixins.is_empty()
        && let Some(first) = service.options.without.first()
    {
        errors.at(
            first,
            "`without` drops actions that a mixin brings, and there are none; remove it or add `mixins(..)`",
        );
    }
    let mut seen: Vec<Ident> = Vec::new();
    service.options.mixins.retain(|(name, _)| {
        let new = !seen.contains(name);
        if new {
            seen.push(name.clone());
        } else {
            errors.at(name, format_args!("the field `{name}` is here twice; keep one of them"));
        }
        new
    });
}

fn wire_names(actions: &[Action], errors: &mut Errors) {
    for (index, action) in actions.iter().enumerate() {
        let wire = &action.call.wire;
        let first = actions[..index].iter().find(|other| other.call.wire == *wire);
        if let Some(first) = first.filter(|first| first.call.cfgs.is_empty() && action.call.cfgs.is_empty()) {
            errors.at_span(
                action.wire_span,
                format_args!(
                    "the action `{wire}` exists already, from the method `{}`; give one of them another `name`",
                    first.call.method
                ),
            );
        }
    }
}

/// `/:id` and `/:name` are the same route.
fn routes(actions: &[Action], errors: &mut Errors) {
    let mut seen: HashMap<(Verb, Discriminant<Base>, String), &Action> = HashMap::new();
    for action in actions {
        for Route { verb, path, base, parsed, span } in &action.options.rest {
            for shape in parsed.shapes() {
                match seen.get(&(*verb, discriminant(base), shape.clone())) {
                    Some(first) if first.call.cfgs.is_empty() && action.call.cfgs.is_empty() => {
                        errors.at_span(
                            *span,
                            format_args!(
                                "the route `{} {path}` leads to the action `{}` already; change one of them",
                                verb.as_str(),
                                first.call.wire
                            ),
                        );
                        break;
                    }
                    _ => {
                        seen.insert((*verb, discriminant(base), shape), action);
                    }
                }
            }
        }
    }
}

fn visibility(actions: &[Action], errors: &mut Errors) {
    for action in actions {
        if let (Some(visibility), false) = (&action.options.visibility, action.options.rest.is_empty())
            && visibility != "published"
        {
            errors.at(
                visibility,
                format_args!(
                    "a `{visibility}` action is not for the gateway, so `rest` would have no effect; remove one of them"
                ),
            );
        }
    }
}

/// Finds the methods that `before(..)`, `after(..)`, `on_error(..)` and `fallback` name.
fn named_hooks(service: &mut Service, item: &ItemImpl, errors: &mut Errors) {
    let functions: Vec<&ImplItemFn> = item
        .items
        .iter()
        .filter_map(|item| match item {
            ImplItem::Fn(function) => Some(function),
            _ => None,
        })
        .collect();
    let mut known: Vec<(HookKind, String, Option<Hook>)> = Vec::new();
    for action in &mut service.actions {
        for (kind, name) in &action.options.hooks {
            let Some(function) = functions.iter().find(|function| function.sig.ident == *name) else {
                errors.at(
                    name,
                    format_args!("there is no method `{name}` in this impl block; {}", kind.usage()),
                );
                continue;
            };
            let text = name.to_string();
            let hook = match known.iter().find(|(other, method, _)| other == kind && *method == text) {
                Some((_, _, hook)) => hook.clone(),
                None => {
                    let hook = hooks::hook(function, *kind, &service.ty, errors);
                    known.push((*kind, text, hook.clone()));
                    hook
                }
            };
            if let Some(mut hook) = hook {
                // Type mismatches are reported where the hook is used.
                hook.handler.method = name.clone();
                action.hooks.push(hook);
            }
        }
    }
}

/// The names in a mask: `create|update`.
pub(super) fn names(mask: &str) -> impl Iterator<Item = &str> {
    mask.split(['|', ',']).map(str::trim).filter(|name| !name.is_empty())
}

/// A plain name in a mask must be an action. Mixins may bring more, so with them the start of the broker checks.
fn masks(service: &Service, errors: &mut Errors) {
    if !service.options.mixins.is_empty() {
        return;
    }
    let wires: Vec<&str> = service.actions.iter().map(|action| action.call.wire.as_str()).collect();
    for (mask, _) in &service.hooks {
        for name in names(&mask.value()).filter(|name| !name.contains(['*', '?'])) {
            if !wires.contains(&name) {
                errors.at(
                    mask,
                    format_args!(
                        "there is no action `{name}` in this service; the actions are: {}",
                        wires.join(", ")
                    ),
                );
            }
        }
    }
}

/// The client has no type parameters, so what its methods take and answer cannot have them either.
fn type_parameters(service: &Service, errors: &mut Errors) {
    let parameters: Vec<String> = service
        .generics
        .params
        .iter()
        .map(|parameter| match parameter {
            GenericParam::Type(parameter) => parameter.ident.to_string(),
            GenericParam::Const(parameter) => parameter.ident.to_string(),
            GenericParam::Lifetime(parameter) => parameter.lifetime.ident.to_string(),
        })
        .collect();
    if parameters.is_empty() {
        return;
    }
    let mut look = |ty: &Type| {
        if let Some(name) = mentions(ty.to_token_stream(), &parameters) {
            errors.at(
                ty,
                format_args!(
                    "what travels has one fixed type, so it cannot depend on the type parameter `{name}`"
                ),
            );
        }
    };
    for action in &service.actions {
        match &action.call.input {
            Input::Nothing => {}
            Input::Params(ty) => look(ty),
            Input::Fields(fields) => fields.iter().for_each(|field| look(&field.ty)),
        }
        look(&action.call.result);
    }
}

fn mentions(tokens: proc_macro2::TokenStream, names: &[String]) -> Option<String> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) => Some(ident.to_string()).filter(|ident| names.contains(ident)),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => None,
    })
}
