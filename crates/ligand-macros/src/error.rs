//! `#[derive(ligand::Error)]`: what can go wrong in a service, as variants that become the one error type.

mod message;
mod recover;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Attribute, Data, DeriveInput, Expr, ExprLit, Fields, Ident, Lit, LitStr, Member, Type, ext::IdentExt,
    spanned::Spanned,
};

use self::message::Message;
use crate::{
    errors::Errors,
    options::{Argument, Entry, Place, arguments, camel_case, read},
    surface::core,
};

const VARIANT: Place = Place {
    name: "`#[error]`",
    options: "code = 409, kind = \"EMAIL_EXISTS\", message = \"..\", name = \"..\", retryable, transparent",
};
const FIELD: Place = Place { name: "field `#[error]`", options: "internal, skip" };

/// One variant, or the struct.
struct Case<'a> {
    /// `UserError::EmailExists`, or the struct's name.
    path: TokenStream,
    fields: Vec<Part<'a>>,
    named: bool,
    options: Options,
    /// Words of its name.
    ident: &'a Ident,
}

struct Part<'a> {
    /// The name in patterns.
    binding: Ident,
    /// As in messages: `email`, `0`.
    label: String,
    ty: &'a Type,
    /// Where it is kept.
    use_: Use,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// In the data of the error.
    Data,
    /// In its internal text.
    Internal,
    /// In messages only.
    Skip,
}

#[derive(Default)]
struct Options {
    code: Option<u16>,
    kind: Option<LitStr>,
    message: Option<LitStr>,
    name: Option<LitStr>,
    retryable: bool,
    transparent: Option<Span>,
}

pub(crate) fn expand(item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input = match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let cases: Vec<Case<'_>> = match &input.data {
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|variant| {
                let (ty, ident) = (&input.ident, &variant.ident);
                Case::read(quote!(#ty::#ident), ident, &variant.attrs, &variant.fields, &mut errors)
            })
            .collect(),
        Data::Struct(data) => {
            vec![Case::read(
                input.ident.to_token_stream(),
                &input.ident,
                &input.attrs,
                &data.fields,
                &mut errors,
            )]
        }
        Data::Union(_) => {
            errors.at(&input.ident, "#[derive(Error)] goes on an enum or a struct");
            return errors.into_tokens();
        }
    };
    if matches!(input.data, Data::Enum(_))
        && let Some(attribute) = input.attrs.iter().find(|attribute| attribute.path().is_ident("error"))
    {
        errors.at(attribute, "`#[error(..)]` is about a variant; move it to one");
    }
    let (ident, core, f) = (&input.ident, core(), formatter());
    let (generics, types, clause) = input.generics.split_for_impl();
    let (mut displays, mut conversions, mut recoveries) = (Vec::new(), Vec::new(), Vec::new());
    for case in &cases {
        let message = case.message(&mut errors);
        displays.push(case.display(&message));
        conversions.push(case.conversion(&message));
        recoveries.push((case, message));
    }
    let recovered = recover::expand(&input, &recoveries);
    let transparent = cases.iter().filter(|case| case.is_transparent()).map(|case| {
        let (path, ty) = (&case.path, case.fields[0].ty);
        let member = case.member(0);
        quote! {
            #[automatically_derived]
            impl #generics ::core::convert::From<#ty> for #ident #types #clause {
                fn from(error: #ty) -> Self {
                    #path { #member: error }
                }
            }
        }
    });
    // A reference is never empty, also to an enum without variants.
    let subject = if cases.is_empty() { quote!(*self) } else { quote!(self) };
    let errors = errors.into_tokens();
    quote! {
        #[automatically_derived]
        #[allow(unused_variables, clippy::all, clippy::pedantic)]
        impl #generics ::core::fmt::Display for #ident #types #clause {
            fn fmt(&self, #f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match #subject {
                    #(#displays)*
                }
            }
        }

        #[automatically_derived]
        #[allow(unused_variables, clippy::all, clippy::pedantic)]
        impl #generics ::core::convert::From<#ident #types> for #core::Error #clause {
            fn from(error: #ident #types) -> Self {
                match error {
                    #(#conversions)*
                }
            }
        }

        #recovered

        #(#transparent)*
        #errors
    }
}

/// A name no field can have.
fn formatter() -> Ident {
    Ident::new("f", Span::mixed_site())
}

impl<'a> Case<'a> {
    fn read(
        path: TokenStream,
        ident: &'a Ident,
        attributes: &[Attribute],
        fields: &'a Fields,
        errors: &mut Errors,
    ) -> Self {
        let options = Options::read(attributes, errors);
        let named = matches!(fields, Fields::Named(_));
        let fields: Vec<Part<'a>> = fields
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let binding = field.ident.clone().unwrap_or_else(|| format_ident!("_{index}"));
                let label = match &field.ident {
                    Some(name) => name.unraw().to_string(),
                    None => index.to_string(),
                };
                let default = if named { Use::Data } else { Use::Skip };
                Part { binding, label, ty: &field.ty, use_: field_use(&field.attrs, default, errors) }
            })
            .collect();
        if let Some(span) = options.transparent
            && fields.len() != 1
        {
            errors.at_span(span, "a `transparent` variant holds one other error; give it exactly one field");
        }
        Self { path, fields, named, options, ident }
    }

    fn member(&self, index: usize) -> Member {
        if self.named {
            Member::Named(self.fields[index].binding.clone())
        } else {
            Member::Unnamed(index.into())
        }
    }

    /// The pattern that binds all fields.
    fn pattern(&self) -> TokenStream {
        let path = &self.path;
        let fields = self.fields.iter().enumerate().map(|(index, part)| {
            let (member, binding) = (self.member(index), &part.binding);
            if self.named { quote!(#binding) } else { quote!(#member: #binding) }
        });
        quote!(#path { #(#fields),* })
    }

    fn code(&self) -> u16 {
        self.options.code.unwrap_or(500)
    }

    fn kind(&self) -> TokenStream {
        match &self.options.kind {
            Some(kind) => kind.to_token_stream(),
            None => words(self.ident).replace(' ', "_").to_uppercase().to_token_stream(),
        }
    }

    fn is_transparent(&self) -> bool {
        self.options.transparent.is_some() && self.fields.len() == 1
    }

    fn message(&self, errors: &mut Errors) -> Message {
        match &self.options.message {
            Some(text) => {
                let labels: Vec<&str> = self.fields.iter().map(|part| part.label.as_str()).collect();
                Message::read(text, &labels, errors)
            }
            None => Message::plain(&words(self.ident)),
        }
    }

    fn display(&self, message: &Message) -> TokenStream {
        let (pattern, f) = (self.pattern(), formatter());
        if self.is_transparent() {
            let binding = &self.fields[0].binding;
            return quote!(#pattern => ::core::fmt::Display::fmt(#binding, #f),);
        }
        let (text, arguments) = (&message.text, self.arguments(message));
        match &message.plain {
            Some(plain) => quote!(#pattern => #f.write_str(#plain),),
            None => quote!(#pattern => ::core::write!(#f, #text, #(#arguments),*),),
        }
    }

    fn arguments(&self, message: &Message) -> Vec<&Ident> {
        message.used.iter().map(|index| &self.fields[*index].binding).collect()
    }

    fn conversion(&self, message: &Message) -> TokenStream {
        let (pattern, core) = (self.pattern(), core());
        if self.is_transparent() {
            let binding = &self.fields[0].binding;
            return quote!(#pattern => ::core::convert::Into::into(#binding),);
        }
        let code = self.code();
        let name = self.options.name.as_ref().map_or_else(
            || if code < 500 { "MoleculerClientError" } else { "MoleculerServerError" }.to_token_stream(),
            ToTokens::to_token_stream,
        );
        let kind = self.kind();
        let (text, arguments) = (&message.text, self.arguments(message));
        let message = match &message.plain {
            Some(plain) => plain.to_token_stream(),
            None => quote!(::std::format!(#text, #(#arguments),*)),
        };
        let data: Vec<TokenStream> = self
            .fields
            .iter()
            .filter(|part| part.use_ == Use::Data)
            .map(|part| {
                let (key, binding) = (camel_case(&part.binding), &part.binding);
                let span = part.ty.span();
                quote_spanned!(span=> (#key, ::ligand::__private::serde_json::to_value(&#binding)))
            })
            .collect();
        let data =
            (!data.is_empty()).then(|| quote!(.with_data(::ligand::__private::error_data([#(#data),*]))));
        let internal = self.fields.iter().find(|part| part.use_ == Use::Internal).map(|part| {
            let binding = &part.binding;
            quote!(.with_internal(#binding))
        });
        let retryable = self.options.retryable.then(|| quote!(.with_retryable(true)));
        quote! {
            #pattern => #core::Error::build(#name, #code, #message).with_kind(#kind) #data #internal #retryable,
        }
    }
}

/// `EmailExists` as a sentence: `Email exists`.
fn words(ident: &Ident) -> String {
    let letters: Vec<char> = ident.unraw().to_string().chars().collect();
    let mut text = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let lower = |index: usize| letters.get(index).is_some_and(|letter| !letter.is_uppercase());
        if index > 0 && letter.is_uppercase() && (lower(index - 1) || lower(index + 1)) {
            text.push(' ');
        }
        // Acronyms stay as they are.
        if index > 0 && lower(index + 1) {
            text.extend(letter.to_lowercase());
        } else {
            text.push(*letter);
        }
    }
    text
}

fn field_use(attributes: &[Attribute], default: Use, errors: &mut Errors) -> Use {
    let mut found = default;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("error")) {
        let tokens = arguments(&attribute.meta, errors);
        read(tokens, FIELD, errors, |entry, errors| {
            let use_ = match entry.name.to_string().as_str() {
                "internal" => Use::Internal,
                "skip" => Use::Skip,
                _ => return false,
            };
            match entry.bare() {
                Ok(()) => found = use_,
                Err(error) => errors.push(error),
            }
            true
        });
    }
    found
}

impl Options {
    fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("error")) {
            let tokens = arguments(&attribute.meta, errors);
            read(tokens, VARIANT, errors, |entry, errors| {
                options.one(entry).unwrap_or_else(|error| {
                    errors.push(error);
                    true
                })
            });
            let others = options.code.is_some() || options.kind.is_some() || options.message.is_some();
            if let Some(span) = options.transparent
                && (others || options.name.is_some() || options.retryable)
            {
                errors
                    .at_span(span, "a `transparent` variant is the error it holds; remove the other options");
            }
        }
        options
    }

    fn one(&mut self, entry: &Entry) -> syn::Result<bool> {
        match entry.name.to_string().as_str() {
            "code" => {
                let code = match &entry.argument {
                    Argument::Value(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
                        number.base10_parse::<u16>().ok().filter(|code| (400..=599).contains(code))
                    }
                    _ => None,
                };
                let wrong =
                    || entry.wrong("`code` is an HTTP status from 400 to 599, for example 404 or 409");
                self.code = Some(code.ok_or_else(wrong)?);
            }
            "kind" => self.kind = Some(entry.text("`kind = \"EMAIL_EXISTS\"`")?),
            "message" => self.message = Some(entry.text("`message = \"Email already registered\"`")?),
            "name" => self.name = Some(entry.text("`name = \"ValidationError\"`")?),
            "retryable" => {
                entry.bare()?;
                self.retryable = true;
            }
            "transparent" => {
                entry.bare()?;
                self.transparent = Some(entry.name.span());
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
