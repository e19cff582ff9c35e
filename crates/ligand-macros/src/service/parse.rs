//! Reads the options and the methods of an impl block, and takes the attributes off.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Expr, ExprLit, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Lit, LitStr, Token, Type,
    ext::IdentExt,
    parse::{Parse, ParseStream, Parser},
    spanned::Spanned,
};

use super::model::{
    Action, ActionOptions, Dependency, Event, Handler, HookKind, Lifecycle, Options, Phase, Service, Version,
};
use crate::{
    errors::Errors,
    options::{
        self, Argument, Entry, Place, arguments, bulkhead, camel_case, cfgs, circuit_breaker, docs, duration,
        event_pattern, fields, read, retry, routes, word,
    },
    signature::{self, is_field_attribute, is_unit, without_self},
    surface::Call,
};

const SERVICE: Place = Place {
    name: "`#[service]`",
    options: "name = \"users\", version = 2, mixins(db: Db<User>), contract = UsersApi, dependencies(\"stock\"), \
              settings(key = value), metadata(key = value), without(\"insert\")",
};

const ACTION: Place = Place {
    name: "`#[action]`",
    options: "name, rest, cache, timeout, retry, circuit_breaker, bulkhead, fallback, published, public, protected, \
              private, before, after, on_error, http, body, run_to_end, blocking, meta, unknown",
};

/// Whether an action of a service has an option of this name.
pub(crate) fn is_action_option(name: &str) -> bool {
    ACTION.options.split(", ").any(|option| option == name)
}

const EVENT: Place = Place { name: "`#[event]`", options: "group, throttle, debounce, bulkhead, blocking" };

/// The attributes of methods that belong to `#[service]`.
const MARKS: [&str; 10] =
    ["action", "event", "every", "created", "started", "stopping", "stopped", "before", "after", "on_error"];

struct MixinField {
    name: Ident,
    ty: Type,
}

impl Parse for MixinField {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        Ok(Self { name, ty: input.parse()? })
    }
}

pub(super) fn service_options(tokens: TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    let mut named = false;
    read(tokens, SERVICE, errors, |entry, errors| {
        let result = match entry.name.to_string().as_str() {
            "name" => entry.text("`name = \"users\"`").and_then(|text| {
                named = true;
                options.name = Some((word(&text, "a service")?, text.span()));
                Ok(())
            }),
            "version" => version(entry).map(|version| options.version = Some(version)),
            "mixins" => entry
                .list::<MixinField>("`mixins(field: Type, ..)`, for example `mixins(db: Db<User>)`")
                .map(|mixins| {
                    options.mixins = mixins.into_iter().map(|mixin| (mixin.name, mixin.ty)).collect();
                }),
            "contract" => match &entry.argument {
                Argument::Value(Expr::Path(path)) => {
                    options.contract = Some(path.path.clone());
                    Ok(())
                }
                _ => Err(entry.wrong(
                    "write `contract = UsersApi`, the name of a `#[contract]` trait; a service keeps to one",
                )),
            },
            "dependencies" => dependencies(entry).map(|found| options.dependencies = found),
            "settings" => {
                options.settings = fields(entry, errors);
                Ok(())
            }
            "metadata" => {
                options.metadata = fields(entry, errors);
                Ok(())
            }
            "without" => entry.list("`without(\"insert\", ..)`").map(|names| options.without = names),
            _ => return false,
        };
        result.unwrap_or_else(|error| errors.push(error));
        true
    });
    if !named {
        errors.at_span(Span::call_site(), "a service has a name; add one: `#[service(name = \"users\")]`");
    }
    options
}

fn version(entry: &Entry) -> syn::Result<Version> {
    let wrong =
        || entry.wrong("a version is a whole number or a text: `version = 2` or `version = \"staging\"`");
    match &entry.argument {
        Argument::Value(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
            number.base10_parse().map(Version::Number).map_err(|_| wrong())
        }
        Argument::Value(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
            word(text, "a version").map(Version::Text)
        }
        _ => Err(wrong()),
    }
}

fn dependencies(entry: &Entry) -> syn::Result<Vec<Dependency>> {
    let example = "`dependencies(\"stock\", \"v2.users\")`, or the types of services: `dependencies(Stock)`";
    let items: Vec<Expr> = entry.list(example)?;
    items
        .into_iter()
        .map(|item| match item {
            Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) => {
                word(&name, "a service").map(|_| Dependency::Name(name))
            }
            Expr::Path(path) => Ok(Dependency::Type(path.path)),
            other => Err(syn::Error::new_spanned(other, format_args!("write {example}"))),
        })
        .collect()
}

/// Takes the attributes off all methods and reads what they say.
pub(super) fn methods(item: &mut ItemImpl, service: &mut Service, errors: &mut Errors) {
    let ty = (*item.self_ty).clone();
    for item in &mut item.items {
        let ImplItem::Fn(function) = item else { continue };
        let marks = take_marks(&mut function.attrs);
        let is_action = marks.iter().any(|mark| mark.path().is_ident("action"));
        if let [first, second, ..] = marks.as_slice()
            && !(first.path().is_ident("event") && second.path().is_ident("event"))
            && !(hook_kind(first).is_some() && hook_kind(second).is_some())
        {
            errors.at(
                second,
                format_args!(
                    "`{}` is `#[{}]` already; make two methods of it",
                    function.sig.ident,
                    first.path().to_token_stream()
                ),
            );
        }
        for mark in &marks {
            method(function, mark, &ty, service, errors);
        }
        if is_action {
            strip_arguments(function);
        }
    }
}

fn take_marks(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    let is_mark = |attribute: &Attribute| MARKS.iter().any(|name| attribute.path().is_ident(name));
    let (marks, rest) = attributes.drain(..).partition(is_mark);
    *attributes = rest;
    marks
}

/// Attributes of arguments are about the fields they become.
fn strip_arguments(function: &mut ImplItemFn) {
    for argument in &mut function.sig.inputs {
        if let FnArg::Typed(argument) = argument {
            argument.attrs.retain(|attribute| !is_field_attribute(attribute));
        }
    }
}

fn hook_kind(mark: &Attribute) -> Option<HookKind> {
    [HookKind::Before, HookKind::After, HookKind::OnError]
        .into_iter()
        .find(|kind| mark.path().is_ident(kind.name()))
}

fn method(function: &ImplItemFn, mark: &Attribute, ty: &Type, service: &mut Service, errors: &mut Errors) {
    let tokens = arguments(&mark.meta, errors);
    let phases = [Phase::Created, Phase::Started, Phase::Stopping, Phase::Stopped];
    if mark.path().is_ident("action") {
        let options = action_options(tokens, errors);
        if let Some(action) = action(function, options, ty, errors) {
            service.actions.push(action);
        }
    } else if mark.path().is_ident("event") {
        service.events.extend(event(function, tokens, ty, errors));
    } else if mark.path().is_ident("every") {
        service.jobs.extend(super::jobs::job(function, tokens, errors));
    } else if let Some(kind) = hook_kind(mark) {
        let name = kind.name();
        let masks = syn::parse2::<LitStr>(tokens.clone());
        let hook = super::hooks::hook(function, kind, ty, errors);
        match masks {
            Ok(mask) if !mask.value().trim().is_empty() => {
                service.hooks.extend(hook.map(|hook| (mask, hook)));
            }
            _ => {
                let fix = format!(
                    "say for which actions: `#[{name}(\"*\")]`, `#[{name}(\"create|update\")]` or `#[{name}(\"admin.*\")]`"
                );
                if tokens.is_empty() { errors.at(mark, fix) } else { errors.at(&tokens, fix) }
            }
        }
    } else if let Some(phase) = phases.into_iter().find(|phase| mark.path().is_ident(phase.name())) {
        if !tokens.is_empty() {
            errors.at(&tokens, format_args!("`#[{}]` has no options; remove them", phase.name()));
        }
        service.lifecycle.extend(lifecycle(function, phase, errors));
    }
}

pub(super) fn handler(function: &ImplItemFn, ctx: bool, fallible: bool) -> Handler {
    Handler {
        method: function.sig.ident.clone(),
        is_async: function.sig.asyncness.is_some(),
        ctx,
        fallible,
        reply: false,
        cfgs: cfgs(&function.attrs),
    }
}

/// What blocks its thread has nothing to wait for.
pub(super) fn blocks(function: &ImplItemFn, blocking: bool, errors: &mut Errors) {
    if let Some(token) = function.sig.asyncness.filter(|_| blocking) {
        errors.at(
            &token,
            "a blocking method runs on a thread of its own, where it may block, so it is not `async`; remove one of them. \
             To wait for a call there, write `ctx.block_on(..)`",
        );
    }
}

fn action(function: &ImplItemFn, options: ActionOptions, ty: &Type, errors: &mut Errors) -> Option<Action> {
    blocks(function, options.blocking, errors);
    let inputs = signature::inputs(&function.sig, "an action", errors);
    let output = signature::output(&function.sig.output, errors);
    let inputs = inputs?;
    let mut input = signature::input(&inputs.arguments, errors)?;
    let output = output?;
    match &mut input {
        signature::Input::Params(params) => *params = without_self(params, ty),
        signature::Input::Fields(fields) => {
            fields.iter_mut().for_each(|field| field.ty = without_self(&field.ty, ty));
        }
        signature::Input::Nothing => {}
    }
    if let (Some(at), false) = (&options.unknown, matches!(input, signature::Input::Fields(_))) {
        errors.at(
            at,
            "`unknown` is about plain arguments; of `params: T` it stands on the type: `#[payload(unknown = \"reject\")]`",
        );
    }
    let method = &function.sig.ident;
    let (wire, wire_span) = match &options.name {
        Some(name) => (name.value(), name.span()),
        None => (camel_case(method), method.span()),
    };
    let call = Call {
        method: method.clone(),
        wire,
        full: String::new(),
        docs: docs(&function.attrs),
        cfgs: cfgs(&function.attrs),
        input,
        strict: options.unknown.is_some(),
        result: without_self(&output.ty, ty),
    };
    let handler = Handler { reply: output.reply, ..handler(function, inputs.ctx, output.fallible) };
    Some(Action { call, handler, wire_span, options, hooks: Vec::new() })
}

fn action_options(tokens: TokenStream, errors: &mut Errors) -> ActionOptions {
    let mut options = ActionOptions::default();
    read(tokens, ACTION, errors, |entry, errors| {
        action_option(entry, &mut options, errors).unwrap_or_else(|error| {
            errors.push(error);
            true
        })
    });
    options
}

fn action_option(entry: &Entry, options: &mut ActionOptions, errors: &mut Errors) -> syn::Result<bool> {
    match entry.name.unraw().to_string().as_str() {
        "name" => {
            let text = entry.text("`name = \"list\"`")?;
            word(&text, "an action")?;
            options.name = Some(text);
        }
        "rest" => options.rest = routes(entry, errors)?,
        "cache" => options.builder.push(cache(entry, errors)),
        "timeout" => {
            let limit = duration(entry)?;
            options.builder.push(quote!(.timeout(#limit)));
        }
        "retry" => options.builder.push(policy(entry, &retry(entry, errors))),
        "circuit_breaker" => options.builder.push(policy(entry, &circuit_breaker(entry, errors))),
        "bulkhead" => options.builder.push(policy(entry, &bulkhead(entry, errors))),
        "fallback" => fallback(entry, options)?,
        "published" | "public" | "protected" | "private" => {
            entry.bare()?;
            match &options.visibility {
                Some(other) => errors.at(
                    &entry.name,
                    format_args!("an action cannot be both `{other}` and `{}`; keep one of them", entry.name),
                ),
                None => options.visibility = Some(entry.name.clone()),
            }
        }
        name @ ("before" | "after" | "on_error") => {
            let kind = match name {
                "before" => HookKind::Before,
                "after" => HookKind::After,
                _ => HookKind::OnError,
            };
            let methods: Vec<Ident> =
                entry.list(&format!("`{name}(method, ..)` with methods of this impl block"))?;
            options.hooks.extend(methods.into_iter().map(|method| (kind, method)));
        }
        "http" => options.builder.push(http(entry, errors)),
        "body" => options.body = super::body::option(entry, errors),
        "run_to_end" => {
            let always = match &entry.argument {
                Argument::None => true,
                Argument::Value(Expr::Lit(ExprLit { lit: Lit::Bool(always), .. })) => always.value,
                _ => return Err(entry.wrong("write `run_to_end` or `run_to_end = false`")),
            };
            options.builder.push(quote!(.run_to_end(#always)));
        }
        "blocking" => {
            entry.bare()?;
            options.blocking = true;
        }
        "unknown" => {
            let text = entry.text("`unknown = \"reject\"`")?;
            match text.value().as_str() {
                "reject" => options.unknown = Some(text),
                "drop" => {}
                _ => return Err(syn::Error::new_spanned(&text, "`unknown` is \"reject\" or \"drop\" here")),
            }
        }
        "meta" => {
            for options::Field { key, value, .. } in fields(entry, errors) {
                options.builder.push(quote!(.metadata(#key, #value)));
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// `http`, `http(headers("user-agent"), cookies("session"))`
fn http(entry: &Entry, errors: &mut Errors) -> TokenStream {
    let wants = quote!(::ligand::__private::core::edge::HttpWants::new());
    match &entry.argument {
        Argument::None => quote!(.http(#wants)),
        Argument::Value(_) => {
            errors
                .push(entry.wrong("write `http`, or `http(headers(\"user-agent\"), cookies(\"session\"))`"));
            TokenStream::new()
        }
        Argument::List(tokens) => {
            let mut wants = wants;
            let place = Place { name: "`http`", options: "headers(\"user-agent\"), cookies(\"session\")" };
            read(tokens.clone(), place, errors, |field, errors| {
                if !field.is("headers") && !field.is("cookies") {
                    return false;
                }
                let method = &field.name;
                match field.list::<LitStr>(&format!("`{method}(\"name\", ..)`")) {
                    Ok(names) => wants.extend(quote!(.#method([#(#names),*]))),
                    Err(error) => errors.push(error),
                }
                true
            });
            quote!(.http(#wants))
        }
    }
}

fn policy(entry: &Entry, policy: &options::Policy) -> TokenStream {
    let (method, value) = (&entry.name, policy.tokens());
    quote!(.#method(#value))
}

/// `cache`, `cache = false`, `cache(keys(..), ttl = "60s")`
fn cache(entry: &Entry, errors: &mut Errors) -> TokenStream {
    let rule = quote!(::ligand::__private::core::cache::CacheRule);
    match &entry.argument {
        Argument::None => quote!(.cache(#rule::new())),
        Argument::Value(Expr::Lit(ExprLit { lit: Lit::Bool(on), .. })) if on.value => {
            quote!(.cache(#rule::new()))
        }
        Argument::Value(Expr::Lit(ExprLit { lit: Lit::Bool(_), .. })) => quote!(.no_cache()),
        Argument::Value(_) => {
            errors
                .push(entry.wrong("write `cache`, `cache(keys(\"id\"), ttl = \"60s\")` or `cache = false`"));
            TokenStream::new()
        }
        Argument::List(tokens) => {
            let (mut keys, mut ttl) = (None, None);
            let place =
                Place { name: "`cache`", options: "keys(\"id\", \"#user.id\", \"@x-lang\"), ttl = \"60s\"" };
            read(tokens.clone(), place, errors, |field, errors| {
                if field.is("keys") {
                    keys = cache_keys(field, errors);
                } else if field.is("ttl") {
                    match duration(field) {
                        Ok(limit) => ttl = Some(quote!(.with_ttl(#limit))),
                        Err(error) => errors.push(error),
                    }
                } else {
                    return false;
                }
                true
            });
            let keys = keys.unwrap_or_else(|| quote!(new()));
            quote!(.cache(#rule::#keys #ttl))
        }
    }
}

fn cache_keys(field: &Entry, errors: &mut Errors) -> Option<TokenStream> {
    let example = "`keys(\"id\", \"#user.id\", \"@x-lang\")`: paths in the parameters, with # in the meta, with @ a header";
    let keys: Vec<LitStr> = match field.list(example) {
        Ok(keys) => keys,
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    for (index, key) in keys.iter().enumerate() {
        let value = key.value();
        if value.trim_start_matches(['#', '@']).is_empty() || value.contains(char::is_whitespace) {
            errors.at(key, format_args!("a cache key is a path such as {example}"));
        } else if keys[..index].iter().any(|other| other.value() == value) {
            errors.at(key, format_args!("`{value}` is here twice; keep one of them"));
        }
    }
    Some(quote!(keys([#(#keys),*])))
}

/// `fallback = method`, `fallback = "other.action"`, `fallback = 0`, `fallback(value)`
fn fallback(entry: &Entry, options: &mut ActionOptions) -> syn::Result<()> {
    let path = quote!(::ligand::__private::core::middleware::Fallback);
    options.fallback = Some(entry.name.span());
    let builder = match &entry.argument {
        Argument::Value(Expr::Path(method)) if method.path.get_ident().is_some() => {
            let method = method.path.require_ident()?.clone();
            options.hooks.push((HookKind::Fallback, method));
            return Ok(());
        }
        Argument::Value(Expr::Lit(ExprLit { lit: Lit::Str(action), .. })) => {
            word(action, "an action")?;
            quote!(#path::action(#action))
        }
        Argument::Value(Expr::Lit(ExprLit { lit, .. })) => {
            let value = options::json(&lit.to_token_stream());
            quote!(#path::value(#value))
        }
        Argument::List(tokens) if !tokens.is_empty() => {
            let value = options::json(tokens);
            quote!(#path::value(#value))
        }
        _ => {
            return Err(entry.wrong(
                "write `fallback = method`, `fallback = \"other.action\"`, or `fallback(value)` with a value in JSON",
            ));
        }
    };
    options.builder.push(quote!(.fallback(#builder)));
    Ok(())
}

fn event(function: &ImplItemFn, tokens: TokenStream, ty: &Type, errors: &mut Errors) -> Option<Event> {
    let mut builder = Vec::new();
    let (pattern, rest) = leading_text(tokens);
    if let Some(pattern) = &pattern
        && let Err(error) = event_pattern(pattern)
    {
        errors.push(error);
    }
    let mut paces: Option<Ident> = None;
    let mut blocking = false;
    read(rest, EVENT, errors, |entry, errors| {
        let result = match entry.name.to_string().as_str() {
            "group" => entry.text("`group = \"mail\"`").and_then(|text| {
                word(&text, "a group")?;
                Ok(quote!(.group(#text)))
            }),
            name @ ("throttle" | "debounce") => {
                if let Some(other) = paces.replace(entry.name.clone()) {
                    errors.at(
                        &entry.name,
                        format_args!("a listener has either `{other}` or `{name}`; keep one of them"),
                    );
                }
                let method = &entry.name;
                duration(entry).map(|period| quote!(.#method(#period)))
            }
            "bulkhead" => Ok(policy(entry, &bulkhead(entry, errors))),
            "blocking" => entry.bare().map(|()| {
                blocking = true;
                TokenStream::new()
            }),
            _ => return false,
        };
        match result {
            Ok(call) => builder.push(call),
            Err(error) => errors.push(error),
        }
        true
    });

    blocks(function, blocking, errors);
    let inputs = signature::inputs(&function.sig, "a listener", errors);
    let output = nothing(function, "a listener", errors);
    let inputs = inputs?;
    let payload = match inputs.arguments.as_slice() {
        [] => None,
        [argument] => signature::owned(&argument.ty, errors).then(|| Some(without_self(&argument.ty, ty)))?,
        [_, second, ..] => {
            errors.at(
                second,
                "a listener takes the whole payload as one argument; put the fields into its type",
            );
            return None;
        }
    };
    let named = payload.as_ref().is_some_and(|ty| !signature::is_named(ty, "Payload") && !is_unit(ty));
    if pattern.is_none() && !named {
        errors.at(
            &function.sig.ident,
            "which event? Write `#[event(\"orders.*\")]`, or take a payload made with `#[payload(event = \"..\")]`",
        );
        return None;
    }
    let handler = handler(function, inputs.ctx, output?);
    Some(Event { handler, pattern, payload, blocking, docs: docs(&function.attrs), builder })
}

/// `&ServiceBroker`
fn is_broker(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference)
        if reference.mutability.is_none() && signature::is_named(&reference.elem, "ServiceBroker"))
}

/// The text an attribute starts with, and the options after it.
pub(super) fn leading_text(tokens: TokenStream) -> (Option<LitStr>, TokenStream) {
    let parser = |input: ParseStream<'_>| {
        let text = if input.peek(LitStr) { Some(input.parse()?) } else { None };
        if text.is_some() && input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
        }
        Ok((text, input.parse()?))
    };
    parser.parse2(tokens).unwrap_or_default()
}

/// `()` or `Result<()>`; whether it is a `Result`.
pub(super) fn nothing(function: &ImplItemFn, what: &str, errors: &mut Errors) -> Option<bool> {
    let output = signature::output(&function.sig.output, errors)?;
    if !is_unit(&output.ty) {
        errors.at(
            &function.sig.output,
            format_args!("{what} answers nothing; write `-> Result<()>`, or leave it out"),
        );
        return None;
    }
    Some(output.fallible)
}

fn lifecycle(function: &ImplItemFn, phase: Phase, errors: &mut Errors) -> Option<Lifecycle> {
    let what = format!("`#[{}]`", phase.name());
    let inputs = signature::inputs(&function.sig, &what, errors);
    let output = nothing(function, &what, errors);
    let inputs = inputs?;
    let mut takes = inputs.ctx;
    let mut right = true;
    if phase == Phase::Created {
        if let Some(token) = &function.sig.asyncness {
            errors.at(
                token,
                "`#[created]` runs while the broker is made, so it is not `async`; use `#[started]` to wait",
            );
            right = false;
        }
        match inputs.arguments.as_slice() {
            _ if inputs.ctx => {
                let at = function.sig.inputs.iter().nth(1).map_or(function.sig.span(), Spanned::span);
                errors.at_span(
                    at,
                    "there is no context yet; write `broker: &ServiceBroker`, or use `#[started]`",
                );
                right = false;
            }
            [] => {}
            [argument] if is_broker(&argument.ty) => takes = true,
            [argument, ..] => {
                errors.at(argument, "`#[created]` takes `broker: &ServiceBroker` and nothing else");
                right = false;
            }
        }
    } else if let Some(argument) = inputs.arguments.first() {
        errors.at(argument, format_args!("{what} takes `ctx: &Context` and nothing else; remove it"));
        right = false;
    }
    let handler = handler(function, takes, output?);
    right.then_some(Lifecycle { phase, handler })
}
