//! Errors of other crates that become ours with `?`, and ours that become theirs.
//!
//! Whatever converts into `Box<dyn std::error::Error + Send + Sync>` converts: every such error, `anyhow::Error`,
//! `eyre::Report`, boxed errors, texts. The text of the whole chain of causes is for the log. An [`Error`] that went
//! through one of them, perhaps with contexts around it, comes back as itself; the contexts go to its internal text.

use std::{error::Error as StdError, fmt};

use super::Error;

impl<E: Into<Box<dyn StdError + Send + Sync>> + 'static> From<E> for Error {
    /// An internal error: code 500, the text (with its causes) kept for the log. An [`Error`] inside comes back.
    fn from(source: E) -> Self {
        #[cfg(feature = "anyhow")]
        if let Some(error) = (&source as &dyn std::any::Any).downcast_ref::<anyhow::Error>()
            && let Some(own) = error.downcast_ref::<Std>()
        {
            return own.0.clone().within(&chain(error.as_ref()));
        }
        #[cfg(feature = "eyre")]
        if let Some(error) = (&source as &dyn std::any::Any).downcast_ref::<eyre::Report>()
            && let Some(own) = error.downcast_ref::<Std>()
        {
            return own.0.clone().within(&chain(error.as_ref()));
        }
        let source = source.into();
        let own = causes(&*source).find_map(|cause| cause.downcast_ref::<Std>());
        match own {
            Some(own) => own.0.clone().within(&chain(&*source)),
            None => Self::internal_error(chain(&*source)),
        }
    }
}

/// What a handler may fail with: whatever becomes an [`Error`] by `into()`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no error that a handler can answer",
    label = "does not become a `ligand::Error`",
    note = "an error of your own for callers: put #[derive(Debug, ligand::Error)] on it, with #[error(code = 409, kind = \"EMAIL_TAKEN\", message = \"..\")]",
    note = "any other error implements `std::error::Error`; callers then read \"Internal server error\", and its text is in the log"
)]
pub trait Failure: Into<Error> {}

#[diagnostic::do_not_recommend]
impl<E: Into<Error>> Failure for E {}

impl Error {
    /// The same with the contexts around it in the text for the log.
    fn within(self, contexts: &str) -> Self {
        let inside = self.internal().map(str::to_owned);
        match (contexts, inside) {
            ("", _) => self,
            (contexts, None) => self.with_internal(contexts),
            (contexts, Some(inside)) => self.with_internal(format_args!("{contexts}: {inside}")),
        }
    }
}

/// The error and what caused it, outermost first.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| StdError::source(*error))
}

/// The texts of an error and its causes in one line, up to an [`Error`] of ours.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error).take_while(|cause| !cause.is::<Std>()) {
        let next = cause.to_string();
        // Many say the text of their cause already.
        if text.contains(&next) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&next);
    }
    text
}

impl From<Error> for Box<dyn StdError> {
    fn from(error: Error) -> Self {
        Box::new(Std(error))
    }
}

#[cfg(feature = "anyhow")]
impl From<Error> for anyhow::Error {
    fn from(error: Error) -> Self {
        Self::new(Std(error))
    }
}

#[cfg(feature = "eyre")]
impl From<Error> for eyre::Report {
    fn from(error: Error) -> Self {
        Self::new(Std(error))
    }
}

impl From<&Error> for Error {
    /// A copy. By it an enum of errors takes every error as its last resort, in a `#[error(transparent)]` variant.
    fn from(error: &Error) -> Self {
        error.clone()
    }
}

impl Error {
    /// As an error of the standard library that is sent between threads, where one is asked for.
    ///
    /// ```
    /// # use ligand_wire::Error;
    /// let boxed: Box<dyn std::error::Error + Send + Sync> = Error::conflict("Taken.").into_std();
    /// // It comes back as itself.
    /// assert_eq!(Error::from(boxed).code(), 409);
    /// ```
    pub fn into_std(self) -> Box<dyn StdError + Send + Sync> {
        Box::new(Std(self))
    }
}

/// Carries an [`Error`] where a `std::error::Error` is asked for.
struct Std(Error);

impl fmt::Display for Std {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Std {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl StdError for Std {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn std_errors_keep_their_text_inside() {
        let parse = "x".parse::<u8>().unwrap_err();
        let err = Error::from(parse);
        assert_eq!((err.code(), err.message()), (500, "Internal server error"));
        assert_eq!(err.internal(), Some("invalid digit found in string"));
        assert_eq!(err.to_string(), "Internal server error");
        assert!(format!("{err:#}").contains("invalid digit"));
        assert!(!serde_json::to_string(&err).unwrap().contains("invalid digit"));
    }

    #[test]
    fn boxes_and_texts_pass_too() {
        let boxed: Box<dyn StdError + Send + Sync> = "disk".into();
        for error in [Error::from(boxed), Error::from("disk"), Error::from(String::from("disk"))] {
            assert_eq!((error.message(), error.internal()), ("Internal server error", Some("disk")));
        }
    }

    #[test]
    fn an_error_of_ours_comes_back_as_itself() {
        let error = Error::conflict("taken").with_data(serde_json::json!([1])).with_internal("row 7");
        let back = Error::from(error.clone().into_std());
        assert_eq!((&back, back.internal()), (&error, Some("row 7")));
        let outer = std::io::Error::other(error.into_std());
        assert_eq!(Error::from(outer).code(), 500, "what hides its cause hides it");
    }

    #[cfg(feature = "anyhow")]
    #[test]
    fn anyhow_errors_keep_their_causes_for_the_log() {
        use anyhow::Context as _;

        let failed: anyhow::Result<()> =
            Err(std::io::Error::other("disk full")).context("writing the invoice");
        let error = Error::from(failed.unwrap_err());
        assert_eq!((error.code(), error.message()), (500, "Internal server error"));
        assert_eq!(error.internal(), Some("writing the invoice: disk full"));

        let own = Error::not_found("No such order").with_internal("id 7");
        let failed: anyhow::Result<()> =
            Err(anyhow::Error::from(own.clone())).context("paying").context("closing");
        let back = Error::from(failed.unwrap_err());
        assert_eq!((&back, back.internal()), (&own, Some("closing: paying: id 7")));
    }

    #[cfg(feature = "eyre")]
    #[test]
    fn eyre_reports_keep_their_causes_for_the_log() {
        use eyre::WrapErr as _;

        let failed: eyre::Result<()> =
            Err(std::io::Error::other("disk full")).wrap_err("writing the invoice");
        let error = Error::from(failed.unwrap_err());
        assert_eq!(error.internal(), Some("writing the invoice: disk full"));

        let own = Error::not_found("No such order");
        let failed: eyre::Result<()> = Err(eyre::Report::from(own.clone())).wrap_err("paying");
        let back = Error::from(failed.unwrap_err());
        assert_eq!((&back, back.internal()), (&own, Some("paying")));
    }
}
