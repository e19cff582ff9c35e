//! Methods that run around actions: their signatures.

use quote::ToTokens;
use syn::{FnArg, ImplItemFn, PatType, Type};

use super::{
    model::{Hook, HookKind},
    parse::{handler, nothing},
};
use crate::{
    errors::Errors,
    signature::{self, without_self},
};

/// Reads a method as a hook.
pub(super) fn hook(function: &ImplItemFn, kind: HookKind, ty: &Type, errors: &mut Errors) -> Option<Hook> {
    let what = format!("`{}`", kind.name());
    let inputs = signature::inputs(&function.sig, &what, errors)?;
    match kind {
        HookKind::Before | HookKind::After => {
            let value = match inputs.arguments.as_slice() {
                [] => None,
                [argument] => Some(exclusive(argument, kind, errors)?),
                [_, second, ..] => {
                    errors.at(second, kind.usage());
                    return None;
                }
            };
            let fallible = nothing(function, &format!("{what} changes its argument in place and"), errors)?;
            let value = value.map(|value| without_self(&value, ty));
            Some(Hook { kind, handler: handler(function, inputs.ctx, fallible), value })
        }
        HookKind::OnError | HookKind::Fallback => {
            match inputs.arguments.as_slice() {
                [argument] if signature::is_named(&argument.ty, "Error") => {}
                [argument, ..] => {
                    errors.at(argument, kind.usage());
                    return None;
                }
                [] => {
                    let at = function
                        .sig
                        .inputs
                        .last()
                        .map_or_else(|| function.sig.ident.to_token_stream(), FnArg::to_token_stream);
                    errors.at(&at, kind.usage());
                    return None;
                }
            }
            let output = signature::output(&function.sig.output, errors)?;
            if !output.fallible && kind == HookKind::OnError {
                let at = function.sig.output.to_token_stream();
                let at = if at.is_empty() { function.sig.ident.to_token_stream() } else { at };
                errors.at(&at, kind.usage());
                return None;
            }
            if output.reply {
                errors.at(
                    &function.sig.output,
                    format_args!(
                        "{what} answers the value alone: write `Result<T>` instead of `Result<Reply<T>>`"
                    ),
                );
                return None;
            }
            let value = Some(without_self(&output.ty, ty));
            Some(Hook { kind, handler: handler(function, inputs.ctx, output.fallible), value })
        }
    }
}

/// The `T` of `&mut T`.
fn exclusive(argument: &PatType, kind: HookKind, errors: &mut Errors) -> Option<Type> {
    match &*argument.ty {
        Type::Reference(reference) if reference.mutability.is_some() => Some((*reference.elem).clone()),
        _ => {
            errors.at(&argument.ty, kind.usage());
            None
        }
    }
}
