//! Why bytes could not be read or a value not be written, before it becomes an [`Error`](crate::Error).

use std::{borrow::Cow, fmt};

/// A text, nothing more: the caller adds what it was about.
#[derive(Debug)]
pub(crate) struct Fault(Cow<'static, str>);

impl Fault {
    #[cold]
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    #[cold]
    pub(crate) fn at(self, byte: usize) -> Self {
        Self::new(format!("{} at byte {byte}", self.0))
    }
}

#[cold]
pub(super) fn not_text() -> Fault {
    Fault::new("a text is not UTF-8")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::ser::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}
