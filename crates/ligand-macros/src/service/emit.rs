//! Lowers a service to calls a user could write by hand: builders of `ServiceDef`, one generic helper for each
//! action, listener and hook.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Type};

use super::{
    check::names,
    model::{Action, Dependency, Event, Handler, Hook, HookKind, Job, Lifecycle, Phase, Service, Version},
};
use crate::{
    signature::{Input, is_named},
    surface::{Call, Surface, allows, core, form, forms_in_scope, mixed_in, travelling},
};

impl Service {
    pub(super) fn emit(&self) -> TokenStream {
        let full_name = self.full_name();
        let surface = Surface {
            ident: &self.ident,
            ty: &self.ty,
            generics: &self.generics,
            name: &full_name,
            calls: self.actions.iter().map(|action| &action.call).collect(),
        };
        let (callers, client) = (surface.emit(), surface.client_ident());
        let (core, ty, allows, forms) = (core(), &self.ty, allows(), forms_in_scope());
        let (generics, _, clause) = self.generics.split_for_impl();
        let definition = self.definition();
        let mut mixins: Vec<&Type> = Vec::new();
        for (_, mixin) in &self.options.mixins {
            let text = |ty: &Type| ty.to_token_stream().to_string();
            if mixins.iter().all(|other| text(other) != text(mixin)) {
                mixins.push(mixin);
            }
        }
        let mixed_in = mixed_in(mixins.into_iter(), &client, &full_name);
        let checks = [self.other_types(), self.hook_types(), self.paths(), self.contract(&full_name)];
        // The compiler's first complaint about a second block is about the first item, so its name says what is wrong. In
        // another module it is the trait.
        let second = format_ident!("{}_has_two_service_blocks__put_all_methods_into_one", self.ident);
        quote! {
            #[doc(hidden)]
            #[allow(non_camel_case_types, dead_code)]
            enum #second {}

            impl #generics ::ligand::__private::agreement::OneServiceBlockForEachType for #ty #clause {}

            #callers

            impl #generics #core::Contract for #ty #clause {
                const NAME: &'static str = #full_name;
                type Client = #client;
            }

            #allows
            impl #generics #core::Service for #ty #clause {
                fn define(self: ::std::sync::Arc<Self>) -> #core::ServiceDef {
                    #forms
                    #definition
                }
            }

            #(#mixed_in)*
            #(#checks)*
        }
    }

    fn definition(&self) -> TokenStream {
        let (core, options) = (core(), &self.options);
        let name = options.name.as_ref().map_or("", |(name, _)| name);
        let version = options.version.as_ref().map(|version| match version {
            Version::Number(number) => quote!(.version(#number)),
            Version::Text(text) => quote!(.version(#text)),
        });
        let settings = options.settings.iter().map(|field| {
            let (key, value) = (&field.key, &field.value);
            quote!(.setting(#key, #value))
        });
        let metadata = options.metadata.iter().map(|field| {
            let (key, value) = (&field.key, &field.value);
            quote!(.metadata(#key, #value))
        });
        let dependencies = options.dependencies.iter().map(|dependency| match dependency {
            Dependency::Name(name) => quote!(.dependency(#name)),
            Dependency::Type(service) => quote!(.dependency(<#service as #core::Contract>::NAME)),
        });
        let contract = options.contract.as_ref().map(|contract| quote!(.keeps_to::<#contract>()));
        let without = options.without.iter().map(|name| quote!(.without_action(#name)));
        let promised = options.contract.as_ref();
        let parts = self.actions.iter().map(|one| action(one, &self.ident, promised));
        let parts = parts.chain(self.events.iter().map(event)).chain(self.jobs.iter().map(job));
        let hooks = self.hooks.iter().map(|(mask, hook)| {
            let (method, value) = (format_ident!("{}", hook.kind.name()), hook_value(hook));
            step(&hook.handler.cfgs, &quote!(.#method(#mask, #value)))
        });
        let lifecycle = self.lifecycle.iter().map(lifecycle);
        let mixins = options.mixins.iter().map(|(field, _)| {
            quote_spanned!(field.span()=>
                let def = def.mixin_with({
                    let this = ::std::sync::Arc::clone(&self);
                    move |name| #core::service::Mixin::define(&(*this).#field, name)
                });
            )
        });
        quote! {
            let def = #core::ServiceDef::new(#name)
                #version #(#settings)* #(#metadata)* #(#dependencies)* #contract #(#without)*;
            #(#parts)*
            #(#hooks)*
            #(#lifecycle)*
            #(#mixins)*
            def
        }
    }

    /// Types that only events and hooks have.
    fn other_types(&self) -> TokenStream {
        let named = self.events.iter().filter(|event| event.pattern.is_some());
        let events = named.filter_map(|event| Some((event.handler.cfgs.as_slice(), event.payload.as_ref()?)));
        let wide = self.hooks.iter().map(|(_, hook)| hook);
        // Hooks of actions without parameters; those of others have a type that is checked already.
        let bare = self.actions.iter().filter(|action| matches!(action.call.input, Input::Nothing));
        let bare = bare.flat_map(|action| &action.hooks).filter(|hook| hook.kind == HookKind::Before);
        let hooks =
            wide.chain(bare).filter_map(|hook| Some((hook.handler.cfgs.as_slice(), hook.value.as_ref()?)));
        travelling(events.chain(hooks))
    }

    /// A hook has the type of the action it is for.
    fn hook_types(&self) -> TokenStream {
        let mut pairs: Vec<(&Action, &Hook)> = Vec::new();
        for action in &self.actions {
            pairs.extend(action.hooks.iter().map(|hook| (action, hook)));
            let wide = self
                .hooks
                .iter()
                .filter(|(mask, _)| names(&mask.value()).any(|name| name == action.call.wire));
            pairs.extend(wide.map(|(_, hook)| (action, hook)));
        }
        let checks: Vec<TokenStream> = pairs
            .into_iter()
            .filter_map(|(action, hook)| {
                let value = hook.value.as_ref().filter(|ty| !is_named(ty, "Payload"))?;
                let of = match hook.kind {
                    HookKind::Before if matches!(action.call.input, Input::Nothing) => return None,
                    HookKind::Before => action.call.params(&self.ident),
                    _ => action.call.result.to_token_stream(),
                };
                if value.to_token_stream().to_string() == of.to_string() {
                    return None;
                }
                let cfgs = action.call.cfgs.iter().chain(&hook.handler.cfgs);
                let span = hook.handler.method.span();
                Some(quote_spanned!(span=>
                    #(#cfgs)*
                    ::ligand::__private::probe::fits::<#of, #value>();
                ))
            })
            .collect();
        if checks.is_empty() { TokenStream::new() } else { quote!(const _: () = { #(#checks)* };) }
    }

    /// The parameters of paths are those of their actions. What is not known here is checked when the service starts.
    fn paths(&self) -> TokenStream {
        let checks = self.actions.iter().flat_map(|action| {
            action.options.rest.iter().filter_map(move |route| {
                let names = route.parsed.names();
                let fields = match &action.call.input {
                    _ if names.is_empty() => return None,
                    // A hook takes what the handler does not.
                    Input::Nothing if self.has_before_hook(action) => return None,
                    Input::Nothing => quote!(::core::option::Option::Some(&[])),
                    Input::Params(_) | Input::Fields(_) => {
                        let params = action.call.params(&self.ident);
                        quote!(probe::Probe::<#params>::WIRE_NAMES)
                    }
                };
                let (cfgs, alias) = (&action.call.cfgs, format!("{} {}", route.verb.as_str(), route.path));
                let span = route.span;
                let call = quote_spanned!(span=> probe::takes(#alias, &[#(#names),*], #fields));
                Some(quote_spanned! {span=>
                    #(#cfgs)*
                    const _: () = {
                        #[allow(unused_imports)]
                        use ::ligand::__private::probe::{self, Unlisted as _};
                        #call
                    };
                })
            })
        });
        checks.collect()
    }

    /// Whether something looks at the parameters before the handler.
    fn has_before_hook(&self, action: &Action) -> bool {
        let looks = |hook: &Hook| hook.kind == HookKind::Before && hook.value.is_some();
        action.hooks.iter().any(looks) || self.hooks.iter().any(|(_, hook)| looks(hook))
    }

    /// The service keeps to its contract: what is missing, and names of parameters. Types are checked at the actions.
    fn contract(&self, full_name: &str) -> TokenStream {
        let Some(contract) = &self.options.contract else { return TokenStream::new() };
        let span = syn::spanned::Spanned::span(contract);
        let path = quote!(::ligand::__private::agreement);
        let own = self.actions.iter().map(|Action { call, .. }| {
            let (wire, text) = (&call.wire, other_names(contract, call));
            let names = match call.cfgs.is_empty() {
                true => call.names(&self.ident),
                false => quote!(::core::option::Option::None),
            };
            quote!((#wire, #text, #names))
        });
        let mixed = !self.options.mixins.is_empty();
        let implements = quote_spanned! {span=>
            const _: () = {
                #[allow(unused_imports)]
                use #path::Nameless as _;
                #path::implements(
                    <#contract as ::ligand::__private::core::Contract>::NAME,
                    #full_name,
                    <#contract as #path::Written>::ACTIONS,
                    &[#(#own),*],
                    #mixed,
                )
            };
        };
        implements
    }
}

/// An action has the types that the contract says, when it is there.
fn agreed(action: &TokenStream, contract: &syn::Path, call: &Call, service: &Ident) -> TokenStream {
    let constant = crate::options::screaming(&call.method);
    let (params, result, full) = (call.params(service), &call.result, &call.full);
    let path = quote!(::ligand::__private::agreement);
    let span = call.method.span();
    quote_spanned!(span=>
        ::ligand::__private::generated::converting(#action, {
            #[allow(dead_code)]
            trait Free: Sized {
                const #constant: #path::NotInContract = #path::NotInContract;
            }
            impl Free for #contract {}

            #[allow(unused_imports)]
            use #path::{ByFields as _, ByTypes as _};
            let own = ::ligand::__private::core::ActionRef::<#params, #result>::new(#full);
            #path::Agreement::of(<#contract>::#constant, own).check()
        })
    )
}

/// What a service is told whose parameters have other names than the contract's.
fn other_names(contract: &syn::Path, call: &Call) -> String {
    let contract = contract.to_token_stream().to_string().replace(' ', "");
    let own = match &call.input {
        Input::Nothing => "nothing".to_owned(),
        Input::Params(ty) => format!("`{}`", ty.to_token_stream()),
        Input::Fields(fields) => {
            let names: Vec<_> =
                fields.iter().map(|field| format!("`{}`", crate::options::camel_case(&field.name))).collect();
            names.join(", ")
        }
    };
    format!(
        "the action `{}` takes {own}, and the contract `{contract}` has other fields there; give them the same names",
        call.wire
    )
}

/// One call on the definition.
fn step(cfgs: &[Attribute], call: &TokenStream) -> TokenStream {
    quote!(#(#cfgs)* let def = def #call;)
}

/// The method's answer as a `Result`.
fn invoke(handler: &Handler, arguments: &TokenStream) -> TokenStream {
    let method = &handler.method;
    let ctx = handler.ctx.then(|| quote!(&ctx,));
    let wait = handler.is_async.then(|| quote!(.await));
    let call = quote_spanned!(method.span()=> Self::#method(&this, #ctx #arguments) #wait);
    if handler.fallible {
        call
    } else {
        quote!(::core::result::Result::<_, ::ligand::__private::core::Error>::Ok(#call))
    }
}

fn ctx(handler: &Handler) -> TokenStream {
    let core = core();
    if handler.ctx { quote!(ctx: #core::Context) } else { quote!(_: #core::Context) }
}

/// The context of a handler that gets it by reference, and its own handle when it needs one.
fn borrowed(handler: &Handler) -> TokenStream {
    if handler.ctx || handler.reply { quote!(ctx) } else { quote!(_) }
}

fn owned(handler: &Handler) -> Option<TokenStream> {
    (handler.ctx || handler.reply).then(|| quote!(let ctx = ::core::clone::Clone::clone(ctx);))
}

fn action(action: &Action, service: &Ident, contract: Option<&syn::Path>) -> TokenStream {
    let (core, call, handler) = (core(), &action.call, &action.handler);
    let payload: Type = syn::parse_quote!(::ligand::__private::core::Payload);
    let (ty, pattern, arguments) = match &call.input {
        Input::Nothing => (payload.to_token_stream(), quote!(_), TokenStream::new()),
        Input::Params(ty) => (ty.to_token_stream(), quote!(params), quote!(params)),
        Input::Fields(fields) => {
            let names = fields.iter().map(|field| &field.name);
            (call.params(service), quote!(params), quote!(#(params.#names),*))
        }
    };
    let (wire, result, ctx, own) = (&call.wire, &call.result, borrowed(handler), owned(handler));
    let (params_form, result_form) = (form(&ty), form(result));
    let work = invoke(handler, &arguments);
    let work = match handler.reply {
        // What it says about the answer stays in the context; the value goes on.
        true => quote_spanned!(call.method.span()=>
            #work.map(|reply| ::ligand::__private::core::Reply::settle(reply, &ctx))
        ),
        false => work,
    };
    let span = call.method.span();
    // What the compiler says of the method's future, it says at the method.
    let context = handler.ctx || handler.reply;
    let base = if handler.is_async {
        let (method, ctx) = match context {
            true => (quote_spanned!(span=> action), Some(quote_spanned!(span=> #ctx,))),
            false => (quote_spanned!(span=> action_of), None),
        };
        quote_spanned! {span=>
            ::ligand::__private::generated::#method(
                #wire,
                &self,
                #params_form,
                #result_form,
                |this, #ctx #pattern: #ty| { #own async move { #work } },
            )
        }
    } else {
        let (method, ctx) = match (action.options.blocking, context) {
            (true, _) => (quote_spanned!(span=> action_blocking), Some(quote_spanned!(span=> #ctx,))),
            (false, true) => (quote_spanned!(span=> action_now), Some(quote_spanned!(span=> #ctx,))),
            (false, false) => (quote_spanned!(span=> action_now_of), None),
        };
        quote_spanned! {span=>
            ::ligand::__private::generated::#method(
                #wire,
                &self,
                #params_form,
                #result_form,
                |this, #ctx #pattern: #ty| #work,
            )
        }
    };
    let docs = (!call.docs.is_empty()).then(|| {
        let docs = &call.docs;
        quote!(.doc(#docs))
    });
    let base = match contract {
        Some(contract) => agreed(&base, contract, call, service),
        None => base,
    };
    let rest = action.options.rest.iter().map(|route| {
        let route = route.tokens();
        quote!(.with_rest(#route))
    });
    let visibility = action.options.visibility.as_ref().map(|visibility| {
        let variant = match visibility.to_string().as_str() {
            "public" => quote!(Public),
            "protected" => quote!(Protected),
            "private" => quote!(Private),
            _ => quote!(Published),
        };
        quote!(.visibility(#core::service::Visibility::#variant))
    });
    let body = action.options.body.as_ref().map(|body| body.tokens(&call.input));
    let builder = &action.options.builder;
    let hooks = action.hooks.iter().map(|hook| {
        let (method, value) = (format_ident!("{}", hook.kind.name()), hook_value(hook));
        quote!(.#method(#value))
    });
    step(
        &call.cfgs,
        &quote! {
            .action(
                #base #docs #(#rest)* #visibility #body #(#builder)* #(#hooks)*
            )
        },
    )
}

fn event(event: &Event) -> TokenStream {
    let handler = &event.handler;
    let payload: Type = syn::parse_quote!(::ligand::__private::core::Payload);
    let (ty, pattern, arguments) = match &event.payload {
        None => (&payload, quote!(_), TokenStream::new()),
        Some(ty) => (ty, quote!(event), quote!(event)),
    };
    let name = match &event.pattern {
        Some(pattern) => pattern.to_token_stream(),
        None => quote_spanned!(syn::spanned::Spanned::span(ty)=>
            <#ty as ::ligand::__private::core::EventPayload>::NAME
        ),
    };
    let (ctx, own) = (borrowed(handler), owned(handler));
    let (form, work) = (form(ty), invoke(handler, &arguments));
    let span = handler.method.span();
    let base = if handler.is_async {
        quote_spanned! {span=>
            ::ligand::__private::generated::event(
                #name,
                &self,
                #form,
                |this, #ctx, #pattern: #ty| { #own async move { #work } },
            )
        }
    } else {
        let method = if event.blocking { quote!(event_blocking) } else { quote!(event_now) };
        quote_spanned! {span=>
            ::ligand::__private::generated::#method(#name, &self, #form, |this, #ctx, #pattern: #ty| #work)
        }
    };
    let docs = (!event.docs.is_empty()).then(|| {
        let docs = &event.docs;
        quote!(.doc(#docs))
    });
    let builder = &event.builder;
    step(&handler.cfgs, &quote!(.event(#base #docs #(#builder)*)))
}

fn job(job: &Job) -> TokenStream {
    let (core, handler, name, period) = (core(), &job.handler, &job.name, &job.period);
    let work = invoke(handler, &TokenStream::new());
    let span = handler.method.span();
    // Both at once is an error that was reported.
    let base = if job.blocking && !handler.is_async {
        let ctx = borrowed(handler);
        quote_spanned!(span=> ::ligand::__private::generated::job_blocking(#name, #period, &self, |this, #ctx| #work))
    } else {
        let ctx = ctx(handler);
        quote_spanned! {span=>
            #core::service::Job::every(
                #name,
                #period,
                ::ligand::__private::generated::bind_one(&self, |this: ::std::sync::Arc<Self>, #ctx| async move { #work }),
            )
        }
    };
    let docs = (!job.docs.is_empty()).then(|| {
        let docs = &job.docs;
        quote!(.doc(#docs))
    });
    let builder = &job.builder;
    step(&handler.cfgs, &quote!(.job(#base #docs #(#builder)*)))
}

fn hook_value(hook: &Hook) -> TokenStream {
    let (core, handler) = (core(), &hook.handler);
    let (ctx, bind) = (ctx(handler), quote!(::ligand::__private::generated::bind));
    let span = handler.method.span();
    let error: TokenStream = quote!(::core::convert::Into::into);
    let this = quote!(this: ::std::sync::Arc<Self>);
    match hook.kind {
        HookKind::Before | HookKind::After => {
            let name = if hook.kind == HookKind::Before { "before" } else { "after" };
            let name = Ident::new(name, Span::call_site());
            let payload: Type = syn::parse_quote!(::ligand::__private::core::Payload);
            let (ty, mutability, arguments) = match &hook.value {
                Some(ty) => (ty, Some(quote!(mut)), quote!(&mut value)),
                None => (&payload, None, TokenStream::new()),
            };
            let (form, work) = (form(ty), invoke(handler, &arguments));
            quote_spanned! {span=>
                ::ligand::__private::generated::#name(#form, #bind(&self, |#this, #ctx, #mutability value: #ty| async move {
                    #work.map(|()| value).map_err(#error)
                }))
            }
        }
        HookKind::OnError | HookKind::Fallback => {
            let name = if hook.kind == HookKind::OnError { "on_error" } else { "fallback" };
            let name = Ident::new(name, Span::call_site());
            let form = hook.value.as_ref().map(form);
            let work = invoke(handler, &quote!(error));
            quote_spanned! {span=>
                ::ligand::__private::generated::#name(#form, #bind(&self, |#this, #ctx, error: #core::Error| async move {
                    #work.map_err(#error)
                }))
            }
        }
    }
}

fn lifecycle(lifecycle: &Lifecycle) -> TokenStream {
    let (core, handler) = (core(), &lifecycle.handler);
    let span = handler.method.span();
    let phase = format_ident!("{}", lifecycle.phase.name());
    let error = quote!(.map_err(::core::convert::Into::into));
    let call = if lifecycle.phase == Phase::Created {
        let method = &handler.method;
        let broker = handler.ctx.then(|| quote!(broker));
        let call = quote!(Self::#method(&this, #broker));
        let call = if handler.fallible {
            quote!(#call #error)
        } else {
            quote!({ #call; ::core::result::Result::Ok(()) })
        };
        let pattern = if handler.ctx { quote!(broker) } else { quote!(_) };
        quote_spanned! {span=>
            .#phase({
                let this = ::std::sync::Arc::clone(&self);
                move |#pattern: &#core::ServiceBroker| #call
            })
        }
    } else {
        let (ctx, work) = (ctx(handler), invoke(handler, &TokenStream::new()));
        quote_spanned! {span=>
            .#phase(::ligand::__private::generated::bind_one(&self, |this: ::std::sync::Arc<Self>, #ctx| async move {
                #work #error
            }))
        }
    };
    step(&handler.cfgs, &call)
}
