//! Reading, for handlers.

use std::collections::HashMap;

use ligand_wire::Result;

use super::Db;
use crate::{Entity, Filter, FindParams, Joins, ListParams, Page, Query, Row, query::Sort};

/// How many ids one statement asks for.
const BATCH: usize = 1000;

impl<E: Entity> Db<E> {
    pub(crate) async fn rows<O>(&self, query: Query<O>) -> Result<Vec<Row>> {
        let table = self.table()?;
        let query = query.fitted(table)?;
        self.0.adapter.find(table.clone(), query).await
    }

    /// The entities that meet a [`Query`] or [`Filter`]; an order alone (`Loan::DUE.asc()`) is a query too.
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
    /// notes.insert_many([note("1", "Tea", 1), note("2", "Cup", 5), note("3", "Pot", 3)]).await?;
    /// let liked = notes.find(Note::LIKES.gt(2u32).sort(Note::LIKES.desc())).await?;
    /// let texts: Vec<_> = liked.iter().map(|note| note.text.as_str()).collect();
    /// assert_eq!(texts, ["Cup", "Pot"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 422 `CONDITION_ERROR` for a condition or an order that a field cannot be asked, 503 when the database does not answer.
    pub async fn find<O>(&self, query: impl Into<Query<O>>) -> Result<Vec<E>>
    where
        E: Joins<O>,
    {
        self.rows(query.into()).await?.into_iter().map(|row| self.load(row)).collect()
    }

    /// The first entity that meets the query.
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
    /// assert!(notes.find_one(Note::TEXT.eq("Tea")).await?.is_some());
    /// assert!(notes.find_one(Filter::field("text").eq("Cup")).await?.is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Db::find`].
    pub async fn find_one<O>(&self, query: impl Into<Query<O>>) -> Result<Option<E>>
    where
        E: Joins<O>,
    {
        let rows = self.rows(query.into().limit(1)).await?;
        rows.into_iter().next().map(|row| self.load(row)).transpose()
    }

    /// The entity with this id.
    ///
    /// # Errors
    /// As [`Db::find`].
    pub async fn get(&self, id: &str) -> Result<Option<E>> {
        self.find_one(Filter::field(E::ID).eq(id)).await
    }

    /// The entity with this id.
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
    /// let error = notes.require("1").await.unwrap_err();
    /// assert!(error.code() == 404 && error.is("EntityNotFoundError"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// 404 `EntityNotFoundError` when there is none, else as [`Db::find`].
    pub async fn require(&self, id: &str) -> Result<E> {
        self.get(id).await?.ok_or_else(|| crate::error::not_found(id))
    }

    /// The entities with these ids in the order of the ids; unknown ids are left out, repeated ones count once.
    ///
    /// # Errors
    /// As [`Db::find`].
    pub async fn get_many<I: AsRef<str>>(&self, ids: impl IntoIterator<Item = I>) -> Result<Vec<E>> {
        let mut order: Vec<String> = Vec::new();
        let mut found: HashMap<String, Option<Row>> = HashMap::new();
        for id in ids {
            let id = id.as_ref();
            if !found.contains_key(id) {
                found.insert(id.to_owned(), None);
                order.push(id.to_owned());
            }
        }
        let table = self.table()?;
        for batch in order.chunks(BATCH) {
            for row in self.rows(Query::from(Filter::field(E::ID).is_in(batch))).await? {
                found.insert(table.id_of(&row).to_owned(), Some(row));
            }
        }
        order.iter().filter_map(|id| found.remove(id)?).map(|row| self.load(row)).collect()
    }

    /// How many entities meet the condition.
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
    /// notes.insert_many([note("1", "Tea", 1), note("2", "Cup", 5)]).await?;
    /// assert_eq!(notes.count(Filter::all()).await?, 2);
    /// assert_eq!(notes.count(Note::LIKES.gte(5u32)).await?, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Db::find`].
    pub async fn count<O>(&self, filter: Filter<O>) -> Result<u64>
    where
        E: Joins<O>,
    {
        let table = self.table()?;
        let filter = filter.fitted(table)?;
        self.0.adapter.count(table.clone(), filter).await
    }

    /// One page of whole entities, for the handler itself. The parameters count as coming from
    /// outside: hidden fields cannot be named in them. What shapes an answer (`fields`, `excludeFields`, `populate`) is
    /// refused; [`Db::list_for`] honours it.
    ///
    /// # Errors
    /// 422 for parameters that cannot be used, else as [`Db::find`].
    pub async fn list(&self, params: ListParams) -> Result<Page<E>> {
        params.shapeless()?;
        let (page, size) = self.window(&params)?;
        let filter =
            self.outside(params.query.as_ref(), params.search.as_deref(), params.search_fields.as_ref())?;
        let mut query = Query::from(filter).limit(size).offset((page - 1).saturating_mul(size));
        query.sort = self.outside_sort(params.sort.as_ref())?;
        let (rows, total) = self.0.adapter.page(self.table()?.clone(), query).await?;
        let rows = rows.into_iter().map(|row| self.load(row)).collect::<Result<_>>()?;
        Ok(Page { rows, total, page, page_size: size, total_pages: total.div_ceil(size) })
    }

    /// Whole entities by the parameters of `find`, for the handler itself; as [`Db::list`], without pages. What shapes an
    /// answer is refused; [`Db::find_for`] honours it.
    ///
    /// # Errors
    /// As [`Db::list`].
    pub async fn find_by(&self, params: FindParams) -> Result<Vec<E>> {
        params.shapeless()?;
        let limit = params.limit.into_iter().chain(self.0.options.max_limit).min();
        self.find(self.asked(&params, limit)?).await
    }

    /// The query of parameters that count as coming from outside.
    pub(crate) fn asked(&self, params: &FindParams, limit: Option<u64>) -> Result<Query> {
        let filter =
            self.outside(params.query.as_ref(), params.search.as_deref(), params.search_fields.as_ref())?;
        let mut query = Query::from(filter).offset(params.offset.unwrap_or(0));
        query.limit = limit;
        query.sort = self.outside_sort(params.sort.as_ref())?;
        Ok(query)
    }

    fn window(&self, params: &ListParams) -> Result<(u64, u64)> {
        let options = &self.0.options;
        let page = params.page.unwrap_or(1);
        let size = params.page_size.filter(|size| *size > 0);
        let size = size.unwrap_or(options.page_size).min(options.max_page_size);
        if page == 0 {
            let text = "The 'page' field must be greater than or equal to 1.".to_owned();
            return Err(crate::error::parameter("numberMin", "page".into(), text));
        }
        Ok((page, size))
    }

    /// The order that a caller asked for; hidden fields count as unknown.
    ///
    /// # Errors
    /// 422 that names the field.
    pub(crate) fn outside_sort(&self, names: Option<&crate::Names>) -> Result<Vec<Sort>> {
        let table = self.table()?;
        let mut sorts: Vec<Sort> = Vec::new();
        for sort in names.into_iter().flat_map(crate::Names::iter).filter_map(Sort::parse) {
            // A second mention changes nothing, but makes the statement long.
            if !sorts.iter().any(|own| own.field == sort.field) {
                sorts.push(sort);
            }
        }
        for sort in &sorts {
            let place = table.outside(&sort.field).and_then(Sort::possible);
            place.map_err(|why| {
                let text = format!("The 'sort' cannot be used: '{}': {why}.", sort.field);
                crate::error::parameter("sort", "sort".into(), text)
            })?;
        }
        Ok(sorts)
    }
}
