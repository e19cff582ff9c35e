//! The options of the transporter.

use std::{fmt, time::Duration};

use ligand_net::{Address, Scheme, Server, Servers, TlsOptions, wrong};
use ligand_wire::{Result, redact::Redacted};
use serde::Deserialize;

use crate::frame::{LONGEST, Qos};

pub(crate) const ADDRESS: Address = Address {
    bus: "MQTT",
    example: "mqtt://user:password@host:1883, or mqtts:// for TLS",
    schemes: &[
        Scheme { name: "mqtt", tls: false, port: 1883 },
        Scheme { name: "mqtts", tls: true, port: 8883 },
    ],
    path: false,
};

/// The options of the transporter.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MqttOptions {
    /// Servers, `mqtt://[user:password@]host[:port]`, or `mqtts://…` for TLS; tried in turn. Ports are 1883 and 8883
    /// unless given. Default: `mqtt://127.0.0.1:1883`.
    pub url: Servers,
    /// Name of a user; goes before the one of the URL. Default: none.
    pub username: Option<String>,
    /// Its password; goes before the one of the URL. Default: none.
    pub password: Option<String>,
    /// Name of this client on the server, unique there. Default: namespace, node id and instance.
    pub client_id: Option<String>,
    /// How hard the server tries: 0 = at most once, 1 = at least once, 2 = exactly once; for what is sent and what is
    /// received. It concerns one connection: what a lost connection did not deliver is not sent again.
    /// Default: 0.
    pub qos: u8,
    /// Between the parts of a topic; the same on all nodes. Default: `.`, so that a whole topic is one MQTT level.
    pub topic_separator: String,
    /// Version of the protocol. Default: 5, and 3.1.1 with servers that do not know it.
    pub protocol: Protocol,
    /// A server from which nothing is heard for this time, or half of it more, is lost; `0` = never. The server may
    /// decide otherwise. Default: `15s`.
    #[serde(with = "ligand_net::duration")]
    pub keep_alive: Duration,
    /// The longest time a try to connect may take. Default: `10s`.
    #[serde(with = "ligand_net::duration")]
    pub connect_timeout: Duration,
    /// The largest packet that is received, in bytes; larger ones are skipped and logged. Default: 32 MiB.
    pub max_packet_size: usize,
    /// Certificates for `mqtts://`.
    pub tls: TlsOptions,
}

impl Default for MqttOptions {
    fn default() -> Self {
        Self {
            url: "mqtt://127.0.0.1:1883".into(),
            username: None,
            password: None,
            client_id: None,
            qos: 0,
            topic_separator: ".".into(),
            protocol: Protocol::Auto,
            keep_alive: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(10),
            max_packet_size: 32 << 20,
            tls: TlsOptions::default(),
        }
    }
}

ligand_net::setters! { MqttOptions:
    url: impl Into<Servers>,
    username: Option<impl Into<String>>,
    password: Option<impl Into<String>>,
    client_id: Option<impl Into<String>>,
    qos: u8,
    topic_separator: impl Into<String>,
    protocol: Protocol,
    keep_alive: Duration,
    connect_timeout: Duration,
    max_packet_size: usize,
    tls: TlsOptions,
}

impl fmt::Debug for MqttOptions {
    /// Without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttOptions")
            .field("url", &self.url)
            .field("username", &Redacted::text(&self.username))
            .field("password", &Redacted::text(&self.password))
            .field("client_id", &Redacted::text(&self.client_id))
            .field("qos", &self.qos)
            .field("protocol", &self.protocol)
            .field("keep_alive", &self.keep_alive)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_packet_size", &self.max_packet_size)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// 5, and 3.1.1 with servers that do not know it.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Version 3.1.1: it does not tell that nobody received a packet.
    #[serde(rename = "3.1.1")]
    V3,
    /// Version 5.
    #[serde(rename = "5")]
    V5,
}

impl MqttOptions {
    /// The defaults, for these servers. See [`MqttOptions::url`](#structfield.url).
    pub fn from_url(url: impl Into<Servers>) -> Self {
        Self::default().url(url)
    }

    /// What types cannot say, files aside.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the option.
    pub fn check(&self) -> Result<()> {
        self.servers()?;
        self.level()?;
        let separator = &self.topic_separator;
        if separator.is_empty() || separator.contains(['+', '#', '\0']) {
            return Err(wrong(
                ADDRESS.bus,
                "'topic_separator' must be a text without '+' and '#', such as '.' or '/'",
            ));
        }
        let size = self.max_packet_size;
        if !(1024..=LONGEST).contains(&size) {
            return Err(wrong(
                ADDRESS.bus,
                format_args!("'max_packet_size' must be between 1024 and {LONGEST} bytes; it is {size}"),
            ));
        }
        let seconds = self.keep_alive.as_secs();
        if seconds > 65_535 || (seconds == 0 && !self.keep_alive.is_zero()) {
            return Err(wrong(ADDRESS.bus, "'keep_alive' must be between 1s and 65535s, or 0"));
        }
        if self.connect_timeout.is_zero() {
            return Err(wrong(ADDRESS.bus, "'connect_timeout' must be above 0"));
        }
        Ok(())
    }

    pub(crate) fn servers(&self) -> Result<Vec<Server>> {
        let servers = ADDRESS.servers_with(&self.url, self.username.as_ref(), self.password.as_ref())?;
        self.tls.check(&ADDRESS, &servers)?;
        let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > 65_535);
        match servers.iter().any(|server| long(&server.username) || long(&server.password)) {
            true => Err(wrong(ADDRESS.bus, "'username' and 'password' may have 65535 bytes at most")),
            false => Ok(servers),
        }
    }

    pub(crate) fn level(&self) -> Result<Qos> {
        Qos::from_number(self.qos)
            .ok_or_else(|| wrong(ADDRESS.bus, format_args!("'qos' must be 0, 1 or 2; it is {}", self.qos)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> std::result::Result<MqttOptions, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn from_a_file() {
        let options = options(
            "url = ['mqtt://u%40x:p%3Aw@a:1', 'mqtts://[::1]']\nqos = 1\ntopic_separator = '/'\nprotocol = '3.1.1'\n\
             keep_alive = '5s'\npassword = 'other'",
        )
        .unwrap();
        options.check().unwrap();
        assert_eq!((options.level().unwrap(), options.protocol), (Qos::AtLeastOnce, Protocol::V3));
        let servers = options.servers().unwrap();
        let [first, second] = &servers[..] else { panic!("{}", servers.len()) };
        assert_eq!((first.to_string().as_str(), first.tls), ("a:1", false));
        assert_eq!((first.username.as_deref(), first.password.as_deref()), (Some("u@x"), Some("other")));
        assert_eq!((second.to_string().as_str(), second.tls), ("[::1]:8883", true));
        let text = format!("{options:?}");
        assert!(!text.contains("p%3Aw") && !text.contains("other"), "{text}");
    }

    #[test]
    fn wrong_options_name_the_fix() {
        for (text, says) in [
            ("url = 'nats://a'", "'mqtt://' or 'mqtts://'"),
            ("url = 'mqtt://u/secret@a'", "'%2F'"),
            ("url = 'mqtt://a?secret'", "behind '?'"),
            ("url = 'mqtt://a/secret'", "behind host and port"),
            ("url = []", "names no server"),
            ("qos = 3", "0, 1 or 2"),
            ("topic_separator = '#'", "without '+' and '#'"),
            ("max_packet_size = 1", "between 1024"),
            ("keep_alive = '100ms'", "between 1s"),
            ("url = 'mqtts://a'\ntls = { cert_file = 'a' }", "belong together"),
        ] {
            let error = options(text).unwrap().check().unwrap_err();
            assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
            let message = error.message();
            assert!(message.starts_with("MQTT: ") && message.contains(says), "{text}: {message}");
            assert!(!message.contains("secret"));
        }
        assert!(options("pasword = 'x'").is_err());
    }
}
