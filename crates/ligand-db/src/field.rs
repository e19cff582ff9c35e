//! What an entity says about one of its fields.

/// A field with something special about it; plain fields need no declaration.
///
/// ```
/// use ligand_db::Field;
/// const FIELDS: &[Field] = &[
///     Field::new("email").unique(),
///     Field::new("category").index(),
///     Field::new("createdAt").created_at(),
/// ];
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Field {
    pub(crate) name: &'static str,
    pub(crate) hidden: bool,
    pub(crate) readonly: bool,
    pub(crate) immutable: bool,
    pub(crate) unique: bool,
    pub(crate) index: bool,
    pub(crate) stamp: Stamp,
    pub(crate) populate: Option<&'static str>,
    pub(crate) rust: Option<TypeName>,
}

/// The name of a Rust type, which only its own function can tell.
#[derive(Clone, Copy)]
pub(crate) struct TypeName(fn() -> &'static str);

impl TypeName {
    pub(crate) fn get(self) -> &'static str {
        (self.0)()
    }
}

impl PartialEq for TypeName {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for TypeName {}

impl std::fmt::Debug for TypeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.get())
    }
}

/// When a field is set to the time of day by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stamp {
    #[default]
    Never,
    Created,
    Updated,
}

impl Field {
    /// A field by its name on the wire (`passwordHash`). Without flags it is as an undeclared field.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            hidden: false,
            readonly: false,
            immutable: false,
            unique: false,
            index: false,
            stamp: Stamp::Never,
            populate: None,
            rust: None,
        }
    }

    /// Never leaves the service, and cannot be asked for, sorted by, searched or queried from outside. It can be
    /// written unless it is also [`Field::readonly`]. Only for entities made by `#[entity]`: see
    /// [`Entity`](crate::Entity#hidden-fields).
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Never taken from `create` and `update`; only code sets it.
    pub const fn readonly(mut self) -> Self {
        self.readonly = true;
        self
    }

    /// Taken by `create`, ignored by `update`.
    pub const fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// No two entities have the same value; several may have none (null).
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Makes queries by this field fast.
    pub const fn index(mut self) -> Self {
        self.index = true;
        self
    }

    /// Set to the time at insertion: RFC 3339 with milliseconds in a date or text field, milliseconds since 1970 in
    /// an integer field. Read-only.
    pub const fn created_at(mut self) -> Self {
        self.stamp = Stamp::Created;
        self.readonly = true;
        self
    }

    /// As [`Field::created_at`], and set again at every change.
    pub const fn updated_at(mut self) -> Self {
        self.stamp = Stamp::Updated;
        self.readonly = true;
        self
    }

    /// Holds an id (or a list of ids) of what this action returns; asked for with the `populate` parameter.
    pub const fn populate(mut self, action: &'static str) -> Self {
        self.populate = Some(action);
        self
    }

    /// Whether any of these is hidden.
    pub(crate) const fn any_hidden(fields: &[Self]) -> bool {
        match fields {
            [] => false,
            [first, rest @ ..] => first.hidden || Self::any_hidden(rest),
        }
    }

    /// Has this Rust type, which may say more than a schema written by hand: a decimal or a date that
    /// `#[schemars(with = "String")]` calls a text is a column of decimals or dates all the same. `#[entity]` says it
    /// of fields with such attributes.
    pub const fn holds<T: ?Sized>(mut self) -> Self {
        self.rust = Some(TypeName(std::any::type_name::<T>));
        self
    }

    /// The name on the wire.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}
