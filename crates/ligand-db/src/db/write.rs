//! Changing, for handlers and for the actions.

use std::{collections::BTreeSet, sync::Arc};

use ligand_core::Context;
use ligand_wire::{Error, Result};
use serde_json::Value;

use super::Db;
use crate::{Addable, Changes, Entity, Filter, Joins, Row, Table, Untyped, adapter::Check, error};

impl<E: Entity> Db<E> {
    /// Adds an entity; an empty id is filled in, time stamps are set.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand::Result<()> {
    /// # use ligand::{db::{Changes, Db, Entity, Filter}, entity};
    /// #[entity(table = "notes")]
    /// struct Note {
    ///     id: String,
    ///     text: String,
    ///     likes: u32,
    /// }
    /// # fn note(id: &str, text: &str, likes: u32) -> Note { Note { id: id.into(), text: text.into(), likes } }
    ///
    /// let notes = Db::<Note>::memory();
    ///
    /// let note = notes.insert(note("", "Tea", 0)).await?;
    /// assert!(!note.id.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 422 when rules are broken, 409 `DUPLICATE_KEY` when a unique value is taken, the error of a hook.
    pub async fn insert(&self, entity: E) -> Result<E> {
        let mut added = self.add(None, vec![entity]).await?;
        added.pop().ok_or_else(|| error::misuse(E::TABLE, "nothing was inserted"))
    }

    /// Adds entities: all or none.
    ///
    /// # Errors
    /// As [`Db::insert`].
    pub async fn insert_many(&self, entities: impl IntoIterator<Item = E>) -> Result<Vec<E>> {
        self.add(None, entities.into_iter().collect()).await
    }

    /// Adds entities that come from elsewhere, such as another store or a file, as they are: ids and time stamps stay,
    /// no hook runs. Returns how many; all or none. An empty id is filled in, and the rules hold.
    ///
    /// ```
    /// # use ligand_db::{Db, Entity};
    /// # async fn example<User: Entity>(old: Db<User>, new: Db<User>) -> ligand_core::Result<()> {
    /// new.import(old.find(ligand_db::Query::new()).await?).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 422 when rules are broken, 409 `DUPLICATE_KEY` when an id or a unique value is taken.
    pub async fn import(&self, entities: impl IntoIterator<Item = E>) -> Result<usize> {
        let table = self.table()?;
        let mut rows = Vec::new();
        for mut entity in entities {
            self.accept(table, &mut entity)?;
            let mut row = self.store(&entity)?;
            Self::give_id(table, &mut row);
            table.keep(&mut row)?;
            rows.push(row);
        }
        let count = rows.len();
        if count > 0 {
            self.announced(self.0.adapter.insert(table.clone(), rows), |()| true).await?;
        }
        Ok(count)
    }

    pub(crate) async fn add(&self, ctx: Option<&Context>, entities: Vec<E>) -> Result<Vec<E>> {
        let table = self.table()?;
        let mut added = Vec::with_capacity(entities.len());
        let mut rows = Vec::with_capacity(entities.len());
        for mut entity in entities {
            self.accept(table, &mut entity)?;
            if !self.0.hooks.before_create.is_empty() {
                for hook in &self.0.hooks.before_create {
                    entity = hook(ctx.cloned(), entity).await?;
                }
                self.accept(table, &mut entity)?;
            }
            let mut row = self.store(&entity)?;
            self.stamp_new(table, &mut row);
            table.keep(&mut row)?;
            added.push(self.load(row.clone())?);
            rows.push(row);
        }
        if rows.is_empty() {
            return Ok(added);
        }
        self.announced(self.0.adapter.insert(table.clone(), rows), |()| true).await?;
        self.after(ctx, &self.0.hooks.after_create, &added).await;
        Ok(added)
    }

    /// Changes fields of an entity. It is checked as a whole with the changes in it; time stamps are set.
    /// A change that changes nothing is none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand::Result<()> {
    /// # use ligand::{db::{Changes, Db, Entity, Filter}, entity};
    /// #[entity(table = "notes")]
    /// struct Note {
    ///     id: String,
    ///     text: String,
    ///     likes: u32,
    /// }
    /// # fn note(id: &str, text: &str, likes: u32) -> Note { Note { id: id.into(), text: text.into(), likes } }
    ///
    /// let notes = Db::<Note>::memory();
    ///
    /// notes.insert(note("1", "Tea", 0)).await?;
    /// let changed = notes.update("1", Changes::new().set(Note::TEXT, "Coffee").increment(Note::LIKES, 2)).await?;
    /// assert_eq!((changed.text.as_str(), changed.likes), ("Coffee", 2));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 404 `EntityNotFoundError`, 422, 409 `DUPLICATE_KEY`, the error of a hook.
    pub async fn update<O>(&self, id: &str, changes: Changes<O>) -> Result<E>
    where
        E: Joins<O>,
    {
        changes.check(self.table()?)?;
        let table = self.table()?.clone();
        self.modify(None, id, |row| changes.apply(&table, row)).await
    }

    /// Changes an entity by a function, as [`Db::update`]. Fields that the function leaves alone keep what
    /// others write to them meanwhile.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand::Result<()> {
    /// # use ligand::{db::{Changes, Db, Entity, Filter}, entity};
    /// #[entity(table = "notes")]
    /// struct Note {
    ///     id: String,
    ///     text: String,
    ///     likes: u32,
    /// }
    /// # fn note(id: &str, text: &str, likes: u32) -> Note { Note { id: id.into(), text: text.into(), likes } }
    ///
    /// let notes = Db::<Note>::memory();
    ///
    /// notes.insert(note("1", "Tea", 3)).await?;
    /// let changed = notes.update_with("1", |note| {
    ///     note.likes *= 2;
    ///     Ok(())
    /// });
    /// assert_eq!(changed.await?.likes, 6);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Db::update`], and what the function returns.
    pub async fn update_with(&self, id: &str, change: impl FnOnce(&mut E) -> Result<()>) -> Result<E> {
        let old = self.row(id).await?;
        let mut new = self.load(old.clone())?;
        change(&mut new)?;
        self.exchange(None, id, old, new, &|_| false).await
    }

    /// Replaces an entity as a whole, whatever others wrote meanwhile; its id and the time of its creation stay.
    ///
    /// # Errors
    /// As [`Db::update`].
    pub async fn replace(&self, id: &str, entity: E) -> Result<E> {
        let table = self.table()?;
        let old = self.row(id).await?;
        let mut row = self.store(&entity)?;
        for column in table.columns().iter().filter(|column| column.is_stamp() || column.name() == table.id())
        {
            let own = old.get(column.name()).cloned().unwrap_or_default();
            row.insert(column.name().to_owned(), own);
        }
        let new = self.decode(table, row)?;
        self.exchange(None, id, old, new, &|_| true).await
    }

    /// The same with fields from outside. What the outside may not set stays as it is, and so do hidden fields that are
    /// not given: nobody can give back what was never shown.
    pub(crate) async fn replace_given(&self, ctx: &Context, id: &str, given: Row) -> Result<E> {
        let table = self.table()?;
        let old = self.row(id).await?;
        let named: BTreeSet<String> = given.keys().cloned().collect();
        let replaced = |name: &str| {
            let column = table.column(name);
            named.contains(name)
                || column.is_some_and(|column| table.writable(column, true) && !column.is_hidden())
        };
        let mut row = old.clone();
        row.retain(|name, _| !replaced(name));
        row.extend(given);
        let new = self.decode(table, row)?;
        self.exchange(Some(ctx), id, old, new, &replaced).await
    }

    pub(crate) async fn modify(
        &self,
        ctx: Option<&Context>,
        id: &str,
        change: impl FnOnce(&mut Row) -> Result<()>,
    ) -> Result<E> {
        let old = self.row(id).await?;
        let mut row = old.clone();
        change(&mut row)?;
        let new = self.decode(self.table()?, row)?;
        self.exchange(ctx, id, old, new, &|_| false).await
    }

    /// Writes what has another value now, and the `replaced` fields in any case: what others write to the rest meanwhile
    /// stays.
    async fn exchange(
        &self,
        ctx: Option<&Context>,
        id: &str,
        old: Row,
        mut new: E,
        replaced: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<E> {
        let table = self.table()?;
        self.accept(table, &mut new)?;
        let before = self.load(old)?;
        let old = self.store(&before)?;
        if !self.0.hooks.before_update.is_empty() {
            let before = Arc::new(before);
            for hook in &self.0.hooks.before_update {
                new = hook(ctx.cloned(), before.clone(), new).await?;
            }
            self.accept(table, &mut new)?;
        }
        let mut row = self.store(&new)?;
        // An option that became `None` may be left out of the text: it is written as null.
        for name in old.keys().filter(|name| !row.contains_key(*name)).collect::<Vec<_>>() {
            row.insert(name.clone(), Value::Null);
        }
        row.shift_remove(table.id());
        let differs = |name: &String, value: &Value| old.get(name).unwrap_or(&Value::Null) != value;
        if !row.iter().any(|(name, value)| differs(name, value)) {
            return Ok(new);
        }
        row.retain(|name, value| replaced(name) || differs(name, value));
        self.stamp_change(table, &mut row);
        let changed = self.apply(table, id, Filter::all(), row.into()).await?;
        let changed = changed.ok_or_else(|| error::not_found(id))?;
        self.after(ctx, &self.0.hooks.after_update, std::slice::from_ref(&changed)).await;
        Ok(changed)
    }

    /// Changes an entity if it meets a condition, in one atomic step: nobody can come between the check and
    /// the change. Returns the changed entity, `None` when there is none with this id or it does not meet the
    /// condition.
    ///
    /// ```
    /// # use ligand_db::{Changes, Db, Entity, Filter};
    /// # async fn example<Product: Entity>(products: Db<Product>) -> ligand_core::Result<()> {
    /// let enough = Filter::field("stock").gte(2);
    /// let reserved = products.update_where("42", enough, Changes::new().increment("stock", -2)).await?;
    /// if reserved.is_none() {
    ///     println!("sold out");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 422 when the changed entity breaks rules (then nothing is changed), 409 `DUPLICATE_KEY`.
    pub async fn update_where<F, C>(
        &self,
        id: &str,
        filter: Filter<F>,
        changes: Changes<C>,
    ) -> Result<Option<E>>
    where
        E: Joins<F> + Joins<C>,
    {
        let table = self.table()?;
        let filter = filter.fitted(table)?;
        let mut changes: Changes = changes.about();
        if changes.is_empty() {
            return self.find_one(Filter::field(E::ID).eq(id).and(filter)).await;
        }
        self.stamp_change(table, &mut changes.set);
        changes.check(table)?;
        let Some(changed) = self.apply(table, id, filter, changes).await? else { return Ok(None) };
        self.after(None, &self.0.hooks.after_update, std::slice::from_ref(&changed)).await;
        Ok(Some(changed))
    }

    /// Adds to a number of an entity, atomically; a negative number subtracts.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand::Result<()> {
    /// # use ligand::{db::{Changes, Db, Entity, Filter}, entity};
    /// #[entity(table = "notes")]
    /// struct Note {
    ///     id: String,
    ///     text: String,
    ///     likes: u32,
    /// }
    /// # fn note(id: &str, text: &str, likes: u32) -> Note { Note { id: id.into(), text: text.into(), likes } }
    ///
    /// let notes = Db::<Note>::memory();
    ///
    /// notes.insert(note("1", "Tea", 0)).await?;
    /// assert_eq!(notes.increment("1", Note::LIKES, 1).await?.likes, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 404 `EntityNotFoundError`; 422 when the outcome breaks a rule or does not fit the field's type.
    pub async fn increment<F, V>(&self, id: &str, field: F, by: V) -> Result<E>
    where
        F: Addable<V>,
        E: Joins<F::About>,
    {
        let changes: Changes = Changes { add: vec![field.add(by)], ..Changes::default() };
        let changed = self.update_where::<Untyped, Untyped>(id, Filter::all(), changes).await?;
        changed.ok_or_else(|| error::not_found(id))
    }

    /// Removes an entity; returns what it was.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand::Result<()> {
    /// # use ligand::{db::{Changes, Db, Entity, Filter}, entity};
    /// #[entity(table = "notes")]
    /// struct Note {
    ///     id: String,
    ///     text: String,
    ///     likes: u32,
    /// }
    /// # fn note(id: &str, text: &str, likes: u32) -> Note { Note { id: id.into(), text: text.into(), likes } }
    ///
    /// let notes = Db::<Note>::memory();
    ///
    /// notes.insert(note("1", "Tea", 0)).await?;
    /// assert_eq!(notes.remove("1").await?.text, "Tea");
    /// assert_eq!(notes.remove("1").await.unwrap_err().code(), 404);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 404 `EntityNotFoundError`, the error of a hook.
    pub async fn remove(&self, id: &str) -> Result<E> {
        self.delete(None, id).await
    }

    pub(crate) async fn delete(&self, ctx: Option<&Context>, id: &str) -> Result<E> {
        let table = self.table()?;
        if !self.0.hooks.before_remove.is_empty() {
            let entity = Arc::new(self.load(self.row(id).await?)?);
            for hook in &self.0.hooks.before_remove {
                hook(ctx.cloned(), entity.clone()).await?;
            }
        }
        let remove = self.0.adapter.remove(table.clone(), id.to_owned(), Filter::all());
        let row = self.announced(remove, Option::is_some).await?;
        let removed = self.load(row.ok_or_else(|| error::not_found(id))?)?;
        self.after(ctx, &self.0.hooks.after_remove, std::slice::from_ref(&removed)).await;
        Ok(removed)
    }

    /// Removes every entity that meets the condition, without hooks; returns how many.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> ligand::Result<()> {
    /// # use ligand::{db::{Changes, Db, Entity, Filter}, entity};
    /// #[entity(table = "notes")]
    /// struct Note {
    ///     id: String,
    ///     text: String,
    ///     likes: u32,
    /// }
    /// # fn note(id: &str, text: &str, likes: u32) -> Note { Note { id: id.into(), text: text.into(), likes } }
    ///
    /// let notes = Db::<Note>::memory();
    ///
    /// notes.insert_many([note("1", "Tea", 0), note("2", "Cup", 5)]).await?;
    /// assert_eq!(notes.remove_where(Note::LIKES.lt(1u32)).await?, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Db::find`].
    pub async fn remove_where<O>(&self, filter: Filter<O>) -> Result<u64>
    where
        E: Joins<O>,
    {
        let table = self.table()?;
        let filter = filter.fitted(table)?;
        self.announced(self.0.adapter.remove_all(table.clone(), filter), |removed| *removed > 0).await
    }

    /// Removes all entities, without hooks; returns how many.
    ///
    /// # Errors
    /// As [`Db::find`].
    pub async fn clear(&self) -> Result<u64> {
        self.remove_where(Filter::all()).await
    }

    async fn row(&self, id: &str) -> Result<Row> {
        let rows = self.rows(crate::Query::from(Filter::field(E::ID).eq(id)).limit(1)).await?;
        rows.into_iter().next().ok_or_else(|| error::not_found(id))
    }

    async fn apply(
        &self,
        table: &Arc<Table>,
        id: &str,
        filter: Filter,
        mut changes: Changes,
    ) -> Result<Option<E>> {
        table.keep_some(&mut changes.set)?;
        let (db, own) = (self.clone(), table.clone());
        let check: Check = Arc::new(move |row: &Row| {
            let entity = db.decode(&own, row.clone())?;
            db.judge(&own, &entity)
        });
        let update = self.0.adapter.update(table.clone(), id.to_owned(), filter, changes, check);
        let row = self.announced(update, Option::is_some).await?;
        row.map(|row| self.load(row)).transpose()
    }

    /// The change is made already: what goes wrong now is logged.
    async fn after(&self, ctx: Option<&Context>, hooks: &[AfterHook<E>], entities: &[E]) {
        for entity in entities {
            if hooks.is_empty() {
                return;
            }
            let entity = Arc::new(entity.clone());
            for hook in hooks {
                if let Err(error) = hook(ctx.cloned(), entity.clone()).await {
                    log_hook(E::TABLE, &error);
                }
            }
        }
    }
}

type AfterHook<E> = crate::hooks::After<E>;

#[cold]
fn log_hook(table: &str, error: &Error) {
    tracing::error!(table, error = %error.for_log(), "a hook after a change failed; the change stays");
}
