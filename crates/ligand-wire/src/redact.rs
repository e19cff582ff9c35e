//! What is shown of options that may hold a secret: in errors, in logs and in `Debug` output.
//!
//! People put passwords into addresses, forget the `@`, put a password where the address belongs, and the text of a
//! key where its file belongs. So nothing is shown of a text unless its form says that it is harmless.

use std::{borrow::Cow, fmt, path::Path};

/// Schemes of addresses, and with them the bare words, that are no secret.
const KNOWN: [&str; 23] = [
    "tcp",
    "nats",
    "tls",
    "redis",
    "rediss",
    "mqtt",
    "mqtts",
    "amqp",
    "amqps",
    "etcd",
    "etcd3",
    "http",
    "https",
    "ws",
    "wss",
    "file",
    "sqlite",
    "postgres",
    "postgresql",
    "mysql",
    "mongodb",
    "local",
    "memory",
];

/// Endings of the names of files that hold keys, certificates and lists of servers.
const FILES: [&str; 15] = [
    ".pem", ".crt", ".cer", ".cert", ".key", ".creds", ".nk", ".jwt", ".json", ".toml", ".txt", ".db",
    ".db3", ".sqlite", ".sqlite3",
];

/// Stands for what is left out.
const LEFT_OUT: &str = "…";

/// A text that may hold a secret, for people: `Display` and `Debug` show what is surely harmless.
///
/// ```
/// use ligand_wire::redact::Redacted;
/// assert_eq!(Redacted::url("redis://ann:hunter2@bus:6379/1").to_string(), "redis://bus:6379");
/// assert_eq!(Redacted::url("hunter2").to_string(), "…");
/// assert_eq!(Redacted::file("certs/ca.pem").to_string(), "certs/ca.pem");
/// assert_eq!(Redacted::file("-----BEGIN PRIVATE KEY-----").to_string(), "…");
/// assert_eq!(format!("{:?}", Redacted::text(&Some("hunter2"))), "Some(…)");
/// ```
#[derive(Clone, Copy)]
pub struct Redacted<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Url(&'a str),
    Kind(&'a str),
    File(&'a Path),
    Text(bool),
}

impl<'a> Redacted<'a> {
    /// An address, or several separated by `,`, `;` or white space. Known scheme, host and port are shown, and
    /// nothing that stands before the last `@`, nor what follows an `@` in a path: separators and slashes may be part
    /// of a password.
    pub const fn url(text: &'a str) -> Self {
        Self(Form::Url(text))
    }

    /// A word that should be the name of a kind, such as `nats`: shown when it is a known one.
    pub const fn kind(word: &'a str) -> Self {
        Self(Form::Kind(word))
    }

    /// The path of a file. What does not look like one is not shown.
    pub fn file(path: &'a (impl AsRef<Path> + ?Sized)) -> Self {
        Self(Form::File(path.as_ref()))
    }

    /// Any other text: only whether there is one.
    pub const fn text<T>(text: &Option<T>) -> Self {
        Self(Form::Text(text.is_some()))
    }
}

impl Redacted<'_> {
    /// Whether a known kind, or something that looks like a path, is shown as it is.
    pub fn is_shown(&self) -> bool {
        match self.0 {
            Form::Kind(word) => KNOWN.contains(&word),
            Form::File(path) => path.to_str().is_some_and(is_path),
            Form::Url(_) | Form::Text(_) => false,
        }
    }
}

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Form::Url(text) => urls(text, f),
            Form::Kind(word) if KNOWN.contains(&word) => f.write_str(word),
            Form::File(path) => match path.to_str().filter(|path| is_path(path)) {
                Some(path) => f.write_str(path),
                None => f.write_str(LEFT_OUT),
            },
            Form::Text(false) => f.write_str("None"),
            Form::Text(true) => write!(f, "Some({LEFT_OUT})"),
            Form::Kind(_) => f.write_str(LEFT_OUT),
        }
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn urls(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // Where the last user and password end.
    let open = text.rfind('@').map_or(0, |at| at + 1);
    let mut start = 0;
    let mut first = true;
    for part in text.split([',', ';', ' ', '\t', '\r', '\n']) {
        let (begin, end) = (start, start + part.len());
        start = end + 1;
        if part.is_empty() {
            continue;
        }
        if !std::mem::take(&mut first) {
            f.write_str(", ")?;
        }
        let scheme = part.split_once("://").map(|(scheme, _)| scheme).filter(|scheme| KNOWN.contains(scheme));
        let Some(scheme) = scheme else {
            f.write_str(LEFT_OUT)?;
            continue;
        };
        let place = begin + scheme.len() + 3;
        // An `@` behind a slash: either a slash in the password, or an `@` in the path.
        let doubtful = text.get(place..open).is_some_and(|login| login.contains(['/', '?', '#']));
        let host = text.get(place.max(open)..end).filter(|_| !doubtful).and_then(host).unwrap_or(LEFT_OUT);
        write!(f, "{scheme}://{host}")?;
    }
    Ok(())
}

/// The host and the port that a text begins with.
fn host(text: &str) -> Option<&str> {
    let place = &text[..text.find(['/', '?', '#']).unwrap_or(text.len())];
    let (host, port) = match place.rfind(']') {
        Some(at) => (&place[..=at], &place[at + 1..]),
        None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let named = !host.is_empty() && host.bytes().all(plain);
    let numbered = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
    });
    let port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| {
            (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
        });
    ((named || numbered) && port).then_some(place)
}

fn is_path(text: &str) -> bool {
    let rooted = text.starts_with(['/', '.', '~']);
    let ending = FILES.iter().any(|ending| text.ends_with(ending));
    text.len() <= 1024 && !text.contains(['@', '\n', '\r', '=']) && !text.contains("--") && (rooted || ending)
}

/// A message of `serde` about a wrong option, without the value that it quotes. Names of options stay.
///
/// ```
/// use ligand_wire::redact::without_value;
/// let text = without_value("invalid type: string \"hunter2\", expected a boolean");
/// assert_eq!(text, "invalid type: a text, expected a boolean");
/// ```
pub fn without_value(message: &str) -> Cow<'_, str> {
    const VARIANT: &str = "unknown variant ";
    let expected = |mark: &str| message.rfind(mark).map(|at| &message[at..]);
    if let Some(start) = message.find(VARIANT) {
        let rest = expected(", expected ").or_else(|| expected(", there are ")).unwrap_or("");
        return format!("{}unknown word{rest}", &message[..start]).into();
    }
    for lead in ["invalid type: ", "invalid value: "] {
        let Some(start) = message.find(lead).map(|at| at + lead.len()) else { continue };
        let rest = expected(", expected ").unwrap_or("");
        let end = message.len() - rest.len();
        let given = message.get(start..end).unwrap_or("");
        let what = match given.split([' ', '`', '"']).next() {
            Some("string") => "a text",
            _ => given.split(['`', '"']).next().unwrap_or("").trim_end(),
        };
        return format!("{}{what}{rest}", &message[..start]).into();
    }
    message.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_addresses_scheme_host_and_port_are_shown() {
        for (url, shown) in [
            ("tcp://u:hunter2@10.0.0.1:4000/node", "tcp://10.0.0.1:4000"),
            ("nats://hunter2@a:4222,tls://b", "nats://a:4222, tls://b"),
            ("nats://u:hunter2@a, nats://u:hunter2@b", "nats://…, nats://b"),
            ("redis://:hunter2@[::1]:7000/3?x=hunter2#hunter2", "redis://[::1]:7000"),
            // Separators and slashes in a password.
            ("redis://u:hun,ter2@h", "redis://…, …"),
            ("mqtt://u:hun/ter2@h", "mqtt://…"),
            ("amqp://h/hun@ter2", "amqp://…"),
            ("mqtt://u:hun;mqtt://ter2@h", "mqtt://…, mqtt://h"),
            // The host is missing, or the `@`.
            ("redis://u:hunter2@", "redis://…"),
            ("redis://u:hunter2", "redis://…"),
            ("redis://h:hunter2/1", "redis://…"),
            ("hunter2://h", "…"),
            ("hunter2", "…"),
            ("u:hunter2@h", "…"),
            ("", ""),
        ] {
            assert_eq!(Redacted::url(url).to_string(), shown, "{url}");
        }
    }

    #[test]
    fn of_files_paths_are_shown() {
        for path in ["/etc/ca.pem", "./ca", "../x", "certs/node.crt", "C:\\ca.pem", "nodes.json"] {
            assert_eq!(Redacted::file(path).to_string(), path);
        }
        let inline = "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----.pem";
        for secret in ["hunter2", "SUACSSL3UAHUDXKFSNVUZRF5", "MC4CAQAwBQ/DK2Vw", inline, "u:hunter2@x.pem"] {
            assert_eq!(Redacted::file(secret).to_string(), "…");
        }
    }

    #[test]
    fn values_are_taken_out_of_messages() {
        for (message, shown) in [
            ("invalid type: integer `123456`, expected a string", "invalid type: integer, expected a string"),
            ("invalid type: map, expected a string", "invalid type: map, expected a string"),
            (
                "invalid value: string \"a, expected b\", expected a duration such as \"1s\"",
                "invalid value: a text, expected a duration such as \"1s\"",
            ),
            ("unknown variant `hunter2`, expected one of `a`, `b`", "unknown word, expected one of `a`, `b`"),
            ("unknown field `usr`, expected `user`", "unknown field `usr`, expected `user`"),
            ("invalid type: floating point `1.5`", "invalid type: floating point"),
        ] {
            assert_eq!(without_value(message), shown);
        }
    }

    #[test]
    fn whatever_stands_in_a_secret_it_is_not_shown() {
        let alphabet: Vec<char> = "abXY019@:/?#,;[]% &=.-_\"`'\\é".chars().collect();
        for _ in 0..5_000 {
            let noise: String =
                (0..fastrand::usize(0..8)).map(|_| fastrand::choice(&alphabet).unwrap()).collect();
            let secret = format!("S{noise}3cret");
            let url = match fastrand::u8(0..5) {
                0 => format!("redis://u:{secret}@host:1/2"),
                1 => format!("nats://{secret}@host,nats://other"),
                2 => format!("amqp://u:p@host/{secret}"),
                3 => format!("mqtt://host:1/?{secret}"),
                _ => secret.clone(),
            };
            let shown = Redacted::url(&url).to_string();
            assert!(!shown.contains("3cret"), "{url} is shown as {shown}");
            let kind = Redacted::kind(&secret).to_string();
            let error = serde_json::from_value::<bool>(secret.clone().into()).unwrap_err().to_string();
            let file = Redacted::file(&secret).to_string();
            assert!(!without_value(&error).contains("3cret") && kind == "…" && file == "…", "{secret}");
        }
    }
}
