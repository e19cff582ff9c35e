//! A cookie to set: its attributes, and its text.

use std::{fmt, time::Duration};

/// When a browser sends a cookie along with requests that another site causes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when the user follows a link.
    #[default]
    Lax,
    /// Always; browsers want `Secure` with it.
    None,
}

/// A cookie to set. Without further words it is sent over HTTPS only, hidden from scripts, kept from other sites
/// (`SameSite=Lax`), valid for the whole site and until the browser is closed.
///
/// ```
/// use ligand_core::edge::Cookie;
///
/// let cookie = Cookie::new("session", "a1b2").max_age(std::time::Duration::from_secs(3600));
/// assert_eq!(cookie.to_string(), "session=a1b2; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    name: String,
    value: String,
    path: String,
    domain: Option<String>,
    max_age: Option<Duration>,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
}

impl Cookie {
    /// A cookie for the whole site. What cannot stand in a cookie is percent-encoded.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: "/".into(),
            domain: None,
            max_age: None,
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
        }
    }

    /// Takes a cookie out of the browser. Path and domain must be those that it was set with.
    ///
    /// ```
    /// # use ligand_core::edge::Cookie;
    /// assert!(Cookie::removal("session").to_string().contains("Max-Age=0"));
    /// ```
    pub fn removal(name: impl Into<String>) -> Self {
        Self::new(name, "").max_age(Duration::ZERO)
    }

    /// Sent below this path only. Default: `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sent to this domain and all below it. Default: the host that set it, alone.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// How long the browser keeps it, in whole seconds. Default: until it is closed.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = Some(time);
        self
    }

    /// Whether it is sent over HTTPS only. Default: true. Browsers treat `localhost` as secure.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// Whether scripts of the page cannot read it. Default: true.
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Whether other sites can have it sent. Default: [`SameSite::Lax`].
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }
}

impl fmt::Display for Cookie {
    /// The value of a `Set-Cookie` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}; Path={}", encoded(&self.name, name_char), encoded(&self.value, value_char), {
            encoded(&self.path, attribute_char)
        })?;
        if let Some(domain) = &self.domain {
            write!(f, "; Domain={}", encoded(domain, attribute_char))?;
        }
        if let Some(time) = self.max_age {
            write!(f, "; Max-Age={}", time.as_secs())?;
        }
        if self.secure {
            f.write_str("; Secure")?;
        }
        if self.http_only {
            f.write_str("; HttpOnly")?;
        }
        write!(f, "; SameSite={:?}", self.same_site)
    }
}

impl From<Cookie> for String {
    fn from(cookie: Cookie) -> Self {
        cookie.to_string()
    }
}

impl fmt::Debug for Cookie {
    /// The name only: the value is often a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Characters of a token in HTTP.
fn name_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte)
}

fn value_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"%,;\\".contains(&byte)
}

fn attribute_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b';'
}

fn encoded(text: &str, plain: fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match plain(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The cookies of a `Cookie` header: of two with one name the first counts.
pub(super) fn read(header: &str) -> impl Iterator<Item = (&str, String)> {
    header.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value);
        Some((name.trim(), decoded(value)))
    })
}

/// The text without percent-encoding; as it is when that makes no sense.
fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let Some((digits, tail)) = tail.split_at_checked(2) else { return text.to_owned() };
        let byte = std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(byte) = byte else { return text.to_owned() };
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_careful_unless_it_says_otherwise() {
        assert_eq!(Cookie::new("a", "1").to_string(), "a=1; Path=/; Secure; HttpOnly; SameSite=Lax");
        let open = Cookie::new("a", "1").path("/x").domain("a.example").secure(false).http_only(false);
        assert_eq!(
            open.same_site(SameSite::Strict).to_string(),
            "a=1; Path=/x; Domain=a.example; SameSite=Strict"
        );
        assert!(Cookie::removal("a").to_string().contains("a=; Path=/; Max-Age=0"));
        assert_eq!(format!("{:?}", Cookie::new("a", "secret")), "Cookie { name: \"a\", .. }");
    }

    #[test]
    fn nothing_breaks_out_of_its_place() {
        let text = Cookie::new("a b=", "x;\r\nSet-Cookie: é").path("/;Domain=evil").to_string();
        let start = "a%20b%3D=x%3B%0D%0ASet-Cookie:%20%C3%A9; Path=/%3BDomain=evil; ";
        assert!(text.starts_with(start), "{text}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let value = "50% \"ä\"; a,b\\";
        let text = Cookie::new("k", value).to_string();
        let pair = text.split(';').next().unwrap_or_default();
        let header = format!("other=\"1\"; {pair}; k=2; broken; odd=%zz; cut=%4");
        let found: Vec<_> = read(&header).collect();
        let expected = [("other", "1"), ("k", value), ("k", "2"), ("odd", "%zz"), ("cut", "%4")];
        assert_eq!(found, expected.map(|(name, value)| (name, value.to_owned())));
    }
}
