//! What is wrong with a configuration, in words that name the way out.

use std::borrow::Cow;

use ligand_wire::redact::without_value;

use super::file::APP;

/// Options of Moleculer that have another name or place here, or that are not there. Names as [`plain`] makes them.
const MOVED: [(&str, &str); 22] = [
    ("logger", "it is the section 'log'"),
    ("loglevel", "it is 'log.level'"),
    ("logformat", "it is 'log.format'"),
    ("heartbeatinterval", "it is 'registry.heartbeat_interval'"),
    ("heartbeattimeout", "it is 'registry.heartbeat_timeout'"),
    ("strategy", "it is 'registry.strategy'"),
    ("preferlocal", "it is 'registry.prefer_local'"),
    ("discoverer", "it is 'registry.discoverer'"),
    ("maxqueuesize", "it is 'transit.max_queue_size' or 'bulkhead.max_queue_size'"),
    ("maxparamslength", "it is 'cacher.max_params_length'"),
    ("maxfailures", "it is 'circuit_breaker.threshold', a share of the calls"),
    ("reporter", "reporters are keys of the section 'metrics'"),
    ("exporter", "traces go to 'tracing' subscribers of the program; see option 'tracing'"),
    ("redis", "caches are in memory in this version; a Redis transporter is 'transporter = \"redis://..\"'"),
    ("repl", "there is no REPL in this version"),
    ("hotreload", "there is no hot reload in this version"),
    ("middlewares", "middlewares are added in code: '.middleware(..)'"),
    ("services", "services are added in code; their settings are '[settings.<service>]'"),
    ("contextparamscloning", "it is not needed: parameters are never shared between services"),
    ("errorhandler", "errors are handled in code: see middlewares and 'on_error'"),
    ("errorregenerator", "errors keep their type, code and data without it"),
    (
        "dependencyinterval",
        "it is not needed: dependencies are waited for by events; see 'dependency_timeout'",
    ),
];

/// Options of moleculer-web's gateway, where one looks for them: at the root or in `[gateway]`.
const GATEWAY: [(&str, &str); 6] = [
    ("port", "it is 'gateway.port'"),
    ("ip", "it is 'gateway.bind'"),
    ("host", "it is 'gateway.bind'"),
    ("routes", "routes are set up in code: 'Gateway::builder().route(..)'"),
    ("cors", "it is set up in code: '.cors(..)' of a route"),
    ("ratelimit", "it is not a part of this version"),
];

/// Without capitals, underscores and hyphens: how names are compared that people remember in another spelling.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|char| !matches!(char, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// The name that was meant, when one is near. Capitals, underscores and hyphens do not count.
pub(crate) fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let plains: Vec<String> = known.iter().map(|other| plain(other)).collect();
    let plains: Vec<&str> = plains.iter().map(String::as_str).collect();
    ligand_alias::nearest(&plain(name), &plains).map(|index| known[index])
}

/// Whether a text is one of these names, however it is spelled.
pub(crate) fn named<T: Copy>(text: &str, names: &[(&str, T)]) -> Option<T> {
    names.iter().find(|(name, _)| plain(name) == plain(text)).map(|(_, value)| *value)
}

/// Why a key is refused. `path` leads to it; words about options of Moleculer are not for the application's own section.
pub(super) fn no_such_key(key: &str, known: &[&str], path: &[String]) -> String {
    let name = plain(key);
    let above = path.len().checked_sub(2).and_then(|_| path.first()).map_or("", |section| section.as_str());
    let hints: [&[(&str, &str)]; 2] = match above {
        APP | "transporter" => [&[], &[]],
        "" | "gateway" => [&GATEWAY, &MOVED],
        _ => [&MOVED, &[]],
    };
    let moved = hints.into_iter().flatten().find(|(moved, _)| *moved == name).map(|(_, why)| *why);
    match (known.iter().find(|other| plain(other) == name), moved, meant(key, known)) {
        (Some(same), ..) => format!("there is no such key; did you mean '{same}'?"),
        (None, Some(why), _) => format!("there is no such key: {why}"),
        (None, None, Some(near)) => format!("there is no such key; did you mean '{near}'?"),
        (None, None, None) if known.is_empty() => "there is no such key".into(),
        (None, None, None) => format!("there is no such key; there are {}", known.join(", ")),
    }
}

/// What a type says of a key that it does not have.
pub(super) fn unknown_key(key: &str, known: &[&str]) -> String {
    format!("{UNKNOWN}`{key}`, there are `{}`", known.join("`, `"))
}

/// The key of [`unknown_key`].
pub(super) fn unknown_of(message: &str) -> Option<&str> {
    message.strip_prefix(UNKNOWN)?.split('`').nth(1)
}

const UNKNOWN: &str = "no field ";

/// A message of serde in our words, without values.
pub(super) fn explain<'a>(message: &'a str, path: &[String]) -> Cow<'a, str> {
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if let Some(rest) = message.strip_prefix(UNKNOWN).or_else(|| message.strip_prefix("unknown field "))
        && let Some(key) = quoted(rest)
    {
        let known = rest.split('`').skip(2).enumerate().filter(|(at, _)| at % 2 == 1).map(|(_, name)| name);
        return no_such_key(&key, &known.collect::<Vec<_>>(), path).into();
    }
    if let Some(key) = message.strip_prefix("missing field ").and_then(quoted) {
        return format!("the key '{key}' is missing").into();
    }
    let message = without_value(message);
    if let Some((start, _)) = message.split_once(", expected struct ") {
        return format!("{start}, expected a section").into();
    }
    let number = |(name, _): &&(&str, &str)| {
        message.strip_suffix(name).is_some_and(|rest| rest.ends_with("expected "))
    };
    match TYPES.iter().find(number) {
        Some((name, plain)) => format!("{}{plain}", &message[..message.len() - name.len()]).into(),
        None => message,
    }
}

/// Types in words.
const TYPES: [(&str, &str); 14] = [
    ("a string", "a text"),
    ("string", "a text"),
    ("a map", "a section"),
    ("a sequence", "a list"),
    ("usize", "a whole number, at least 0"),
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number of 32 bits, at least 0"),
    ("u64", "a whole number, at least 0"),
    ("i32", "a whole number of 32 bits"),
    ("i64", "a whole number"),
    ("f32", "a number"),
    ("f64", "a number"),
    ("a boolean", "true or false"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_not_known_name_the_way() {
        let known = ["request_timeout", "node_id", "log"];
        for (key, expected) in [
            ("requestTimeout", "there is no such key; did you mean 'request_timeout'?"),
            ("requst_timeout", "there is no such key; did you mean 'request_timeout'?"),
            ("nodeID", "there is no such key; did you mean 'node_id'?"),
            ("logLevel", "there is no such key: it is 'log.level'"),
            ("reporter", "there is no such key: reporters are keys of the section 'metrics'"),
            ("xyzzy", "there is no such key; there are request_timeout, node_id, log"),
        ] {
            assert_eq!(no_such_key(key, &known, &[key.into()]), expected);
        }
        for message in ["unknown field `nodeid`, expected `node_id` or `log`", &unknown_key("nodeid", &known)]
        {
            assert_eq!(explain(message, &[]), "there is no such key; did you mean 'node_id'?");
        }
        for (message, expected) in [
            ("unknown field `x`, there are no fields", "there is no such key"),
            (
                "invalid type: a text, expected u16",
                "invalid type: a text, expected a whole number from 0 to 65535",
            ),
            ("invalid type: integer `5`, expected a string", "invalid type: integer, expected a text"),
            ("invalid type: string \"x\", expected struct Smtp", "invalid type: a text, expected a section"),
            ("missing field `smtp`", "the key 'smtp' is missing"),
        ] {
            assert_eq!(explain(message, &[]), expected);
        }
        assert_eq!(unknown_of(&unknown_key("a", &known)), Some("a"));
    }

    #[test]
    fn a_hint_is_for_the_place_it_is_about() {
        let path = |section: &str, key: &str| {
            let steps = [section, key].map(str::to_owned);
            no_such_key(key, &["bind", "port"], &steps[usize::from(section.is_empty())..])
        };
        for (section, key, hint) in [
            ("gateway", "host", "it is 'gateway.bind'"),
            ("", "ip", "it is 'gateway.bind'"),
            ("gateway", "cors", "in code"),
            ("gateway", "prot", "did you mean 'port'?"),
            ("registry", "host", "there are bind, port"),
            ("app", "metrics", "there are bind, port"),
            ("app", "ip", "there are bind, port"),
        ] {
            assert!(path(section, key).contains(hint), "{}", path(section, key));
        }
    }

    #[test]
    fn names_may_be_spelled_in_other_ways() {
        let names = [("memory", 1), ("memory_lru", 2)];
        for (text, value) in
            [("Memory", Some(1)), ("MemoryLRU", Some(2)), ("memory-lru", Some(2)), ("x", None)]
        {
            assert_eq!(named(text, &names), value, "{text}");
        }
    }
}
