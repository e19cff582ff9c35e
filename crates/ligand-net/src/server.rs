//! The address of a server: `scheme://user:password@host:port/path`.
//!
//! Read here and not by the `url` crate: that takes `host:7000` for a scheme, drops the ports 80 and 443 of `http` and
//! `https`, and its errors cannot say which rule of a bus was broken.

use std::fmt;

use ligand_wire::{Error, Result};
use percent_encoding::percent_decode_str;

use crate::{Servers, wrong};

/// What may stand in the addresses of a bus or store.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    /// Name of the bus, as errors begin with it: `Redis`.
    pub bus: &'static str,
    /// A right one, for errors: `redis://user:password@host:6379/0`.
    pub example: &'static str,
    /// The schemes that are known; an address without one has that of the address before it, or the first.
    pub schemes: &'static [Scheme],
    /// A path may follow the port.
    pub path: bool,
}

/// A scheme of addresses.
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    /// What stands before `://`.
    pub name: &'static str,
    /// The connection is encrypted.
    pub tls: bool,
    /// The port when the address names none.
    pub port: u16,
}

/// A server, as an address says. `Display` shows host and port.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// The scheme, in lower case.
    pub scheme: &'static str,
    /// The connection is encrypted.
    pub tls: bool,
    /// Name or address of the machine, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What stands before `:` in front of the last `@`, decoded. Not empty.
    pub username: Option<String>,
    /// What stands behind it, decoded.
    pub password: Option<String>,
    /// What follows the `/` behind the port, decoded; empty for none.
    pub path: String,
}

impl Address {
    /// Reads all addresses of the option `url`.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the server by its place; the address may hold a password.
    pub fn servers(&self, urls: &Servers) -> Result<Vec<Server>> {
        // `mqtts://a,b` never means `b` without encryption.
        let mut usual = self.schemes.first();
        let servers: Vec<_> = urls
            .iter()
            .enumerate()
            .map(|(at, url)| {
                let server = self.server(url, usual).map_err(|why| {
                    wrong(
                        self.bus,
                        format_args!("server {} of 'url' {why}; it must look like {}", at + 1, self.example),
                    )
                })?;
                usual = self.schemes.iter().find(|known| known.name == server.scheme);
                Ok(server)
            })
            .collect::<Result<_>>()?;
        match servers.is_empty() {
            true => Err(wrong(self.bus, "'url' names no server")),
            false => Ok(servers),
        }
    }

    /// As [`Address::servers`], with the options that stand beside the addresses: those win over what an address says.
    ///
    /// # Errors
    /// As [`Address::servers`].
    pub fn servers_with(
        &self,
        urls: &Servers,
        username: Option<&String>,
        password: Option<&String>,
    ) -> Result<Vec<Server>> {
        let mut servers = self.servers(urls)?;
        for server in &mut servers {
            server.username = username.cloned().or_else(|| server.username.take());
            server.password = password.cloned().or_else(|| server.password.take());
        }
        Ok(servers)
    }

    /// `usual`: the scheme of an address that names none.
    fn server(&self, url: &str, usual: Option<&Scheme>) -> std::result::Result<Server, String> {
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) => {
                let scheme = scheme.to_ascii_lowercase();
                (self.schemes.iter().find(|known| known.name == scheme), rest)
            }
            None => (usual, url),
        };
        let scheme = scheme.ok_or_else(|| {
            let names = self.schemes.iter().map(|scheme| format!("'{}://'", scheme.name));
            format!("has another scheme than {}", names.collect::<Vec<_>>().join(" or "))
        })?;
        let (login, place) =
            rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        if login.is_some_and(|login| login.contains(['/', '?', '#'])) {
            return Err(
                "has '/', '?' or '#' before '@': in user and password they are written '%2F', '%3F' and '%23'".into(),
            );
        }
        if place.contains(['?', '#']) {
            return Err("has parameters behind '?' or '#': use the options beside 'url'".into());
        }
        let (place, path) = place.split_once('/').unwrap_or((place, ""));
        if !self.path && !path.is_empty() {
            return Err("has something behind host and port".into());
        }
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or("has '[' without ']'")?,
            None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
        };
        let port = match port {
            "" => scheme.port,
            port => port
                .strip_prefix(':')
                .and_then(|port| port.parse().ok())
                .filter(|port| *port != 0)
                .ok_or("has a port that is no number from 1 to 65535")?,
        };
        if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("names no host, or one that is no name".into());
        }
        let decoded = |part: &str| match percent_decode_str(part).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(_) => Err("has a part that is not UTF-8 in percent-encoding".to_owned()),
        };
        let (username, password) = match login {
            Some(login) => {
                let (user, password) =
                    login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
                let user = Some(user).filter(|user| !user.is_empty());
                (user.map(decoded).transpose()?, password.map(decoded).transpose()?)
            }
            None => (None, None),
        };
        Ok(Server {
            scheme: scheme.name,
            tls: scheme.tls,
            host: host.into(),
            port,
            username,
            password,
            path: decoded(path)?,
        })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Server {
    /// Without user, password and path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({}://{self})", self.scheme)
    }
}

/// Refuses certificates that no connection would use.
///
/// # Errors
/// `BROKER_OPTIONS_ERROR` that names the schemes with encryption.
pub(crate) fn unused_tls(address: &Address) -> Error {
    let encrypted = address.schemes.iter().filter(|scheme| scheme.tls).map(|scheme| scheme.name);
    wrong(
        address.bus,
        format_args!(
            "'tls' is set, but no server of 'url' has the scheme '{}://'",
            encrypted.collect::<Vec<_>>().join("://' or '")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Address = Address {
        bus: "Bus",
        example: "bus://user:password@host:1000/path",
        schemes: &[
            Scheme { name: "bus", tls: false, port: 1000 },
            Scheme { name: "buss", tls: true, port: 1001 },
        ],
        path: true,
    };

    fn one(url: &str) -> Server {
        ADDRESS.servers(&url.into()).unwrap_or_else(|error| panic!("{url}: {error}")).remove(0)
    }

    #[test]
    fn all_parts() {
        let full = one("BUSS://j%40e:a%3Ab@h:1/my%2Fhost");
        let names = (full.username.as_deref(), full.password.as_deref(), &*full.path);
        assert_eq!(names, (Some("j@e"), Some("a:b"), "my/host"));
        assert_eq!((full.scheme, full.tls, full.to_string()), ("buss", true, "h:1".into()));
        for (url, shown) in [
            ("bus://localhost", "localhost:1000"),
            ("buss://localhost/", "localhost:1001"),
            ("host:7000", "host:7000"),
            ("bus://[::1]:7000/3", "[::1]:7000"),
            ("[::1]", "[::1]:1000"),
        ] {
            assert_eq!(one(url).to_string(), shown);
        }
        let bare = one("bus://:pw@h");
        assert_eq!((bare.username, bare.password.as_deref()), (None, Some("pw")));
        let token = one("bus://t0ken@h");
        assert_eq!((token.username.as_deref(), token.password), (Some("t0ken"), None));
    }

    #[test]
    fn an_address_without_a_scheme_is_as_the_one_before() {
        let schemes = |urls: &str| {
            let servers = ADDRESS.servers(&urls.into()).unwrap();
            servers.into_iter().map(|server| (server.tls, server.port)).collect::<Vec<_>>()
        };
        assert_eq!(
            schemes("buss://a,b,bus://c,d"),
            [(true, 1001), (true, 1001), (false, 1000), (false, 1000)]
        );
        assert_eq!(schemes("a,buss://b"), [(false, 1000), (true, 1001)]);
    }

    #[test]
    fn what_is_wrong_is_named_and_nothing_is_quoted() {
        for (url, cause) in [
            ("http://x:hunter2@h", "another scheme than 'bus://' or 'buss://'"),
            ("bus://x:hunter2@", "names no host"),
            ("bus://x:hunter2@h:port", "no number from 1 to 65535"),
            ("bus://h:0", "no number from 1"),
            ("bus://h:65536", "no number from 1"),
            ("bus://[::1", "without ']'"),
            ("bus://x:%ff@h", "not UTF-8"),
            ("bus://x:hunter2@h?db=1", "behind '?'"),
            ("bus://x:y/hunter2@h", "'%2F'"),
            ("bus://h/hunter2@z", "'%2F'"),
            ("bus://a b", "no name"),
        ] {
            let error = ADDRESS.servers(&Servers::from(["bus://a", url])).unwrap_err();
            assert_eq!(error.kind(), "BROKER_OPTIONS_ERROR");
            let text = error.message();
            assert!(text.starts_with("Bus: server 2 of 'url' ") && text.contains(cause), "{url}: {text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        let none = ADDRESS.servers(&Servers::from(",")).unwrap_err();
        assert_eq!(none.message(), "Bus: 'url' names no server.");
        let pathless = Address { path: false, ..ADDRESS };
        assert!(
            pathless.servers(&"bus://h/x".into()).unwrap_err().message().contains("behind host and port")
        );
    }

    #[test]
    fn options_win_over_addresses() {
        let user = "own".to_owned();
        let servers = ADDRESS.servers_with(&"bus://u:p@a,bus://b".into(), Some(&user), None).unwrap();
        assert_eq!(
            servers
                .iter()
                .map(|server| (server.username.as_deref(), server.password.as_deref()))
                .collect::<Vec<_>>(),
            [(Some("own"), Some("p")), (Some("own"), None)]
        );
    }
}
