//! Checks of the face that all transporters have: options, errors, one connection in a life.

use std::sync::Arc;

use ligand_wire::Error;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Bed, Bus, PATIENCE, TestLink};
use crate::Transporter;

fn configured<B: Bus>(bus: &B, url: &Value) -> Arc<dyn Transporter> {
    let options = json!({ "url": url });
    bus.configured(options).unwrap_or_else(|error| panic!("'url' = {url} is not understood: {error}"))
}

async fn connect(transporter: &Arc<dyn Transporter>) -> Result<(), Error> {
    let connecting = transporter.clone().connect(TestLink::new("here", ""));
    timeout(PATIENCE, connecting).await.expect("it connects or refuses in time")
}

/// Servers are given as one text, several separated by `,` or `;`, or a list.
pub async fn servers_are_a_text_or_a_list<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let Some(url) = bed.bus.url() else { return };
    for form in [json!(url), json!([url]), json!(format!(" {url} ;")), json!(format!("{url},"))] {
        let transporter = configured(&bed.bus, &form);
        connect(&transporter).await.unwrap_or_else(|error| panic!("'url' = {form}: {error:#}"));
        transporter.disconnect().await;
    }
}

/// Names and durations that are not understood are refused when options are read, the rest when they are used: with an
/// error that begins with the name of the bus, names the option and quotes no address.
pub async fn wrong_options_are_named_in_one_form<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let Some(url) = bed.bus.url() else { return };
    for (wrong, name) in [
        (json!({ "url": url, "conect_timeout": "1s" }), "conect_timeout"),
        (json!({ "url": url, "connect_timeout": 5 }), "a duration such as"),
        (json!({ "url": url, "connect_timeout": "soon" }), "a duration such as"),
        (json!({ "url": 5 }), "or a"),
    ] {
        let error = bed.bus.configured(wrong).err().unwrap_or_else(|| panic!("{name} is not refused"));
        assert!(error.contains(name), "{error}");
    }
    let none = json!({ "url": url, "connect_timeout": "0" });
    for (transporter, what) in [
        (bed.bus.configured(none).expect("a duration of nothing"), "'connect_timeout' must be above 0"),
        (configured(&bed.bus, &json!("odd://u:hunter2@h:1")), "server 1 of 'url' has another scheme than"),
        (
            configured(&bed.bus, &json!([url, "odd://u:hunter2@h:1"])),
            "server 2 of 'url' has another scheme than",
        ),
    ] {
        let error = connect(&transporter).await.expect_err(what);
        assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR", "{error:#}");
        let (bus, rest) = error.message().split_once(": ").expect("the name of the bus");
        assert_eq!(bus.to_lowercase(), transporter.name());
        assert!(rest.starts_with(what) && rest.ends_with('.'), "{error:#}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

/// A transporter connects once in its life; who tries again is told, and the connection stays.
pub async fn a_second_connect_is_refused<B: Bus>() {
    let bed = Bed::<B>::start().await;
    let here = bed.node("here").await;
    if here.transporter.name() == "memory" {
        return;
    }
    let error = connect(&here.transporter).await.expect_err("a second connect");
    assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR", "{error:#}");
    assert!(error.message().contains("connected already"), "{error:#}");
    here.transporter.flush().await.expect("the connection stays");
}
