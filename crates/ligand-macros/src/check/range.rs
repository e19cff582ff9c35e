//! The argument of `length`, `items` and `range`: its grammar and the tokens of its bounds.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Expr, ExprLit, Ident, Lit, RangeLimits, Token,
    parse::{Parse, ParseStream},
    spanned::Spanned,
};

use super::rules_path;

/// The argument of `length`, `items` and `range`, both bounds included.
pub(super) struct Range {
    pub(super) min: Option<Bound>,
    pub(super) max: Option<Bound>,
}

pub(super) struct Bound {
    pub(super) value: f64,
    integer: Option<i128>,
    pub(super) span: Span,
}

impl Parse for Range {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut range = Self { min: None, max: None };
        if input.peek(Ident) {
            while !input.is_empty() {
                let name: Ident = input.parse()?;
                input.parse::<Token![=]>()?;
                let bound = Some(Bound::new(&input.parse()?)?);
                match name.to_string().as_str() {
                    "min" if range.min.is_none() => range.min = bound,
                    "max" if range.max.is_none() => range.max = bound,
                    _ => {
                        return Err(syn::Error::new_spanned(
                            name,
                            "expected `min = ..` and `max = ..`, once each",
                        ));
                    }
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            return Ok(range);
        }
        let expression: Expr = input.parse()?;
        let Expr::Range(written) = &expression else {
            return Err(syn::Error::new_spanned(expression, "expected a range"));
        };
        if let (RangeLimits::HalfOpen(_), Some(end)) = (&written.limits, &written.end) {
            return Err(syn::Error::new_spanned(end, "both bounds are included, so put `=` after the dots"));
        }
        range.min = written.start.as_deref().map(Bound::new).transpose()?;
        range.max = written.end.as_deref().map(Bound::new).transpose()?;
        Ok(range)
    }
}

impl Bound {
    fn new(expression: &Expr) -> syn::Result<Self> {
        let span = expression.span();
        let (negative, literal) = match expression {
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => (true, &*unary.expr),
            other => (false, other),
        };
        let sign = if negative { -1.0 } else { 1.0 };
        match literal {
            Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) if int.suffix().is_empty() => {
                let integer = int.base10_parse::<i128>()?;
                Ok(Self {
                    value: sign * integer as f64,
                    integer: Some(if negative { -integer } else { integer }),
                    span,
                })
            }
            Expr::Lit(ExprLit { lit: Lit::Float(float), .. }) if float.suffix().is_empty() => {
                Ok(Self { value: sign * float.base10_parse::<f64>()?, integer: None, span })
            }
            _ => Err(syn::Error::new(span, "a bound is a number literal without a suffix, such as 64")),
        }
    }

    /// A `Number` of the rules.
    pub(super) fn number(&self) -> syn::Result<TokenStream> {
        let rules = rules_path();
        Ok(match self.integer {
            Some(integer) => quote!(#rules::field::Number::Int(#integer)),
            None => {
                let value = self.value;
                quote!(#rules::field::Number::Float(#value))
            }
        })
    }
}

/// A bound as an optional JSON number.
pub(super) fn json(bound: Option<&Bound>) -> syn::Result<TokenStream> {
    let some = |value: TokenStream| quote!(::core::option::Option::Some((#value).into()));
    let Some(bound) = bound else { return Ok(quote!(::core::option::Option::None)) };
    match bound.integer {
        None => {
            let value = bound.value;
            Ok(some(quote!(#value)))
        }
        Some(integer) => {
            if let Ok(integer) = i64::try_from(integer) {
                Ok(some(quote!(#integer)))
            } else if let Ok(integer) = u64::try_from(integer) {
                Ok(some(quote!(#integer)))
            } else {
                Err(syn::Error::new(bound.span, "this number has more than 64 bits; use a smaller bound"))
            }
        }
    }
}

/// A range of counts.
pub(super) struct Counts {
    min: Option<u32>,
    max: Option<u32>,
}

impl Range {
    /// Both bounds as counts.
    pub(super) fn counts(&self) -> syn::Result<Counts> {
        let count = |bound: &Option<Bound>| {
            bound
                .as_ref()
                .map(|bound| {
                    let count = bound.integer.and_then(|integer| u32::try_from(integer).ok());
                    count.ok_or_else(|| {
                        syn::Error::new(bound.span, "a count is a whole number from 0 to 4294967295")
                    })
                })
                .transpose()
        };
        Ok(Counts { min: count(&self.min)?, max: count(&self.max)? })
    }
}

impl Counts {
    pub(super) fn min_or_zero(&self) -> TokenStream {
        let min = self.min.unwrap_or(0) as usize;
        quote!(#min)
    }

    pub(super) fn max_or_all(&self) -> TokenStream {
        match self.max {
            Some(max) => {
                let max = max as usize;
                quote!(#max)
            }
            None => quote!(::core::primitive::usize::MAX),
        }
    }

    pub(super) fn optional_min(&self) -> TokenStream {
        optional(self.min)
    }

    pub(super) fn optional_max(&self) -> TokenStream {
        optional(self.max)
    }
}

fn optional(count: Option<u32>) -> TokenStream {
    match count.map(u64::from) {
        Some(count) => quote!(::core::option::Option::Some(#count)),
        None => quote!(::core::option::Option::None),
    }
}
