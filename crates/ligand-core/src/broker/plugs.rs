//! From the name of a transporter or discoverer to the thing itself: the only place that knows which there are.

use std::sync::Arc;

use ligand_transport::{Discoverer, Transporter};
use ligand_wire::{Error, Result};

use crate::config::{Options, Plug};

pub(super) fn transporter(plug: &Plug, _options: &Options) -> Result<Arc<dyn Transporter>> {
    Err(unknown("transporter", &plug.kind))
}

/// `None` for discovery over the bus.
pub(super) fn discoverer(plug: &Plug) -> Result<Option<Arc<dyn Discoverer>>> {
    match &*plug.kind {
        "local" => Ok(None),
        kind => Err(unknown("registry.discoverer", kind)),
    }
}

fn unknown(option: &str, kind: &str) -> Error {
    Error::broker_options(format!("option '{option}': '{kind}' is not known"))
}
