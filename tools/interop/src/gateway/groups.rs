//! The configuration of each group of cases.

mod answers;
mod guards;
mod routing;

use ligand::{
    Result, ServiceBroker, ServiceDef,
    web::{Compat, Gateway, GatewayBuilder, Route},
};

use super::{fixture, posts};

/// What stands behind and in a gateway.
pub(super) struct Group {
    pub(super) gateway: GatewayBuilder,
    pub(super) services: Vec<ServiceDef>,
    /// What another server does with it, instead of listening itself.
    pub(super) host: Option<Host>,
    /// What is done to its routes after each answer.
    pub(super) steps: Vec<Step>,
}

pub(super) type Host = fn(&Gateway, &ServiceBroker) -> Gateway;
pub(super) type Step = fn(&Gateway) -> Result<()>;

/// The names of all groups, in the order of the cases.
pub(super) const NAMES: &[&str] = &[
    "A", "A2", "B", "C", "D", "D2", "D3", "D4", "E", "F", "F2", "F3", "F4", "F5", "F6", "G", "H", "I", "I2",
    "I3", "I4", "I5", "J1", "J2", "J3", "J4", "J5", "J6", "K", "K2", "K4", "K5", "K6", "K7", "K8", "L1",
    "L2", "L3", "L4", "L5", "L6", "L7", "L8", "M1", "M2", "M3", "M4", "M5", "N1", "N2", "N3", "N4", "O1",
    "O2", "O3", "O4", "O5", "O6", "O7", "O8", "O9", "P", "Q1", "Q3", "Q4", "Q5", "R1", "R2", "R3", "S", "T",
    "T2", "T3", "T4", "U1", "U2", "U3", "U4", "U5", "U6", "U7", "U8", "U9", "U10", "V", "V2", "W1", "W2",
    "W3", "X", "Y", "Y2", "Z1", "Z2", "Z3", "Z4",
];

impl Group {
    fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        let gateway = Gateway::builder()
            .compat(|compat| *compat = Compat::moleculer_web())
            // The reference hides nothing, and answers about no health.
            .expose_errors(true)
            .without_health()
            .query(|query| query.cut = true);
        let gateway = routes.into_iter().fold(gateway, GatewayBuilder::route);
        Self { gateway, services: vec![fixture::fx(), fixture::math()], host: None, steps: Vec::new() }
    }

    fn with(mut self, change: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Self {
        self.gateway = change(self.gateway);
        self
    }

    fn of(mut self, services: Vec<ServiceDef>) -> Self {
        self.services = services;
        self
    }
}

/// A route of the reference that names no alias opens every published action, those of the node too.
fn open(path: &str) -> Route {
    Route::new(path).direct_calls().internal_services("~")
}

/// The group of this name.
pub(super) fn group(name: &str) -> Option<Group> {
    routing::group(name).or_else(|| guards::group(name)).or_else(|| answers::group(name))
}

/// Only the services with paths.
fn only_posts() -> Vec<ServiceDef> {
    vec![posts::posts()]
}
