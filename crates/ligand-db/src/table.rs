//! A table: the columns of an entity, made of its schema and its declared fields.

use ligand_wire::{Error, FieldError, Result};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{Entity, Field, Form, Kind, Unknown, error, field::Stamp, kind::Misfit};

/// One entity as fields and values, by names on the wire. What adapters keep.
pub type Row = Map<String, Value>;

/// The columns of an entity.
#[derive(Clone, Debug)]
pub struct Table {
    name: &'static str,
    id: &'static str,
    columns: Vec<Column>,
    has_hidden: bool,
    /// See [`Table::shape`].
    shape: String,
    pub(crate) unknown: Unknown,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    /// Other names under which the outside may set it.
    aliases: Vec<String>,
    kind: Kind,
    /// Null is a value of it.
    nullable: bool,
    /// An entity without a value for it cannot be read.
    required: bool,
    /// What it is in rows that are older than the column.
    #[cfg(feature = "sqlite")]
    default: Option<Value>,
    field: Field,
}

/// What a path such as `address.city` leads to.
#[derive(Debug)]
pub(crate) struct Place<'t> {
    pub(crate) column: &'t Column,
    /// The names below the column.
    pub(crate) path: Vec<&'t str>,
    pub(crate) kind: &'t Kind,
}

impl Table {
    /// The table of an entity.
    ///
    /// ```
    /// # use ligand::{db::{Entity, Table}, entity};
    /// #[entity(table = "notes")]
    /// struct Note {
    ///     id: String,
    ///     text: String,
    /// }
    ///
    /// let table = Table::of::<Note>()?;
    /// assert_eq!((table.name(), table.id(), table.columns().len()), ("notes", "id", 2));
    /// # Ok::<_, ligand::Error>(())
    /// ```
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
        let wrong =
            |what: String| Err(Error::service_schema(format!("entity of the table '{}': {what}", E::TABLE)));
        let mut columns = Vec::new();
        for property in schema.root().properties() {
            let declared = E::FIELDS.iter().find(|field| field.name == property.name);
            let kind = match (Kind::of(schema.root().at(&property)), declared.and_then(|field| field.rust)) {
                (Ok(kind), Some(rust)) => Ok(kind.refined(rust.get())),
                (kind, _) => kind,
            };
            let kind = match kind {
                Ok(kind) => kind,
                Err(why) => return wrong(format!("the field '{}' cannot be kept: {why}", property.name)),
            };
            columns.push(Column {
                name: property.name.to_owned(),
                aliases: property.names().skip(1).map(str::to_owned).collect(),
                kind,
                nullable: property.types.null(),
                required: property.required && !property.types.null(),
                #[cfg(feature = "sqlite")]
                default: property.json.get("default").filter(|default| !default.is_null()).cloned(),
                field: declared.copied().unwrap_or(Field::new("")),
            });
        }
        if schema.root().keyword("additionalProperties").is_some_and(|rest| *rest != Value::Bool(false)) {
            return wrong("it has fields without a name (a flattened map), which have no column".into());
        }
        for field in E::FIELDS {
            let Some(column) = columns.iter().find(|column| column.name == field.name) else {
                let names: Vec<_> = columns.iter().map(Column::name).collect();
                return wrong(format!("there is no field '{}'; it has {}", field.name, names.join(", ")));
            };
            if field.stamp != Stamp::Never && !is_stamp(&column.kind) {
                return wrong(format!(
                    "the time stamp '{}' must be a date, a text or a whole number of 64 bits; it holds {}",
                    field.name,
                    column.kind.describe()
                ));
            }
            if (field.unique || field.index)
                && matches!(column.kind, Kind::List(_) | Kind::Struct(_) | Kind::Json)
            {
                let what = if field.unique { "be unique" } else { "have an index" };
                return wrong(format!(
                    "the field '{}' is no single value and cannot {what}; it holds {}",
                    field.name,
                    column.kind.describe()
                ));
            }
        }
        if !columns.iter().any(|column| column.name == E::ID && is_id(&column.kind)) {
            return wrong(format!("the id field '{}' must be there and hold a text", E::ID));
        }
        if E::ID != "id" && columns.iter().any(|column| column.name == "id") {
            return wrong(format!(
                "parameters call the id 'id', so that no other field can have this name: rename it, or make it the id \
                 instead of '{}'",
                E::ID
            ));
        }
        // SQLite does not tell them apart.
        if let Some((column, other)) = alike(&columns) {
            return wrong(format!(
                "the fields '{column}' and '{other}' differ in upper and lower case only; rename one"
            ));
        }
        // Ids are names: whoever asks for one writes it as it is.
        columns.iter_mut().filter(|column| column.name == E::ID).for_each(|column| column.kind = Kind::Text);
        let odd = |name: &str| name.is_empty() || name.chars().any(|c| c.is_control() || c == '"');
        if odd(E::TABLE)
            || ["sqlite_", "_ligand"].iter().any(|own| E::TABLE.to_ascii_lowercase().starts_with(own))
        {
            return wrong(
                "the name of the table cannot be used; take a plain one such as \"products\"".into(),
            );
        }
        if let Some(column) = columns.iter().find(|column| odd(&column.name) || column.name.contains('.')) {
            return wrong(format!("the name of the field '{}' cannot be used", column.name.escape_debug()));
        }
        let has_hidden = columns.iter().any(|column| column.field.hidden);
        let shape = Sha256::digest(schema.json().to_string().as_bytes());
        let shape = shape.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { name: E::TABLE, id: E::ID, columns, has_hidden, shape, unknown: E::UNKNOWN })
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

    /// The column that whoever sets fields means by a name: its own, or another under which it is read.
    pub(crate) fn meant(&self, name: &str) -> Option<&Column> {
        let named = |column: &&Column| column.names().any(|own| own == name);
        self.column(name).or_else(|| self.columns.iter().find(named))
    }

    /// Whether whoever sets fields means the id by a name.
    pub(crate) fn means_id(&self, name: &str) -> bool {
        self.meant(name).is_some_and(|column| column.name == self.id)
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column of that name, when the outside may know of it.
    pub fn visible(&self, name: &str) -> Option<&Column> {
        self.column(name).filter(|column| !column.field.hidden)
    }

    /// What a name or a path leads to.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub(crate) fn place(&self, path: &str) -> Result<Place<'_>, String> {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let Some(column) = self.column(name) else {
            let names: Vec<_> = self.columns.iter().map(Column::name).collect();
            return Err(format!("there is no field '{name}'; there are {}", names.join(", ")));
        };
        column.place(rest, false)
    }

    /// The same for callers: hidden fields are not there, and not told apart from others.
    pub(crate) fn outside(&self, path: &str) -> Result<Place<'_>, String> {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        match self.visible(name) {
            Some(column) => column.place(rest, true),
            None => Err("there is no such field to query".into()),
        }
    }

    /// Brings the fields of an entity into the form in which stores keep them. What has no value is null, where
    /// null is a value.
    ///
    /// # Errors
    /// 422 for what is no value of its field, 500 for an entity that is written otherwise than its schema says.
    pub(crate) fn keep(&self, row: &mut Row) -> Result<()> {
        if let Some(name) = row.keys().find(|name| self.column(name).is_none()) {
            let text = format!("the entity has a field '{name}' that is not in its schema");
            return Err(error::misuse(self.name, &text));
        }
        for column in &self.columns {
            match row.get_mut(&column.name) {
                Some(value) if is_deep(value, MAX_DEPTH) => return Err(deep(&column.name)),
                Some(value) => column.keep(value).map_err(|misfit| match misfit {
                    Misfit::Form(_) => error::misuse(
                        self.name,
                        &format!(
                            "the field '{}' is written otherwise than its schema says ({}); mend its \
                             #[schemars(with = ..)]",
                            column.name,
                            column.kind.describe()
                        ),
                    ),
                    Misfit::Value(kind) => invalid(&column.name, kind),
                })?,
                None if column.nullable => drop(row.insert(column.name.clone(), Value::Null)),
                None => {}
            }
        }
        Ok(())
    }

    /// The same for some fields that are to be set.
    ///
    /// # Errors
    /// 422 for what is no value of its field.
    pub(crate) fn keep_some(&self, fields: &mut Row) -> Result<()> {
        for (name, value) in fields.iter_mut() {
            if is_deep(value, MAX_DEPTH) {
                return Err(deep(name));
            }
            if let Some(column) = self.column(name) {
                let (Misfit::Form(kind) | Misfit::Value(kind)) = match column.keep(value) {
                    Ok(()) => continue,
                    Err(misfit) => misfit,
                };
                return Err(invalid(name, kind));
            }
        }
        Ok(())
    }

    /// Whether any column is hidden.
    pub fn has_hidden(&self) -> bool {
        self.has_hidden
    }

    /// A text that is another one when anything of the entity's schema is: what was stored under another shape may not
    /// be readable.
    pub fn shape(&self) -> &str {
        &self.shape
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

    /// Its name, and the others under which the outside may set it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name()).chain(self.aliases.iter().map(String::as_str))
    }

    /// What it holds.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What an entity has there when nothing is said, in the form in which stores keep it.
    #[cfg(feature = "sqlite")]
    pub(crate) fn default(&self) -> Option<Value> {
        let mut value = self.default.clone()?;
        self.kind.keep(&mut value).ok().map(|()| value)
    }

    /// Whether null is a value of it; a row then has it always.
    #[cfg(feature = "sqlite")]
    pub(crate) fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// Whether no two rows may have the same value.
    pub fn is_unique(&self) -> bool {
        self.field.unique
    }

    /// Whether it has an index of its own.
    pub fn is_indexed(&self) -> bool {
        self.field.index
    }

    /// Whether every entity must have a value for it, because there is no default and it is no `Option`.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Whether the outside may not see it.
    pub fn is_hidden(&self) -> bool {
        self.field.hidden
    }

    /// Whether it is set to the time of day by itself.
    pub(crate) fn is_stamp(&self) -> bool {
        self.field.stamp != Stamp::Never
    }

    pub(crate) fn field(&self) -> &Field {
        &self.field
    }
}

impl Column {
    /// What a path below this column leads to; empty for the column itself.
    fn place(&self, rest: &str, outside: bool) -> Result<Place<'_>, String> {
        let mut place = Place { column: self, path: Vec::new(), kind: &self.kind };
        if rest.is_empty() {
            return Ok(place);
        }
        for name in rest.split('.') {
            let Kind::Struct(fields) = place.kind else {
                let last = place.path.last().unwrap_or(&self.name.as_str()).to_owned();
                return Err(format!("'{last}' holds {} and has no field '{name}'", place.kind.describe()));
            };
            let shown = |field: &&crate::kind::Inner| field.name == name && !(outside && field.secret);
            let Some(field) = fields.iter().find(shown) else {
                return Err(format!("there is no field '{name}' in it: it holds {}", place.kind.describe()));
            };
            place.path.push(&field.name);
            place.kind = &field.kind;
        }
        Ok(place)
    }

    fn keep(&self, value: &mut Value) -> Result<(), Misfit> {
        // What serde writes for a number that is not finite.
        if value.is_null() && !self.nullable && matches!(self.kind, Kind::Real { .. }) {
            return Err(Misfit::Value("number"));
        }
        self.kind.keep(value)
    }
}

impl Place<'_> {
    /// What a row has there; null when it has nothing.
    pub(crate) fn value<'r>(&self, row: &'r Row) -> &'r Value {
        const NOTHING: &Value = &Value::Null;
        let mut value = row.get(&self.column.name).unwrap_or(NOTHING);
        for name in &self.path {
            value = value.get(name).unwrap_or(NOTHING);
        }
        value
    }
}

/// Two columns whose names are one to a database.
fn alike(columns: &[Column]) -> Option<(&str, &str)> {
    let mut names: Vec<_> =
        columns.iter().map(|column| (column.name.to_ascii_lowercase(), &*column.name)).collect();
    names.sort();
    names.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[0].1, pair[1].1))
}

fn is_stamp(kind: &Kind) -> bool {
    match kind {
        Kind::Text | Kind::Instant { .. } => true,
        Kind::Integer { max, .. } => *max >= i64::MAX.unsigned_abs(),
        _ => false,
    }
}

fn is_id(kind: &Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Uuid)
}

/// How deep lists and objects may be nested in a field: what is deeper can be written as JSON, and not be read.
const MAX_DEPTH: usize = 64;

fn is_deep(value: &Value, left: usize) -> bool {
    let deeper = |value: &Value| left == 0 || is_deep(value, left - 1);
    match value {
        Value::Array(items) => items.iter().any(deeper),
        Value::Object(fields) => fields.values().any(deeper),
        _ => false,
    }
}

#[cold]
fn deep(field: &str) -> Error {
    let mut error = FieldError::new("objectDepth", Some(field.to_owned()), None, None);
    error.message = format!("The '{field}' field must not be nested more than {MAX_DEPTH} levels deep.");
    error::invalid(vec![error])
}

fn invalid(field: &str, kind: &'static str) -> Error {
    error::invalid(vec![FieldError::new(kind, Some(field.to_owned()), None, None)])
}

impl Table {
    /// Whether the outside may set this column, in a new entity or an existing one.
    pub(crate) fn writable(&self, column: &Column, update: bool) -> bool {
        column.name != self.id && !column.field.readonly && !(update && column.field.immutable)
    }
}
