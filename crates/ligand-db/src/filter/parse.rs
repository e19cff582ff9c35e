//! Reads the `query` parameter: JSON in the notation of MongoDB, restricted to declared, visible fields and
//! the operators named here.

use ligand_wire::{Error, Result};
use serde_json::{Map, Value};

use super::{Filter, Node, Op, operand::Source};
use crate::{Table, error, table::Place};

/// How deep `$and` and `$or` may be nested.
const MAX_DEPTH: usize = 8;
/// How many conditions a query may have.
const MAX_CONDITIONS: usize = 64;
/// How many values `$in` and `$nin` may name.
const MAX_VALUES: usize = 1000;
/// The longest query given as text, in bytes.
const MAX_QUERY_TEXT: usize = 32 * 1024;

const OPERATORS: &str = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $and, $or";

/// Reads a query from outside; an object, or the text of one.
///
/// # Errors
/// 422 that names the field or operator, 400 when a text is no JSON.
pub(crate) fn parse(query: &Value, table: &Table) -> Result<Filter> {
    let parsed;
    let query = match query {
        Value::String(text) if text.len() > MAX_QUERY_TEXT => {
            return Err(refused("query", &format!("it is longer than {MAX_QUERY_TEXT} bytes")));
        }
        Value::String(text) if text.trim().is_empty() => return Ok(Filter::all()),
        Value::String(text) => {
            parsed = serde_json::from_str(text).map_err(|error| {
                Error::bad_request("The 'query' parameter is not valid JSON.").with_internal(error)
            })?;
            &parsed
        }
        other => other,
    };
    let mut reader = Reader { table, left: MAX_CONDITIONS };
    match query {
        Value::Null => Ok(Filter::all()),
        Value::Object(fields) => reader.object(fields, "query", MAX_DEPTH).map(Filter::from),
        _ => Err(refused("query", "it must be an object")),
    }
}

fn refused(place: &str, why: &str) -> Error {
    error::parameter("query", place.to_owned(), format!("The '{place}' cannot be used: {why}."))
}

struct Reader<'t> {
    table: &'t Table,
    left: usize,
}

impl Reader<'_> {
    fn object(&mut self, fields: &Map<String, Value>, place: &str, depth: usize) -> Result<Node> {
        let mut all = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            match name.as_str() {
                "$and" => all.push(Node::All(self.list(value, place, name, depth)?)),
                "$or" => all.push(Node::Any(self.list(value, place, name, depth)?)),
                _ => self.field(name, value, &format!("{place}.{name}"), &mut all)?,
            }
        }
        Ok(Node::All(all))
    }

    fn list(&mut self, value: &Value, place: &str, name: &str, depth: usize) -> Result<Vec<Node>> {
        let place = format!("{place}.{name}");
        if depth == 0 {
            return Err(refused(&place, &format!("it is nested more than {MAX_DEPTH} levels deep")));
        }
        let items = value.as_array().filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| refused(&place, "it must be a list of queries"))?;
        let mut nodes = Vec::with_capacity(items.len().min(MAX_CONDITIONS));
        for item in items {
            self.spend(&place)?;
            let fields = item.as_object().ok_or_else(|| refused(&place, "it must be a list of queries"))?;
            nodes.push(self.object(fields, &place, depth - 1)?);
        }
        Ok(nodes)
    }

    fn field(&mut self, name: &str, value: &Value, place: &str, all: &mut Vec<Node>) -> Result<()> {
        if name.starts_with('$') {
            return Err(refused(place, &format!("the operators are {OPERATORS}")));
        }
        // Hidden and unknown fields are told apart by nobody.
        let found = self.table.outside(name).map_err(|why| refused(place, &why))?;
        let operators = value.as_object().filter(|map| map.keys().any(|key| key.starts_with('$')));
        let Some(operators) = operators else {
            return self.condition(name, &found, Op::Eq(value.clone()), place, all);
        };
        for (operator, value) in operators {
            let place = format!("{place}.{operator}");
            let op = match operator.as_str() {
                "$eq" => Op::Eq(value.clone()),
                "$ne" => Op::Ne(value.clone()),
                "$gt" => Op::Gt(value.clone()),
                "$gte" => Op::Gte(value.clone()),
                "$lt" => Op::Lt(value.clone()),
                "$lte" => Op::Lte(value.clone()),
                "$in" => Op::In(values(value, &place)?),
                "$nin" => Op::NotIn(values(value, &place)?),
                "$exists" => match value {
                    Value::Bool(exists) => Op::Exists(*exists),
                    Value::String(text) if text == "true" => Op::Exists(true),
                    Value::String(text) if text == "false" => Op::Exists(false),
                    _ => return Err(refused(&place, "it is true or false")),
                },
                _ => return Err(refused(&place, &format!("the operators are {OPERATORS}"))),
            };
            self.condition(name, &found, op, &place, all)?;
        }
        Ok(())
    }

    fn condition(
        &mut self,
        field: &str,
        found: &Place<'_>,
        mut op: Op,
        place: &str,
        all: &mut Vec<Node>,
    ) -> Result<()> {
        self.spend(place)?;
        op.fit(found.kind, Source::Outside).map_err(|why| refused(place, &why))?;
        all.push(Node::Is { field: field.to_owned(), op });
        Ok(())
    }

    fn spend(&mut self, place: &str) -> Result<()> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| refused(place, &format!("a query has at most {MAX_CONDITIONS} conditions")))?;
        Ok(())
    }
}

fn values(value: &Value, place: &str) -> Result<Vec<Value>> {
    match value {
        Value::Array(values) if values.len() <= MAX_VALUES => Ok(values.clone()),
        Value::Array(_) => Err(refused(place, &format!("it lists more than {MAX_VALUES} values"))),
        _ => Err(refused(place, "it must be a list")),
    }
}
