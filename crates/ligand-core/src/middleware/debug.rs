//! Loggers for debugging: what is called, what goes over the wire. Off unless they are given to a broker.
//!
//! With data switched on they write parameters, results and meta as they are, secrets included.

mod action_logger;
mod folder;
mod transit_logger;

use std::{fmt, path::PathBuf, sync::OnceLock};

use ligand_wire::{Payload, Result};
use tracing::Level;

pub use action_logger::ActionLogger;
pub use transit_logger::TransitLogger;

use self::folder::Folder;

/// Where lines and files go.
#[derive(Debug)]
struct Output {
    level: Option<Level>,
    path: Option<PathBuf>,
    folder: OnceLock<Folder>,
}

impl Default for Output {
    fn default() -> Self {
        Self { level: Some(Level::INFO), path: None, folder: OnceLock::new() }
    }
}

impl Output {
    /// Makes the folder of this node when there are to be files.
    fn open(&self, node_id: &str) -> Result<()> {
        if let Some(path) = &self.path
            && self.folder.get().is_none()
        {
            let _ = self.folder.set(Folder::open(path, node_id)?);
        }
        Ok(())
    }

    fn line(&self, text: fmt::Arguments<'_>) {
        match self.level {
            None => {}
            Some(Level::TRACE) => tracing::trace!("{text}"),
            Some(Level::DEBUG) => tracing::debug!("{text}"),
            Some(Level::INFO) => tracing::info!("{text}"),
            Some(Level::WARN) => tracing::warn!("{text}"),
            Some(Level::ERROR) => tracing::error!("{text}"),
        }
    }

    /// `text` is made only when files are written.
    fn file(&self, name: fmt::Arguments<'_>, text: impl FnOnce() -> String) {
        if let Some(folder) = self.folder.get() {
            folder.write(name, text());
        }
    }
}

/// As JSON on one line; what has no JSON form is named.
fn json(payload: &Payload) -> String {
    let mut text = Vec::new();
    match payload.write_json(&mut text) {
        _ if payload.is_undefined() => "<undefined>".to_owned(),
        Ok(()) => String::from_utf8(text).unwrap_or_else(|_| "<bytes>".to_owned()),
        Err(_) => format!("<{}>", payload.type_name()),
    }
}
