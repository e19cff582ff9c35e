//! What is wrong with a configuration, in words that name the way out.

use std::borrow::Cow;

use ligand_wire::redact::without_value;

/// Options of Moleculer that have another name or place here, or that are not there. Names as [`plain`] makes them.
const MOVED: [(&str, &str); 25] = [
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
    ("metrics", "metrics are not a part of this version"),
    ("reporter", "metrics are not a part of this version"),
    ("exporter", "traces go to 'tracing' subscribers of the program; see option 'tracing'"),
    ("redis", "caches are in memory in this version; a Redis transporter is 'transporter = \"redis://..\"'"),
    ("gateway", "the gateway is set up in code, or by the variables IP and PORT"),
    ("port", "the gateway is set up in code, or by the variables IP and PORT"),
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

/// Without capitals, underscores and hyphens: how names are compared that people remember in another spelling.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|char| !matches!(char, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// The name that was meant, when one is near.
pub(crate) fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = plain(name);
    let distance = |other: &str| strsim::damerau_levenshtein(&name, &plain(other));
    let (near, best) = known.iter().map(|other| (distance(other), *other)).min_by_key(|(near, _)| *near)?;
    // A third of the letters may be wrong.
    (near <= name.chars().count().div_ceil(3).min(4)).then_some(best)
}

/// Whether a text is one of these names, however it is spelled.
pub(crate) fn named<T: Copy>(text: &str, names: &[(&str, T)]) -> Option<T> {
    names.iter().find(|(name, _)| plain(name) == plain(text)).map(|(_, value)| *value)
}

/// Why a key is refused.
pub(super) fn no_such_key(key: &str, known: &[&str]) -> String {
    let name = plain(key);
    let moved = MOVED.iter().find(|(moved, _)| *moved == name).map(|(_, why)| *why);
    match (known.iter().find(|other| plain(other) == name), moved, meant(key, known)) {
        (Some(same), ..) => format!("there is no such key; did you mean '{same}'?"),
        (None, Some(why), _) => format!("there is no such key: {why}"),
        (None, None, Some(near)) => format!("there is no such key; did you mean '{near}'?"),
        (None, None, None) if known.is_empty() => "there is no such key".into(),
        (None, None, None) => format!("there is no such key; there are {}", known.join(", ")),
    }
}

/// A message of serde in our words, without values.
pub(super) fn explain(message: &str) -> Cow<'_, str> {
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if let Some(rest) = message.strip_prefix("unknown field ")
        && let Some(key) = quoted(rest)
    {
        let known = rest.split('`').skip(2).enumerate().filter(|(at, _)| at % 2 == 1).map(|(_, name)| name);
        return no_such_key(&key, &known.collect::<Vec<_>>()).into();
    }
    if let Some(key) = message.strip_prefix("missing field ").and_then(quoted) {
        return format!("the key '{key}' is missing").into();
    }
    let message = without_value(message);
    let number = |(name, _): &&(&str, &str)| {
        message.strip_suffix(name).is_some_and(|rest| rest.ends_with("expected "))
    };
    match NUMBERS.iter().find(number) {
        Some((name, plain)) => format!("{}{plain}", &message[..message.len() - name.len()]).into(),
        None => message,
    }
}

/// Types of numbers in words.
const NUMBERS: [(&str, &str); 10] = [
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
            ("metrics", "there is no such key: metrics are not a part of this version"),
            ("xyzzy", "there is no such key; there are request_timeout, node_id, log"),
        ] {
            assert_eq!(no_such_key(key, &known), expected);
        }
        assert_eq!(
            explain("unknown field `nodeid`, expected `node_id` or `log`"),
            no_such_key("nodeid", &known)
        );
        assert_eq!(explain("unknown field `x`, there are no fields"), "there is no such key");
        assert_eq!(
            explain("invalid type: a text, expected u16"),
            "invalid type: a text, expected a whole number from 0 to 65535"
        );
        assert_eq!(explain("missing field `smtp`"), "the key 'smtp' is missing");
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
