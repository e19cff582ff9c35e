//! `#[entity]`: a `#[payload]` that a database keeps.
//!
//! The item goes on to `#[payload]`, which does everything about its fields; what is added here is the
//! implementation of `Entity` from the `#[field(..)]` attributes. An entity with hidden fields does not travel: see
//! `hidden.rs`.

mod constants;
mod hidden;
pub(crate) mod names;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Fields, Ident, LitStr, ext::IdentExt, parse_quote};

use crate::{
    errors::Errors,
    options::{Argument, Entry, Place, read},
};
use constants::{Constant, Constants, Named};
use names::{Rule, has_default, has_other_form, has_word, renamed, wire_name};

const ENTITY: Place = Place {
    name: "`#[entity]`",
    options: "table = \"products\", id = \"_id\", unknown = \"drop\" | \"reject\", constants = false | \"ProductField\", \
              visible = \"PublicUser\"",
};

const FIELD: Place = Place {
    name: "`#[field]`",
    options: "hidden, readonly, immutable, unique, index, created_at, updated_at, populate = \"users.get\", default, \
              default = .., constant = \"NAME\" | false",
};

/// What the `#[entity(..)]` attribute says.
#[derive(Default)]
struct Options {
    table: Option<LitStr>,
    id: Option<LitStr>,
    rejects: bool,
    /// Name of the type of the visible fields.
    visible: Option<LitStr>,
    /// Where the constants of the fields are.
    constants: Constants,
}

pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(options, &mut errors);
    let mut input = match crate::item::read(item.clone()) {
        Ok(input) if has_names(&input) => input,
        _ => {
            errors.at(item, "#[entity] goes on a struct with named fields, one for each column");
            let errors = errors.into_tokens();
            return quote!(#item #errors);
        }
    };
    input.attrs.retain(|attribute| {
        let is_payload = attribute.path().segments.last().is_some_and(|segment| segment.ident == "payload");
        if is_payload {
            errors.at(attribute, "#[entity] is a #[payload] already; remove #[payload]");
        }
        !is_payload
    });
    if !input.generics.params.is_empty() {
        errors.at(&input.generics, "an entity has a table of its own and cannot be generic; name the types");
    }
    let id = options.id.as_ref().map_or_else(|| "id".to_owned(), LitStr::value);
    let rule = Rule::of(&input.attrs, &mut errors);
    let mut declared = Vec::new();
    let mut hidden: Vec<Ident> = Vec::new();
    let mut has_id = false;
    // A field `id` whose name on the wire is another one.
    let mut other_id = None;
    let mut constants = Vec::new();
    if let Data::Struct(data) = &mut input.data {
        // Another field may have the name already.
        let taken = data.fields.iter().any(|field| renamed(&field.attrs) && wire_name(field, rule) == id);
        for field in &mut data.fields {
            let said = Said::take(&mut field.attrs, &mut errors);
            let mut name = wire_name(field, rule);
            if field.ident.as_ref().is_some_and(|ident| ident == "id")
                && !renamed(&field.attrs)
                && name != id
                && !taken
            {
                field.attrs.push(parse_quote!(#[serde(rename = #id)]));
                name.clone_from(&id);
            }
            let is_id = name == id;
            if !is_id && field.ident.as_ref().is_some_and(|ident| ident == "id") {
                other_id = Some((field.ident.clone(), name.clone()));
            }
            has_id |= is_id;
            if is_id && !said.flags.is_empty() {
                errors.at(&field.ident, "the id needs no flags: it is unique, and never taken from outside");
            }
            if let Some(default) = &said.default {
                field.attrs.push(parse_quote!(#[check(#default)]));
            } else if (is_id || said.stamped) && !has_default(&field.attrs) {
                field.attrs.push(parse_quote!(#[serde(default)]));
            }
            constants.extend(Constant::of(field, &name, &said.constant));
            if said.hidden {
                hidden.extend(field.ident.clone());
                if !has_word(&field.attrs, "check", "secret") {
                    field.attrs.push(parse_quote!(#[check(secret)]));
                }
            }
            let mut flags = said.flags;
            if !is_id && has_other_form(&field.attrs) {
                let rust = &field.ty;
                flags.push(quote!(.holds::<#rust>()));
            }
            if !flags.is_empty() {
                declared.push(quote!(::ligand::__private::db::Field::new(#name)#(#flags)*));
            }
        }
    }
    if !has_id {
        let place = options.id.as_ref().map_or(input.ident.span(), LitStr::span);
        match &other_id {
            Some((field, name)) if options.id.is_none() => errors.at(
                field,
                format_args!(
                    "the field `id` is `{name}` on the wire; say that it is the id: #[entity(id = \"{name}\")]"
                ),
            ),
            _ => errors.at_span(place, format_args!("no field is the id `{id}`; add `pub id: String`")),
        }
    }
    let table = options.table.unwrap_or_else(|| {
        errors.at(&input.ident, "an entity needs a table: #[entity(table = \"products\")]");
        LitStr::new("", Span::call_site())
    });
    let unknown = if options.rejects { quote!(Reject) } else { quote!(Drop) };
    let name = &input.ident;
    let visible = match &options.visible {
        Some(text) if hidden.is_empty() => {
            errors.at(text, "nothing is hidden: the entity itself is what others see; remove `visible`");
            name.clone()
        }
        Some(text) => text.parse().unwrap_or_else(|_| {
            errors.at(text, "`visible` is the name of the type to make, such as \"PublicUser\"");
            name.clone()
        }),
        None if hidden.is_empty() => name.clone(),
        None => format_ident!("{name}Visible", span = name.span()),
    };
    let constants = options.constants.emit(&input, &constants, &mut errors);
    let item = match hidden.as_slice() {
        [] => quote!(#[::ligand::__private::payload] #input),
        hidden => hidden::expand(&input, hidden, &visible, &mut errors),
    };
    let errors = errors.into_tokens();
    quote! {
        #item

        impl ::ligand::__private::db::Entity for #name {
            type Visible = #visible;
            const TABLE: &'static str = #table;
            const ID: &'static str = #id;
            const UNKNOWN: ::ligand::__private::db::Unknown = ::ligand::__private::db::Unknown::#unknown;
            const FIELDS: &'static [::ligand::__private::db::Field] = &[#(#declared),*];
        }

        #constants

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
            if name == "constants" {
                match Constants::parse(entry) {
                    Ok(constants) => options.constants = constants,
                    Err(error) => errors.push(error),
                }
                return true;
            }
            let text = match name.as_str() {
                "table" => entry.text("`table = \"products\"`"),
                "id" => entry.text("`id = \"_id\"`"),
                "unknown" => entry.text("`unknown = \"reject\"`"),
                "visible" => entry.text("`visible = \"PublicUser\"`"),
                _ => return false,
            };
            match text {
                Err(error) => errors.push(error),
                Ok(text) if text.value().is_empty() || text.value().contains('"') => {
                    errors.at(&text, "write a plain name");
                }
                Ok(text) if name == "table" => options.table = Some(text),
                Ok(text) if name == "id" => options.id = Some(text),
                Ok(text) if name == "visible" => options.visible = Some(text),
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
    constant: Named,
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
            "constant" => match Named::parse(entry) {
                Ok(named) => self.constant = named,
                Err(error) => errors.push(error),
            },
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
                #[schemars(with = "String")]
                balance: Decimal,
            }
        };
        let text = super::expand(quote!(table = "users", id = "_id"), &item).to_string().replace(' ', "");
        for part in [
            r#"#[serde(rename="_id")]#[serde(default)]id:String"#,
            r#"Field::new("passwordHash").hidden().readonly()"#,
            r#"field("password_hash",&::core::format_args!("***"))"#,
            r#"Field::new("createdAt").created_at()"#,
            r#"Field::new("mail").unique()"#,
            r#"#[serde(default="UserVisible::__ligand_default_0")]e_mail"#,
            r#"Field::new("groupIds").populate("groups.get")"#,
            r#"Field::new("balance").holds::<Decimal>()"#,
            r#"TABLE:&'staticstr="users""#,
            "typeVisible=UserVisible",
            r#"constUSER_NAME:::ligand::__private::db::TypedField<User,String>=::ligand::__private::db::TypedField::new("userName")"#,
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(
            !text.contains("#[field")
                && !text.contains(r#"db::Field::new("userName")"#)
                && !text.contains("compile_error")
        );
    }

    #[test]
    fn hidden_fields_are_in_no_type_that_travels() {
        let item = quote! {
            #[derive(Default)]
            struct User {
                id: String,
                #[field(hidden)]
                password: String,
            }
        };
        let text =
            super::expand(quote!(table = "users", visible = "Public"), &item).to_string().replace(' ', "");
        let public = text.split("structPublic{").nth(1).unwrap().split('}').next().unwrap();
        assert!(public.contains("id:String") && !public.contains("password"), "{public}");
        assert!(text.contains("typeVisible=Public") && text.contains(r#"remote="User""#), "{text}");
        // The entity itself has nothing of serde.
        let own = text.split("structUser{").next().unwrap();
        assert!(!own.contains("Serialize") && !own.contains("serde("), "{own}");
    }

    #[test]
    fn reports_every_mistake_at_once() {
        let text = errors(
            quote!(tabel = "users", unknown = "maybe", visible = "Public"),
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
            "nothing is hidden",
            "`unknown` is",
            "option `hiden`",
            "`unique` stands alone",
            "needs flags in parentheses",
            "no field is the id `id`",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let renamed = quote! {
            struct A {
                #[serde(rename = "_id")]
                id: String,
            }
        };
        assert!(errors(quote!(table = "t"), &renamed).contains(r#"#[entity(id = \"_id\")]"#));
        assert!(errors(quote!(table = "t", id = "_id"), &renamed).is_empty());
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
