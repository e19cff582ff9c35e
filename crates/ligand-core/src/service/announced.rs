//! What another node says of the parameters of its action.

use std::sync::OnceLock;

use ligand_wire::schema::Schema;
use serde_json::Value;

/// `params` of an info, and the schema that they become when somebody asks: most nodes never do, and an info may list
/// thousands of actions.
pub(crate) struct Announced {
    json: Value,
    schema: OnceLock<Option<Schema>>,
}

impl Announced {
    /// `None` for what cannot be an announcement.
    pub(crate) fn new(params: &Value) -> Option<Self> {
        let some = params.is_object() || params.is_array();
        some.then(|| Self { json: params.clone(), schema: OnceLock::new() })
    }

    /// As it came.
    pub(crate) fn json(&self) -> &Value {
        &self.json
    }

    pub(crate) fn schema(&self) -> Option<&Schema> {
        self.schema.get_or_init(|| Schema::announced(&self.json)).as_ref()
    }
}
