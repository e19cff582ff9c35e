//! `retry(..)`, `circuit_breaker(..)` and `bulkhead(..)`: options that change a policy of the broker.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Expr, ExprLit, Ident, Lit};

use super::{Argument, Entry, Place, duration, read};
use crate::errors::Errors;

/// The fields that were set, as an expression of the options type.
pub(crate) struct Policy {
    ty: Ident,
    fields: Vec<(Ident, TokenStream)>,
}

impl Policy {
    /// The struct expression.
    pub(crate) fn tokens(&self) -> TokenStream {
        let ty = &self.ty;
        let fields =
            self.fields.iter().map(|(name, value)| quote!(#name: ::core::option::Option::Some(#value),));
        quote! {
            ::ligand::__private::core::config::#ty { #(#fields)* ..::core::default::Default::default() }
        }
    }
}

/// What values a field takes.
#[derive(Clone, Copy)]
enum Kind {
    Duration,
    Count,
    Positive,
    Share,
    Factor,
}

pub(crate) fn retry(entry: &Entry, errors: &mut Errors) -> Policy {
    let place = Place { name: "`retry`", options: "retries, delay, max_delay, factor" };
    let fields = [
        ("retries", Kind::Count),
        ("delay", Kind::Duration),
        ("max_delay", Kind::Duration),
        ("factor", Kind::Factor),
    ];
    policy(entry, "RetryOptions", place, &fields, errors)
}

pub(crate) fn circuit_breaker(entry: &Entry, errors: &mut Errors) -> Policy {
    let place = Place {
        name: "`circuit_breaker`",
        options: "threshold, min_request_count, window_time, half_open_time",
    };
    let fields = [
        ("threshold", Kind::Share),
        ("min_request_count", Kind::Count),
        ("window_time", Kind::Duration),
        ("half_open_time", Kind::Duration),
    ];
    policy(entry, "CircuitBreakerOptions", place, &fields, errors)
}

pub(crate) fn bulkhead(entry: &Entry, errors: &mut Errors) -> Policy {
    let place = Place { name: "`bulkhead`", options: "concurrency, max_queue_size" };
    let fields = [("concurrency", Kind::Positive), ("max_queue_size", Kind::Count)];
    policy(entry, "BulkheadOptions", place, &fields, errors)
}

/// `name`, `name = true`, `name = false` or `name(field = value, ..)`.
fn policy(entry: &Entry, ty: &str, place: Place, known: &[(&str, Kind)], errors: &mut Errors) -> Policy {
    let mut policy = Policy { ty: format_ident!("{ty}"), fields: Vec::new() };
    match &entry.argument {
        Argument::None => {}
        Argument::Value(Expr::Lit(ExprLit { lit: Lit::Bool(on), .. })) => {
            policy.fields.push((format_ident!("enabled"), quote!(#on)));
        }
        Argument::Value(_) => {
            errors.push(entry.wrong(format_args!("write `{0}`, `{0}(..)` or `{0} = false`", entry.name)));
        }
        Argument::List(tokens) => read(tokens.clone(), place, errors, |field, errors| {
            let Some((_, kind)) = known.iter().find(|(name, _)| field.is(name)) else { return false };
            match value(field, *kind) {
                Ok(value) => policy.fields.push((field.name.clone(), value)),
                Err(error) => errors.push(error),
            }
            true
        }),
    }
    policy
}

fn value(field: &Entry, kind: Kind) -> syn::Result<TokenStream> {
    let literal = match &field.argument {
        Argument::Value(Expr::Lit(literal)) => Some(&literal.lit),
        _ => None,
    };
    let name = &field.name;
    match (kind, literal) {
        (Kind::Duration, _) => duration(field),
        (Kind::Count | Kind::Positive, Some(Lit::Int(number))) => {
            let least = u32::from(matches!(kind, Kind::Positive));
            match number.base10_parse::<u32>() {
                Ok(count) if count >= least => Ok(quote!(#number)),
                _ => Err(field.wrong(format_args!("`{name}` is a whole number from {least}"))),
            }
        }
        (Kind::Share | Kind::Factor, Some(Lit::Float(_) | Lit::Int(_))) => {
            let text = match literal {
                Some(Lit::Float(number)) => number.base10_digits().to_owned(),
                Some(Lit::Int(number)) => number.base10_digits().to_owned(),
                _ => String::new(),
            };
            let number: f64 = text.parse().unwrap_or(f64::NAN);
            match kind {
                Kind::Share if !(0.0..=1.0).contains(&number) => {
                    Err(field.wrong(format_args!("`{name}` is a share between 0.0 and 1.0")))
                }
                Kind::Factor if number.is_nan() || number < 1.0 => {
                    Err(field.wrong(format_args!("`{name}` is a number from 1.0")))
                }
                _ => {
                    let number = proc_macro2::Literal::f64_unsuffixed(number);
                    Ok(quote!(#number))
                }
            }
        }
        (Kind::Count, _) => Err(field.wrong(format_args!("`{name}` is a whole number from 0"))),
        (Kind::Positive, _) => Err(field.wrong(format_args!("`{name}` is a whole number from 1"))),
        (Kind::Share, _) => Err(field.wrong(format_args!("`{name}` is a share between 0.0 and 1.0"))),
        (Kind::Factor, _) => Err(field.wrong(format_args!("`{name}` is a number from 1.0"))),
    }
}
