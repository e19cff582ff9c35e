//! SQLite files that go away after the test.

use std::{ops::Deref, sync::Arc};

use ligand_db::Sqlite;
use tempfile::TempDir;

/// A database in a folder of its own.
#[derive(Clone)]
pub(crate) struct Scratch {
    database: Sqlite,
    folder: Arc<TempDir>,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self { database: Sqlite::open(&url(&folder)).unwrap(), folder }
    }

    /// The same file, opened anew.
    pub(crate) fn again(&self) -> Sqlite {
        Sqlite::open(&url(&self.folder)).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        url(&self.folder)
    }
}

impl Deref for Scratch {
    type Target = Sqlite;

    fn deref(&self) -> &Sqlite {
        &self.database
    }
}

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}/data/shop.db", folder.path().display())
}
