//! A network of namespaces: one for each node, joined by a bridge, so that nodes can be cut off without a word.

use std::{
    net::{IpAddr, Ipv4Addr},
    process::Stdio,
};

use tokio::process::Command;

use crate::Outcome;

/// A bridge and the namespaces at it; all are removed when this is dropped.
pub(crate) struct Network {
    /// What all names begin with.
    name: String,
    subnet: u8,
    spaces: Vec<String>,
}

impl Network {
    /// Makes a bridge whose address is the host's.
    ///
    /// # Errors
    /// This user may not, or the `ip` program is missing.
    pub(crate) async fn new() -> Outcome<Self> {
        let id = std::process::id();
        // Another run may be under way at the same time.
        let subnet = u8::try_from(id % 250).unwrap_or_default() + 1;
        let network = Self { name: format!("lg{}", id % 100_000), subnet, spaces: Vec::new() };
        ip(&format!("link add {} type bridge", network.name)).await.map_err(|error| {
            format!("a partition needs network namespaces, that is root and the program 'ip': {error}")
        })?;
        ip(&format!("addr add {}/24 dev {}", network.host(), network.name)).await?;
        ip(&format!("link set {} up", network.name)).await?;
        Ok(network)
    }

    /// Where servers listen.
    pub(crate) const fn host(&self) -> IpAddr {
        self.address(1)
    }

    const fn address(&self, last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 213, self.subnet, last))
    }

    /// Adds a namespace; answers its name and address.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) async fn add(&mut self) -> Outcome<(String, IpAddr)> {
        let number = self.spaces.len();
        let last = u8::try_from(number + 2)?;
        let (bridge, space, port) = (&self.name, format!("{}n{number}", self.name), self.port(number));
        ip(&format!("netns add {space}")).await?;
        self.spaces.push(space.clone());
        ip(&format!("link add {port} type veth peer name eth0 netns {space}")).await?;
        ip(&format!("link set {port} master {bridge} up")).await?;
        ip(&format!("-n {space} addr add {}/24 dev eth0", self.address(last))).await?;
        ip(&format!("-n {space} link set eth0 up")).await?;
        ip(&format!("-n {space} link set lo up")).await?;
        ip(&format!("-n {space} route add default via {}", self.host())).await?;
        Ok((space, self.address(last)))
    }

    fn port(&self, number: usize) -> String {
        format!("{}p{number}", self.name)
    }

    /// Cuts a namespace off: packets vanish, connections stay.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) async fn cut(&self, number: usize) -> Outcome {
        ip(&format!("link set {} nomaster", self.port(number))).await
    }

    /// Ends [`Network::cut`].
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) async fn heal(&self, number: usize) -> Outcome {
        ip(&format!("link set {} master {}", self.port(number), self.name)).await
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let run = |words: &str| {
            let mut command = std::process::Command::new("ip");
            let _ = command.args(words.split(' ')).stderr(Stdio::null()).status();
        };
        for (number, space) in self.spaces.iter().enumerate() {
            run(&format!("link del {}", self.port(number)));
            run(&format!("netns del {space}"));
        }
        run(&format!("link del {}", self.name));
    }
}

async fn ip(words: &str) -> Outcome {
    let output = Command::new("ip").args(words.split(' ')).stdin(Stdio::null()).output().await?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let why = String::from_utf8_lossy(&output.stderr);
            Err(format!("ip {words}: {}", why.trim()).into())
        }
    }
}
