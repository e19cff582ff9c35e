//! The trait implementations of a payload.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Data, Fields, GenericArgument, GenericParam, Ident, PathArguments, Type, parse_quote, spanned::Spanned,
};

use super::{Payload, Role, Shape, derived_above, form, report};
use crate::check::Checks;

impl Payload {
    pub(super) fn impls(&self) -> TokenStream {
        let validate = self.validate();
        let debug = (!self.derives("Debug")).then(|| {
            let debug = derived_above(&self.debug());
            quote!(const _: () = { #debug };)
        });
        let event = self.event();
        let fields = self.fields();
        quote!(#validate #debug #event #fields)
    }

    /// The fields of the struct or of each variant: the path to construct it, its fields and their checks.
    pub(super) fn variants(&self) -> Vec<(TokenStream, Option<&Ident>, &Fields, &Shape)> {
        match &self.item.data {
            Data::Struct(data) => vec![(quote!(Self), None, &data.fields, &self.shapes[0])],
            Data::Enum(data) => data
                .variants
                .iter()
                .zip(&self.shapes)
                .map(|(variant, shape)| {
                    let name = &variant.ident;
                    (quote!(Self::#name), Some(name), &variant.fields, shape)
                })
                .collect(),
            Data::Union(_) => Vec::new(),
        }
    }

    fn validate(&self) -> TokenStream {
        let name = &self.item.ident;
        let mut generics = self.item.generics.clone();
        for parameter in &mut generics.params {
            if let GenericParam::Type(parameter) = parameter {
                parameter.bounds.push(parse_quote!(::ligand::__private::wire::validate::Validate));
                // The keys of a map are named in errors.
                parameter.bounds.push(parse_quote!(::ligand::__private::serde::Serialize));
            }
        }
        let (impl_generics, type_generics, where_clause) = generics.split_for_impl();

        let (mut checks, mut sanitizers) = (Vec::new(), Vec::new());
        for (path, _, fields, shape) in self.variants() {
            let names = bindings(fields);
            let mut conditions = Vec::new();
            let mut statements = Vec::new();
            for ((field, name), rules) in fields.iter().zip(&names).zip(&shape.checks) {
                conditions.push((name, field_conditions(rules, name, &field.ty)));
                statements.push((name, field_sanitizers(rules, name, &field.ty)));
            }
            let used: Vec<bool> = conditions.iter().map(|(_, all)| !all.is_empty()).collect();
            if used.contains(&true) {
                let pattern = pattern(&path, fields, &names, &used);
                let all = conditions.iter().flat_map(|(_, all)| all);
                checks.push(quote!(#pattern => #(#all)&&*));
            }
            let used: Vec<bool> = statements.iter().map(|(_, all)| !all.is_empty()).collect();
            if used.contains(&true) {
                let pattern = pattern(&path, fields, &names, &used);
                let all = statements.iter().flat_map(|(_, all)| all);
                sanitizers.push(quote!(#pattern => { #(#all)* }));
            }
        }

        let otherwise =
            |arms: usize, value: TokenStream| (arms < self.variants().len()).then(|| quote!(_ => #value,));
        let fields = (!checks.is_empty()).then(|| {
            let rest = otherwise(checks.len(), quote!(true));
            quote!((match self { #(#checks,)* #rest }))
        });
        let whole = self.customs.iter().map(|custom| custom.condition(&quote!(self)));
        let all: Vec<TokenStream> = fields.iter().cloned().chain(whole).collect();
        let is_valid = (!all.is_empty()).then(|| {
            quote! {
                const CHECKS: bool = true;

                fn is_valid(&self) -> bool {
                    #(#all)&&*
                }
            }
        });
        let violations = self.violations(fields.as_ref());
        let sanitize = (!sanitizers.is_empty()).then(|| {
            let rest = otherwise(sanitizers.len(), quote!({}));
            quote! {
                const SANITIZES: bool = true;

                fn sanitize(&mut self) {
                    match self { #(#sanitizers,)* #rest }
                }
            }
        });
        // A static inside a generic function would be shared by all instances.
        let travels = matches!(self.role, Role::Payload);
        let names = if travels { self.wire_names() } else { None };
        let schema = (travels && generics.params.is_empty()).then(|| {
            quote! {
                fn schema() -> ::ligand::__private::wire::schema::Schema {
                    static SCHEMA: ::std::sync::OnceLock<::ligand::__private::wire::schema::Schema> =
                        ::std::sync::OnceLock::new();
                    SCHEMA.get_or_init(::ligand::__private::wire::schema::Schema::of::<Self>).clone()
                }
            }
        });
        let described = travels.then(|| self.described());
        quote! {
            #[automatically_derived]
            #[allow(clippy::all, unused_imports, unused_parens)]
            const _: () = {
                use ::ligand::__private::wire::validate::probe::{
                    Checked as _, CheckedMut as _, Unchecked as _, UncheckedMut as _,
                };

                #described

                impl #impl_generics ::ligand::__private::wire::validate::Validate for #name #type_generics #where_clause {
                    #names
                    #is_valid
                    #violations
                    #sanitize
                    #schema
                }
            };
        }
    }

    /// Asks for the schema of each field's type, so that the compiler says what to do where there is none.
    fn described(&self) -> TokenStream {
        if !self.item.generics.params.is_empty() {
            return TokenStream::new();
        }
        let name = &self.item.ident;
        let mut seen = Vec::new();
        let variants = self.variants();
        let fields = variants.iter().flat_map(|(_, _, fields, _)| fields.iter());
        let types = fields.filter(|field| form::is_derived(field) && !is_plain(&field.ty)).map(|field| {
            let own: Type = parse_quote!(#name);
            let ty = crate::signature::without_self(&field.ty, &own);
            let text = ty.to_token_stream().to_string();
            if seen.contains(&text) {
                return TokenStream::new();
            }
            seen.push(text);
            quote_spanned!(ty.span()=> ::ligand::__private::wire::foreign::described::<#ty>();)
        });
        types.collect()
    }

    /// A `Debug` like the derived one that prints `***` for secrets.
    fn debug(&self) -> TokenStream {
        let name = &self.item.ident;
        let mut generics = self.item.generics.clone();
        for parameter in &mut generics.params {
            if let GenericParam::Type(parameter) = parameter {
                parameter.bounds.push(parse_quote!(::core::fmt::Debug));
            }
        }
        let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
        let arms = self.variants().into_iter().map(|(path, variant, fields, shape)| {
            let names = bindings(fields);
            let shown: Vec<bool> = shape.checks.iter().map(|checks| checks.secret.is_none()).collect();
            let pattern = pattern(&path, fields, &names, &shown);
            let label = variant.unwrap_or(name).to_string();
            let values = names.iter().zip(&shown).map(|(name, shown)| match shown {
                true => quote!(#name),
                false => quote!(&::core::format_args!("***")),
            });
            match fields {
                Fields::Named(named) => {
                    let labels = named.named.iter().filter_map(|field| field.ident.as_ref()).map(|name| {
                        use syn::ext::IdentExt;
                        name.unraw().to_string()
                    });
                    quote!(#pattern => f.debug_struct(#label) #(.field(#labels, #values))* .finish())
                }
                Fields::Unnamed(_) => quote!(#pattern => f.debug_tuple(#label) #(.field(#values))* .finish()),
                Fields::Unit => quote!(#pattern => f.write_str(#label)),
            }
        });
        quote! {
            #[automatically_derived]
            impl #impl_generics ::core::fmt::Debug for #name #type_generics #where_clause {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    match self { #(#arms,)* }
                }
            }
        }
    }

    fn event(&self) -> Option<TokenStream> {
        let event = self.options.event.as_ref()?;
        let name = &self.item.ident;
        let mut generics = self.item.generics.clone();
        if generics.type_params().next().is_some() {
            // The derives ask more of the parameters than the item says.
            generics
                .make_where_clause()
                .predicates
                .push(syn::parse_quote!(Self: ::ligand::__private::wire::Data));
        }
        let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
        Some(quote! {
            #[automatically_derived]
            impl #impl_generics ::ligand::__private::EventPayload for #name #type_generics #where_clause {
                const NAME: &'static str = #event;
            }
        })
    }
}

fn field_conditions(rules: &Checks, name: &Ident, ty: &Type) -> Vec<TokenStream> {
    let mut all = rules.conditions(name);
    all.extend(rules.customs().iter().map(|custom| report::condition(custom, name, ty)));
    if !is_plain(ty) {
        all.push(quote!((&::ligand::__private::wire::validate::probe::Probe(#name)).probe_is_valid()));
    }
    all
}

fn field_sanitizers(rules: &Checks, name: &Ident, ty: &Type) -> Vec<TokenStream> {
    let mut all: Vec<TokenStream> = rules.sanitize(name).into_iter().collect();
    if !is_plain(ty) {
        all.push(
            quote!((&mut ::ligand::__private::wire::validate::probe::ProbeMut(#name)).probe_sanitize();),
        );
    }
    all
}

/// A name for each field inside a match arm. It stands at the field's type, where errors about it belong.
pub(super) fn bindings(fields: &Fields) -> Vec<Ident> {
    let place = |ty: &Type| Span::call_site().located_at(ty.span());
    fields
        .iter()
        .enumerate()
        .map(|(index, field)| format_ident!("field_{index}", span = place(&field.ty)))
        .collect()
}

/// `Self::Variant { a: field_0, .. }` with the fields that are used.
pub(super) fn pattern(path: &TokenStream, fields: &Fields, names: &[Ident], used: &[bool]) -> TokenStream {
    match fields {
        Fields::Named(named) => {
            let parts = named.named.iter().zip(names).zip(used).filter(|(_, used)| **used).map(
                |((field, name), _)| {
                    let field = &field.ident;
                    quote!(#field: #name)
                },
            );
            let rest = used.contains(&false).then(|| quote!(..));
            quote!(#path { #(#parts,)* #rest })
        }
        Fields::Unnamed(_) => {
            let parts =
                names.iter().zip(used).map(|(name, used)| if *used { quote!(#name) } else { quote!(_) });
            quote!(#path(#(#parts),*))
        }
        Fields::Unit => quote!(#path),
    }
}

/// Types that have no rules of their own, by their name: asking them would only cost compile time.
pub(super) fn is_plain(ty: &Type) -> bool {
    const PLAIN: &[&str] = &[
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
        "u128", "usize", "String", "str", "Value", "Map",
    ];
    const WRAPPERS: &[&str] = &[
        "Option", "Patch", "Vec", "VecDeque", "Box", "Arc", "Cow", "HashMap", "BTreeMap", "HashSet",
        "BTreeSet",
    ];
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            let Some(last) = path.path.segments.last() else { return false };
            if PLAIN.iter().any(|name| last.ident == name) {
                return true;
            }
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
            WRAPPERS.iter().any(|name| last.ident == name)
                && arguments.args.iter().all(|argument| match argument {
                    GenericArgument::Type(ty) => is_plain(ty),
                    argument => matches!(argument, GenericArgument::Lifetime(_)),
                })
        }
        Type::Array(array) => is_plain(&array.elem),
        Type::Slice(slice) => is_plain(&slice.elem),
        Type::Reference(reference) => is_plain(&reference.elem),
        Type::Paren(inner) => is_plain(&inner.elem),
        Type::Group(inner) => is_plain(&inner.elem),
        Type::Tuple(tuple) => tuple.elems.iter().all(is_plain),
        _ => false,
    }
}
