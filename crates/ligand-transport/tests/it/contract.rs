//! The bus in memory keeps what every bus promises.

use std::{future::ready, sync::Arc};

use bytes::Bytes;
use ligand_transport::{
    MemoryBus, Transporter,
    contract::{Bus, Promises},
};
use ligand_wire::topic::Topic;

/// Longest body that the bus takes.
const LARGEST: usize = 2 << 20;

struct Memory(MemoryBus);

impl Bus for Memory {
    fn start() -> impl Future<Output = Self> + Send {
        ready(Self(MemoryBus::new().largest(LARGEST)))
    }

    fn promises(&self) -> Promises {
        Promises { undelivered: true, too_large: Some(LARGEST + 1), ..Promises::default() }
    }

    fn transporter(&self) -> Arc<dyn Transporter> {
        self.0.transporter()
    }

    fn kill(&self) -> impl Future<Output = ()> + Send {
        self.0.cut();
        ready(())
    }

    fn restart(&self) -> impl Future<Output = ()> + Send {
        self.0.heal();
        ready(())
    }

    fn publish(&self, namespace: &str, topic: &Topic, body: Bytes) -> impl Future<Output = ()> + Send {
        self.0.publish(namespace, topic, &body);
        ready(())
    }
}

ligand_transport::contract_tests!(Memory);
