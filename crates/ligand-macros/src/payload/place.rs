//! Where a field is in what travels: the steps from the value to it, as serde writes them.

use syn::{Data, DeriveInput, Fields, ext::IdentExt};

use super::{metas, serde_says};
use crate::entity::names::{Rule, serde_value, wire_name};

/// The steps to a field; none for what a newtype holds or what is flattened.
pub(super) type Place = Vec<Step>;

/// One step.
#[derive(Clone)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// The places of the fields of a struct, or of each variant.
pub(super) fn of(item: &DeriveInput) -> Vec<Vec<Place>> {
    match &item.data {
        Data::Struct(data) => {
            let rule = Rule::known(&item.attrs).unwrap_or(Rule::Snake);
            vec![fields(&data.fields, rule, &[])]
        }
        Data::Enum(data) => {
            let tag = serde_value(&item.attrs, "tag");
            let content = serde_value(&item.attrs, "content");
            let untagged = metas(&item.attrs, "serde").iter().any(|meta| meta.path().is_ident("untagged"));
            let rule = Rule::known(&item.attrs).unwrap_or(Rule::Pascal);
            let inner = Rule::named_by(&item.attrs, "rename_all_fields");
            data.variants
                .iter()
                .map(|variant| {
                    let name = serde_value(&variant.attrs, "rename")
                        .unwrap_or_else(|| rule.apply_to_variant(&variant.ident.unraw().to_string()));
                    let before: Vec<Step> = match (&tag, content.clone(), untagged) {
                        (_, Some(content), _) => vec![Step::Key(content)],
                        (Some(_), None, _) | (_, _, true) => Vec::new(),
                        (None, None, false) => vec![Step::Key(name)],
                    };
                    let own = serde_says(&variant.attrs, "rename_all")
                        .then(|| Rule::known(&variant.attrs))
                        .flatten();
                    fields(&variant.fields, own.or(inner).unwrap_or(Rule::Camel), &before)
                })
                .collect()
        }
        Data::Union(_) => Vec::new(),
    }
}

fn fields(fields: &Fields, rule: Rule, before: &[Step]) -> Vec<Place> {
    let newtype = matches!(fields, Fields::Unnamed(list) if list.unnamed.len() == 1);
    fields
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let mut place = before.to_vec();
            if field.ident.is_some() {
                if !serde_says(&field.attrs, "flatten") {
                    place.push(Step::Key(wire_name(field, rule)));
                }
            } else if !newtype {
                place.push(Step::Index(index));
            }
            place
        })
        .collect()
}
