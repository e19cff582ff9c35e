//! `#[entity]`: a `#[payload]` that a database keeps.
//!
//! The item goes on to `#[payload]`, which does everything about its fields; what is added here is the
//! implementation of `Entity` from the `#[field(..)]` attributes.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Field, Fields, LitStr, Meta, MetaNameValue, Token, ext::IdentExt,
    parse_quote, punctuated::Punctuated,
};

use crate::{
    errors::Errors,
    options::{Argument, Entry, Place, read},
};

const ENTITY: Place = Place {
    name: "`#[entity]`",
    options: "table = \"products\", id = \"_id\", unknown = \"drop\" | \"reject\"",
};

const FIELD: Place = Place {
    name: "`#[field]`",
    options: "hidden, readonly, immutable, unique, index, created_at, updated_at, populate = \"users.get\", default, \
              default = ..",
};

/// What the `#[entity(..)]` attribute says.
#[derive(Default)]
struct Options {
    table: Option<LitStr>,
    id: Option<LitStr>,
    rejects: bool,
}

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(options, &mut errors);
    let mut input = match syn::parse2::<DeriveInput>(item.clone()) {
        Ok(input) if has_names(&input) => input,
        _ => {
            errors.at(item, "#[entity] goes on a struct with named fields, one for each column");
            let errors = errors.into_tokens();
            return quote!(#item #errors);
        }
    };
    if !input.generics.params.is_empty() {
        errors.at(&input.generics, "an entity has a table of its own and cannot be generic; name the types");
    }
    let id = options.id.as_ref().map_or_else(|| "_id".to_owned(), LitStr::value);
    let rule = Rule::of(&input.attrs, &mut errors);
    let mut declared = Vec::new();
    let mut has_id = false;
    if let Data::Struct(data) = &mut input.data {
        for field in &mut data.fields {
            let said = Said::take(&mut field.attrs, &mut errors);
            let mut name = wire_name(field, rule);
            if field.ident.as_ref().is_some_and(|ident| ident == "id") && !renamed(&field.attrs) && name != id
            {
                field.attrs.push(parse_quote!(#[serde(rename = #id)]));
                name.clone_from(&id);
            }
            let is_id = name == id;
            has_id |= is_id;
            if is_id && !said.flags.is_empty() {
                errors.at(&field.ident, "the id needs no flags: it is unique, and never taken from outside");
            }
            if let Some(default) = &said.default {
                field.attrs.push(parse_quote!(#[check(#default)]));
            } else if (is_id || said.stamped) && !has_default(&field.attrs) {
                field.attrs.push(parse_quote!(#[serde(default)]));
            }
            if said.hidden && !has_word(&field.attrs, "check", "secret") {
                field.attrs.push(parse_quote!(#[check(secret)]));
            }
            if !said.flags.is_empty() {
                let flags = said.flags;
                declared.push(quote!(::ligand::db::Field::new(#name)#(#flags)*));
            }
        }
    }
    if !has_id {
        let place = options.id.as_ref().map_or(input.ident.span(), LitStr::span);
        errors.at_span(place, format_args!("no field is the id `{id}`; add `pub id: String`"));
    }
    let table = options.table.unwrap_or_else(|| {
        errors.at(&input.ident, "an entity needs a table: #[entity(table = \"products\")]");
        LitStr::new("", Span::call_site())
    });
    let unknown = if options.rejects { quote!(Reject) } else { quote!(Drop) };
    let (name, errors) = (&input.ident, errors.into_tokens());
    quote! {
        #[::ligand::payload]
        #input

        impl ::ligand::db::Entity for #name {
            const TABLE: &'static str = #table;
            const ID: &'static str = #id;
            const UNKNOWN: ::ligand::db::Unknown = ::ligand::db::Unknown::#unknown;
            const FIELDS: &'static [::ligand::db::Field] = &[#(#declared),*];
        }

        #errors
    }
}

fn has_names(input: &DeriveInput) -> bool {
    matches!(&input.data, Data::Struct(data) if matches!(data.fields, Fields::Named(_)))
}

impl Options {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        read(tokens, ENTITY, errors, |entry, errors| {
            let name = entry.name.unraw().to_string();
            let text = match name.as_str() {
                "table" => entry.text("`table = \"products\"`"),
                "id" => entry.text("`id = \"_id\"`"),
                "unknown" => entry.text("`unknown = \"reject\"`"),
                _ => return false,
            };
            match text {
                Err(error) => errors.push(error),
                Ok(text) if text.value().is_empty() || text.value().contains('"') => {
                    errors.at(&text, "write a plain name");
                }
                Ok(text) if name == "table" => options.table = Some(text),
                Ok(text) if name == "id" => options.id = Some(text),
                Ok(text) => match text.value().as_str() {
                    "drop" => options.rejects = false,
                    "reject" => options.rejects = true,
                    _ => errors.at(&text, "`unknown` is \"drop\" or \"reject\""),
                },
            }
            true
        });
        options
    }
}

/// What the `#[field(..)]` attributes of a field say.
#[derive(Default)]
struct Said {
    /// Calls on `Field`.
    flags: Vec<TokenStream>,
    /// The `default` rule of `#[check]`.
    default: Option<TokenStream>,
    stamped: bool,
    hidden: bool,
}

impl Said {
    fn take(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut said = Self::default();
        attributes.retain(|attribute| {
            if !attribute.path().is_ident("field") {
                return true;
            }
            match attribute.meta.require_list() {
                Ok(list) => read(list.tokens.clone(), FIELD, errors, |entry, errors| said.one(entry, errors)),
                Err(_) => {
                    errors.at(
                        attribute,
                        format_args!("`#[field(..)]` needs flags in parentheses: {}", FIELD.options),
                    );
                }
            }
            false
        });
        said
    }

    fn one(&mut self, entry: &Entry, errors: &mut Errors) -> bool {
        let name = entry.name.unraw();
        match name.to_string().as_str() {
            "hidden" | "readonly" | "immutable" | "unique" | "index" | "created_at" | "updated_at" => {
                if let Err(error) = entry.bare() {
                    errors.push(error);
                }
                self.hidden |= name == "hidden";
                self.stamped |= name == "created_at" || name == "updated_at";
                self.flags.push(quote!(.#name()));
            }
            "populate" => match entry.text("`populate = \"users.get\"`") {
                Ok(action) => self.flags.push(quote!(.populate(#action))),
                Err(error) => errors.push(error),
            },
            "default" => match &entry.argument {
                Argument::None => self.default = Some(quote!(default)),
                Argument::Value(value) => self.default = Some(quote!(default = #value)),
                Argument::List(_) => errors.push(entry.wrong("write `default` or `default = ..`")),
            },
            _ => return false,
        }
        true
    }
}

/// How serde names fields.
#[derive(Clone, Copy)]
enum Rule {
    Camel,
    Snake,
    Pascal,
    Kebab,
    ScreamingSnake,
}

impl Rule {
    /// The `rename_all` of the struct; `#[payload]` adds camelCase when there is none.
    fn of(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let Some((name, value)) = serde_values(attributes, "rename_all").into_iter().next() else {
            return Self::Camel;
        };
        match value.as_str() {
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "PascalCase" => Self::Pascal,
            "kebab-case" => Self::Kebab,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            _ => {
                errors.at(&name, "an entity's fields are camelCase, snake_case, PascalCase, kebab-case or SCREAMING_SNAKE_CASE");
                Self::Camel
            }
        }
    }

    /// As serde does it.
    fn apply(self, field: &str) -> String {
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

fn wire_name(field: &Field, rule: Rule) -> String {
    match serde_values(&field.attrs, "rename").into_iter().next() {
        Some((_, name)) => name,
        None => field.ident.as_ref().map_or_else(String::new, |ident| rule.apply(&ident.unraw().to_string())),
    }
}

fn renamed(attributes: &[Attribute]) -> bool {
    !serde_values(attributes, "rename").is_empty()
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

fn has_default(attributes: &[Attribute]) -> bool {
    let serde = metas(attributes, "serde").iter().any(|meta| meta.path().is_ident("default"));
    serde || has_word(attributes, "check", "default")
}

/// Whether the word stands in an attribute's list; its rules are not all metas, so the tokens are looked at.
fn has_word(attributes: &[Attribute], list: &str, word: &str) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident(list)).any(|attribute| {
        let tokens = attribute.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
        tokens.into_iter().any(|token| matches!(&token, TokenTree::Ident(ident) if ident == word))
    })
}

fn metas(attributes: &[Attribute], list: &str) -> Vec<Meta> {
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
    use quote::quote;

    fn errors(options: proc_macro2::TokenStream, item: &proc_macro2::TokenStream) -> String {
        let text = super::expand(options, item).to_string();
        text.split("compile_error").skip(1).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn declares_special_fields_by_their_wire_names() {
        let item = quote! {
            struct User {
                id: String,
                user_name: String,
                #[field(hidden, readonly)]
                password_hash: String,
                #[field(created_at)]
                created_at: String,
                #[serde(rename = "mail")]
                #[field(unique, default = "x")]
                e_mail: String,
                #[field(populate = "groups.get")]
                group_ids: Vec<String>,
            }
        };
        let text = super::expand(quote!(table = "users"), &item).to_string().replace(' ', "");
        for part in [
            r#"#[serde(rename="_id")]#[serde(default)]id:String"#,
            r#"Field::new("passwordHash").hidden().readonly()"#,
            "#[check(secret)]password_hash",
            r#"Field::new("createdAt").created_at()"#,
            r#"Field::new("mail").unique()"#,
            r#"#[check(default="x")]e_mail"#,
            r#"Field::new("groupIds").populate("groups.get")"#,
            r#"TABLE:&'staticstr="users""#,
            "#[::ligand::payload]struct",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("#[field") && !text.contains("userName") && !text.contains("compile_error"));
    }

    #[test]
    fn names_fields_as_serde_does() {
        use super::Rule;
        assert_eq!(Rule::Camel.apply("is_active"), "isActive");
        assert_eq!(Rule::Camel.apply("_id"), "id");
        assert_eq!(Rule::Pascal.apply("is_active"), "IsActive");
        assert_eq!(Rule::Kebab.apply("is_active"), "is-active");
    }

    #[test]
    fn reports_every_mistake_at_once() {
        let text = errors(
            quote!(tabel = "users", unknown = "maybe"),
            &quote! {
                struct User {
                    #[field(hiden)]
                    name: String,
                    #[field(unique = true)]
                    mail: String,
                    #[field]
                    more: String,
                }
            },
        );
        for part in [
            "unknown `#[entity]` option `tabel`",
            "needs a table",
            "`unknown` is",
            "option `hiden`",
            "`unique` stands alone",
            "needs flags in parentheses",
            "no field is the id `_id`",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(
            errors(
                quote!(table = "t"),
                &quote!(
                    enum A {
                        B,
                    }
                )
            )
            .contains("named fields")
        );
        assert!(
            errors(
                quote!(table = "t"),
                &quote!(
                    struct A<T> {
                        id: String,
                        t: T,
                    }
                )
            )
            .contains("generic")
        );
    }
}
