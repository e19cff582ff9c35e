//! stub

pub use ligand_macros::payload;
pub use ligand_wire::validate::Validate;
pub use serde_json::{Map, Value};

#[doc(hidden)]
pub mod __private {
    pub use ligand_wire as wire;
    pub use schemars;
    pub use serde;

    /// stub
    pub trait EventPayload {
        /// stub
        const NAME: &'static str;
    }
}
