//! Options in attributes: their grammar, and the values several macros share.

mod policy;
mod route;
mod value;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Expr, ExprLit, Ident, Lit, LitStr, Meta, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream, Parser},
    token::{Brace, Paren},
};

pub(crate) use self::{
    policy::{Policy, bulkhead, circuit_breaker, retry},
    route::{Base, Route, routes},
    value::{camel_case, cfgs, docs, duration, event_pattern, json, screaming, time, time_tokens, word},
};
use crate::errors::Errors;

/// One option as written.
pub(crate) struct Entry {
    /// `rest`; for free keys also the content of a text.
    pub(crate) name: Ident,
    pub(crate) argument: Argument,
}

/// What follows the name.
pub(crate) enum Argument {
    /// `private`
    None,
    /// `timeout = "5s"`
    Value(Expr),
    /// `cache(..)`
    List(TokenStream),
}

impl Entry {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.unraw() == name
    }

    /// An error at the value, or at the name when there is none.
    pub(crate) fn wrong(&self, message: impl std::fmt::Display) -> syn::Error {
        match &self.argument {
            Argument::Value(value) => syn::Error::new_spanned(value, message),
            Argument::List(tokens) if !tokens.is_empty() => syn::Error::new_spanned(tokens, message),
            _ => syn::Error::new_spanned(&self.name, message),
        }
    }

    /// `name = "text"`
    pub(crate) fn text(&self, example: &str) -> syn::Result<LitStr> {
        match &self.argument {
            Argument::Value(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(text.clone()),
            _ => Err(self.wrong(format_args!("write {example}"))),
        }
    }

    /// `private`
    pub(crate) fn bare(&self) -> syn::Result<()> {
        match self.argument {
            Argument::None => Ok(()),
            _ => Err(self.wrong(format_args!("`{}` stands alone, without a value", self.name))),
        }
    }

    /// `before(a, b)`
    pub(crate) fn list<T: Parse>(&self, example: &str) -> syn::Result<Vec<T>> {
        let parse = |input: ParseStream<'_>| input.parse_terminated(T::parse, Token![,]);
        let Argument::List(tokens) = &self.argument else {
            return Err(self.wrong(format_args!("write {example}")));
        };
        match Parser::parse2(parse, tokens.clone()) {
            Ok(items) if !items.is_empty() => Ok(items.into_iter().collect()),
            Ok(_) => Err(self.wrong(format_args!("write {example}"))),
            // The end of a list has no place of its own.
            Err(error) if error.to_string().starts_with("unexpected end") => {
                Err(self.wrong(format_args!("write {example}")))
            }
            Err(error) => Err(syn::Error::new(error.span(), format_args!("write {example}"))),
        }
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = Ident::parse_any(input)?;
        let argument = if input.peek(Paren) {
            let content;
            syn::parenthesized!(content in input);
            Argument::List(content.parse()?)
        } else if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Argument::Value(input.parse()?)
        } else {
            Argument::None
        };
        Ok(Self { name, argument })
    }
}

/// Where options stand, for texts: `` `#[action]` ``, and what is legal there.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) options: &'static str,
}

/// Reads options one by one; each is handed to `take`, which answers false for a name it does not know.
pub(crate) fn read(
    tokens: TokenStream,
    place: Place,
    errors: &mut Errors,
    mut take: impl FnMut(&Entry, &mut Errors) -> bool,
) {
    let mut seen: Vec<String> = Vec::new();
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let text = input.fork().parse::<syn::LitStr>().ok();
            match input.parse::<Entry>() {
                Ok(entry) => {
                    let name = entry.name.unraw().to_string();
                    if seen.contains(&name) {
                        errors.at(&entry.name, format_args!("`{name}` is here twice; keep one of them"));
                    } else if !take(&entry, errors) {
                        errors.at(
                            &entry.name,
                            format_args!(
                                "unknown {} option `{name}`; expected one of: {}",
                                place.name, place.options
                            ),
                        );
                    }
                    seen.push(name);
                }
                Err(error) => {
                    let name = ["message", "name", "table"]
                        .into_iter()
                        .find(|name| place.options.contains(&format!("{name} = \"")));
                    match text.zip(name) {
                        Some((text, name)) => errors.at(
                            &text,
                            format_args!(
                                "a text has a name here: `{name} = {}`; the options are {}",
                                text.token(),
                                place.options
                            ),
                        ),
                        None => {
                            errors
                                .at_span(error.span(), format_args!("expected an option: {}", place.options));
                        }
                    }
                    skip(input)?;
                }
            }
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                errors.at_span(input.span(), "expected a comma between options");
                skip(input)?;
                let _ = input.parse::<Token![,]>();
            }
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        errors.push(error);
    }
}

/// Past everything up to the next comma, to report what follows too.
fn skip(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

/// The tokens in the parentheses of an attribute, none when it has none.
pub(crate) fn arguments(meta: &Meta, errors: &mut Errors) -> TokenStream {
    match meta {
        Meta::Path(_) => TokenStream::new(),
        Meta::List(list) => list.tokens.clone(),
        Meta::NameValue(pair) => {
            let name = pair.path.to_token_stream();
            errors.at(&pair.value, format_args!("options are written in parentheses: `#[{name}(..)]`"));
            TokenStream::new()
        }
    }
}

/// `key = value` with keys of the user's choice: an identifier or a text, and a literal or JSON.
pub(crate) struct Field {
    pub(crate) key: String,
    pub(crate) span: Span,
    pub(crate) value: TokenStream,
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (key, span) = if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            (text.value(), text.span())
        } else {
            let name = Ident::parse_any(input)?;
            (name.unraw().to_string(), name.span())
        };
        input.parse::<Token![=]>()?;
        let value = if input.peek(Brace) {
            json(&input.parse::<TokenTree>()?.into_token_stream())
        } else {
            match input.parse::<Expr>()? {
                Expr::Lit(literal) => literal.into_token_stream(),
                other => json(&other.into_token_stream()),
            }
        };
        Ok(Self { key, span, value })
    }
}

/// Reads `settings(..)` and the like.
pub(crate) fn fields(entry: &Entry, errors: &mut Errors) -> Vec<Field> {
    let example = format!("`{}(key = value, ..)`; a value is a literal or JSON", entry.name);
    let fields: Vec<Field> = match entry.list(&example) {
        Ok(fields) => fields,
        Err(error) => {
            errors.push(error);
            return Vec::new();
        }
    };
    for (index, field) in fields.iter().enumerate() {
        if fields[..index].iter().any(|other| other.key == field.key) {
            errors.at_span(field.span, format_args!("`{}` is here twice; keep one of them", field.key));
        }
    }
    fields
}
