//! Messages with fields in braces.

use proc_macro2::Literal;
use syn::LitStr;

use crate::errors::Errors;

/// A format text whose places are positional, and which field stands at each.
pub(super) struct Message {
    pub(super) text: Literal,
    /// The message itself when it has no places.
    pub(super) plain: Option<String>,
    pub(super) used: Vec<usize>,
    /// The text around its places, one more than there are places.
    pub(super) texts: Vec<String>,
    /// Which field stands at each place, none where it is written in a style of its own.
    pub(super) places: Vec<Option<usize>>,
}

impl Message {
    /// A text without places.
    pub(super) fn plain(text: &str) -> Self {
        Self {
            text: Literal::string(text),
            plain: Some(text.to_owned()),
            used: Vec::new(),
            texts: vec![text.to_owned()],
            places: Vec::new(),
        }
    }

    /// Replaces `{email}` and `{0:?}` by the positions of the fields.
    pub(super) fn read(message: &LitStr, fields: &[&str], errors: &mut Errors) -> Self {
        let value = message.value();
        let mut text = String::new();
        let mut used: Vec<usize> = Vec::new();
        let (mut texts, mut places) = (vec![String::new()], Vec::new());
        let say = |texts: &mut Vec<String>, said: &str| {
            if let Some(last) = texts.last_mut() {
                last.push_str(said);
            }
        };
        let mut rest = value.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            say(&mut texts, &rest[..at]);
            rest = &rest[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                text.push_str(&rest[..2]);
                say(&mut texts, &rest[..1]);
                rest = &rest[2..];
                continue;
            }
            let Some(end) = rest.find('}').filter(|_| rest.starts_with('{')) else {
                errors.at(
                    message,
                    "a brace stands alone; write a field as `{name}`, and a brace itself as `{{` or `}}`",
                );
                return Self::plain(&value);
            };
            let inside = &rest[1..end];
            let (name, style) =
                inside.split_once(':').map_or((inside, None), |(name, style)| (name, Some(style)));
            let Some(field) = fields.iter().position(|field| *field == name.trim()) else {
                let known = match fields {
                    [] => "it has none".to_owned(),
                    fields => format!("its fields are: {}", fields.join(", ")),
                };
                match (name.trim(), fields) {
                    ("", [first, ..]) => errors.at(
                        message,
                        format_args!("`{{}}` names no field; write it, as in `{{{first}}}`; {known}"),
                    ),
                    (name, _) => {
                        errors.at(message, format_args!("this variant has no field `{name}`; {known}"));
                    }
                }
                return Self::plain(&value);
            };
            let place = used.iter().position(|other| *other == field).unwrap_or_else(|| {
                used.push(field);
                used.len() - 1
            });
            text.push_str(&format!("{{{place}"));
            if let Some(style) = style {
                text.push(':');
                text.push_str(style);
            }
            text.push('}');
            texts.push(String::new());
            places.push(style.is_none().then_some(field));
            rest = &rest[end + 1..];
        }
        text.push_str(rest);
        say(&mut texts, rest);
        let plain = used.is_empty().then(|| text.replace("{{", "{").replace("}}", "}"));
        let mut text = Literal::string(&text);
        text.set_span(message.span());
        Self { text, plain, used, texts, places }
    }
}
