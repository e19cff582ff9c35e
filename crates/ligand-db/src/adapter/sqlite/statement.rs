//! The text of statements. Names come from the entity and are quoted, values are always bound.

use ligand_wire::Result;
use serde_json::Value;
use sqlx::{AssertSqlSafe, SqliteConnection, sqlite::SqliteRow};

use super::row::Argument;
use crate::{
    Changes, Filter, Query, Row, Table,
    filter::{Node, Op},
};

/// A statement and what is bound to it.
pub(super) struct Statement<'t> {
    table: &'t Table,
    text: String,
    arguments: Vec<Argument>,
}

impl<'t> Statement<'t> {
    fn new(table: &'t Table, text: String) -> Self {
        Self { table, text, arguments: Vec::new() }
    }

    pub(super) fn select(table: &'t Table, query: &Query) -> Result<Self> {
        let mut own = Self::new(table, format!("SELECT {} FROM {}", columns(table), quoted(table.name())));
        own.condition(None, &query.filter)?;
        own.text.push_str(" ORDER BY ");
        for sort in &query.sort {
            own.text.push_str(&quoted(&sort.field));
            own.text.push_str(if sort.descending { " DESC, " } else { ", " });
        }
        own.text.push_str(&quoted(table.id()));
        if query.limit.is_some() || query.offset > 0 {
            own.text.push_str(" LIMIT ? OFFSET ?");
            let bounded = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            own.arguments.push(Argument::Integer(query.limit.map_or(-1, bounded)));
            own.arguments.push(Argument::Integer(bounded(query.offset)));
        }
        Ok(own)
    }

    pub(super) fn count(table: &'t Table, filter: &Filter) -> Result<Self> {
        let mut own = Self::new(table, format!("SELECT count(*) FROM {}", quoted(table.name())));
        own.condition(None, filter)?;
        Ok(own)
    }

    pub(super) fn insert(table: &'t Table, row: &Row) -> Result<Self> {
        let marks = vec!["?"; table.columns().len()].join(", ");
        let text = format!("INSERT INTO {} ({}) VALUES ({marks})", quoted(table.name()), columns(table));
        let mut own = Self::new(table, text);
        if let Some(name) = row.keys().find(|name| table.column(name).is_none()) {
            let text = format!("the entity has a field '{name}' that is not in its schema");
            return Err(crate::error::misuse(table.name(), &text));
        }
        for column in table.columns() {
            let value = row.get(column.name()).unwrap_or(&Value::Null);
            own.arguments.push(Argument::of(table, column, value)?);
        }
        Ok(own)
    }

    pub(super) fn update(table: &'t Table, id: &str, filter: &Filter, changes: &Changes) -> Result<Self> {
        let mut own = Self::new(table, format!("UPDATE {} SET ", quoted(table.name())));
        let mut first = true;
        for column in table.columns() {
            let name = quoted(column.name());
            let (part, argument) = if let Some(value) = changes.set.get(column.name()) {
                (format!("{name} = ?"), Argument::of(table, column, value)?)
            } else if let Some((_, by)) = changes.add.iter().find(|(field, _)| field == column.name()) {
                (format!("{name} = coalesce({name}, 0) + ?"), Argument::of(table, column, by)?)
            } else {
                continue;
            };
            if !std::mem::take(&mut first) {
                own.text.push_str(", ");
            }
            own.text.push_str(&part);
            own.arguments.push(argument);
        }
        own.condition(Some(id), filter)?;
        own.returning();
        Ok(own)
    }

    pub(super) fn remove(table: &'t Table, id: Option<&str>, filter: &Filter) -> Result<Self> {
        let mut own = Self::new(table, format!("DELETE FROM {}", quoted(table.name())));
        own.condition(id, filter)?;
        if id.is_some() {
            own.returning();
        }
        Ok(own)
    }

    fn returning(&mut self) {
        self.text.push_str(" RETURNING ");
        self.text.push_str(&columns(self.table));
    }

    /// ` WHERE ..`, nothing when everything is meant.
    fn condition(&mut self, id: Option<&str>, filter: &Filter) -> Result<()> {
        let everything = matches!(&filter.0, Node::All(nodes) if nodes.is_empty());
        match id {
            Some(id) => {
                self.text.push_str(&format!(" WHERE {} = ?", quoted(self.table.id())));
                self.arguments.push(Argument::Text(id.to_owned()));
                if !everything {
                    self.text.push_str(" AND ");
                }
            }
            None if everything => {}
            None => self.text.push_str(" WHERE "),
        }
        if everything { Ok(()) } else { self.node(&filter.0) }
    }

    fn node(&mut self, node: &Node) -> Result<()> {
        let (nodes, joint, none) = match node {
            Node::Is { field, op } => return self.one(field, op),
            Node::All(nodes) => (nodes, " AND ", "1"),
            Node::Any(nodes) => (nodes, " OR ", "0"),
        };
        if nodes.is_empty() {
            self.text.push_str(none);
            return Ok(());
        }
        self.text.push('(');
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 {
                self.text.push_str(joint);
            }
            self.node(node)?;
        }
        self.text.push(')');
        Ok(())
    }

    fn one(&mut self, field: &str, op: &Op) -> Result<()> {
        let name = quoted(field);
        match op {
            Op::Eq(Value::Null) | Op::Exists(false) => self.text.push_str(&format!("{name} IS NULL")),
            Op::Ne(Value::Null) | Op::Exists(true) => self.text.push_str(&format!("{name} IS NOT NULL")),
            Op::Eq(value) => self.compare(field, "=", value)?,
            // Unlike `<>` this also holds for what has no value.
            Op::Ne(value) => self.compare(field, "IS NOT", value)?,
            Op::Gt(value) => self.compare(field, ">", value)?,
            Op::Gte(value) => self.compare(field, ">=", value)?,
            Op::Lt(value) => self.compare(field, "<", value)?,
            Op::Lte(value) => self.compare(field, "<=", value)?,
            Op::In(values) => self.among(field, values, true)?,
            Op::NotIn(values) => self.among(field, values, false)?,
            Op::Contains(text) => {
                self.text.push_str(&format!("instr(lower({name}), lower(?)) > 0"));
                self.arguments.push(Argument::Text(text.clone()));
            }
        }
        Ok(())
    }

    fn compare(&mut self, field: &str, operator: &str, value: &Value) -> Result<()> {
        self.text.push_str(&format!("{} {operator} ?", quoted(field)));
        let argument = self.argument(field, value)?;
        self.arguments.push(argument);
        Ok(())
    }

    /// A list is one argument, however long it is: the statement stays the same and can be reused.
    fn among(&mut self, field: &str, values: &[Value], inside: bool) -> Result<()> {
        let name = quoted(field);
        let null = values.iter().any(Value::is_null);
        self.text.push_str(&match (inside, null) {
            (true, false) => format!("{name} IN (SELECT value FROM json_each(?))"),
            (true, true) => format!("({name} IS NULL OR {name} IN (SELECT value FROM json_each(?)))"),
            (false, false) => format!("({name} IS NULL OR {name} NOT IN (SELECT value FROM json_each(?)))"),
            (false, true) => {
                format!("({name} IS NOT NULL AND {name} NOT IN (SELECT value FROM json_each(?)))")
            }
        });
        let values = values.iter().filter(|value| !value.is_null());
        let list: Vec<Value> = values
            .map(|value| self.argument(field, value).map(Argument::into_json))
            .collect::<Result<_>>()?;
        self.arguments.push(Argument::Text(Value::Array(list).to_string()));
        Ok(())
    }

    fn argument(&self, field: &str, value: &Value) -> Result<Argument> {
        let column = self.table.column(field).ok_or_else(|| {
            crate::error::misuse(self.table.name(), &format!("there is no column '{field}'"))
        })?;
        Argument::of(self.table, column, value)
    }

    pub(super) async fn rows(self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut query = sqlx::query(AssertSqlSafe(self.text));
        for argument in self.arguments {
            query = argument.bind(query);
        }
        query.fetch_all(connection).await
    }

    /// Answers how many rows were changed.
    pub(super) async fn execute(self, connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
        let mut query = sqlx::query(AssertSqlSafe(self.text));
        for argument in self.arguments {
            query = argument.bind(query);
        }
        query.execute(connection).await.map(|done| done.rows_affected())
    }
}

/// A name as SQL; a quote in it is doubled.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn columns(table: &Table) -> String {
    table.columns().iter().map(|column| quoted(column.name())).collect::<Vec<_>>().join(", ")
}
