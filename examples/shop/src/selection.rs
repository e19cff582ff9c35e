//! Which services of the shop run in this process.

use ligand::{config::Env, prelude::*};

/// The services of the shop: the name, and what it does.
pub const SERVICES: [(&str, &str); 7] = [
    ("api", "the HTTP gateway"),
    ("user", "registration, log-in, profile"),
    ("product", "catalogue and stock"),
    ("order", "orders"),
    ("notification", "tells customers what happened"),
    ("email", "sends mail"),
    ("admin", "numbers for administrators"),
];

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `--help`
    Help,
    /// Run; with the text of `--services` when it is there.
    Run(Option<String>),
}

impl Command {
    /// Reads the arguments behind the name of the program.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for an argument that is not known or has no value.
    pub fn from_args(args: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut args = args.into_iter();
        let mut services = None;
        while let Some(arg) = args.next() {
            let value = match &*arg {
                "--help" | "-h" => return Ok(Self::Help),
                "--services" => args.next(),
                _ => match arg.strip_prefix("--services=") {
                    Some(value) => Some(value.to_owned()),
                    None => {
                        return Err(Error::broker_options(format!(
                            "argument '{arg}' is not known; there are --services and --help"
                        )));
                    }
                },
            };
            services = Some(value.ok_or_else(|| {
                Error::broker_options("argument --services needs names, for example: --services user,product")
            })?);
        }
        Ok(Self::Run(services))
    }
}

/// What `--help` prints.
pub fn help() -> String {
    let mut text = "\
Runs the shop, or some of its services.

Usage: shop [--services NAME,NAME,...]

Services:
"
    .to_owned();
    for (name, what) in SERVICES {
        text += &format!("  {name:<14}{what}\n");
    }
    text += "
Without --services (or the variable SERVICES) all of them run in this process. Some of them find the others by TCP,
or by what TRANSPORTER says: nats://host:4222, redis://host:6379.
";
    text
}

/// Some services of the shop, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(Vec<&'static str>);

impl Selection {
    /// All services.
    pub fn all() -> Self {
        Self(SERVICES.iter().map(|(name, _)| *name).collect())
    }

    /// `SERVICES`: names with commas between them. Default: all.
    ///
    /// # Errors
    /// As [`Selection::from_names`].
    pub fn from_env(env: &Env) -> Result<Self> {
        match env.get("SERVICES") {
            Some(names) => Self::from_names("environment variable SERVICES", names),
            None => Ok(Self::all()),
        }
    }

    /// Reads names with commas between them; `place` is where they were found.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for a name that is not known, or when there is none.
    pub fn from_names(place: &str, names: &str) -> Result<Self> {
        let mut wanted = Vec::new();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let Some((known, _)) = SERVICES.iter().find(|(known, _)| *known == name) else {
                return Err(Error::broker_options(format!(
                    "{place}: there is no service '{name}'; there are {}",
                    Self::all().names()
                )));
            };
            wanted.push(*known);
        }
        if wanted.is_empty() {
            return Err(Error::broker_options(format!(
                "{place} names no service; there are {}",
                Self::all().names()
            )));
        }
        // In the order of the list, each once.
        Ok(Self(Self::all().0.into_iter().filter(|name| wanted.contains(name)).collect()))
    }

    /// Whether a service runs here.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    /// Whether others run elsewhere.
    pub fn is_part(&self) -> bool {
        self.0.len() < SERVICES.len()
    }

    /// The names with commas between them.
    pub fn names(&self) -> String {
        self.0.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(args: &[&str]) -> Result<Command> {
        Command::from_args(args.iter().map(ToString::to_string))
    }

    #[test]
    fn arguments_are_read_in_both_forms() {
        assert_eq!(command(&[]).unwrap(), Command::Run(None));
        for args in [&["--services", "user"][..], &["--services=user"]] {
            assert_eq!(command(args).unwrap(), Command::Run(Some("user".into())));
        }
        assert_eq!(command(&["--services", "x", "-h"]).unwrap(), Command::Help);
        assert!(command(&["--service"]).unwrap_err().message().contains("'--service' is not known"));
        assert!(command(&["--services"]).unwrap_err().message().contains("needs names"));
    }

    #[test]
    fn names_are_known_and_each_counts_once() {
        let some = Selection::from_names("x", "product, user,product").unwrap();
        assert_eq!((some.names().as_str(), some.is_part()), ("user, product", true));
        assert!(some.has("user") && !some.has("order"));
        let all = Selection::from_names("x", "admin,email,notification,order,product,user,api").unwrap();
        assert!(!all.is_part());
        let wrong = |names: &str| Selection::from_names("SERVICES", names).unwrap_err().message().to_string();
        assert_eq!(
            wrong("usr"),
            "SERVICES: there is no service 'usr'; there are api, user, product, order, notification, email, admin"
        );
        assert!(wrong(" , ").contains("names no service"));
        assert!(help().contains("  product       catalogue"), "{}", help());
    }
}
