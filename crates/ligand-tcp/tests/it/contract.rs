//! What every transporter promises.

use std::{net::Ipv4Addr, sync::Arc};

use ligand_tcp::{Broadcast, TcpOptions, TcpTransporter, Urls};
use ligand_transport::{
    Transporter,
    contract::{Bus, Promises},
};
use serde_json::Value;

use crate::node::quiet;

/// A UDP port of its own: nodes of other checks are not found.
struct Network(u16);

impl Bus for Network {
    async fn start() -> Self {
        let free = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        Self(free.local_addr().unwrap().port())
    }

    fn promises(&self) -> Promises {
        Promises {
            server: false,
            foreign: false,
            undelivered: true,
            broadcasts: false,
            largest_body: 16 << 20,
            too_large: Some((16 << 20) + 1),
            ..Promises::default()
        }
    }

    fn transporter(&self) -> Arc<dyn Transporter> {
        let loopback = Broadcast::To(vec![Ipv4Addr::new(127, 255, 255, 255)]);
        let options = TcpOptions { udp_port: self.0, udp_broadcast: loopback, ..TcpOptions::default() };
        Arc::new(TcpTransporter::new(options))
    }

    fn url(&self) -> Option<String> {
        Some("tcp://127.0.0.1:1/nobody".into())
    }

    fn configured(&self, options: Value) -> Result<Arc<dyn Transporter>, String> {
        let options: TcpOptions = serde_json::from_value(options).map_err(|error| error.to_string())?;
        let options = options.udp_discovery(false).bind_address([127, 0, 0, 1]);
        Ok(Arc::new(TcpTransporter::new(options)))
    }

    fn broken(&self) -> Vec<(Arc<dyn Transporter>, &'static str)> {
        let urls = |text: &str| TcpOptions { url: Urls::Text(text.into()), ..quiet() };
        let broken = [
            (urls("127.0.0.1:4000"), "'url'"),
            (urls("file:///no/such/file"), "/no/such/file"),
            (TcpOptions { bind_address: Some([192, 0, 2, 77].into()), ..quiet() }, "'bind_address'"),
            (TcpOptions { max_queue_size: 0, ..quiet() }, "'max_queue_size'"),
        ];
        let make = |(options, cause)| (Arc::new(TcpTransporter::new(options)) as Arc<dyn Transporter>, cause);
        broken.into_iter().map(make).collect()
    }
}

ligand_transport::contract_tests!(Network);
