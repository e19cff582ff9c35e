//! The options in `#[payload(..)]`.

use proc_macro2::{Span, TokenStream};
use syn::{
    Ident, LitStr, Token,
    parse::{ParseStream, Parser},
};

use crate::errors::Errors;

const OPTIONS: &str = "event = \"users.created\", unknown = \"reject\" | \"drop\" | \"keep\"";

#[derive(Default)]
pub(super) struct Options {
    /// The name of the event this payload belongs to.
    pub(super) event: Option<LitStr>,
    pub(super) unknown: Unknown,
}

/// What happens to fields nobody declared.
#[derive(Clone, Copy, Default)]
pub(super) enum Unknown {
    #[default]
    Drop,
    Reject,
    Keep(Span),
}

impl Options {
    pub(super) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                options.one(input, errors)?;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
        options
    }

    /// Reads one option. Only what makes the rest unreadable is an error here.
    fn one(&mut self, input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<()> {
        let name: Ident = input
            .parse()
            .map_err(|error| syn::Error::new(error.span(), format!("expected an option: {OPTIONS}")))?;
        let known = name == "event" || name == "unknown";
        if !known {
            errors.at(&name, format_args!("unknown `#[payload]` option; expected one of: {OPTIONS}"));
            // Past the value, to report what follows too.
            while !input.is_empty() && !input.peek(Token![,]) {
                input.parse::<proc_macro2::TokenTree>()?;
            }
            return Ok(());
        }
        if !input.peek(Token![=]) {
            return Err(syn::Error::new_spanned(&name, format!("`{name}` needs a value: {OPTIONS}")));
        }
        input.parse::<Token![=]>()?;
        let value: LitStr = input.parse().map_err(|error| {
            syn::Error::new(error.span(), format!("`{name}` is a text literal: {OPTIONS}"))
        })?;
        if name == "event" {
            self.event(value, errors);
        } else {
            match value.value().as_str() {
                "drop" => self.unknown = Unknown::Drop,
                "reject" => self.unknown = Unknown::Reject,
                "keep" => self.unknown = Unknown::Keep(value.span()),
                _ => errors.at(&value, "`unknown` is \"reject\", \"drop\" or \"keep\""),
            }
        }
        Ok(())
    }

    fn event(&mut self, name: LitStr, errors: &mut Errors) {
        let text = name.value();
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || matches!(c, '*' | '?')) {
            errors.at(
                &name,
                "an event name is a text without spaces and wildcards, such as \"users.created\"; wildcards belong to listeners",
            );
        } else {
            self.event = Some(name);
        }
    }
}
