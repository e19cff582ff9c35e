//! The option `body` of actions: how the body of an HTTP request is taken, when not as JSON.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Expr, ExprLit, Lit, LitStr};

use super::model::Action;
use crate::{
    errors::Errors,
    options::{Argument, Entry, Place, camel_case, read},
    signature::{Field, Input, is_named},
};

const EXAMPLE: &str = "`body = raw`, `body = text`, `body = form`, `body = stream`, `body = multipart`, or \
                       `body(raw, field = \"image\", types(\"image/png\", \"image/*\"), limit = \"5mb\")`";

/// What the option says.
pub(super) struct Body {
    kind: String,
    field: Option<LitStr>,
    /// Calls on the builder.
    calls: TokenStream,
    /// Calls on the builder of the bounds of `multipart`, and the first of them.
    bounds: (TokenStream, Option<Span>),
    span: Span,
}

/// Reads the option; `None` when it is wrong.
pub(super) fn option(entry: &Entry, errors: &mut Errors) -> Option<Body> {
    let mut body = Body {
        kind: String::new(),
        field: None,
        calls: TokenStream::new(),
        bounds: (TokenStream::new(), None),
        span: entry.name.span(),
    };
    match &entry.argument {
        Argument::Value(Expr::Path(path)) if path.path.get_ident().is_some() => {
            body.kind = path.path.require_ident().ok()?.to_string();
        }
        Argument::List(tokens) if !tokens.is_empty() => {
            let place = Place {
                name: "`body`",
                options: "raw, text, form, stream, multipart, field = \"..\", types(..), limit = \"5mb\"; of multipart \
                          also files = 1, file_limit = \"1mb\", fields = 10, field_limit = \"1kb\", parts = 11, \
                          without_file",
            };
            read(tokens.clone(), place, errors, |option, errors| {
                let result = match option.name.to_string().as_str() {
                    kind @ ("raw" | "text" | "form" | "json" | "multipart" | "stream") => {
                        let again = !body.kind.is_empty();
                        body.kind = kind.to_owned();
                        if again {
                            Err(option.wrong("a body is taken in one way; keep one"))
                        } else {
                            option.bare()
                        }
                    }
                    "field" => option.text("`field = \"image\"`").map(|name| body.field = Some(name)),
                    "types" => option.list::<LitStr>("`types(\"image/png\", \"image/*\")`").map(|types| {
                        body.calls.extend(quote!(.types([#(#types),*])));
                    }),
                    "limit" => limit(option).map(|limit| body.calls.extend(quote!(.limit(#limit)))),
                    "file_limit" | "field_limit" => limit(option).map(|limit| body.bound(option, &limit)),
                    "files" | "fields" | "parts" => count(option).map(|count| body.bound(option, &count)),
                    "without_file" => option.bare().map(|()| body.bound(option, &quote!(true))),
                    _ => return false,
                };
                result.unwrap_or_else(|error| errors.push(error));
                true
            });
        }
        _ => {
            errors.push(entry.wrong(format_args!("write {EXAMPLE}")));
            return None;
        }
    }
    let text = match body.kind.as_str() {
        "multipart" => return Some(body),
        "raw" | "text" | "form" | "stream" => match body.bounds.1 {
            None => return Some(body),
            Some(span) => {
                errors.at_span(span, "this is a bound of `body(multipart, ..)`");
                return None;
            }
        },
        "json" => "JSON is what an action takes when it says nothing; leave `body` out".to_owned(),
        "" => format!("how is the body taken? Write {EXAMPLE}"),
        _ => format!("a body is taken as `raw`, `text`, `form`, `stream` or `multipart`; write {EXAMPLE}"),
    };
    errors.push(entry.wrong(text));
    None
}

fn limit(option: &Entry) -> syn::Result<TokenStream> {
    match &option.argument {
        Argument::Value(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
            number.base10_parse::<usize>().map(|bytes| quote!(#bytes))
        }
        Argument::Value(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(quote!(#text)),
        _ => Err(option.wrong("`limit` is a number of bytes, or a text such as \"100kb\" or \"5mb\"")),
    }
}

fn count(option: &Entry) -> syn::Result<TokenStream> {
    match &option.argument {
        Argument::Value(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => {
            number.base10_parse::<usize>().map(|count| quote!(#count))
        }
        _ => Err(option.wrong("this is a number, such as 10")),
    }
}

impl Body {
    fn bound(&mut self, option: &Entry, value: &TokenStream) {
        let name = &option.name;
        self.bounds.0.extend(quote!(.#name(#value)));
        self.bounds.1.get_or_insert(option.name.span());
    }

    /// It is read while it comes, and no parameter.
    fn is_upload(&self) -> bool {
        matches!(self.kind.as_str(), "stream" | "multipart")
    }

    /// The call on the builder of the action.
    pub(super) fn tokens(&self, input: &Input) -> TokenStream {
        let kind = syn::Ident::new(&self.kind, Span::call_site());
        let place = match (&self.field, self.is_whole(input)) {
            (Some(name), _) => quote!(.field(#name)),
            (None, true) => quote!(.whole()),
            (None, false) => TokenStream::new(),
        };
        let calls = &self.calls;
        let bounds = (self.kind == "multipart").then(|| {
            let bounds = &self.bounds.0;
            quote!(::ligand::__private::core::edge::Multipart::new() #bounds)
        });
        quote!(.body(::ligand::__private::core::edge::HttpBody::#kind(#bounds) #place #calls))
    }

    /// The parameters are one text or bytes.
    fn is_whole(&self, input: &Input) -> bool {
        let wanted = if self.kind == "text" { "String" } else { "Binary" };
        self.kind != "form" && !self.is_upload() && matches!(input, Input::Params(ty) if is_named(ty, wanted))
    }
}

/// Whether the action has a place for its body.
pub(super) fn check(actions: &[Action], errors: &mut Errors) {
    for action in actions {
        let Some(body) = &action.options.body else { continue };
        let ty = if body.kind == "text" { "String" } else { "Binary" };
        let bodiless = action
            .options
            .rest
            .iter()
            .find(|route| matches!(route.verb.as_str(), "GET" | "HEAD" | "OPTIONS"));
        if let Some(route) = bodiless {
            let method = route.verb.as_str();
            errors.at_span(
                route.span,
                format_args!("a request with {method} has no body; use POST, PUT or PATCH, or remove `body`"),
            );
        }
        if body.is_upload() {
            if let Some(field) = &body.field {
                errors
                    .at_span(field.span(), "an upload is no parameter: it is `ctx.stream()`; remove `field`");
            }
            continue;
        }
        let name = body.field.as_ref().map_or_else(|| "body".to_owned(), LitStr::value);
        match &action.call.input {
            _ if body.kind == "form" => {}
            Input::Nothing => errors.at_span(
                body.span,
                format_args!("the body needs a place; add an argument `{name}: {ty}`, or `params: {ty}` for nothing else"),
            ),
            Input::Fields(fields) => {
                let renamed = |field: &Field| {
                    field.attributes.iter().any(|attribute| attribute.path().is_ident("serde"))
                };
                let known = |field: &Field| camel_case(&field.name) == name;
                if !fields.iter().any(|field| renamed(field) || known(field)) {
                    errors.at_span(
                        body.span,
                        format_args!(
                            "no argument is called `{name}`; add `{name}: {ty}`, or name the one that takes the body: \
                             `body({}, field = \"..\")`",
                            body.kind
                        ),
                    );
                }
            }
            Input::Params(_) => {}
        }
    }
}
