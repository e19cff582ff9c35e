//! What callers see of a service: its client, its typed action names and the structs of field-style parameters.
//! The same for `#[service]` and `#[contract]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Generics, Ident, Type};

use crate::{
    options::screaming,
    signature::{Field, Input, is_field_attribute},
};

/// One action as callers see it.
pub(crate) struct Call {
    /// The method.
    pub(crate) method: Ident,
    /// Short name on the wire.
    pub(crate) wire: String,
    /// Name with version and service.
    pub(crate) full: String,
    pub(crate) docs: String,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) input: Input,
    /// Parameters that no argument takes are refused.
    pub(crate) strict: bool,
    pub(crate) result: Type,
}

/// A service as callers see it.
pub(crate) struct Surface<'a> {
    /// `Users`, the stem of generated names.
    pub(crate) ident: &'a Ident,
    /// `Users<S>`
    pub(crate) ty: &'a Type,
    pub(crate) generics: &'a Generics,
    /// Full name of the service.
    pub(crate) name: &'a str,
    pub(crate) calls: Vec<&'a Call>,
}

/// Generated items are as visible as can be and documented where there is something to say.
pub(crate) fn allows() -> TokenStream {
    quote! {
        #[allow(
            clippy::all,
            clippy::pedantic,
            dead_code,
            missing_docs,
            private_bounds,
            private_interfaces,
            unreachable_pub,
            unused_imports,
            unused_qualifications
        )]
    }
}

/// Gives the client what mixins have for callers.
pub(crate) fn mixed_in<'a>(
    mixins: impl Iterator<Item = &'a Type>,
    client: &Ident,
    service: &str,
) -> Vec<TokenStream> {
    let core = core();
    let one = |mixin| {
        quote! {
            impl #core::service::MixedIn<#mixin> for #client {
                const SERVICE: &'static str = #service;

                fn caller(&self) -> &#core::service::Caller {
                    &self.0
                }
            }
        }
    };
    mixins.map(one).collect()
}

/// `::ligand::__private::core`
pub(crate) fn core() -> TokenStream {
    quote!(::ligand::__private::core)
}

/// The form of values of `ty`.
pub(crate) fn form(ty: &impl ToTokens) -> TokenStream {
    quote!(::ligand::__private::probe::Probe::<#ty>::new().form())
}

/// Brings the answers of [`form`] into scope.
pub(crate) fn forms_in_scope() -> TokenStream {
    quote!(
        use ::ligand::__private::probe::{Unfit as _, Untold as _};
    )
}

impl Call {
    /// The type of the parameters.
    pub(crate) fn params(&self, service: &Ident) -> TokenStream {
        match &self.input {
            Input::Nothing => quote!(()),
            Input::Params(ty) => ty.to_token_stream(),
            Input::Fields(_) => self.struct_name(service).to_token_stream(),
        }
    }

    /// `UsersFullNameParams`
    pub(crate) fn struct_name(&self, service: &Ident) -> Ident {
        let mut method = crate::options::camel_case(&self.method);
        if let Some(first) = method.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        format_ident!("{service}{method}Params", span = self.method.span())
    }

    /// The names of the fields of the parameters, when they are known.
    pub(crate) fn names(&self, service: &Ident) -> TokenStream {
        let params = self.params(service);
        quote!(<::ligand::__private::agreement::NamesOf<#params>>::NAMES)
    }

    fn docs(&self) -> String {
        match self.docs.as_str() {
            "" => format!("The action `{}`.", self.full),
            docs => docs.to_owned(),
        }
    }
}

impl Surface<'_> {
    pub(crate) fn emit(&self) -> TokenStream {
        let structs = self.calls.iter().map(|call| self.params_struct(call));
        let names = self.names();
        let client = self.client();
        let types = self.travelling();
        quote!(#(#structs)* #names #client #types)
    }

    pub(crate) fn client_ident(&self) -> Ident {
        format_ident!("{}Client", self.ident)
    }

    fn params_struct(&self, call: &Call) -> TokenStream {
        let Input::Fields(fields) = &call.input else { return TokenStream::new() };
        let (ident, cfgs, allows) = (call.struct_name(self.ident), &call.cfgs, allows());
        let doc = format!("Parameters of `{}`.", call.full);
        let payload = match call.strict {
            true => quote!(#[::ligand::__private::payload(unknown = "reject")]),
            false => quote!(#[::ligand::__private::payload]),
        };
        let fields = fields.iter().map(|Field { name, ty, attributes }| {
            let doc = (!attributes.iter().any(|attribute| attribute.path().is_ident("doc"))).then(|| {
                let doc = format!("`{name}`");
                quote!(#[doc = #doc])
            });
            debug_assert!(attributes.iter().all(is_field_attribute));
            quote!(#doc #(#attributes)* pub #name: #ty)
        });
        quote! {
            #[doc = #doc]
            #(#cfgs)*
            #payload
            #allows
            pub struct #ident {
                #(#fields,)*
            }
        }
    }

    /// `Users::GET` and so on.
    fn names(&self) -> TokenStream {
        if self.calls.is_empty() {
            return TokenStream::new();
        }
        let (allows, core, ty) = (allows(), core(), self.ty);
        let (generics, _, clause) = self.generics.split_for_impl();
        let names = self.calls.iter().map(|call| {
            let Call { method, full, cfgs, result, .. } = call;
            let (ident, params, docs) = (screaming(method), call.params(self.ident), call.docs());
            quote! {
                #[doc = #docs]
                #(#cfgs)*
                pub const #ident: #core::ActionRef<#params, #result> = #core::ActionRef::new(#full);
            }
        });
        quote! {
            #allows
            impl #generics #ty #clause {
                #(#names)*
            }
        }
    }

    fn client(&self) -> TokenStream {
        let (ident, name) = (self.client_ident(), self.name);
        let (allows, core, forms) = (allows(), core(), forms_in_scope());
        let doc = format!("Calls the actions of `{name}`; made by `client::<{}>()`.", self.ident);
        let methods = self.calls.iter().map(|call| {
            let Call { method, full, cfgs, result, .. } = call;
            let (docs, params) = (call.docs(), call.params(self.ident));
            let (arguments, value) = match &call.input {
                Input::Nothing => (TokenStream::new(), quote!(())),
                Input::Params(ty) => (quote!(params: #ty), quote!(params)),
                Input::Fields(fields) => {
                    let names: Vec<_> = fields.iter().map(|field| &field.name).collect();
                    let types = fields.iter().map(|field| &field.ty);
                    (quote!(#(#names: #types),*), quote!(#params { #(#names),* }))
                }
            };
            let form = form(&params);
            quote! {
                #[doc = #docs]
                #(#cfgs)*
                pub fn #method(&self, #arguments) -> #core::broker::Request<#result> {
                    #forms
                    ::ligand::__private::generated::call(&self.0, #core::ActionRef::new(#full), #form, #value)
                }
            }
        });
        quote! {
            #[doc = #doc]
            #allows
            #[derive(Clone, Debug)]
            pub struct #ident(#core::service::Caller);

            #allows
            impl #ident {
                #(#methods)*
            }

            impl #core::service::Client for #ident {
                fn new(caller: #core::service::Caller) -> Self {
                    Self(caller)
                }
            }
        }
    }

    /// Reports each type that cannot travel once, where the user wrote it.
    fn travelling(&self) -> TokenStream {
        let types = self.calls.iter().flat_map(|call| {
            let params = match &call.input {
                Input::Params(ty) => Some(ty),
                // The derives of the generated struct complain.
                Input::Nothing | Input::Fields(_) => None,
            };
            params.into_iter().chain([&call.result]).map(|ty| (call.cfgs.as_slice(), ty))
        });
        travelling(types)
    }
}

/// Reports each type that cannot travel once, where the user wrote it.
pub(crate) fn travelling<'a>(types: impl Iterator<Item = (&'a [Attribute], &'a Type)>) -> TokenStream {
    let mut seen = Vec::new();
    let mut checks = Vec::new();
    for (cfgs, ty) in types {
        let text = ty.to_token_stream().to_string();
        if crate::signature::is_unit(ty) || seen.contains(&text) {
            continue;
        }
        // What is compiled only sometimes is checked again where it always is.
        if cfgs.is_empty() {
            seen.push(text);
        }
        let span = syn::spanned::Spanned::span(ty);
        checks.push(quote_spanned!(span=> #(#cfgs)* ::ligand::__private::probe::travels::<#ty>();));
    }
    if checks.is_empty() {
        return TokenStream::new();
    }
    quote! {
        const _: () = {
            #(#checks)*
        };
    }
}
