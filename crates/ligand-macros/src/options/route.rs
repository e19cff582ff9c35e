//! The aliases of an action: `rest = "GET /:id"`, `rest("GET /", below("/base", "GET /x"), full("GET /robots.txt"))`.

use ligand_alias::{Path, Verb, split};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Ident, LitStr, Token,
    ext::IdentExt,
    parenthesized,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
};

use super::{Argument, Entry};
use crate::errors::Errors;

const EXAMPLE: &str = "`rest = \"GET /:id\"`, or several: `rest(\"GET /\", \"GET /all\")`; with `below(\"/base\", \
                       \"GET /x\")` for another base and `full(\"GET /x\")` for a whole path";

/// Where the path of an alias begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Base {
    /// Below the path of the service.
    Service,
    /// Below this path.
    Own(String),
    /// At the root.
    Root,
}

/// One alias of an action.
pub(crate) struct Route {
    pub(crate) verb: Verb,
    /// As it was written.
    pub(crate) path: String,
    pub(crate) base: Base,
    /// The path below its own base.
    pub(crate) parsed: Path,
    pub(crate) span: Span,
}

impl Route {
    fn new(text: &LitStr, base: Base) -> syn::Result<Self> {
        let value = text.value();
        let wrong = |problem| syn::Error::new(text.span(), problem);
        let (verb, path) = split(&value).map_err(wrong)?;
        let parsed = Path::parse(path).map_err(wrong)?;
        let parsed = match &base {
            Base::Own(base) => {
                Path::parse(&format!("{}{path}", base.trim_end_matches('/'))).map_err(wrong)?
            }
            Base::Service | Base::Root => parsed,
        };
        Ok(Self { verb, path: path.to_owned(), base, parsed, span: text.span() })
    }

    /// The value that the service gets.
    pub(crate) fn tokens(&self) -> TokenStream {
        let (method, path) = (self.verb.as_str(), &self.path);
        let base = match &self.base {
            Base::Service => TokenStream::new(),
            Base::Own(base) => quote!(.below(#base)),
            Base::Root => quote!(.full()),
        };
        quote!(::ligand::__private::core::service::Rest::new(#method, #path)#base)
    }
}

/// What stands in `rest(..)`: aliases that begin at one place.
struct Group {
    base: Option<LitStr>,
    root: bool,
    aliases: Vec<LitStr>,
}

impl Parse for Group {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) {
            return Ok(Self { base: None, root: false, aliases: vec![input.parse()?] });
        }
        let wrong = |span, text: &str| syn::Error::new(span, text);
        let name =
            Ident::parse_any(input).map_err(|error| wrong(error.span(), &format!("write {EXAMPLE}")))?;
        let (root, usage) = match &*name.unraw().to_string() {
            "below" | "basePath" | "base_path" => (false, "write `below(\"/base\", \"GET /x\")`"),
            "full" | "fullPath" | "full_path" => (true, "write `full(\"GET /x\")`"),
            "method" | "path" => {
                return Err(wrong(name.span(), "method and path are one text; write `rest = \"GET /x\"`"));
            }
            _ => return Err(wrong(name.span(), &format!("write {EXAMPLE}"))),
        };
        let mut aliases = Vec::new();
        if input.peek(syn::token::Paren) && (name == "below" || name == "full") {
            let content;
            parenthesized!(content in input);
            let texts: Punctuated<LitStr, Token![,]> = content
                .parse_terminated(<LitStr as Parse>::parse, Token![,])
                .map_err(|_| wrong(name.span(), usage))?;
            aliases.extend(texts);
        }
        let base = (!root && !aliases.is_empty()).then(|| aliases.remove(0));
        if aliases.is_empty() {
            return Err(wrong(name.span(), usage));
        }
        Ok(Self { base, root, aliases })
    }
}

/// Reads the option `rest`. Each alias that is wrong is told.
pub(crate) fn routes(entry: &Entry, errors: &mut Errors) -> syn::Result<Vec<Route>> {
    let groups: Vec<Group> = match &entry.argument {
        Argument::List(tokens) if !tokens.is_empty() => {
            let groups = Punctuated::<Group, Token![,]>::parse_terminated.parse2(tokens.clone())?;
            groups.into_iter().collect()
        }
        _ => vec![Group { base: None, root: false, aliases: vec![entry.text(EXAMPLE)?] }],
    };
    let mut routes = Vec::new();
    for Group { base, root, aliases } in groups {
        let base = match base {
            Some(base) => match below(&base) {
                Ok(base) => Base::Own(base),
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            },
            None if root => Base::Root,
            None => Base::Service,
        };
        for alias in aliases {
            match Route::new(&alias, base.clone()) {
                Ok(route) => routes.push(route),
                Err(error) => errors.push(error),
            }
        }
    }
    Ok(routes)
}

/// The first text of `below(..)`.
fn below(text: &LitStr) -> syn::Result<String> {
    let value = text.value();
    let wrong = |problem: String| syn::Error::new(text.span(), problem);
    if !value.starts_with('/') {
        let what = match split(&value) {
            Ok(_) => "the path below which the others are comes first: `below(\"/base\", \"GET /x\")`".into(),
            Err(_) => format!("a path begins with '/'; write \"/{value}\""),
        };
        return Err(wrong(what));
    }
    Path::parse(&value).map_err(wrong)?;
    Ok(value)
}
