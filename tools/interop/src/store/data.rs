//! The data file of a service, in the form of NeDB, the store of moleculer-db: what moves with a service.
//!
//! A line is a document. A later line with the same `_id` replaces it, one with `$$deleted` removes it, one with
//! `$$indexCreated` is about an index. A date is `{"$$date": milliseconds}`.

use std::path::{Path, PathBuf};

use ligand::{
    Date, Map,
    db::{Db, Entity, ExposedHiddenFields, Query},
    prelude::*,
};

/// Where a service has its entities while it does not run.
#[derive(Debug)]
pub(super) struct DataFile {
    path: PathBuf,
}

impl DataFile {
    /// `<service>.db` in a folder.
    pub(super) fn new(folder: &str, service: &str) -> Self {
        Self { path: Path::new(folder).join(format!("{service}.db")) }
    }

    /// Puts the entities of the file into an empty store, with their ids and times. No file is an empty one.
    ///
    /// # Errors
    /// A file that cannot be read, or an entity that breaks a rule.
    pub(super) async fn load<E: Entity>(&self, db: &Db<E>) -> Result<()> {
        let text = match tokio::fs::read_to_string(&self.path).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut documents = Map::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let document: Map<String, Value> = serde_json::from_str(line)?;
            let Some(Value::String(id)) = document.get("_id") else { continue };
            match document.get("$$deleted") {
                Some(Value::Bool(true)) => documents.shift_remove(&id.clone()),
                _ => documents.insert(id.clone(), Value::Object(document)),
            };
        }
        let entity = |mut document: Value| {
            change(&mut document, &|value| {
                let millis = value.get("$$date").and_then(Value::as_i64)?;
                Some(json!(Date::from_millis(millis)))
            });
            rename(&mut document, "_id", E::ID);
            serde_json::from_value(document).map(|ExposedHiddenFields(entity)| entity)
        };
        let entities = documents.into_iter().map(|(_, document)| entity(document));
        db.import(entities.collect::<serde_json::Result<Vec<E>>>()?).await.map(drop)
    }

    /// Writes all entities.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) async fn save<E: Entity>(&self, db: &Db<E>) -> Result<()> {
        let mut text = String::new();
        for entity in db.find(Query::new()).await? {
            let mut document = serde_json::to_value(ExposedHiddenFields(entity))?;
            rename(&mut document, E::ID, "_id");
            change(&mut document, &|value| {
                let date: Date = value.as_str().filter(|text| text.ends_with('Z'))?.parse().ok()?;
                Some(json!({ "$$date": date.millis() }))
            });
            text += &format!("{document}\n");
        }
        Ok(tokio::fs::write(&self.path, text).await?)
    }
}

fn rename(document: &mut Value, from: &str, to: &str) {
    if let Value::Object(fields) = document
        && let Some(id) = fields.shift_remove(from)
    {
        fields.insert(to.to_owned(), id);
    }
}

/// Replaces the values of a document's fields that `turn` has something else for.
fn change(document: &mut Value, turn: &impl Fn(&Value) -> Option<Value>) {
    for value in document.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        if let Some(other) = turn(value) {
            *value = other;
        }
    }
}
