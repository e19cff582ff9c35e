//! Which lines are wanted, by module and by service.
//!
//! A list of words: `info,order=debug,v1.*=warn,sqlx=off`. A word alone is the level of everything else. A word with a
//! name is about:
//!
//! * a **service**, by its full name, whatever its case: `order`, `ORDER`, `v1.posts`. `*` stands for a part of a name
//!   without dots, `**` for any. It counts for all lines that are written while a handler of the service runs, but for
//!   those of modules that have a word of their own and for Ligand's own modules;
//! * a **module** of Rust and those below it: `shop::order`, `sqlx`;
//! * a **part of the broker**, as Moleculer names them: `BROKER`, `REGISTRY`, `TRANSIT`, `TRANSPORTER`, `CACHER`,
//!   `DISCOVERER`, `API` (the gateway), and `LIGAND` for all of them.
//!
//! The longest word that fits wins, one without `*` before one with.

use std::fmt;

use ligand_wire::pattern::Pattern;
use tracing::level_filters::LevelFilter;

use crate::level::Level;

/// Which lines are wanted. `None` as a level: none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Of everything else.
    default: Option<Level>,
    rules: Vec<Rule>,
    /// The least important level that any rule wants.
    most: Option<Level>,
    /// Some rule may be about a service.
    services: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// Lower case.
    name: String,
    /// The name as a mask.
    mask: Pattern,
    level: Option<Level>,
}

/// A word that is no level, or no list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongLevels {
    /// Which word, from 1.
    at: usize,
}

impl fmt::Display for WrongLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "word {} is not a level (off, fatal, error, warn, info, debug, trace) or a list such as \
             \"info,shop=debug,order=trace\"",
            self.at
        )
    }
}

impl std::error::Error for WrongLevels {}

/// Parts of the broker, and the modules they are in.
const PARTS: [(&str, &str); 10] = [
    ("ligand", "ligand"),
    ("broker", "ligand_core"),
    ("registry", "ligand_core::registry"),
    ("transit", "ligand_core::transit"),
    ("cacher", "ligand_core::cache"),
    ("transporter", "ligand_transport"),
    ("discoverer", "ligand_net::roster"),
    ("api", "ligand_web"),
    ("database", "ligand_db"),
    ("config", "ligand_core::config"),
];

/// Modules that belong to Ligand.
pub(crate) fn is_own(module: &str) -> bool {
    module.starts_with("ligand_") || module.starts_with("ligand::") || module == "ligand"
}

/// What people call the part of the broker that a module is in.
pub(crate) fn part(module: &str) -> Option<&'static str> {
    if !is_own(module) {
        return None;
    }
    let longest = PARTS.iter().skip(1).filter(|(_, path)| is_below(module, path));
    if let Some((name, _)) = longest.max_by_key(|(_, path)| path.len()) {
        return Some(name);
    }
    const TRANSPORTERS: [&str; 6] =
        ["ligand_tcp", "ligand_nats", "ligand_redis", "ligand_mqtt", "ligand_amqp", "ligand_net"];
    if TRANSPORTERS.iter().any(|path| is_below(module, path)) {
        return Some("transporter");
    }
    if is_below(module, "ligand_etcd") {
        return Some("discoverer");
    }
    Some("ligand")
}

fn is_below(module: &str, path: &str) -> bool {
    module.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

impl Default for Levels {
    fn default() -> Self {
        Self::all(Some(Level::Info))
    }
}

impl Levels {
    /// One level for everything.
    pub fn all(level: Option<Level>) -> Self {
        Self { default: level, rules: Vec::new(), most: level, services: false }
    }

    /// Reads a list.
    ///
    /// ```
    /// use ligand_log::{level::Level, levels::Levels};
    /// # fn main() -> Result<(), ligand_log::levels::WrongLevels> {
    /// let levels = Levels::parse("warn,ORDER=debug,shop::mail=off")?;
    /// assert!(levels.wants(Level::Debug, "shop::order", Some("order")));
    /// assert!(!levels.wants(Level::Info, "shop::user", Some("user")));
    /// assert!(!levels.wants(Level::Error, "shop::mail::smtp", None));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The first word that is not a level, or a name with one. The word itself is not quoted: it may be a secret in the
    /// wrong place.
    pub fn parse(text: &str) -> Result<Self, WrongLevels> {
        let mut levels = Self { rules: Vec::new(), ..Self::default() };
        for (at, word) in text.split(',').map(str::trim).enumerate() {
            let wrong = || WrongLevels { at: at + 1 };
            match word.split_once('=') {
                None => levels.default = level(word).ok_or_else(wrong)?,
                Some((name, value)) => {
                    let name = name.trim().to_lowercase();
                    let level = level(value.trim()).ok_or_else(wrong)?;
                    let fits = |c: char| c.is_alphanumeric() || "_-.:*$/".contains(c);
                    if name.is_empty() || !name.chars().all(fits) {
                        return Err(wrong());
                    }
                    match name.as_str() {
                        "*" | "**" => levels.default = level,
                        _ => levels.rules.push(Rule { mask: Pattern::new(&name), name, level }),
                    }
                }
            }
        }
        // The longest first, one without a star before one with. Of two equal ones the later counts.
        levels.rules.reverse();
        levels.rules.sort_by_key(|rule| (rule.name.contains('*'), std::cmp::Reverse(rule.name.len())));
        levels.most = levels.rules.iter().map(|rule| rule.level).chain([levels.default]).flatten().max();
        levels.services = levels.rules.iter().any(|rule| !rule.name.contains("::"));
        Ok(levels)
    }

    /// Whether a line is wanted that `module` writes while a handler of `service` runs.
    pub fn wants(&self, level: Level, module: &str, service: Option<&str>) -> bool {
        self.of(module, service).is_some_and(|most| level <= most)
    }

    /// The level for lines of a module and a service.
    fn of(&self, module: &str, service: Option<&str>) -> Option<Level> {
        if self.rules.is_empty() {
            return self.default;
        }
        if let Some(rule) = self.rules.iter().find(|rule| rule.is_about_module(module)) {
            return rule.level;
        }
        let service = service.filter(|_| self.services && !is_own(module));
        if let Some(service) = service.map(str::to_lowercase)
            && let Some(rule) = self.rules.iter().find(|rule| rule.mask.matches(&service))
        {
            return rule.level;
        }
        self.default
    }

    /// Whether it depends on the service if a line is wanted.
    pub(crate) fn asks_services(&self) -> bool {
        self.services
    }

    /// What `tracing` may leave out whoever writes it.
    pub(crate) fn most(&self) -> LevelFilter {
        self.most.map_or(LevelFilter::OFF, Level::filter)
    }

    /// Whether some line of this module may be wanted, whatever the service.
    pub(crate) fn may_want(&self, level: Level, module: &str) -> bool {
        if self.services && !is_own(module) && !self.rules.iter().any(|rule| rule.is_about_module(module)) {
            return self.most.is_some_and(|most| level <= most);
        }
        self.wants(level, module, None)
    }
}

impl Rule {
    fn is_about_module(&self, module: &str) -> bool {
        let part = PARTS.iter().find(|(name, _)| *name == self.name);
        match part {
            Some(("ligand", _)) => is_own(module),
            Some((name, _)) => self::part(module) == Some(name),
            None => is_below(module, &self.name),
        }
    }
}

fn level(word: &str) -> Option<Option<Level>> {
    match word.eq_ignore_ascii_case("off") || word.eq_ignore_ascii_case("false") {
        true => Some(None),
        false => word.parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(list: &str, level: Level, module: &str, service: Option<&str>) -> bool {
        Levels::parse(list).unwrap().wants(level, module, service)
    }

    #[test]
    fn a_level_alone_is_for_everything() {
        assert!(wants("info", Level::Info, "a", None));
        assert!(!wants("info", Level::Debug, "a", None));
        assert!(!wants("off", Level::Fatal, "a", None));
        assert!(wants("fatal", Level::Fatal, "a", None) && !wants("fatal", Level::Error, "a", None));
    }

    #[test]
    fn services_have_levels_whatever_the_case_of_their_names() {
        let list = "warn,ORDER=debug,v1.*=trace,mail.**=error";
        assert!(wants(list, Level::Debug, "shop", Some("order")));
        assert!(!wants(list, Level::Info, "shop", Some("orders")));
        assert!(wants(list, Level::Trace, "shop", Some("v1.posts")));
        assert!(!wants(list, Level::Trace, "shop", Some("v1.posts.old")));
        assert!(!wants(list, Level::Warn, "shop", Some("mail.smtp.queue")));
        assert!(!wants(list, Level::Info, "shop", None));
    }

    #[test]
    fn modules_go_before_services_and_longer_names_before_shorter() {
        let list = "info,shop=warn,shop::order=trace,order=error";
        assert!(wants(list, Level::Trace, "shop::order::items", Some("order")));
        assert!(!wants(list, Level::Info, "shop::user", Some("order")));
        assert!(!wants(list, Level::Warn, "other", Some("order")));
        // Of two equal words the later counts.
        assert!(wants("a=warn,a=debug", Level::Debug, "a", None));
        // No name ends in the middle of a module.
        assert!(wants("info,shop=off", Level::Info, "shopping", None));
    }

    #[test]
    fn parts_of_the_broker_have_the_names_of_the_reference() {
        let list = "warn,REGISTRY=debug,TRANSPORTER=off,*=info";
        assert!(wants(list, Level::Debug, "ligand_core::registry::node", None));
        assert!(!wants(list, Level::Debug, "ligand_core::transit", Some("order")));
        assert!(wants(list, Level::Info, "ligand_core::transit", None));
        assert!(!wants(list, Level::Error, "ligand_nats::session", None));
        // What the broker says while a service runs is still the broker's.
        assert!(!wants("warn,order=trace", Level::Debug, "ligand_core::broker", Some("order")));
        assert_eq!((part("ligand_web::log"), part("shop")), (Some("api"), None));
        assert_eq!(part("ligand_core::broker::call"), Some("broker"));
    }

    #[test]
    fn what_nobody_can_want_is_known_before() {
        let levels = Levels::parse("info,order=debug,sqlx=warn").unwrap();
        assert!(levels.may_want(Level::Debug, "shop") && !levels.may_want(Level::Trace, "shop"));
        assert!(!levels.may_want(Level::Info, "sqlx::query"));
        assert!(!levels.may_want(Level::Debug, "ligand_core::broker"));
        assert_eq!(levels.most(), LevelFilter::DEBUG);
    }

    #[test]
    fn words_are_levels() {
        for list in ["info", "OFF", "warn,shop=debug", "shop=trace, info", "ORDER=false"] {
            Levels::parse(list).unwrap();
        }
        for (list, at) in
            [("loud", 1), ("", 1), ("info,shop", 2), ("shop=loud", 1), ("info,", 2), ("a b=info", 1)]
        {
            assert_eq!(Levels::parse(list), Err(WrongLevels { at }), "{list}");
        }
    }
}
