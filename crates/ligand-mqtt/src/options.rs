//! The options of the transporter.

use std::{fmt, time::Duration};

use ligand_wire::{Error, Result, redact::Redacted};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::Url;

use crate::{
    frame::{LONGEST, Qos},
    time,
};

/// The options of the transporter.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Options {
    /// Where the servers are, `mqtt://` or `mqtts://` (TLS), with user and password if need be; they are tried in
    /// turn. One text, several separated by `,` or `;`, or a list. Ports are 1883 and 8883 unless given.
    /// Default: `mqtt://127.0.0.1:1883`.
    pub url: Servers,
    /// User, unless the URL names one. Default: none.
    pub username: Option<String>,
    /// Password, unless the URL holds one. Default: none.
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
    #[serde(with = "time")]
    pub keep_alive: Duration,
    /// The longest time a try to connect may take. Default: `10s`.
    #[serde(with = "time")]
    pub connect_timeout: Duration,
    /// The largest packet that is received, in bytes; larger ones are skipped and logged. Default: 32 MiB.
    pub max_packet_size: usize,
    /// Certificates of `mqtts://`.
    pub tls: TlsOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            url: Servers(vec!["mqtt://127.0.0.1:1883".into()]),
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

impl fmt::Debug for Options {
    /// Without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
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
            .finish()
    }
}

/// URLs of servers.
#[derive(Clone, Deserialize)]
#[serde(from = "OneOrMore")]
pub struct Servers(pub(crate) Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a URL such as \"mqtt://127.0.0.1:1883\", or a list of them")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl From<OneOrMore> for Servers {
    fn from(urls: OneOrMore) -> Self {
        match urls {
            OneOrMore::One(text) => text.as_str().into(),
            OneOrMore::More(urls) => Self(urls),
        }
    }
}

impl From<&str> for Servers {
    /// One URL, or several separated by `,` or `;`.
    fn from(text: &str) -> Self {
        Self(text.split([',', ';']).map(|url| url.trim().to_owned()).filter(|url| !url.is_empty()).collect())
    }
}

impl fmt::Debug for Servers {
    /// Hosts and ports only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|url| Redacted::url(url))).finish()
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

/// Certificates, as paths of PEM files.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsOptions {
    /// Who may sign the server's certificate. Default: what the operating system trusts.
    pub ca_file: Option<String>,
    /// Certificate of this client. Default: none.
    pub cert_file: Option<String>,
    /// Private key of this client. Default: none.
    pub key_file: Option<String>,
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("ca_file", &self.ca_file.as_deref().map(Redacted::file))
            .field("cert_file", &self.cert_file.as_deref().map(Redacted::file))
            .field("key_file", &self.key_file.as_deref().map(Redacted::file))
            .finish()
    }
}

/// One server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) tls: bool,
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Server {
    /// Reads a URL. Errors do not quote it: it may hold a password.
    fn from_url(text: &str) -> Result<Self> {
        let wrong =
            |what: &str| Error::broker_options(format!("option 'url' of the MQTT transporter: {what}"));
        let url = Url::parse(text).map_err(|error| {
            wrong(&format!("no URL ({error}); it must be such as 'mqtt://127.0.0.1:1883'"))
        })?;
        let tls = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            _ => return Err(wrong("another scheme than 'mqtt://' or 'mqtts://'")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong(
                "something follows the host; '/', '?' and '#' in user or password are written '%XX'",
            ));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
        let decoded = |part: &str| {
            let text = percent_decode_str(part).decode_utf8();
            text.map(|text| text.into_owned()).map_err(|_| wrong("user or password is not UTF-8"))
        };
        Ok(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(if tls { 8883 } else { 1883 }),
            username: Some(url.username()).filter(|name| !name.is_empty()).map(decoded).transpose()?,
            password: url.password().map(decoded).transpose()?,
        })
    }
}

impl Options {
    /// What types cannot say; answers the servers and the level of delivery.
    pub(crate) fn check(&self) -> Result<(Vec<Server>, Qos)> {
        let wrong = |what: String| Error::broker_options(format!("MQTT transporter: {what}"));
        let mut servers = self.url.0.iter().map(|url| Server::from_url(url)).collect::<Result<Vec<_>>>()?;
        if servers.is_empty() {
            return Err(wrong("option 'url' names no server".into()));
        }
        for server in &mut servers {
            if server.username.is_none() {
                server.username.clone_from(&self.username);
            }
            if server.password.is_none() {
                server.password.clone_from(&self.password);
            }
            let long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > 65_535);
            if long(&server.username) || long(&server.password) {
                return Err(wrong("user and password may have 65535 bytes at most".into()));
            }
        }
        let qos = Qos::from_number(self.qos)
            .ok_or_else(|| wrong(format!("option 'qos' must be 0, 1 or 2; it is {}", self.qos)))?;
        let separator = &self.topic_separator;
        if separator.is_empty() || separator.contains(['+', '#', '\0']) {
            return Err(wrong(
                "option 'topic_separator' must be a text without '+' and '#', such as '.' or '/'".into(),
            ));
        }
        if !(1024..=LONGEST).contains(&self.max_packet_size) {
            return Err(wrong(format!(
                "option 'max_packet_size' must be between 1024 and {LONGEST} bytes; it is {}",
                self.max_packet_size
            )));
        }
        if self.keep_alive.as_secs() > 65_535
            || (!self.keep_alive.is_zero() && self.keep_alive.as_secs() == 0)
        {
            return Err(wrong("option 'keep_alive' must be between 1s and 65535s, or 0".into()));
        }
        if self.connect_timeout.is_zero() {
            return Err(wrong("option 'connect_timeout' must be above 0".into()));
        }
        if self.tls.cert_file.is_some() != self.tls.key_file.is_some() {
            return Err(wrong("options 'tls.cert_file' and 'tls.key_file' belong together".into()));
        }
        Ok((servers, qos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> std::result::Result<Options, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn from_a_file() {
        let options = options(
            "url = ['mqtt://u%40x:p%3Aw@a:1', 'mqtts://[::1]']\nqos = 1\ntopic_separator = '/'\nprotocol = '3.1.1'\n\
             keep_alive = '5s'\nusername = 'other'",
        )
        .unwrap();
        let (servers, qos) = options.check().unwrap();
        assert_eq!(qos, Qos::AtLeastOnce);
        assert_eq!(options.protocol, Protocol::V3);
        let [first, second] = &servers[..] else { panic!("{}", servers.len()) };
        assert_eq!((first.host.as_str(), first.port, first.tls), ("a", 1, false));
        assert_eq!(first.username.as_deref(), Some("u@x"));
        assert_eq!(first.password.as_deref(), Some("p:w"));
        assert_eq!((second.host.as_str(), second.port, second.tls), ("::1", 8883, true));
        assert_eq!(second.username.as_deref(), Some("other"));
        let text = format!("{options:?}");
        assert!(!text.contains("p%3Aw") && !text.contains("p:w"), "{text}");
        assert_eq!(super::Servers::from("mqtt://a; mqtt://b").0.len(), 2);
    }

    #[test]
    fn wrong_options_name_the_fix() {
        for (text, says) in [
            ("url = 'nats://a'", "'mqtt://' or 'mqtts://'"),
            ("url = 'secret'", "it must be such as"),
            ("url = 'mqtt://u/secret@a'", "'%XX'"),
            ("url = 'mqtt://a?secret'", "follows the host"),
            ("url = []", "names no server"),
            ("qos = 3", "0, 1 or 2"),
            ("topic_separator = '#'", "without '+' and '#'"),
            ("max_packet_size = 1", "between 1024"),
            ("keep_alive = '100ms'", "between 1s"),
            ("tls = { cert_file = 'a' }", "belong together"),
        ] {
            let error = options(text).unwrap().check().err().unwrap();
            assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
            assert!(error.message().contains(says), "{text}: {}", error.message());
            assert!(!error.message().contains("secret"));
        }
        assert!(options("pasword = 'x'").is_err());
        assert!(options("url = 5").unwrap_err().contains("or a list"));
    }
}
