//! Signatures of methods, as the rules of services read them: `&self`, then perhaps `ctx: &Context`, then what
//! was sent; and `T` or `Result<T>` back.

use quote::ToTokens;
use syn::{
    Attribute, FnArg, GenericArgument, Ident, Pat, PatType, PathArguments, ReceiverKind, ReturnType,
    Signature, Type, parse_quote,
    visit_mut::{self, VisitMut},
};

use crate::errors::Errors;

/// What a method takes after `&self` and `ctx`.
pub(crate) struct Inputs<'a> {
    /// It takes `ctx: &Context`.
    pub(crate) ctx: bool,
    /// The other arguments.
    pub(crate) arguments: Vec<&'a PatType>,
}

/// What a method answers.
#[derive(Clone)]
pub(crate) struct Output {
    /// `T`, also of `Result<T>`.
    pub(crate) ty: Type,
    /// It answers a `Result`.
    pub(crate) fallible: bool,
    /// It answers a `Reply<T>`: callers get `T`.
    pub(crate) reply: bool,
}

/// The payload of an action.
#[allow(clippy::large_enum_variant, reason = "few, and short-lived")]
pub(crate) enum Input {
    /// No argument: anything is accepted.
    Nothing,
    /// `params: T`
    Params(Type),
    /// Other arguments: the fields of a generated struct.
    Fields(Vec<Field>),
}

/// One argument that became a field.
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    /// Doc comments, `#[check(..)]` and `#[serde(..)]`.
    pub(crate) attributes: Vec<Attribute>,
}

/// Reads the receiver, the modifiers and `ctx`. `what` is "an action" or the like.
pub(crate) fn inputs<'a>(signature: &'a Signature, what: &str, errors: &mut Errors) -> Option<Inputs<'a>> {
    let plain = modifiers(signature, what, errors);
    let mut arguments = signature.inputs.iter();
    let shared = match arguments.next() {
        Some(FnArg::Receiver(receiver)) => match &receiver.kind {
            ReceiverKind::Reference(_, _, None) => None,
            ReceiverKind::Typed(_, ty) if is_shared_self(ty) => None,
            _ => Some(receiver.to_token_stream()),
        },
        Some(FnArg::Typed(argument)) => Some(argument.to_token_stream()),
        None => Some(signature.ident.to_token_stream()),
    };
    if let Some(at) = &shared {
        errors.at(
            at,
            format_args!(
                "{what} takes `&self` first, because all calls share the service (or `self: &Arc<Self>`, to hand it on to \
                 work in the background); put state that changes into a Mutex or an atomic"
            ),
        );
    }
    let typed = arguments.filter_map(|argument| match argument {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    });
    let inputs = after_self(typed.collect(), what, errors);
    inputs.filter(|_| plain && shared.is_none())
}

/// `&Arc<Self>`, for a handler that hands its service on.
fn is_shared_self(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else { return false };
    let Type::Path(path) = &*reference.elem else { return false };
    let Some(last) = path.path.segments.last().filter(|segment| segment.ident == "Arc") else { return false };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
    let own =
        |argument: &GenericArgument| matches!(argument, GenericArgument::Type(ty) if is_named(ty, "Self"));
    reference.mutability.is_none() && arguments.args.len() == 1 && arguments.args.iter().all(own)
}

/// Takes `ctx` off the arguments after `&self`.
pub(crate) fn after_self<'a>(
    mut arguments: Vec<&'a PatType>,
    what: &str,
    errors: &mut Errors,
) -> Option<Inputs<'a>> {
    let mut right = true;
    let mut ctx = false;
    for (index, argument) in arguments.iter().enumerate() {
        let named = matches!(&*argument.pat, Pat::Ident(name) if name.ident == "ctx" || name.ident == "_ctx");
        match context_kind(&argument.ty) {
            Some(true) if index == 0 => ctx = true,
            Some(true) => {
                errors.at(
                    argument,
                    format_args!("in {what}, `ctx: &Context` comes right after `&self`; move it"),
                );
                right = false;
            }
            Some(false) => {
                errors.at(&argument.ty, format_args!("{what} borrows its context; write `ctx: &Context`"));
                right = false;
            }
            None if named => {
                errors.at(
                    &argument.ty,
                    "the argument `ctx` is the context; write `ctx: &Context`, or give it another name",
                );
                right = false;
            }
            None if is_stream(&argument.ty) => {
                errors.at(
                    &argument.ty,
                    "a stream is no parameter, it comes beside them: take `ctx: &Context` and read `ctx.stream()`; the body of \
                     an HTTP request is a `Binary` with `body = raw`",
                );
                right = false;
            }
            None => {}
        }
    }
    if ctx {
        arguments.remove(0);
    }
    right.then_some(Inputs { ctx, arguments })
}

/// `Some(true)` for `&Context`, `Some(false)` for another form of `Context`.
fn context_kind(ty: &Type) -> Option<bool> {
    match ty {
        Type::Reference(reference) if is_named(&reference.elem, "Context") => {
            Some(reference.mutability.is_none())
        }
        ty if is_named(ty, "Context") => Some(false),
        _ => None,
    }
}

/// The last segment of a path type is `name`.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

/// `Streaming`, also in an `Option`.
fn is_stream(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let inner = path.path.segments.last().filter(|segment| segment.ident == "Option");
    match inner.map(|option| &option.arguments) {
        Some(PathArguments::AngleBracketed(inner)) => {
            inner.args.iter().any(|arg| matches!(arg, GenericArgument::Type(ty) if is_stream(ty)))
        }
        _ => is_named(ty, "Streaming"),
    }
}

/// Nothing a remote caller could not know of: no type parameters, no `unsafe`.
pub(crate) fn modifiers(signature: &Signature, what: &str, errors: &mut Errors) -> bool {
    let mut plain = true;
    if !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        errors.at(
            &signature.generics,
            format_args!(
                "{what} has no type parameters or lifetimes: what travels has one fixed type; name it"
            ),
        );
        plain = false;
    }
    if let Some(token) = &signature.constness {
        errors.at(token, format_args!("{what} is not `const`; remove it"));
        plain = false;
    }
    if let Some(token) = &signature.abi {
        errors.at(token, format_args!("{what} is an ordinary function; remove `extern`"));
        plain = false;
    }
    plain
}

/// Reads what an action takes.
pub(crate) fn input(arguments: &[&PatType], errors: &mut Errors) -> Option<Input> {
    let mut right = true;
    let mut fields = Vec::new();
    for argument in arguments {
        right &= owned(&argument.ty, errors);
        let Pat::Ident(pattern) = &*argument.pat else {
            errors.at(
                &argument.pat,
                "an argument of an action is a plain name: `params: CreateUser` for the whole payload, any other \
                 name for one field of it",
            );
            right = false;
            continue;
        };
        if matches!(pattern.ident.to_string().as_str(), "params" | "_params") {
            if let [_] = arguments {
                return right.then(|| Input::Params((*argument.ty).clone()));
            }
            errors.at(
                &pattern.ident,
                "`params` is the whole payload, so there is no room for other arguments; put them into its type, \
                 or name each argument after its field",
            );
            return None;
        }
        if pattern.ident.to_string().starts_with('_') {
            errors
                .at(&pattern.ident, "this name becomes a field on the wire; write it without the underscore");
            right = false;
        }
        fields.push(Field {
            name: pattern.ident.clone(),
            ty: (*argument.ty).clone(),
            attributes: argument
                .attrs
                .iter()
                .filter(|attribute| is_field_attribute(attribute))
                .cloned()
                .collect(),
        });
    }
    right.then_some(if fields.is_empty() { Input::Nothing } else { Input::Fields(fields) })
}

/// An attribute of an argument that belongs on the field it becomes.
pub(crate) fn is_field_attribute(attribute: &Attribute) -> bool {
    ["check", "serde", "doc"].iter().any(|name| attribute.path().is_ident(name))
}

/// A payload owns what it holds, and has a name.
pub(crate) fn owned(ty: &Type, errors: &mut Errors) -> bool {
    match ty {
        Type::Reference(_) => {
            errors.at(
                ty,
                "a payload is owned: it may come from another node; write the type without `&` (`String` \
                           instead of `&str`)",
            );
            false
        }
        Type::ImplTrait(_) => {
            errors.at(ty, "what travels has one fixed type; name it instead of `impl Trait`");
            false
        }
        _ => true,
    }
}

/// Reads what a method answers.
pub(crate) fn output(output: &ReturnType, errors: &mut Errors) -> Option<Output> {
    let ReturnType::Type(_, ty) = output else {
        return Some(Output { ty: parse_quote!(()), fallible: false, reply: false });
    };
    if matches!(&**ty, Type::ImplTrait(_)) || is_future(ty) {
        errors.at(ty, "what travels has one fixed type; write `async fn` and `-> Result<T>`");
        return None;
    }
    let Type::Path(path) = &**ty else {
        return owned(ty, errors).then(|| Output { ty: (**ty).clone(), fallible: false, reply: false });
    };
    let Some(last) = path.path.segments.last().filter(|segment| segment.ident == "Result") else {
        let (ty, reply) = unwrapped((**ty).clone());
        return owned(&ty, errors).then_some(Output { ty, fallible: false, reply });
    };
    let ty = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty.clone()),
                _ => None,
            })
        }
        _ => None,
    };
    let (ty, reply) = unwrapped(ty.unwrap_or_else(|| parse_quote!(())));
    owned(&ty, errors).then_some(Output { ty, fallible: true, reply })
}

/// A future in a box, as macros write it that make traits `async`.
fn is_future(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let Some(last) = path.path.segments.last() else { return false };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
    let holds = |fits: fn(&Type) -> bool| {
        arguments.args.iter().any(|argument| matches!(argument, GenericArgument::Type(ty) if fits(ty)))
    };
    match last.ident.to_string().as_str() {
        "BoxFuture" | "LocalBoxFuture" => true,
        "Pin" => holds(is_future),
        "Box" => holds(|ty| matches!(ty, Type::TraitObject(_))),
        _ => false,
    }
}

/// The `T` of a `Reply<T>`, and whether it was one. A type of the user's that has that name has no parameter.
fn unwrapped(ty: Type) -> (Type, bool) {
    if let Type::Path(path) = &ty
        && let Some(last) = path.path.segments.last().filter(|segment| segment.ident == "Reply")
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(GenericArgument::Type(value)) = arguments.args.first()
        && arguments.args.len() == 1
    {
        return (value.clone(), true);
    }
    (ty, false)
}

/// `()`, written or left out.
pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Writes the type of the impl block for `Self`, for use outside of it.
pub(crate) fn without_self(ty: &Type, own: &Type) -> Type {
    struct Replace<'a>(&'a Type);

    impl VisitMut for Replace<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            match ty {
                Type::Path(path) if path.qself.is_none() && path.path.is_ident("Self") => {
                    *ty = self.0.clone();
                }
                other => visit_mut::visit_type_mut(self, other),
            }
        }
    }

    let mut ty = ty.clone();
    Replace(own).visit_type_mut(&mut ty);
    ty
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_no_parameter() {
        for (signature, stream) in [
            (parse_quote!(async fn put(&self, ctx: &Context, params: Streaming)), true),
            (parse_quote!(async fn put(&self, name: String, file: Option<ligand::Streaming>)), true),
            (parse_quote!(async fn put(&self, name: Option<String>) -> Streaming), false),
        ] {
            let mut errors = Errors::default();
            assert_eq!(inputs(&signature, "an action", &mut errors).is_none(), stream);
            assert_eq!(errors.into_tokens().to_string().contains("`ctx.stream()`"), stream);
        }
    }
}
