//! `#[payload]`: reads the item, collects every error, and emits derives plus `Validate`.

mod alias;
mod emit;
mod fields;
mod form;
mod options;
mod place;
mod report;
mod wire;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Field, Fields, Ident, Meta, PathArguments, Type, parse_quote,
    punctuated::Punctuated,
};

use crate::{
    check::{Checks, Custom, Default_, whole},
    errors::Errors,
};
use options::{Options, Unknown};
use place::Place;

/// An item without its `#[check(..)]` attributes, and what they said.
struct Payload {
    item: DeriveInput,
    options: Options,
    role: Role,
    /// One entry for the struct, or one for each variant.
    shapes: Vec<Shape>,
    /// Checks of the whole.
    customs: Vec<Custom>,
    /// Where the fields are on the wire, by shape.
    places: Vec<Vec<Place>>,
}

/// What is made of an item.
pub(crate) enum Role {
    /// A payload: it travels.
    Payload,
    /// Everything but the wire: it does not travel, something else writes and reads it.
    Kept,
    /// Only the wire, of the type with this name: the form in which it is written and read.
    Form(Ident),
    /// As `Form`, and only written, so that fields may be left out.
    Written(Ident),
}

/// The fields of a struct or of one variant.
struct Shape {
    checks: Vec<Checks>,
}

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(options, &mut errors);
    let parsed = crate::item::read(item.clone());
    let input = match parsed {
        Ok(input) if !matches!(input.data, Data::Union(_)) => input,
        _ => {
            errors.at(item, "#[payload] goes on a struct or an enum; put it on the type that travels");
            let errors = errors.into_tokens();
            return quote!(#item #errors);
        }
    };
    if let Some(entity) = input.attrs.iter().find(|attribute| is_named(attribute.path(), "entity")) {
        errors.at(entity, "#[entity] is a #[payload] already; remove #[payload]");
        let errors = errors.into_tokens();
        return quote!(#item #errors);
    }
    let item = emit(input, options, Role::Payload, &mut errors);
    let errors = errors.into_tokens();
    quote!(#item #errors)
}

/// The item as something else than a payload, without options.
pub(crate) fn expand_as(role: Role, input: DeriveInput, errors: &mut Errors) -> TokenStream {
    emit(input, Options::default(), role, errors)
}

fn emit(mut input: DeriveInput, options: Options, role: Role, errors: &mut Errors) -> TokenStream {
    let below = input.attrs.iter().find(|attribute| {
        attribute.path().segments.last().is_some_and(|segment| segment.ident == "serde_as")
    });
    if let Some(attribute) = below {
        errors.at(
            attribute,
            "`#[serde_as]` rewrites the fields before they are read; put it above `#[payload]`",
        );
    }
    if matches!(role, Role::Payload) {
        refuse_references(&input.data, errors);
    }
    let customs = whole(&mut input.attrs, errors);
    let shapes = match &mut input.data {
        Data::Struct(data) => vec![Shape::take(&mut data.fields, errors)],
        Data::Enum(data) => {
            for variant in &mut data.variants {
                refuse_checks(&mut variant.attrs, errors);
            }
            data.variants.iter_mut().map(|variant| Shape::take(&mut variant.fields, errors)).collect()
        }
        Data::Union(_) => Vec::new(),
    };

    let places = place::of(&input);
    let mut payload = Payload { item: input, options, role, shapes, customs, places };
    payload.check_rest(errors);
    payload.check_debug(errors);
    let mut defaults = payload.annotate_fields(errors);
    match payload.role {
        Role::Payload | Role::Form(_) => {}
        Role::Kept => {
            payload.refuse_wire(errors);
            payload.strip(&["serde", "schemars"]);
            defaults = TokenStream::new();
        }
        Role::Written(_) => payload.strip(&["schemars"]),
    }
    let impls = match payload.role {
        Role::Payload | Role::Kept => payload.impls(),
        Role::Form(_) | Role::Written(_) => TokenStream::new(),
    };
    let attributes = payload.container_attributes();
    let item = &payload.item;
    let item = payload.with_standard_derives(&quote!(#attributes #item));
    quote! {
        #item
        #defaults
        #impls
    }
}

/// What was read from a packet is gone when the handler runs.
fn refuse_references(data: &Data, errors: &mut Errors) {
    let fields: Vec<&Fields> = match data {
        Data::Struct(data) => vec![&data.fields],
        Data::Enum(data) => data.variants.iter().map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    for field in fields.into_iter().flatten().filter(|field| matches!(field.ty, Type::Reference(_))) {
        errors.at(
            &field.ty,
            "a payload is owned: it may come from another node; write the type without `&` (`String` instead of `&str`)",
        );
    }
}

/// Rules are about fields, or a type.
fn refuse_checks(attributes: &mut Vec<Attribute>, errors: &mut Errors) {
    attributes.retain(|attribute| {
        let is_check = attribute.path().is_ident("check");
        if is_check {
            errors.at(attribute, "`#[check(..)]` is about a field, not a variant; move it to one");
        }
        !is_check
    });
}

impl Shape {
    fn take(fields: &mut Fields, errors: &mut Errors) -> Self {
        for field in fields.iter_mut() {
            field.attrs.retain(|attribute| {
                let is_column = attribute.path().is_ident("field");
                if is_column {
                    errors.at(
                        attribute,
                        "`#[field(..)]` is about a column; write #[entity(table = \"..\")] instead of #[payload]",
                    );
                }
                !is_column
            });
        }
        Self { checks: fields.iter_mut().map(|field| Checks::take(&mut field.attrs, errors)).collect() }
    }
}

impl Payload {
    fn is_enum(&self) -> bool {
        matches!(self.item.data, Data::Enum(_))
    }

    fn has_secrets(&self) -> bool {
        self.shapes.iter().flat_map(|shape| &shape.checks).any(|checks| checks.secret.is_some())
    }

    /// Whether the item derives a trait of this name itself.
    fn derives(&self, name: &str) -> bool {
        derived(&self.item.attrs).iter().any(|path| is_named(path, name))
    }

    /// `unknown = "keep"` and `#[check(rest)]` go together.
    fn check_rest(&self, errors: &mut Errors) {
        let rests: Vec<_> =
            self.shapes.iter().flat_map(|shape| &shape.checks).filter_map(|c| c.rest).collect();
        match (self.options.unknown, rests.as_slice()) {
            (Unknown::Keep(at), _) if self.is_enum() => {
                errors.at_span(at, "unknown = \"keep\" needs a struct; give the variant a struct of its own");
            }
            (Unknown::Keep(at), []) => errors.at_span(
                at,
                "unknown = \"keep\" needs a field to keep them in; add `#[check(rest)] extra: Map<String, Value>`",
            ),
            (Unknown::Keep(_), [_, more @ ..]) => {
                for at in more {
                    errors.at_span(*at, "only one field can hold the rest; remove `rest` here");
                }
            }
            (_, rests) => {
                for at in rests {
                    errors.at_span(*at, "`rest` needs #[payload(unknown = \"keep\")] on the type; add that option");
                }
            }
        }
    }

    /// A derived `Debug` would print secrets.
    fn check_debug(&self, errors: &mut Errors) {
        if self.has_secrets()
            && let Some(path) = derived(&self.item.attrs).iter().find(|path| is_named(path, "Debug"))
        {
            errors.at(
                path,
                "a derived Debug prints the `secret` fields; remove it here, #[payload] writes one that does not",
            );
        }
    }

    /// A form of the wire beside the one that this item has.
    fn refuse_wire(&self, errors: &mut Errors) {
        for path in derived(&self.item.attrs) {
            if ["Serialize", "Deserialize", "JsonSchema"].iter().any(|name| is_named(&path, name)) {
                errors.at(
                    &path,
                    "an entity with hidden fields has a form of its own for the wire, without them; remove this derive",
                );
            }
        }
    }

    /// Takes out the attributes of derives that the item does not have.
    fn strip(&mut self, names: &[&str]) {
        let keeps = |attribute: &Attribute| !names.iter().any(|name| attribute.path().is_ident(name));
        self.item.attrs.retain(keeps);
        if let Data::Struct(data) = &mut self.item.data {
            for field in &mut data.fields {
                field.attrs.retain(keeps);
            }
        }
    }

    /// Puts the serde and schemars attributes on the fields. Returns the functions that make default values.
    fn annotate_fields(&mut self, errors: &mut Errors) -> TokenStream {
        let name = &self.item.ident;
        let (impl_generics, type_generics, where_clause) = self.item.generics.split_for_impl();
        let turbofish = type_generics.as_turbofish();
        let mut functions = Vec::new();
        let shapes = self.shapes.iter();
        let of_container = serde_says(&self.item.attrs, "default");
        let fields: Vec<&mut Fields> = match &mut self.item.data {
            Data::Struct(data) => vec![&mut data.fields],
            Data::Enum(data) => data.variants.iter_mut().map(|variant| &mut variant.fields).collect(),
            Data::Union(_) => Vec::new(),
        };
        for (fields, shape) in fields.into_iter().zip(shapes) {
            for (field, checks) in fields.iter_mut().zip(&shape.checks) {
                field.attrs.extend(alias::of_field(field));
                if let Some(attribute) = checks.schema_attribute() {
                    field.attrs.push(parse_quote!(#attribute));
                }
                match &checks.default {
                    None => {}
                    Some(Default_::OfType) => field.attrs.push(parse_quote!(#[serde(default)])),
                    Some(Default_::Value(value)) => {
                        let function = quote::format_ident!("__ligand_default_{}", functions.len());
                        let path = quote!(#name #turbofish::#function).to_string();
                        field.attrs.push(parse_quote!(#[serde(default = #path)]));
                        functions.push(default_function(field, &function, value));
                    }
                }
                let path = quote!(#name #turbofish);
                form::apply(field, checks.form.as_ref(), of_container, &path, &mut functions, errors);
                if is_patch(&field.ty) {
                    may_be_absent(field, of_container);
                }
                if checks.rest.is_some() {
                    field.attrs.push(parse_quote!(#[serde(flatten)]));
                }
                form::without_default(field, of_container);
            }
        }
        if functions.is_empty() {
            return TokenStream::new();
        }
        quote! {
            #[doc(hidden)]
            #[allow(clippy::all, dead_code)]
            impl #impl_generics #name #type_generics #where_clause {
                #(#functions)*
            }
        }
    }

    /// The item with the derives of the standard library. Of those the compiler tells the path only when a
    /// `macro_rules` wrote it.
    fn with_standard_derives(&self, item: &TokenStream) -> TokenStream {
        let travels = matches!(self.role, Role::Payload | Role::Kept);
        let names = ["Clone", "PartialEq"].into_iter().filter(|name| travels && !self.derives(name));
        let names: Vec<Ident> = names.map(|name| quote::format_ident!("{name}")).collect();
        match names.as_slice() {
            [] => item.clone(),
            names => quote! {
                ::ligand::__private::put_this_attribute_above_the_derives::derive! { #(#names)*: #item }
            },
        }
    }

    /// The other derives and the serde attributes of the item.
    fn container_attributes(&self) -> TokenStream {
        let wanted: &[&str] = match self.role {
            Role::Payload | Role::Form(_) => &["Serialize", "Deserialize", "JsonSchema"],
            Role::Kept => return TokenStream::new(),
            Role::Written(_) => &["Serialize"],
        };
        let derives = wanted.iter().filter(|name| !self.derives(name)).map(|name| above(name));
        let mut serde = vec![quote!(crate = "::ligand::__private::serde")];
        if let Role::Form(of) | Role::Written(of) = &self.role {
            let of = of.to_string();
            serde.push(quote!(remote = #of));
        }
        let is_unit_or_named = |fields: &Fields| !matches!(fields, Fields::Unnamed(_));
        let names_matter = match &self.item.data {
            Data::Struct(data) => is_unit_or_named(&data.fields),
            _ => true,
        };
        if names_matter && !serde_says(&self.item.attrs, "rename_all") {
            serde.push(quote!(rename_all = "camelCase"));
        }
        if self.is_enum() && !serde_says(&self.item.attrs, "rename_all_fields") {
            serde.push(quote!(rename_all_fields = "camelCase"));
        }
        if matches!(self.options.unknown, Unknown::Reject)
            && !serde_says(&self.item.attrs, "deny_unknown_fields")
        {
            serde.push(quote!(deny_unknown_fields));
        }
        let aliases = alias::of_variants(&self.item);
        let schemars = wanted
            .contains(&"JsonSchema")
            .then(|| quote!(#[schemars(crate = "::ligand::__private::schemars")] #aliases));
        quote! {
            #[derive(#(#derives),*)]
            #[serde(#(#serde),*)]
            #schemars
        }
    }
}

/// Whether a field is a `Patch<T>`. A type of the user's that has that name has no parameter.
fn is_patch(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| {
        last.ident == "Patch"
            && matches!(&last.arguments, PathArguments::AngleBracketed(list) if list.args.len() == 1)
    })
}

/// What is not there reads as absent, unless the whole type says what it is then, and what is absent is not written.
fn may_be_absent(field: &mut Field, of_container: bool) {
    if !of_container && !serde_says(&field.attrs, "default") {
        field.attrs.push(parse_quote!(#[serde(default)]));
    }
    if !serde_says(&field.attrs, "skip_serializing_if") {
        let absent = "::ligand::__private::wire::Patch::is_absent";
        field.attrs.push(parse_quote!(#[serde(skip_serializing_if = #absent)]));
    }
}

/// A derive, by a path that tells what is wrong when the item has the same one above the attribute: attributes do not see
/// what stands above them, and the compiler, which then finds two implementations, names the path.
pub(crate) fn above(derive: &str) -> TokenStream {
    let derive = quote::format_ident!("{derive}");
    quote!(::ligand::__private::put_this_attribute_above_the_derives::#derive)
}

/// Implementations that no derive writes, as the output of one; see [`above`].
pub(crate) fn derived_above(impls: &TokenStream) -> TokenStream {
    let derive = above("Written");
    quote! {
        #[derive(#derive)]
        #[ligand_written { #impls }]
        #[allow(dead_code)]
        struct __Above;
    }
}

/// The content of `#[ligand_written { .. }]`.
pub(crate) fn written(item: &TokenStream) -> TokenStream {
    let Ok(item) = syn::parse2::<DeriveInput>(item.clone()) else { return TokenStream::new() };
    let lists = item.attrs.iter().filter(|attribute| attribute.path().is_ident("ligand_written"));
    lists
        .filter_map(|attribute| attribute.meta.require_list().ok())
        .map(|list| placed(list.tokens.clone()))
        .collect()
}

/// What the body names keeps its place, so that errors about a field are shown there.
fn placed(tokens: TokenStream) -> TokenStream {
    let place = |mut token: TokenTree| {
        match &token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return token,
            TokenTree::Group(group) => token = Group::new(group.delimiter(), placed(group.stream())).into(),
            _ => {}
        }
        // What a `macro_rules` of another crate names by itself must stay that.
        if token.to_string() != "$crate" {
            token.set_span(Span::call_site());
        }
        token
    };
    tokens.into_iter().map(place).collect()
}

fn default_function(field: &Field, function: &syn::Ident, value: &syn::Expr) -> TokenStream {
    let ty = &field.ty;
    let is_text = matches!(value, syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(_), .. }));
    let value = if is_text { quote!(::core::convert::Into::into(#value)) } else { quote!(#value) };
    quote! {
        fn #function() -> #ty {
            #value
        }
    }
}

/// The paths in the `#[derive(..)]` attributes the user wrote.
fn derived(attributes: &[Attribute]) -> Vec<syn::Path> {
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    lists
        .filter_map(|list| {
            list.parse_args_with(Punctuated::<syn::Path, syn::Token![,]>::parse_terminated).ok()
        })
        .flatten()
        .collect()
}

fn is_named(path: &syn::Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}

/// Whether a `#[serde(..)]` attribute sets `key`.
fn serde_says(attributes: &[Attribute], key: &str) -> bool {
    serde_metas(attributes).iter().any(|meta| meta.path().is_ident(key))
}

/// What the `#[serde(..)]` attributes say.
fn serde_metas(attributes: &[Attribute]) -> Vec<Meta> {
    metas(attributes, "serde")
}

/// What the attributes of this name say.
fn metas(attributes: &[Attribute], name: &str) -> Vec<Meta> {
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident(name));
    lists
        .filter_map(|attribute| {
            attribute.parse_args_with(Punctuated::<Meta, syn::Token![,]>::parse_terminated).ok()
        })
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests;
