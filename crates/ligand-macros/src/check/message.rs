//! Checks and texts of the user's own: `custom = path`, `message = ".."`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Attribute, Expr, LitStr, ext::IdentExt, spanned::Spanned};

use super::{Argument, Rule, rules};
use crate::errors::Errors;

/// A check of the user's own.
pub(crate) struct Custom {
    /// The function: it takes a reference and answers a `Verdict`.
    pub(crate) function: Expr,
    /// Said instead of what the function says.
    pub(crate) text: Option<LitStr>,
}

impl Custom {
    /// Whether the check passes for a reference.
    pub(crate) fn condition(&self, value: &TokenStream) -> TokenStream {
        let function = &self.function;
        // Errors about what the function answers stand at its name.
        let span = function.span();
        let verdict = quote_spanned!(span=> ::ligand::__private::wire::validate::Verdict::is_fine);
        quote_spanned!(span=> #verdict(&(#function)(#value)))
    }

    /// Tells `report` what it finds.
    pub(crate) fn report(&self, value: &TokenStream) -> TokenStream {
        let function = &self.function;
        let text = match &self.text {
            Some(text) => quote!(::core::option::Option::Some(#text)),
            None => quote!(::core::option::Option::None),
        };
        quote!(report.verdict((#function)(#value), #text);)
    }
}

/// The rules of one attribute, apart from its message.
pub(super) struct Attributed<'a> {
    pub(super) rules: Vec<&'a Rule>,
    pub(super) text: Option<LitStr>,
}

impl<'a> Attributed<'a> {
    pub(super) fn read(rules: &'a [Rule], errors: &mut Errors) -> Self {
        let (messages, rules): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.name == "message");
        let mut text = None;
        for message in messages {
            match message.text() {
                Ok(_) if text.is_some() => {
                    errors
                        .at(&message.name, "`message` is here twice; give each rule an attribute of its own");
                }
                Ok(said) => text = Some(said),
                Err(error) => errors.push(error),
            }
        }
        Self { rules, text }
    }
}

impl Rule {
    /// The check, if the rule is one of the user's own.
    pub(super) fn custom(&self, text: Option<&LitStr>) -> Option<syn::Result<Custom>> {
        (self.name.unraw() == "custom").then(|| match &self.argument {
            Argument::Value(function @ (Expr::Path(_) | Expr::Closure(_))) => {
                Ok(Custom { function: function.clone(), text: text.cloned() })
            }
            _ => Err(self.wrong("`custom = path`, with a function that takes a reference")),
        })
    }
}

/// Takes the checks of a whole type.
pub(crate) fn whole(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Custom> {
    let mut customs = Vec::new();
    attributes.retain(|attribute| {
        if !attribute.path().is_ident("check") {
            return true;
        }
        let parsed = match attribute.parse_args_with(rules) {
            Ok(parsed) => parsed,
            Err(error) => {
                errors.push(error);
                return false;
            }
        };
        let Attributed { rules, text } = Attributed::read(&parsed, errors);
        if rules.is_empty() {
            errors.at(attribute, "on the type stands `#[check(custom = path)]`, with or without a message");
        }
        for rule in rules {
            match rule.custom(text.as_ref()) {
                Some(Ok(custom)) => customs.push(custom),
                Some(Err(error)) => errors.push(error),
                None => errors.at(
                    &rule.name,
                    format_args!(
                        "`{}` is about a field, not the type; move it to one. The whole is checked by `custom = path`",
                        rule.name
                    ),
                ),
            }
        }
        false
    });
    customs
}

/// The types of errors that a rule makes.
pub(super) fn kinds(rule: &str) -> &'static [&'static str] {
    match rule {
        "length" => &["stringMin", "stringMax", "stringLength", "emailMin", "emailMax"],
        "items" => &["arrayMin", "arrayMax", "arrayLength"],
        "range" => &["numberMin", "numberMax"],
        "positive" => &["numberPositive"],
        "email" => &["email", "emailEmpty"],
        "url" => &["url", "urlEmpty"],
        "uuid" => &["uuid"],
        "pattern" => &["stringPattern"],
        "one_of" => &["enumValue"],
        "non_empty" => &["stringEmpty", "arrayEmpty", "objectMinProps"],
        "unique_items" => &["arrayUnique"],
        _ => &[],
    }
}
