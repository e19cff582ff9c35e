//! The text of statements. Names come from the entity and are quoted, values are always bound.

use ligand_wire::Result;
use serde_json::Value;
use sqlx::{AssertSqlSafe, SqliteConnection, sqlite::SqliteRow};

use super::{
    expression::{Expression, ITEM},
    row::Argument,
};
use crate::{
    Filter, Kind, Query, Row, Table, error,
    filter::{Node, Op},
};

/// How many numbers with a fraction a statement can be compared with: each is an argument of its own.
const MAX_REALS: usize = 30_000;

/// How many conditions stand beside each other.
const LONG_ROW: usize = 16;

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
            let expression = own.expression(&sort.field, "sort")?;
            own.text.push_str(&expression.collated());
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
        for column in table.columns() {
            let value = row.get(column.name()).unwrap_or(&Value::Null);
            own.arguments.push(Argument::of(table, column, value)?);
        }
        Ok(own)
    }

    pub(super) fn update(table: &'t Table, id: &str, filter: &Filter, set: &Row) -> Result<Self> {
        let mut own = Self::new(table, format!("UPDATE {} SET ", quoted(table.name())));
        let mut first = true;
        for column in table.columns() {
            let Some(value) = set.get(column.name()) else { continue };
            if !std::mem::take(&mut first) {
                own.text.push_str(", ");
            }
            own.text.push_str(&format!("{} = ?", quoted(column.name())));
            own.arguments.push(Argument::of(table, column, value)?);
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
        let everything = matches!(&filter.node, Node::All(nodes) if nodes.is_empty());
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
        if everything { Ok(()) } else { self.node(&filter.node) }
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
        self.joined(nodes, joint)
    }

    /// SQLite bounds the depth of expressions, and each condition of a row is one deeper: a long row is cut in halves.
    fn joined(&mut self, nodes: &[Node], joint: &str) -> Result<()> {
        self.text.push('(');
        if nodes.len() > LONG_ROW {
            let (first, rest) = nodes.split_at(nodes.len() / 2);
            self.joined(first, joint)?;
            self.text.push_str(joint);
            self.joined(rest, joint)?;
        } else {
            for (index, node) in nodes.iter().enumerate() {
                if index > 0 {
                    self.text.push_str(joint);
                }
                self.node(node)?;
            }
        }
        self.text.push(')');
        Ok(())
    }

    fn one(&mut self, field: &str, op: &Op) -> Result<()> {
        let what = self.expression(field, op.name())?;
        match op {
            Op::Eq(Value::Null) | Op::Exists(false) => self.text.push_str(&format!("{} IS NULL", what.text)),
            Op::Ne(Value::Null) | Op::Exists(true) => {
                self.text.push_str(&format!("{} IS NOT NULL", what.text));
            }
            Op::Eq(value) => match item_of(what.kind, value) {
                Some(kind) => self.has(&what, kind, value),
                None => self.compare(&what, "=", value),
            },
            Op::Ne(value) => match item_of(what.kind, value) {
                Some(kind) => {
                    self.text.push_str("NOT ");
                    self.has(&what, kind, value);
                }
                // Unlike `<>` this also holds for what has no value.
                None => self.compare(&what, "IS NOT", value),
            },
            Op::Gt(value) => self.compare(&what, ">", value),
            Op::Gte(value) => self.compare(&what, ">=", value),
            Op::Lt(value) => self.compare(&what, "<", value),
            Op::Lte(value) => self.compare(&what, "<=", value),
            Op::In(values) => self.any_of(&what, values)?,
            Op::NotIn(values) => {
                // What has no value is none of them.
                self.text.push_str("NOT coalesce(");
                self.any_of(&what, values)?;
                self.text.push_str(", 0)");
            }
            Op::Has(value) => match what.kind {
                Kind::List(kind) => self.has(&what, kind, value),
                _ => self.text.push('0'),
            },
            Op::Contains(text) => {
                self.text.push_str(&format!("instr(lower({}), lower(?)) > 0", what.text));
                self.arguments.push(Argument::Text(text.clone()));
            }
        }
        Ok(())
    }

    fn compare(&mut self, what: &Expression<'_>, operator: &str, value: &Value) {
        self.text.push_str(&format!("{} {operator} ?", what.collated()));
        self.arguments.push(what.argument(value));
    }

    /// A list with an item.
    fn has(&mut self, list: &Expression<'_>, kind: &Kind, value: &Value) {
        self.text.push_str(&list.items());
        match value {
            Value::Null => self.text.push_str(&format!("{ITEM}.type = 'null'")),
            value => self.compare(&list.item(kind), "=", value),
        }
        self.text.push(')');
    }

    /// One of the values; of a list, this very list or one with such an item.
    fn any_of(&mut self, what: &Expression<'_>, values: &[Value]) -> Result<()> {
        let (null, values): (Vec<&Value>, _) = values.iter().partition(|value| value.is_null());
        let (items, whole): (Vec<&Value>, Vec<&Value>) =
            values.into_iter().partition(|value| item_of(what.kind, value).is_some());
        self.text.push('(');
        if !null.is_empty() {
            self.text.push_str(&format!("{} IS NULL OR ", what.text));
        }
        if let (Kind::List(kind), false) = (what.kind, items.is_empty()) {
            self.text.push_str(&what.items());
            self.among(&what.item(kind), &items)?;
            self.text.push_str(") OR ");
        }
        self.among(what, &whole)?;
        self.text.push(')');
        Ok(())
    }

    /// A list of values is one argument, however long it is: the statement stays the same and can be reused.
    fn among(&mut self, what: &Expression<'_>, values: &[&Value]) -> Result<()> {
        let arguments = values.iter().map(|value| what.argument(value));
        self.text.push_str(&what.collated());
        if !what.is_real() {
            let list: Vec<Value> = arguments.map(Argument::into_json).collect();
            self.text.push_str(" IN (SELECT value FROM json_each(?))");
            self.arguments.push(Argument::Text(Value::Array(list).to_string()));
            return Ok(());
        }
        if values.len() > MAX_REALS {
            return Err(error::misuse(
                self.table.name(),
                &format!("a condition compares with more than {MAX_REALS} numbers"),
            ));
        }
        self.text.push_str(&format!(" IN ({})", vec!["?"; values.len()].join(", ")));
        self.arguments.extend(arguments);
        Ok(())
    }

    fn expression(&self, field: &str, operator: &str) -> Result<Expression<'t>> {
        let place = self.table.place(field);
        let place = place.map_err(|why| error::condition(self.table.name(), field, operator, &why))?;
        Ok(Expression::of(self.table, &place))
    }

    pub(super) async fn rows(self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut query = sqlx::query(AssertSqlSafe(self.text));
        for argument in self.arguments {
            query = argument.bind(query);
        }
        query.fetch_all(connection).await
    }

    /// Returns how many rows were changed.
    pub(super) async fn execute(self, connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
        let mut query = sqlx::query(AssertSqlSafe(self.text));
        for argument in self.arguments {
            query = argument.bind(query);
        }
        query.execute(connection).await.map(|done| done.rows_affected())
    }
}

/// The kind of the items, when a list is compared with a single value.
fn item_of<'k>(kind: &'k Kind, value: &Value) -> Option<&'k Kind> {
    match kind {
        Kind::List(item) if !value.is_array() && !value.is_null() => Some(item),
        _ => None,
    }
}

/// A name as SQL; a quote in it is doubled.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn columns(table: &Table) -> String {
    table.columns().iter().map(|column| quoted(column.name())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use ligand_wire::validate::Validate;
    use sqlx::{Connection, Row as _, SqliteConnection};

    use super::*;
    use crate::{Entity, Field, adapter::sqlite::collation};

    #[derive(Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    #[serde(rename_all = "camelCase")]
    struct Loan {
        id: String,
        member: String,
        due: ligand_wire::Date,
        copies: u64,
        fee: Option<f64>,
        is_open: bool,
        note: String,
    }

    impl Validate for Loan {}

    impl Entity for Loan {
        type Visible = Self;
        const TABLE: &'static str = "loans";
        const FIELDS: &'static [Field] = &[
            Field::new("member").index(),
            Field::new("due").index(),
            Field::new("copies").unique(),
            Field::new("fee").index(),
            Field::new("isOpen").index(),
        ];
    }

    async fn plan(connection: &mut SqliteConnection, query: Query) -> String {
        let table = Table::of::<Loan>().unwrap();
        let query = query.fitted(&table).unwrap();
        let mut statement = Statement::select(&table, &query).unwrap();
        statement.text.insert_str(0, "EXPLAIN QUERY PLAN ");
        let rows = statement.rows(connection).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("; ")
    }

    /// Conditions and orders use the collations of the indexes: otherwise SQLite would read the whole table.
    #[tokio::test]
    async fn declared_indexes_are_made_and_used() {
        let options = collation::register("sqlite::memory:".parse().unwrap());
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let table = Table::of::<Loan>().unwrap();
        crate::adapter::sqlite::table::prepare(&mut connection, &table).await.unwrap();
        let due = serde_json::json!("2026-01-31T12:00:00Z");
        let field = Filter::field;
        for (filter, index) in [
            (field("member").eq("ada"), "loans_member_index"),
            (field("member").gt("a").and(field("member").lt("b")), "loans_member_index"),
            (field("member").is_in(["ada", "bob"]), "loans_member_index"),
            (field("due").gt(&due).and(field("due").lte(&due)), "loans_due_index"),
            (field("due").eq(&due).and(field("note").eq("x")), "loans_due_index"),
            (field("copies").eq(3), "loans_copies_unique"),
            (field("fee").eq(2.5), "loans_fee_index"),
            (field("fee").exists(false), "loans_fee_index"),
            (field("isOpen").eq(true), "loans_isOpen_index"),
        ] {
            let plan = plan(&mut connection, Query::from(filter.clone())).await;
            assert!(plan.contains(&format!("SEARCH loans USING INDEX {index}")), "{filter:?}: {plan}");
        }
        for (sort, index) in [("member", "loans_member_index"), ("due", "loans_due_index")] {
            let plan = plan(&mut connection, Query::new().sort(sort).limit(10)).await;
            assert!(plan.contains(index), "{sort}: {plan}");
        }
        let plan = plan(&mut connection, Query::from(field("note").eq("x"))).await;
        assert!(plan.contains("SCAN"), "{plan}");
        let plain = plan_of_id(&mut connection).await;
        assert!(plain.contains("USING PRIMARY KEY"), "{plain}");
    }

    async fn plan_of_id(connection: &mut SqliteConnection) -> String {
        plan(connection, Query::from(Filter::field("id").eq("1"))).await
    }
}
