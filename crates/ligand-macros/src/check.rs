//! The `#[check(..)]` attribute of a field: its grammar, and what each rule becomes.

mod message;
mod range;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{
    Attribute, Expr, ExprLit, Ident, Lit, LitStr, Token, Type,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    token::Paren,
};

use crate::errors::Errors;
use message::Attributed;
pub(crate) use message::{Custom, whole};
use range::{Range, json};

const RULES: &str = "length(1..=64), range(1..=100), items(1..=50), email, url, uuid, pattern = \"..\", one_of(\"a\", \"b\"), \
    non_empty, positive, unique_items, trim, lowercase, uppercase, default, default = .., schema = String, \
    custom = path, message = \"..\", secret, rest";

/// Everything the `#[check(..)]` attributes of one field say.
#[derive(Default)]
pub(crate) struct Checks {
    /// Conditions on a text called `text`.
    text: Vec<TokenStream>,
    /// Conditions on a number called `number`.
    number: Vec<TokenStream>,
    /// Conditions on the field itself, which follows in parentheses.
    whole: Vec<TokenStream>,
    /// Checks of the user's own.
    customs: Vec<Custom>,
    /// Calls on `Annotate`.
    schema: Vec<TokenStream>,
    /// Fields of `Sanitizers` to set.
    sanitizers: Vec<Ident>,
    pub(crate) default: Option<Default_>,
    /// A type that is written as the field is.
    pub(crate) form: Option<Type>,
    pub(crate) secret: Option<Span>,
    pub(crate) rest: Option<Span>,
    seen: Vec<String>,
}

/// What an absent field becomes.
pub(crate) enum Default_ {
    /// `Default::default()`.
    OfType,
    /// This expression.
    Value(Expr),
}

impl Checks {
    /// Takes the `#[check(..)]` attributes out of `attributes`.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut checks = Self::default();
        attributes.retain(|attribute| {
            if !attribute.path().is_ident("check") {
                return true;
            }
            match attribute.meta.require_list() {
                Ok(_) => match attribute.parse_args_with(rules) {
                    Ok(rules) => checks.add_all(&rules, errors),
                    Err(error) => errors.push(error),
                },
                Err(_) => {
                    errors.at(attribute, format_args!("`#[check(..)]` needs rules in parentheses: {RULES}"));
                }
            }
            false
        });
        checks
    }

    fn has_sanitizers(&self) -> bool {
        !self.sanitizers.is_empty()
    }

    /// The checks of the user's own, which run when the rules hold.
    pub(crate) fn customs(&self) -> &[Custom] {
        &self.customs
    }

    /// The expressions that must all be true, for a reference to the field called `field`; without the customs.
    pub(crate) fn conditions(&self, field: &Ident) -> Vec<TokenStream> {
        let rules = rules_path();
        let mut all: Vec<TokenStream> = self.whole.iter().map(|check| quote!(#check(#field))).collect();
        if !self.number.is_empty() {
            let number = &self.number;
            all.push(quote!(#rules::field::Numeric::every_number(#field, &|number| #(#number)&&*)));
        }
        if !self.text.is_empty() {
            let text = &self.text;
            all.push(quote!(#rules::field::Text::every_text(#field, &|text| #(#text)&&*)));
        }
        all
    }

    /// The statement that sanitizes, for a mutable reference to the field called `field`.
    pub(crate) fn sanitize(&self, field: &Ident) -> Option<TokenStream> {
        let rules = rules_path();
        let sanitizers = &self.sanitizers;
        self.has_sanitizers().then(|| {
            quote! {
                #rules::field::TextMut::sanitize_text(
                    #field,
                    #rules::Sanitizers { #(#sanitizers: true,)* ..::core::default::Default::default() },
                );
            }
        })
    }

    /// The attribute that writes the rules into the JSON Schema.
    pub(crate) fn schema_attribute(&self) -> Option<TokenStream> {
        let calls = &self.schema;
        (!calls.is_empty()).then(|| {
            quote!(#[schemars(transform = ::ligand::__private::wire::schema::Annotate::new() #(.#calls)*)])
        })
    }

    /// Adds the rules of one attribute; a message in it is about all of them.
    fn add_all(&mut self, rules: &[Rule], errors: &mut Errors) {
        let Attributed { rules, text } = Attributed::read(rules, errors);
        for rule in &rules {
            match rule.custom(text.as_ref()) {
                Some(Ok(custom)) => self.customs.push(custom),
                Some(Err(error)) => errors.push(error),
                None => self.add(rule, errors),
            }
        }
        if let Some(text) = text {
            let kinds = match rules.as_slice() {
                [] => vec!["*"],
                rules => rules
                    .iter()
                    .flat_map(|rule| message::kinds(&rule.name.unraw().to_string()))
                    .copied()
                    .collect(),
            };
            let is_heard = !kinds.is_empty() || rules.iter().any(|rule| rule.name == "custom");
            if !is_heard {
                errors.at(&text, "none of the rules here can be broken; put the message beside one that can");
            } else if !kinds.is_empty() {
                self.schema.push(quote!(message(&[#(#kinds),*], #text)));
            }
        }
    }

    fn add(&mut self, rule: &Rule, errors: &mut Errors) {
        let name = rule.name.unraw().to_string();
        if self.seen.contains(&name) {
            errors.at(&rule.name, format_args!("`{name}` is here twice; keep one of them"));
            return;
        }
        if let Err(error) = self.rule(&name, rule) {
            errors.push(error);
        }
        self.seen.push(name);
    }

    fn rule(&mut self, name: &str, rule: &Rule) -> syn::Result<()> {
        let rules = rules_path();
        match name {
            "length" => {
                let range = rule.range("length")?.counts()?;
                let (min, max) = (range.min_or_zero(), range.max_or_all());
                self.text.push(quote!(#rules::length_in(text, #min, #max)));
                let (min, max) = (range.optional_min(), range.optional_max());
                self.schema.push(quote!(length(#min, #max)));
            }
            "items" => {
                let range = rule.range("items")?.counts()?;
                let (min, max) = (range.min_or_zero(), range.max_or_all());
                self.whole.push(
                    quote!((|list| #rules::field::Items::every_count(list, &|count| #rules::count_in(count, #min, #max)))),
                );
                let (min, max) = (range.optional_min(), range.optional_max());
                self.schema.push(quote!(items(#min, #max)));
            }
            "range" => {
                let range = rule.range("range")?;
                for (bound, method) in [(&range.min, "at_least"), (&range.max, "at_most")] {
                    if let Some(bound) = bound {
                        let (method, bound) = (format_ident!("{method}"), bound.number()?);
                        self.number.push(quote!(number.#method(#bound)));
                    }
                }
                let (min, max) = (json(range.min.as_ref())?, json(range.max.as_ref())?);
                self.schema.push(quote!(range(#min, #max)));
            }
            "positive" => {
                rule.bare()?;
                self.number.push(quote!(number.is_positive()));
                self.schema.push(quote!(positive()));
            }
            "email" | "uuid" => {
                rule.bare()?;
                let function = &rule.name;
                self.text.push(quote!(#rules::#function(text)));
                let versioned = (name == "uuid").then(|| quote!(.flag("versioned")));
                self.schema.push(quote!(format(#name) #versioned));
            }
            "url" => {
                rule.bare()?;
                self.text.push(quote!(#rules::url(text)));
                self.schema.push(quote!(format("uri").flag("url")));
            }
            "pattern" => {
                let pattern = rule.text()?;
                if let Err(error) = regex_lite::Regex::new(&pattern.value()) {
                    let message = format!(
                        "this is not a regular expression ({error}); a backslash is written r\"\\d\" or \"\\\\d\""
                    );
                    return Err(syn::Error::new_spanned(pattern, message));
                }
                self.text.push(quote!({
                    static REGEX: ::std::sync::OnceLock<#rules::Regex> = ::std::sync::OnceLock::new();
                    #rules::pattern(text, REGEX.get_or_init(|| #rules::compiled(#pattern)))
                }));
                self.schema.push(quote!(pattern(#pattern)));
            }
            "one_of" => {
                let texts = rule.texts()?;
                self.text.push(quote!(#rules::one_of(text, &[#(#texts),*])));
                self.schema.extend(texts.iter().map(|text| quote!(one_of(#text))));
            }
            "non_empty" => {
                rule.bare()?;
                self.whole.push(quote!(#rules::field::NonEmpty::is_non_empty));
                self.schema.push(quote!(non_empty()));
            }
            "unique_items" => {
                rule.bare()?;
                self.whole.push(quote!(#rules::field::Unique::has_unique_items));
                self.schema.push(quote!(unique_items()));
            }
            "trim" | "lowercase" | "uppercase" => {
                rule.bare()?;
                let clash = if name == "lowercase" { "uppercase" } else { "lowercase" };
                if name != "trim" && self.seen.iter().any(|seen| seen == clash) {
                    let message = "a text cannot be both `lowercase` and `uppercase`; keep one of them";
                    return Err(syn::Error::new_spanned(&rule.name, message));
                }
                self.sanitizers.push(rule.name.clone());
                self.schema.push(quote!(flag(#name)));
            }
            "default" => {
                self.default = Some(match &rule.argument {
                    Argument::None => Default_::OfType,
                    Argument::Value(value) => Default_::Value(value.clone()),
                    _ => return Err(rule.wrong("`default` or `default = expr`")),
                });
            }
            "secret" => {
                rule.bare()?;
                self.secret = Some(rule.name.span());
                self.schema.push(quote!(secret()));
            }
            "schema" => {
                let expected = "`schema = String`, with a type that is written as the field is";
                let Argument::Type(form) = &rule.argument else { return Err(rule.wrong(expected)) };
                self.form = Some((**form).clone());
            }
            "rest" => {
                rule.bare()?;
                self.rest = Some(rule.name.span());
            }
            _ => {
                let message = format!("unknown rule `{name}`; expected one of: {RULES}");
                return Err(syn::Error::new_spanned(&rule.name, message));
            }
        }
        Ok(())
    }
}

fn rules_path() -> TokenStream {
    quote!(::ligand::__private::wire::rules)
}

/// One rule as written.
struct Rule {
    name: Ident,
    argument: Argument,
}

enum Argument {
    /// `email`
    None,
    /// `pattern = ".."`
    Value(Expr),
    /// `schema = Option<String>`
    Type(Box<Type>),
    /// `length(..)`
    List(TokenStream),
}

fn rules(input: ParseStream<'_>) -> syn::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    while !input.is_empty() {
        rules.push(input.parse()?);
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(rules)
}

impl Parse for Rule {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = Ident::parse_any(input)
            .map_err(|error| syn::Error::new(error.span(), format!("expected a rule: {RULES}")))?;
        let argument = if input.peek(Paren) {
            let content;
            syn::parenthesized!(content in input);
            Argument::List(content.parse()?)
        } else if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            match name == "schema" {
                true => Argument::Type(input.parse().map_err(|error: syn::Error| {
                    let message =
                        "`schema` is written `schema = String`, with a type that is written as the field is";
                    syn::Error::new(error.span(), message)
                })?),
                false => Argument::Value(input.parse()?),
            }
        } else {
            Argument::None
        };
        Ok(Self { name, argument })
    }
}

impl Rule {
    fn wrong(&self, expected: &str) -> syn::Error {
        let message = format!("`{}` is written {expected}", self.name);
        match &self.argument {
            Argument::Value(value) => syn::Error::new_spanned(value, message),
            Argument::List(tokens) if !tokens.is_empty() => syn::Error::new_spanned(tokens, message),
            _ => syn::Error::new_spanned(&self.name, message),
        }
    }

    fn bare(&self) -> syn::Result<()> {
        match self.argument {
            Argument::None => Ok(()),
            _ => Err(self.wrong("alone, without a value")),
        }
    }

    fn text(&self) -> syn::Result<LitStr> {
        match &self.argument {
            Argument::Value(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(text.clone()),
            _ => Err(self.wrong(&format!("`{} = \"..\"` with a text literal", self.name))),
        }
    }

    fn texts(&self) -> syn::Result<Vec<LitStr>> {
        let expected = format!("`{}(\"a\", \"b\")` with text literals", self.name);
        let Argument::List(tokens) = &self.argument else { return Err(self.wrong(&expected)) };
        let parse = |input: ParseStream<'_>| input.parse_terminated(<LitStr as Parse>::parse, Token![,]);
        match syn::parse::Parser::parse2(parse, tokens.clone()) {
            Ok(texts) if !texts.is_empty() => Ok(texts.into_iter().collect()),
            _ => Err(self.wrong(&expected)),
        }
    }

    fn range(&self, name: &str) -> syn::Result<Range> {
        let expected = format!(
            "`{name}(1..=64)`, `{name}(1..)`, `{name}(..=64)`, `{name}(min = 1)` or `{name}(max = 64)`"
        );
        let Argument::List(tokens) = &self.argument else { return Err(self.wrong(&expected)) };
        let range = syn::parse2::<Range>(tokens.clone()).map_err(|error| {
            let message = format!("{error}; `{name}` is written {expected}");
            if tokens.is_empty() { self.wrong(&expected) } else { syn::Error::new(error.span(), message) }
        })?;
        if range.min.is_none() && range.max.is_none() {
            return Err(self.wrong(&expected));
        }
        if let (Some(min), Some(max)) = (&range.min, &range.max)
            && min.value > max.value
        {
            let message = format!("nothing is between {} and {}; swap the bounds", min.value, max.value);
            return Err(syn::Error::new(min.span, message));
        }
        Ok(range)
    }
}
