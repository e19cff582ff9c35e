//! A table: the columns of an entity, made of its schema and its declared fields.

use ligand_wire::{Error, Result};
use serde_json::{Map, Value};

use crate::{Entity, Field, Form, Unknown, field::Stamp};

/// One entity as fields and values, by names on the wire. What adapters keep.
pub type Row = Map<String, Value>;

/// The columns of an entity.
#[derive(Clone, Debug)]
pub struct Table {
    name: &'static str,
    id: &'static str,
    columns: Vec<Column>,
    has_hidden: bool,
    pub(crate) unknown: Unknown,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    kind: Kind,
    field: Field,
}

/// What a column holds; null is always possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Texts.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Real,
    /// True or false.
    Boolean,
    /// Lists, objects, and whatever has several types. Compared as a whole only.
    Json,
}

impl Table {
    /// The table of an entity.
    ///
    /// # Errors
    /// `SERVICE_SCHEMA_ERROR` when the entity has no text id field or declares a field that it does not have.
    pub fn of<E: Entity>() -> Result<Self> {
        const {
            assert!(
                E::Visible::HIDES || !Field::any_hidden(E::FIELDS),
                "an entity with hidden fields must not be able to travel: put #[entity] on it instead of `impl Entity`"
            );
        }
        let schema = E::Visible::schema_of();
        let mut columns = Vec::new();
        for property in schema.properties() {
            let declared = E::FIELDS.iter().find(|field| field.name == property.name);
            columns.push(Column {
                name: property.name.to_owned(),
                kind: Kind::of(property.types),
                field: declared.copied().unwrap_or(Field::new("")),
            });
        }
        let wrong =
            |what: String| Err(Error::service_schema(format!("entity of the table '{}': {what}", E::TABLE)));
        for field in E::FIELDS {
            let Some(column) = columns.iter().find(|column| column.name == field.name) else {
                let names: Vec<_> = columns.iter().map(Column::name).collect();
                return wrong(format!("there is no field '{}'; it has {}", field.name, names.join(", ")));
            };
            if field.stamp != Stamp::Never && !matches!(column.kind, Kind::Text | Kind::Integer) {
                return wrong(format!("the time stamp '{}' must be a text or a whole number", field.name));
            }
            if field.unique && column.kind == Kind::Json {
                return wrong(format!("'{}' is no scalar and cannot be unique", field.name));
            }
        }
        if !columns.iter().any(|column| column.name == E::ID && column.kind == Kind::Text) {
            return wrong(format!("the id field '{}' must be there and hold a text", E::ID));
        }
        let odd = |name: &str| name.is_empty() || name.chars().any(|c| c.is_control() || c == '"');
        if odd(E::TABLE) || E::TABLE.starts_with("sqlite_") || E::TABLE.starts_with("_ligand") {
            return wrong(
                "the name of the table cannot be used; take a plain one such as \"products\"".into(),
            );
        }
        if let Some(column) = columns.iter().find(|column| odd(&column.name) || column.name.contains('.')) {
            return wrong(format!("the name of the field '{}' cannot be used", column.name.escape_debug()));
        }
        let has_hidden = columns.iter().any(|column| column.field.hidden);
        Ok(Self { name: E::TABLE, id: E::ID, columns, has_hidden, unknown: E::UNKNOWN })
    }

    /// Name of the table.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Name of the id field.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// All columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column of that name, when the outside may know of it.
    pub fn visible(&self, name: &str) -> Option<&Column> {
        self.column(name).filter(|column| !column.field.hidden)
    }

    /// Whether any column is hidden.
    pub fn has_hidden(&self) -> bool {
        self.has_hidden
    }

    /// The text in the id field of a row.
    pub(crate) fn id_of<'r>(&self, row: &'r Row) -> &'r str {
        row.get(self.id).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Column {
    /// The name on the wire, also in the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether no two rows may have the same value.
    pub fn is_unique(&self) -> bool {
        self.field.unique
    }

    /// Whether it has an index of its own.
    pub fn is_indexed(&self) -> bool {
        self.field.index
    }

    /// Whether the outside may not see it.
    pub fn is_hidden(&self) -> bool {
        self.field.hidden
    }

    pub(crate) fn field(&self) -> &Field {
        &self.field
    }
}

impl Kind {
    fn of(types: ligand_wire::schema::Types) -> Self {
        let scalar = |wanted: bool, others: &[bool]| wanted && !others.contains(&true);
        let (text, boolean) = (types.string(), types.boolean());
        let nested = types.array() || types.object();
        if scalar(text, &[types.integer(), boolean, nested]) {
            Self::Text
        } else if scalar(types.integer(), &[text, boolean, nested]) {
            if types.number() { Self::Real } else { Self::Integer }
        } else if scalar(boolean, &[text, types.integer(), nested]) {
            Self::Boolean
        } else {
            Self::Json
        }
    }
}

impl Table {
    /// Whether the outside may set this column, in a new entity or an existing one.
    pub(crate) fn writable(&self, column: &Column, update: bool) -> bool {
        column.name != self.id && !column.field.readonly && !(update && column.field.immutable)
    }
}
