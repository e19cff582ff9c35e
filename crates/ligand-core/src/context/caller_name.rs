//! The name of the service that called.

use std::{borrow::Cow, fmt, sync::Arc};

use crate::sharded::CachePadded;

/// Who called.
#[derive(Clone, Default)]
pub(crate) enum CallerName {
    /// The broker itself.
    #[default]
    None,
    /// A service of this node: the handle is that of its endpoint and thread, all calls of the service counting their
    /// own on one name would wait for each other.
    Local(Arc<CachePadded<Arc<str>>>),
    /// As a packet or a listener says.
    Text(Arc<str>),
}

impl fmt::Debug for CallerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

impl From<Option<Cow<'_, str>>> for CallerName {
    fn from(name: Option<Cow<'_, str>>) -> Self {
        name.map_or(Self::None, |name| Self::Text(name.as_ref().into()))
    }
}

impl CallerName {
    pub(crate) fn get(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Local(name) => Some(name),
            Self::Text(name) => Some(name),
        }
    }
}
