//! A Rust value behind a vtable: everything that can be done with it without knowing the target type.

use std::{any::Any, sync::Arc};

use serde_json::Value;

use super::{Data, Format, weight};
use crate::{
    Result,
    codec::serializers,
    key::{Found, KeyError, Text},
};

/// The vtable behind a typed payload: everything that needs no knowledge of the target type.
pub(super) trait Typed: Any + Send + Sync {
    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;
    /// In every format but JSON.
    fn write(&self, format: Format, out: &mut Vec<u8>) -> Result<()>;
    fn to_value(&self) -> serde_json::Result<Value>;
    fn write_key(&self, path: Option<&str>, text: &mut Text<'_>) -> Result<Found, KeyError>;
    /// See [`weight`](super::weight).
    fn weight(&self, most: usize) -> Option<usize>;
    fn type_name(&self) -> &'static str;
    fn copied(&self) -> Arc<dyn Typed>;
}

impl<T: Data> Typed for T {
    fn copied(&self) -> Arc<dyn Typed> {
        Arc::new(self.clone())
    }

    fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        crate::text::to_writer(out, self)
    }

    fn write(&self, format: Format, out: &mut Vec<u8>) -> Result<()> {
        serializers::write(self, format, out)
    }

    fn to_value(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }

    fn write_key(&self, path: Option<&str>, text: &mut Text<'_>) -> Result<Found, KeyError> {
        text.path(self, path.unwrap_or_default())
    }

    fn weight(&self, most: usize) -> Option<usize> {
        weight::of(self, most)
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }
}
