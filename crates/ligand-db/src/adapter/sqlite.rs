//! Rows in a SQLite file.
//!
//! One connection writes, two read: SQLite has one writer at a time anyway, and a queue in this process is fairer
//! than its busy loop. Connections are made when they are first needed.

mod change;
mod collation;
mod error;
mod expression;
mod migrate;
mod pools;
mod row;
mod shape;
mod statement;
mod table;
mod transaction;
mod work;

use std::{
    path::PathBuf,
    str::FromStr,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use ligand_core::future::BoxFuture;
use ligand_wire::{Error, Result, redact::Redacted};
use parking_lot::Mutex;
use sqlx::{
    ConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

pub use migrate::Migration;

use super::{Adapter, Check, Transaction};
use crate::{Changes, Filter, Query, Row, Table};
use pools::Pools;

/// A SQLite database, which several [`crate::Db`]s may share. Clones are the same database.
///
/// Nothing is opened before the first use. The file is in WAL mode with `synchronous = NORMAL`: a power failure
/// may lose the last moments, a crash of the process loses nothing, neither damages the file.
///
/// ```
/// # fn main() -> ligand_core::Result<()> {
/// use ligand_db::{Migration, Sqlite};
///
/// let database = Sqlite::open("sqlite://data/shop.db")?
///     .migrations([Migration::new("0001 prices in cents", "UPDATE products SET price = price * 100").if_table("products")]);
/// # let _ = database; Ok(()) }
/// ```
#[derive(Clone)]
pub struct Sqlite(Arc<Inner>);

struct Inner {
    config: Config,
    pools: Mutex<Option<Pools>>,
    /// Held by whoever connects.
    connecting: tokio::sync::Mutex<()>,
    /// How many services have opened it.
    users: AtomicUsize,
}

#[derive(Clone)]
struct Config {
    connect: SqliteConnectOptions,
    /// Created before the file is.
    folder: Option<PathBuf>,
    in_memory: bool,
    read_only: bool,
    wait: Duration,
    migrations: Arc<[Migration]>,
}

impl Sqlite {
    /// Names a database: `sqlite://data/shop.db`, `sqlite:///absolute/shop.db` or `sqlite::memory:`.
    ///
    /// The file and its folder are created unless `?mode=rw` (must exist) or `?mode=ro` (is not changed) says
    /// otherwise.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` when the text is no such URL; it is not quoted, as it may hold a password meant
    /// for another database.
    pub fn open(url: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::broker_options(format!(
                "the database URL {why}; expected \"sqlite://folder/file.db\" or \"sqlite::memory:\""
            ))
        };
        let path = url.strip_prefix("sqlite:").ok_or_else(|| match url.split_once(':') {
            Some((scheme, _)) if Redacted::kind(scheme).is_shown() => {
                wrong(&format!("is one for '{scheme}'"))
            }
            _ => wrong("does not start with \"sqlite:\""),
        })?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
        if path.is_empty() {
            return Err(wrong("names no file"));
        }
        let mode = parameters.split('&').find_map(|part| part.strip_prefix("mode="));
        let in_memory = path == ":memory:" || mode == Some("memory");
        let connect = SqliteConnectOptions::from_str(url)
            .map_err(|_| wrong("has parameters that SQLite does not know"))?;
        let read_only = mode == Some("ro");
        let creates = !in_memory && matches!(mode, None | Some("rwc"));
        let folder =
            connect.get_filename().parent().filter(|folder| creates && !folder.as_os_str().is_empty());
        let folder = folder.map(ToOwned::to_owned);
        let mut connect = collation::register(connect)
            .create_if_missing(creates)
            .foreign_keys(true)
            .pragma("cache_size", "-1024")
            .statement_cache_capacity(64)
            .disable_statement_logging();
        if !read_only && !in_memory {
            connect = connect.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Normal);
        }
        let config = Config {
            connect,
            folder,
            in_memory,
            read_only,
            wait: Duration::from_secs(5),
            migrations: Arc::new([]),
        };
        Ok(Self::of(config))
    }

    fn of(config: Config) -> Self {
        Self(Arc::new(Inner {
            config,
            pools: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            users: AtomicUsize::new(0),
        }))
    }

    /// How long a statement waits for other processes and for its turn before it fails with `DATABASE_BUSY`
    /// (503). Default: 5 s. Set it before the database is shared.
    pub fn busy_timeout(self, wait: Duration) -> Self {
        Self::of(Config { wait, ..self.0.config.clone() })
    }

    /// Steps to run before the tables are prepared, in this order, each once in the life of the file. Set them
    /// before the database is shared.
    pub fn migrations(self, steps: impl IntoIterator<Item = Migration>) -> Self {
        Self::of(Config { migrations: steps.into_iter().collect(), ..self.0.config.clone() })
    }
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sqlite")
    }
}

impl Adapter for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn store(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn open(&self, table: Arc<Table>, check: Check) -> BoxFuture<Result<()>> {
        let own = self.clone();
        Box::pin(async move {
            let pools = own.ready(&table).await?;
            shape::verify(&pools, &table, &check, own.0.config.read_only).await?;
            own.0.users.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
            Ok(())
        })
    }

    fn close(&self) -> BoxFuture<()> {
        let own = self.clone();
        Box::pin(async move { own.leave().await })
    }

    fn find(&self, table: Arc<Table>, query: Query) -> BoxFuture<Result<Vec<Row>>> {
        let own = self.clone();
        Box::pin(async move {
            let pools = own.ready(&table).await?;
            work::find(&mut *pools.reader().await?, &table, &query).await
        })
    }

    fn page(&self, table: Arc<Table>, query: Query) -> BoxFuture<Result<(Vec<Row>, u64)>> {
        let own = self.clone();
        Box::pin(async move {
            let pools = own.ready(&table).await?;
            let mut moment = pools.moment().await?;
            let page = work::page(&mut moment, &table, &query).await;
            moment.end(page, &table).await
        })
    }

    fn count(&self, table: Arc<Table>, filter: Filter) -> BoxFuture<Result<u64>> {
        let own = self.clone();
        Box::pin(async move {
            let pools = own.ready(&table).await?;
            work::count(&mut *pools.reader().await?, &table, &filter).await
        })
    }

    fn insert(&self, table: Arc<Table>, rows: Vec<Row>) -> BoxFuture<Result<()>> {
        let own = self.clone();
        Box::pin(async move {
            let mut change = own.ready(&table).await?.change().await?;
            let done = work::insert(&mut change, &table, &rows).await;
            change.end(done, &table).await
        })
    }

    fn update(
        &self,
        table: Arc<Table>,
        id: String,
        filter: Filter,
        changes: Changes,
        check: Check,
    ) -> BoxFuture<Result<Option<Row>>> {
        let own = self.clone();
        Box::pin(async move {
            let mut change = own.ready(&table).await?.change().await?;
            let done = work::update(&mut change, &table, &id, &filter, &changes, &check).await;
            change.end(done, &table).await
        })
    }

    fn remove(&self, table: Arc<Table>, id: String, filter: Filter) -> BoxFuture<Result<Option<Row>>> {
        let own = self.clone();
        Box::pin(async move {
            let mut change = own.ready(&table).await?.change().await?;
            let done = work::remove(&mut change, &table, &id, &filter).await;
            change.end(done, &table).await
        })
    }

    fn remove_all(&self, table: Arc<Table>, filter: Filter) -> BoxFuture<Result<u64>> {
        let own = self.clone();
        Box::pin(async move {
            let mut change = own.ready(&table).await?.change().await?;
            let done = work::remove_all(&mut change, &table, &filter).await;
            change.end(done, &table).await
        })
    }

    fn begin(&self) -> BoxFuture<Result<Arc<dyn Transaction>>> {
        let own = self.clone();
        Box::pin(async move {
            let pools = own.pools().await?;
            let change = pools.change().await?;
            Ok(Arc::new(transaction::Open::new(change, own.store(), pools)) as Arc<dyn Transaction>)
        })
    }
}
