//! A constant for each field: `Loan::DUE`, with which conditions, orders and changes are written.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{DeriveInput, Expr, Field, Ident, Lit, Path, Type, Visibility, ext::IdentExt};

use super::names::{has_word, serde_value};
use crate::{
    errors::Errors,
    options::{Argument, Entry, screaming},
};

/// Where the constants are.
#[derive(Default)]
pub(super) enum Constants {
    /// On the entity.
    #[default]
    Entity,
    /// On a type of their own, which is made for them.
    Beside(Ident),
    /// Nowhere.
    None,
}

/// How the constant of a field is called.
#[derive(Default)]
pub(super) enum Named {
    /// As the field, in capitals.
    #[default]
    Field,
    As(Ident),
    Not,
}

/// One constant.
pub(super) struct Constant {
    name: Ident,
    wire: String,
    ty: Type,
    vis: Visibility,
    docs: String,
    /// What writes the field instead of its type.
    writes: Option<Path>,
}

impl Constants {
    pub(super) fn parse(entry: &Entry) -> syn::Result<Self> {
        Ok(
            match no_or_name(
                entry,
                "write `constants = false`, or the name of a type: `constants = \"ProductField\"`",
            )? {
                None => Self::None,
                Some(name) => Self::Beside(name),
            },
        )
    }

    pub(super) fn emit(
        &self,
        input: &DeriveInput,
        constants: &[Constant],
        errors: &mut Errors,
    ) -> TokenStream {
        let mut seen: Vec<&Ident> = Vec::new();
        for constant in constants {
            if seen.contains(&&constant.name) {
                errors.at(
                    &constant.name,
                    format_args!(
                        "two fields have the constant `{}`; name this one otherwise: #[field(constant = \"..\")]",
                        constant.name
                    ),
                );
            }
            seen.push(&constant.name);
        }
        let (entity, vis) = (&input.ident, &input.vis);
        let (place, item) = match self {
            Self::None => return TokenStream::new(),
            Self::Entity => (entity, TokenStream::new()),
            Self::Beside(name) => {
                let doc = format!(" The fields of [`{entity}`], for conditions, orders and changes.");
                (name, quote!(#[doc = #doc] #[derive(Clone, Copy, Debug)] #vis struct #name;))
            }
        };
        let constants = constants.iter().map(|constant| constant.emit(entity));
        quote! {
            #item

            #[automatically_derived]
            #[allow(dead_code, clippy::all)]
            impl #place {
                #(#constants)*
            }
        }
    }
}

impl Named {
    pub(super) fn parse(entry: &Entry) -> syn::Result<Self> {
        Ok(match no_or_name(entry, "write `constant = false`, or its name: `constant = \"DUE_AT\"`")? {
            None => Self::Not,
            Some(name) => Self::As(name),
        })
    }
}

/// `false`, or a name.
fn no_or_name(entry: &Entry, right: &str) -> syn::Result<Option<Ident>> {
    if let Argument::Value(Expr::Lit(literal)) = &entry.argument {
        match &literal.lit {
            Lit::Bool(no) if !no.value => return Ok(None),
            Lit::Str(name) => return name.parse().map(Some).map_err(|_| syn::Error::new(name.span(), right)),
            _ => {}
        }
    }
    Err(entry.wrong(right))
}

impl Constant {
    /// The constant of a field; `None` where there is none, because the field is not in the database either or nobody
    /// wants it.
    pub(super) fn of(field: &Field, wire: &str, named: &Named) -> Option<Self> {
        let ident = field.ident.as_ref()?;
        let absent = ["skip", "skip_serializing", "flatten"];
        if absent.iter().any(|word| has_word(&field.attrs, "serde", word)) {
            return None;
        }
        let name = match named {
            Named::Not => return None,
            Named::As(name) => name.clone(),
            Named::Field => screaming(ident),
        };
        let path =
            |key: &str| serde_value(&field.attrs, key).and_then(|text| syn::parse_str::<Path>(&text).ok());
        let writes = path("serialize_with").or_else(|| {
            let mut path = path("with")?;
            path.segments.push(Ident::new("serialize", Span::call_site()).into());
            Some(path)
        });
        let docs = format!(" The field `{}`, for conditions, orders and changes.", ident.unraw());
        Some(Self { name, wire: wire.to_owned(), ty: field.ty.clone(), vis: field.vis.clone(), docs, writes })
    }

    fn emit(&self, entity: &Ident) -> TokenStream {
        let Self { name, wire, ty, vis, docs, writes } = self;
        let field = quote!(::ligand::__private::db::TypedField);
        let json = quote!(::ligand::__private::serde_json);
        let value = match writes {
            None => quote!(#field::new(#wire)),
            Some(path) => quote!({
                fn write(value: &#ty) -> #json::Result<#json::Value> {
                    #path(value, #json::value::Serializer)
                }
                #field::written_by(#wire, write)
            }),
        };
        quote! {
            #[doc = #docs]
            #vis const #name: #field<#entity, #ty> = #value;
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::format_ident;

    use super::screaming;

    #[test]
    fn constants_are_named_as_fields_in_capitals() {
        for (field, name) in
            [("due", "DUE"), ("due_at", "DUE_AT"), ("dueAt", "DUE_AT"), ("_id", "_ID"), ("x2y", "X2Y")]
        {
            assert_eq!(screaming(&format_ident!("{field}")), name);
        }
    }
}
