//! Fields whose form on the wire is not the one that serde and schemars derive from their type.
//!
//! Types of `time` are written as texts. What `#[serde(with = ..)]` and its relatives write is described by
//! `#[check(schema = ..)]`: nobody can know it from a path, and a wrong schema would refuse or convert what the field
//! takes.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Field, GenericArgument, Meta, PathArguments, Type, parse_quote, spanned::Spanned};

use super::{emit::is_plain, serde_metas};
use crate::errors::Errors;

/// The serde options that replace a type's own form.
const OWN_FORM: [&str; 3] = ["with", "serialize_with", "deserialize_with"];

/// Reads a field by a reader that watches over floats.
const WATCHED: &str = "::ligand::__private::wire::objects::watched";

/// Whether an attribute is not the author's and changes nothing of what the field looks like.
pub(super) fn is_watched(attribute: &Attribute) -> bool {
    let metas = if attribute.path().is_ident("serde") {
        serde_metas(std::slice::from_ref(attribute))
    } else {
        Vec::new()
    };
    matches!(metas.as_slice(), [Meta::NameValue(pair)] if pair.path.is_ident("deserialize_with")
        && matches!(&pair.value, syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) if path.value() == WATCHED))
}

/// Whether a field holds an `f32`, perhaps inside options, lists or maps.
fn holds_single(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| match &last.arguments {
            PathArguments::AngleBracketed(list) => list.args.iter().any(|argument| match argument {
                GenericArgument::Type(ty) => holds_single(ty),
                _ => false,
            }),
            _ => last.ident == "f32",
        }),
        Type::Array(array) => holds_single(&array.elem),
        Type::Slice(slice) => holds_single(&slice.elem),
        Type::Tuple(tuple) => tuple.elems.iter().any(holds_single),
        Type::Paren(inner) => holds_single(&inner.elem),
        Type::Group(inner) => holds_single(&inner.elem),
        _ => false,
    }
}

/// Puts on a field what tells serde and schemars about its form. Functions that this needs are added to `functions`,
/// which stand at `path`. `of_container`: the whole type brings defaults.
pub(super) fn apply(
    field: &mut Field,
    schema: Option<&Type>,
    of_container: bool,
    path: &TokenStream,
    functions: &mut Vec<TokenStream>,
    errors: &mut Errors,
) {
    put(field, schema, path, functions, errors);
    // With a form of its own an `Option` is not optional any more for serde, unless it has a default. One that the whole
    // type brings would lose against one of the field; and without names each field has its place and is there.
    let is_option = field.ident.is_some() && crate::signature::is_named(&field.ty, "Option");
    let has_default = of_container || super::serde_says(&field.attrs, "default");
    if is_option && !has_default && own_form(field).is_some() {
        field.attrs.push(parse_quote!(#[serde(default)]));
    }
}

/// The option of serde that gives a field a form of its own.
fn own_form(field: &Field) -> Option<Meta> {
    serde_metas(&field.attrs).into_iter().find(|meta| OWN_FORM.iter().any(|name| meta.path().is_ident(name)))
}

fn put(
    field: &mut Field,
    schema: Option<&Type>,
    path: &TokenStream,
    functions: &mut Vec<TokenStream>,
    errors: &mut Errors,
) {
    let own = own_form(field);
    if let Some(schema) = schema {
        let schema = schema.to_token_stream().to_string();
        field.attrs.push(parse_quote!(#[schemars(with = #schema)]));
    } else if has_schema(&field.attrs) {
    } else if let Some(own) = &own {
        match known(own, &field.ty) {
            Known::OfItself => {}
            Known::As(schema) => field.attrs.push(parse_quote!(#[schemars(with = #schema)])),
            Known::No => {
                let name = own.path().to_token_stream();
                errors.at(
                    own,
                    format_args!(
                        "what `{name}` writes and reads cannot be known here; say which type is written like it: \
                         `#[check(schema = String)]`, or `#[check(schema = u64)]` for a number"
                    ),
                );
                // Or there would be more errors about the same thing.
                field.attrs.push(parse_quote!(#[schemars(with = "::ligand::__private::serde_json::Value")]));
            }
        }
    } else if cfg!(feature = "time")
        && let Some(time) = time(&field.ty)
    {
        of_time(field, &time, path, functions);
    } else if own.is_none() && is_plain(&field.ty) && holds_single(&field.ty) {
        // What serde has buffered (`flatten`, `untagged`, `tag`) it reads past the reader that watches over floats.
        field.attrs.push(parse_quote!(#[serde(deserialize_with = #WATCHED)]));
    }
}

/// Whether the compiler should be asked for the schema of the field's type.
pub(super) fn is_derived(field: &Field) -> bool {
    !has_schema(&field.attrs)
        && !serde_metas(&field.attrs)
            .iter()
            .any(|meta| ["skip", "skip_deserializing", "with"].iter().any(|name| meta.path().is_ident(name)))
}

/// Keeps the default of a field with a form of its own out of the schema: schemars would write it with a path to the
/// crate `serde`, which programs need not have. Only fields that are not written have none, so it is told that this is
/// one, and what it notes then is taken away.
pub(super) fn without_default(field: &mut Field, of_container: bool) {
    let metas = serde_metas(&field.attrs);
    let says = |name: &str| metas.iter().any(|meta| meta.path().is_ident(name));
    let form = says("serialize_with") || says("with");
    if form && (of_container || says("default")) && !says("skip") && !says("skip_serializing") {
        field.attrs.push(parse_quote! {
            #[schemars(skip_serializing, transform = ::ligand::__private::wire::schema::written)]
        });
    }
}

fn has_schema(attributes: &[Attribute]) -> bool {
    super::metas(attributes, "schemars")
        .iter()
        .any(|meta| meta.path().is_ident("with") || meta.path().is_ident("schema_with"))
}

/// What is known of the form that a path to a module or type stands for.
enum Known {
    /// schemars takes it for a type that describes itself.
    OfItself,
    /// As a value of this type.
    As(&'static str),
    No,
}

/// The modules that well-known crates bring for `#[serde(with = ..)]`, by the end of their paths.
fn known(meta: &Meta, ty: &Type) -> Known {
    let Meta::NameValue(pair) = meta else { return Known::No };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return Known::No };
    let Ok(path) = text.parse::<syn::Path>() else { return Known::No };
    let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let optional =
        crate::signature::is_named(ty, "Option") || matches!(names.last(), Some(&"option" | &"optional"));
    let either = |plain, option| Known::As(if optional { option } else { plain });
    let number = || either("i64", "Option<i64>");
    let text = || either("String", "Option<String>");
    let time = |format: &'static str| match (format, optional) {
        ("date-time", false) => Known::As("::ligand::__private::wire::foreign::Moment"),
        ("date-time", true) => Known::As("Option<::ligand::__private::wire::foreign::Moment>"),
        _ => text(),
    };
    let ends = match names.as_slice() {
        [rest @ .., "option" | "optional" | "required"] => rest,
        all => all,
    };
    if !meta.path().is_ident("with") {
        return Known::No;
    }
    match ends {
        [.., last]
            if last.starts_with("ts_")
                && ["seconds", "milliseconds", "microseconds", "nanoseconds"]
                    .iter()
                    .any(|unit| last[3..].starts_with(unit)) =>
        {
            if last.ends_with("_option") {
                Known::As("Option<i64>")
            } else {
                number()
            }
        }
        [.., "serde", "timestamp"]
        | [.., "timestamp", "second" | "millisecond" | "microsecond" | "nanosecond"]
        | [.., "timestamp", "seconds" | "milliseconds" | "microseconds" | "nanoseconds"] => number(),
        [.., "serde", "rfc3339" | "iso8601"] => time("date-time"),
        [.., "serde", "rfc2822"] => text(),
        ["uuid", "serde", "simple" | "urn" | "braced"] => text(),
        ["rust_decimal", "serde", "str"] => text(),
        ["rust_decimal", "serde", "str_option"] => Known::As("Option<String>"),
        ["rust_decimal", "serde", "float" | "arbitrary_precision"] => either("f64", "Option<f64>"),
        ["rust_decimal", "serde", "float_option" | "arbitrary_precision_option"] => Known::As("Option<f64>"),
        ["humantime_serde"] => text(),
        // `serde_with` describes its types only where the derive is seen.
        [.., "As"] => Known::No,
        [.., last] if last.starts_with(char::is_uppercase) => Known::OfItself,
        _ => Known::No,
    }
}

/// How a type of `time` is known.
enum Time {
    /// By a name that no other crate uses, or by its path.
    Surely,
    /// `Date` and `Time` are names of other types too: the compiler decides.
    Perhaps,
}

/// Whether a field holds a type of `time`, perhaps inside options, lists or maps.
fn time(ty: &Type) -> Option<Time> {
    const AROUND: [&str; 11] = [
        "Option",
        "Patch",
        "Vec",
        "VecDeque",
        "LinkedList",
        "Box",
        "Arc",
        "BTreeSet",
        "HashSet",
        "HashMap",
        "BTreeMap",
    ];
    let path = match ty {
        Type::Path(path) => path,
        Type::Array(array) => return time(&array.elem),
        // Of a boxed one.
        Type::Slice(slice) => return time(&slice.elem),
        _ => return None,
    };
    let last = path.path.segments.last()?;
    if let PathArguments::AngleBracketed(list) = &last.arguments {
        if !AROUND.iter().any(|name| last.ident == name) {
            return None;
        }
        let is_map = last.ident == "HashMap" || last.ident == "BTreeMap";
        // Another hasher may follow.
        return list
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .nth(usize::from(is_map))
            .and_then(time);
    }
    let sure = ["OffsetDateTime", "PrimitiveDateTime", "UtcDateTime"].iter().any(|name| last.ident == name);
    let shared = ["Date", "Time"].iter().any(|name| last.ident == name);
    let segments = path.path.segments.len();
    let of_crate = segments == 2 && path.path.segments[0].ident == "time";
    match (sure, shared, segments) {
        (true, ..) => Some(Time::Surely),
        (_, true, 2) if of_crate => Some(Time::Surely),
        (_, true, 1) => Some(Time::Perhaps),
        _ => None,
    }
}

fn of_time(field: &mut Field, time: &Time, path: &TokenStream, functions: &mut Vec<TokenStream>) {
    let ty = &field.ty;
    if matches!(time, Time::Surely) {
        let with = quote!(::ligand::__private::wire::time::Text::<#ty>).to_string();
        field.attrs.push(parse_quote!(#[serde(with = #with)]));
        return;
    }
    let count = functions.len();
    let [write, read, schema] =
        ["write", "read", "schema"].map(|name| format_ident!("__ligand_{name}_{count}"));
    let probe = quote!(::ligand::__private::wire::time::probe);
    let (serde, schemars) = (quote!(::ligand::__private::serde), quote!(::ligand::__private::schemars));
    let span = ty.span();
    let choice = quote::quote_spanned!(span=> #probe::Probe::<#ty>::new());
    functions.push(quote! {
        fn #write<__S: #serde::Serializer>(value: &#ty, serializer: __S) -> ::core::result::Result<__S::Ok, __S::Error> {
            use #probe::{OfSerde as _, OfTime as _};
            (&#choice).probe_write(value, serializer)
        }

        fn #read<'de, __D: #serde::Deserializer<'de>>(deserializer: __D) -> ::core::result::Result<#ty, __D::Error> {
            use #probe::{OfSerde as _, OfTime as _};
            (&#choice).probe_read(deserializer)
        }

        fn #schema(generator: &mut #schemars::SchemaGenerator) -> #schemars::Schema {
            use #probe::{OfSerde as _, OfTime as _};
            (&#choice).probe_schema(generator)
        }
    });
    let [write, read, schema] = [write, read, schema].map(|name| quote!(#path::#name).to_string());
    field.attrs.push(parse_quote!(#[serde(serialize_with = #write, deserialize_with = #read)]));
    field.attrs.push(parse_quote!(#[schemars(schema_with = #schema)]));
}
