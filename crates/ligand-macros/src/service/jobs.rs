//! `#[every("1m", ..)]`: methods that run again and again in the background.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Expr, ExprLit, ImplItemFn, Lit, LitStr};

use super::{
    model::Job,
    parse::{blocks, handler, leading_text, nothing},
};
use crate::{
    errors::Errors,
    options::{Argument, Entry, Place, camel_case, docs, duration, read, time, time_tokens, word},
    signature,
};

const EVERY: Place = Place {
    name: "`#[every]`",
    options: "name = \"cleanup\", start = \"now\", overlap = \"skip\", jitter = \"5s\", timeout = \"30s\", blocking",
};

/// Reads a method as a job.
pub(super) fn job(function: &ImplItemFn, tokens: TokenStream, errors: &mut Errors) -> Option<Job> {
    let (text, rest) = leading_text(tokens);
    let period = period(function, text.as_ref(), errors);
    let mut builder = Vec::new();
    let mut name = camel_case(&function.sig.ident);
    let mut blocking = false;
    read(rest, EVERY, errors, |entry, errors| {
        let result = match entry.name.to_string().as_str() {
            "name" => entry.text("`name = \"cleanup\"`").and_then(|text| {
                name = word(&text, "a job")?;
                Ok(TokenStream::new())
            }),
            "start" => start(entry),
            "overlap" => overlap(entry),
            "jitter" => jitter(entry, period),
            "timeout" => duration(entry).map(|limit| quote!(.timeout(#limit))),
            "blocking" => entry.bare().map(|()| {
                blocking = true;
                TokenStream::new()
            }),
            _ => return false,
        };
        match result {
            Ok(call) => builder.push(call),
            Err(error) => errors.push(error),
        }
        true
    });
    blocks(function, blocking, errors);
    let inputs = signature::inputs(&function.sig, "`#[every]`", errors);
    let output = nothing(function, "`#[every]`", errors);
    let inputs = inputs?;
    if let Some(argument) = inputs.arguments.first() {
        errors.at(
            argument,
            "`#[every]` takes `ctx: &Context` and nothing else: nobody sends it anything; remove it",
        );
        return None;
    }
    let span = text.map_or_else(Span::call_site, |text| text.span());
    Some(Job {
        handler: handler(function, inputs.ctx, output?),
        name,
        period: time_tokens(period?, span),
        blocking,
        docs: docs(&function.attrs),
        builder,
    })
}

fn period(function: &ImplItemFn, text: Option<&LitStr>, errors: &mut Errors) -> Option<Duration> {
    let example = "write `#[every(\"1m\")]`: \"500ms\", \"30s\", \"5m\", \"1h\" or \"1day\"";
    let Some(text) = text else {
        errors.at(&function.sig.ident, format_args!("how often? {example}"));
        return None;
    };
    match time(text) {
        Some(period) if period >= Duration::from_millis(1) => Some(period),
        Some(_) => {
            errors.at(text, format_args!("a job repeats after 1ms at the earliest; {example}"));
            None
        }
        None if text.value().split_whitespace().count() >= 5 => {
            errors.at(text, format_args!("times of the calendar (cron) are not there yet; {example}"));
            None
        }
        None => {
            errors.at(text, format_args!("this is no duration; {example}"));
            None
        }
    }
}

/// `start = "now"`, `start = "10s"`
fn start(entry: &Entry) -> syn::Result<TokenStream> {
    let wrong = || {
        entry.wrong("write `start = \"now\"`, or how long after the start of the broker: `start = \"10s\"`")
    };
    let Argument::Value(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) = &entry.argument else {
        return Err(wrong());
    };
    if text.value() == "now" {
        return Ok(quote!(.start_now()));
    }
    let pause = time_tokens(time(text).ok_or_else(wrong)?, text.span());
    Ok(quote!(.start_after(#pause)))
}

/// `overlap = "queue"`
fn overlap(entry: &Entry) -> syn::Result<TokenStream> {
    let example = "`overlap = \"skip\"`, `overlap = \"queue\"` or `overlap = \"run\"`";
    let text = entry.text(example)?;
    let overlap = quote!(::ligand::__private::core::service::Overlap);
    match text.value().as_str() {
        "skip" => Ok(quote!(.overlap(#overlap::Skip))),
        "queue" => Ok(quote!(.overlap(#overlap::Queue))),
        "run" => Ok(quote!(.overlap(#overlap::Run))),
        _ => Err(entry.wrong(format_args!("write {example}"))),
    }
}

/// `jitter = "5s"`
fn jitter(entry: &Entry, period: Option<Duration>) -> syn::Result<TokenStream> {
    let tokens = duration(entry)?;
    let text = entry.text("`jitter = \"5s\"`")?;
    if let (Some(jitter), Some(period)) = (time(&text), period)
        && jitter >= period
    {
        return Err(entry.wrong("the jitter is shorter than the period: runs keep their order"));
    }
    Ok(quote!(.jitter(#tokens)))
}
