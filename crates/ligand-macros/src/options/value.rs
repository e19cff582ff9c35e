//! Values with a grammar of their own: durations, names.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, ext::IdentExt};

use super::{Argument, Entry};

/// `timeout = "5s"`, as a `Duration`.
pub(crate) fn duration(entry: &Entry) -> syn::Result<TokenStream> {
    let wrong = || {
        entry.wrong(format_args!(
            "`{}` is a duration such as \"500ms\", \"30s\", \"5m\" or \"1h\" (\"0\" = none)",
            entry.name
        ))
    };
    let Argument::Value(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) = &entry.argument else {
        return Err(wrong());
    };
    let value = time(text).ok_or_else(wrong)?;
    Ok(time_tokens(value, text.span()))
}

/// `"5m"`; at most as many milliseconds as fit into 64 bits.
pub(crate) fn time(text: &LitStr) -> Option<Duration> {
    let value = match text.value().trim() {
        "0" => Duration::ZERO,
        text => humantime::parse_duration(text).ok()?,
    };
    u64::try_from(value.as_millis()).ok().map(|_| value)
}

/// A `Duration` in the code.
pub(crate) fn time_tokens(value: Duration, span: Span) -> TokenStream {
    let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
    if Duration::from_millis(millis) == value {
        let millis = proc_macro2::Literal::u64_unsuffixed(millis);
        quote::quote_spanned!(span=> ::core::time::Duration::from_millis(#millis))
    } else {
        let (secs, nanos) = (value.as_secs(), value.subsec_nanos());
        quote::quote_spanned!(span=> ::core::time::Duration::new(#secs, #nanos))
    }
}

/// A name of a service, an action or a version: something printable without blanks.
pub(crate) fn word(text: &LitStr, what: &str) -> syn::Result<String> {
    let value = text.value();
    if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(syn::Error::new(
            text.span(),
            format_args!("the name of {what} has at least one character and no blanks"),
        ));
    }
    Ok(value)
}

/// The name or mask of an event.
pub(crate) fn event_pattern(text: &LitStr) -> syn::Result<()> {
    let value = text.value();
    if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(syn::Error::new(
            text.span(),
            "an event is a name or a mask, for example \"orders.placed\", \"orders.*\" or \"**\"",
        ));
    }
    Ok(())
}

/// Tokens as a JSON value.
pub(crate) fn json(tokens: &TokenStream) -> TokenStream {
    quote!(::ligand::__private::serde_json::json!(#tokens))
}

/// `full_name` as it is written on the wire: `fullName`.
pub(crate) fn camel_case(name: &Ident) -> String {
    let name = name.unraw().to_string();
    let mut words = name.split('_').filter(|word| !word.is_empty());
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        text.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        text.push_str(letters.as_str());
    }
    text
}

/// `full_name` as a constant: `FULL_NAME`; so is `fullName`.
pub(crate) fn screaming(name: &Ident) -> Ident {
    let mut capitals = String::new();
    let mut small = false;
    for letter in name.unraw().to_string().chars() {
        if letter.is_uppercase() && small {
            capitals.push('_');
        }
        small = letter.is_lowercase() || letter.is_ascii_digit();
        capitals.extend(letter.to_uppercase());
    }
    Ident::new(&capitals, Span::call_site().located_at(name.span()))
}

/// The doc comment, one line each.
pub(crate) fn docs(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value
        {
            lines.extend(
                text.value().split('\n').map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned()),
            );
        }
    }
    lines.join("\n").trim().to_owned()
}

/// The `#[cfg(..)]` attributes.
pub(crate) fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}
