//! One server of etcd.

use std::{fmt, io};

use ligand_wire::{Error, Result, redact::Redacted};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::{EtcdOptions, tls};

/// One server of etcd.
pub(super) struct Host {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A stream of bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Host {
    /// Reads all URLs of `options`.
    pub(super) fn list(options: &EtcdOptions) -> Result<Vec<Self>> {
        if options.hosts.is_empty() {
            return Err(Error::broker_options("etcd: `hosts` is empty. Name at least one server."));
        }
        let mut connector = None;
        let hosts: Vec<_> =
            options.hosts.iter().map(|url| Self::new(url, options, &mut connector)).collect::<Result<_>>()?;
        let encrypted = hosts.iter().any(|host| host.tls.is_some());
        if !encrypted && (options.tls.ca.is_some() || options.tls.cert.is_some() || options.tls.key.is_some())
        {
            return Err(Error::broker_options(
                "etcd: `tls` is set, but no URL in `hosts` begins with https://.",
            ));
        }
        Ok(hosts)
    }

    fn new(url: &str, options: &EtcdOptions, connector: &mut Option<TlsConnector>) -> Result<Self> {
        let url = url.trim();
        let wrong = |what: &str| {
            Error::broker_options(format!(
                "etcd: URL '{}': {what}. It must look like http://host:2379, or https:// for TLS.",
                Redacted::url(url)
            ))
        };
        let (scheme, place) = url.split_once("://").unwrap_or(("http", url));
        let encrypted = match scheme {
            "http" | "etcd3" => false,
            "https" => true,
            _ => return Err(wrong("the scheme is not known")),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        if place.contains('@') {
            return Err(wrong("a user belongs into `username` and `password`"));
        }
        if place.contains(['/', '?', '#']) {
            return Err(wrong("nothing may follow the port"));
        }
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(|| wrong("']' is missing"))?,
            None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
        };
        let port = match port {
            "" => 2379,
            port => port
                .strip_prefix(':')
                .and_then(|port| port.parse().ok())
                .ok_or_else(|| wrong("the port is not a number below 65536"))?,
        };
        if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("the host is missing or no name"));
        }
        let tls = if encrypted {
            let connector = match connector {
                Some(connector) => connector.clone(),
                None => connector.insert(tls::connector(&options.tls)?).clone(),
            };
            let name =
                ServerName::try_from(host.to_owned()).map_err(|_| wrong("the host is not a valid name"))?;
            Some((connector, name))
        } else {
            None
        };
        Ok(Self { host: host.into(), port, tls })
    }

    pub(super) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let names = |urls: &str| -> Vec<String> {
            let hosts = Host::list(&EtcdOptions::url(urls)).unwrap_or_else(|error| panic!("{urls}: {error}"));
            hosts.iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("http://a,etcd3://b:1/, c:2"), ["a:2379", "b:1", "c:2"]);
        assert_eq!(names("http://[::1]:5"), ["[::1]:5"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let fault = |options: &EtcdOptions| {
            let error = Host::list(options).err().expect("must be refused");
            assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
            error.message().to_owned()
        };
        for (url, cause) in [
            ("redis://a", "the scheme is not known"),
            ("http://x:s3cret@a", "username"),
            ("http://a/path", "nothing may follow"),
            ("http://a:b", "the port"),
            ("http://", "the host is missing"),
        ] {
            let text = fault(&EtcdOptions::url(url));
            assert!(text.contains(cause) && !text.contains("s3cret"), "{url}: {text}");
        }
        let empty = EtcdOptions { hosts: Vec::new(), ..EtcdOptions::default() };
        assert!(fault(&empty).contains("`hosts` is empty"));
        let mut options = EtcdOptions::default();
        options.tls.ca = Some("/no/such/file.pem".into());
        assert!(fault(&options).contains("https://"));
        options.hosts = vec!["https://a".into()];
        assert!(fault(&options).contains("/no/such/file.pem"));
    }
}
