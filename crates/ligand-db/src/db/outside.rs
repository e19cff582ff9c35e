//! Conditions that come from callers: only visible fields, only known operators, everything bounded.

use std::collections::BTreeSet;

use ligand_wire::Result;
use serde_json::Value;

use super::Db;
use crate::{Entity, Filter, Names, Table, error, filter};

impl<E: Entity> Db<E> {
    /// The condition of `query` and `search` together.
    ///
    /// # Errors
    /// 422 that names the field, 400 when the query is no JSON.
    pub(crate) fn outside(
        &self,
        query: Option<&Value>,
        search: Option<&str>,
        fields: Option<&Names>,
    ) -> Result<Filter> {
        let table = self.table()?;
        let mut all = match query {
            Some(query) => filter::parse(query, table)?,
            None => Filter::all(),
        };
        // Checked also without a text: a wrong name is a mistake in either case.
        let searched = searched(table, fields.or(self.0.options.search_fields.as_ref()))?;
        if let Some(text) = search.map(str::trim).filter(|text| !text.is_empty()) {
            let any = searched.into_iter().map(|field| Filter::field(field).contains(text));
            // Nothing to search in finds nothing.
            let none = Filter::field(table.id()).exists(false);
            all = all.and(any.reduce(Filter::or).unwrap_or(none));
        }
        Ok(all)
    }
}

fn searched<'t>(table: &'t Table, fields: Option<&'t Names>) -> Result<Vec<&'t str>> {
    let is_text = |name: &str| table.visible(name).is_some_and(|column| column.kind().is_text());
    match fields {
        None => Ok(table.columns().iter().map(crate::Column::name).filter(|name| is_text(name)).collect()),
        Some(names) => match names.iter().find(|name| !is_text(name)) {
            None => Ok(names.iter().collect::<BTreeSet<_>>().into_iter().collect()),
            Some(name) => Err(error::parameter(
                "searchFields",
                "searchFields".into(),
                format!("The 'searchFields' cannot be used: there is no text field '{name}' to search in."),
            )),
        },
    }
}
