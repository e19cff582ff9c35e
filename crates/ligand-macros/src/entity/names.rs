//! The names of fields on the wire, and what is said to serde about them.

use proc_macro2::TokenTree;
use syn::{Attribute, Field, Meta, MetaNameValue, Token, ext::IdentExt, punctuated::Punctuated};

use crate::errors::Errors;

/// How serde names fields.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    Camel,
    Snake,
    Pascal,
    Kebab,
    ScreamingSnake,
}

impl Rule {
    /// The `rename_all` of the struct; `#[payload]` adds camelCase when there is none.
    pub(crate) fn of(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let Some((name, value)) = serde_values(attributes, "rename_all").into_iter().next() else {
            return Self::Camel;
        };
        Self::named(&value).unwrap_or_else(|| {
            errors.at(&name, "an entity's fields are camelCase, snake_case, PascalCase, kebab-case or SCREAMING_SNAKE_CASE");
            Self::Camel
        })
    }

    /// The rule that serde calls so.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "PascalCase" => Self::Pascal,
            "kebab-case" => Self::Kebab,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            _ => return None,
        })
    }

    /// The `rename_all` of a payload, when it is one of these.
    pub(crate) fn known(attributes: &[Attribute]) -> Option<Self> {
        match serde_values(attributes, "rename_all").into_iter().next() {
            Some((_, value)) => Self::named(&value),
            None if serde_says(attributes, "rename_all") => None,
            None => Some(Self::Camel),
        }
    }

    /// What another `rename_all..` says, when it is one of these.
    pub(crate) fn named_by(attributes: &[Attribute], key: &str) -> Option<Self> {
        serde_value(attributes, key).and_then(|name| Self::named(&name))
    }

    /// As serde does it with the name of a variant.
    pub(crate) fn apply_to_variant(self, variant: &str) -> String {
        let mut snake = String::new();
        for (index, letter) in variant.char_indices() {
            if index > 0 && letter.is_uppercase() {
                snake.push('_');
            }
            snake.extend(letter.to_lowercase());
        }
        match self {
            Self::Pascal => variant.to_owned(),
            Self::Camel => {
                let mut letters = variant.chars();
                letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
            }
            Self::Snake | Self::Kebab | Self::ScreamingSnake => self.apply(&snake),
        }
    }

    /// As serde does it.
    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Self::Snake => field.to_owned(),
            Self::ScreamingSnake => field.to_ascii_uppercase(),
            Self::Kebab => field.replace('_', "-"),
            Self::Pascal => {
                let mut up = true;
                field
                    .chars()
                    .filter_map(|letter| match letter {
                        '_' => {
                            up = true;
                            None
                        }
                        letter => {
                            Some(if std::mem::take(&mut up) { letter.to_ascii_uppercase() } else { letter })
                        }
                    })
                    .collect()
            }
            Self::Camel => {
                let pascal = Self::Pascal.apply(field);
                let mut letters = pascal.chars();
                letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
            }
        }
    }
}

pub(crate) fn wire_name(field: &Field, rule: Rule) -> String {
    match serde_values(&field.attrs, "rename").into_iter().next() {
        Some((_, name)) => name,
        None => field.ident.as_ref().map_or_else(String::new, |ident| rule.apply(&ident.unraw().to_string())),
    }
}

pub(crate) fn renamed(attributes: &[Attribute]) -> bool {
    !serde_values(attributes, "rename").is_empty()
}

/// Whether a `#[serde(..)]` attribute has `key`, in whatever form.
fn serde_says(attributes: &[Attribute], key: &str) -> bool {
    metas(attributes, "serde").iter().any(|meta| meta.path().is_ident(key))
}

/// Whether the `#[serde(..)]` attributes have words besides these; such as `flatten`.
pub(crate) fn serde_says_more(attributes: &[Attribute], known: &[&str]) -> bool {
    let is_known = |meta: &Meta| known.iter().any(|word| meta.path().is_ident(word));
    metas(attributes, "serde").iter().any(|meta| matches!(meta, Meta::List(_)) || !is_known(meta))
}

/// The value of `#[serde(key = "..")]`.
pub(crate) fn serde_value(attributes: &[Attribute], key: &str) -> Option<String> {
    serde_values(attributes, key).into_iter().next().map(|(_, value)| value)
}

/// The values of `#[serde(key = "..")]`.
fn serde_values(attributes: &[Attribute], key: &str) -> Vec<(Meta, String)> {
    metas(attributes, "serde")
        .into_iter()
        .filter_map(|meta| match &meta {
            Meta::NameValue(MetaNameValue { path, value: syn::Expr::Lit(literal), .. })
                if path.is_ident(key) =>
            {
                match &literal.lit {
                    syn::Lit::Str(text) => Some((meta.clone(), text.value())),
                    _ => None,
                }
            }
            _ => None,
        })
        .collect()
}

pub(crate) fn has_default(attributes: &[Attribute]) -> bool {
    let serde = metas(attributes, "serde").iter().any(|meta| meta.path().is_ident("default"));
    serde || has_word(attributes, "check", "default")
}

/// Whether the field's schema or text is not that of its type.
pub(crate) fn has_other_form(attributes: &[Attribute]) -> bool {
    let other = ["with", "serialize_with", "schema_with"];
    has_word(attributes, "check", "schema")
        || ["serde", "schemars"].iter().any(|list| {
            metas(attributes, list).iter().any(|meta| other.iter().any(|name| meta.path().is_ident(name)))
        })
}

/// Whether the word stands in an attribute's list; its rules are not all metas, so the tokens are looked at.
pub(crate) fn has_word(attributes: &[Attribute], list: &str, word: &str) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident(list)).any(|attribute| {
        let tokens = attribute.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
        tokens.into_iter().any(|token| matches!(&token, TokenTree::Ident(ident) if ident == word))
    })
}

pub(crate) fn metas(attributes: &[Attribute], list: &str) -> Vec<Meta> {
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident(list));
    lists
        .filter_map(|attribute| {
            attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()
        })
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn names_fields_as_serde_does() {
        assert_eq!(Rule::Camel.apply("is_active"), "isActive");
        assert_eq!(Rule::Camel.apply("_id"), "id");
        assert_eq!(Rule::Pascal.apply("is_active"), "IsActive");
        assert_eq!(Rule::Kebab.apply("is_active"), "is-active");
    }
}
