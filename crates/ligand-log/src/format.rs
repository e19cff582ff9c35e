//! The form of a line.

mod color;
mod json;
mod template;
mod text;

use std::{fmt, sync::Arc};

use crate::record::Record;

/// A form of one's own: appends a line, without its end.
pub type Custom = Arc<dyn Fn(&Record<'_>, &mut String) + Send + Sync>;

/// The form of a line. What stands between `<>` is only there when it is known.
#[derive(Clone, Default)]
pub enum Format {
    /// `[2026-01-31T12:00:00.000Z] INFO  node-1/ORDER: text field=value <action=order.create request=…>`
    #[default]
    Full,
    /// `[12:00:00.000Z] INFO  ORDER: text field=value`
    Short,
    /// `INFO  - text field=value`
    Simple,
    /// A JSON object with the names of Moleculer: `ts` (milliseconds), `level`, `msg`, `nodeID`, `ns`, `mod`, `svc`,
    /// `action`, `event`, `requestID`, `spanID`; then the fields.
    Json,
    /// The same with `time` (ISO 8601) and `message` for `ts` and `msg`.
    JsonExt,
    /// A text with `{timestamp}`, `{time}`, `{level}`, `{nodeID}`, `{mod}`, `{msg}`, `{requestID}`.
    Template(Arc<str>),
    /// Your own. Control characters are escaped, but for those of colours.
    Custom(Custom),
}

impl Format {
    /// A form of one's own.
    ///
    /// ```
    /// use ligand_log::format::Format;
    /// let format = Format::custom(|record, line| {
    ///     line.push_str(record.level.name());
    ///     line.push(' ');
    ///     line.push_str(record.message);
    /// });
    /// # let _ = format;
    /// ```
    pub fn custom(format: impl Fn(&Record<'_>, &mut String) + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(format))
    }

    /// The form with this name: `full`, `short`, `simple`, `json`, `jsonext`, or a text with `{msg}`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "full" => Self::Full,
            "short" => Self::Short,
            "simple" => Self::Simple,
            "json" => Self::Json,
            "jsonext" => Self::JsonExt,
            text if text.contains("{msg}") => Self::Template(text.into()),
            _ => return None,
        })
    }

    /// Appends a line with its end. Line ends in texts become `\n` in forms for people, so that nobody forges a line.
    pub(crate) fn write(&self, record: &Record<'_>, style: Style, line: &mut String) {
        match self {
            Self::Full => text::full(record, style, line),
            Self::Short => text::short(record, style, line),
            Self::Simple => text::simple(record, style, line),
            Self::Json => json::write(record, false, line),
            Self::JsonExt => json::write(record, true, line),
            Self::Template(template) => template::write(template, record, style, line),
            Self::Custom(format) => {
                let mut own = String::new();
                format(record, &mut own);
                text::escaped(&own, text::COLORED, line);
            }
        }
        line.push('\n');
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "Full",
            Self::Short => "Short",
            Self::Simple => "Simple",
            Self::Json => "Json",
            Self::JsonExt => "JsonExt",
            Self::Template(_) => "Template",
            Self::Custom(_) => "Custom",
        })
    }
}

/// How a form for people looks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Colours.
    pub(crate) colors: bool,
    /// A colour for each module.
    pub(crate) module_colors: bool,
    /// Modules are filled up to the longest so far.
    pub(crate) padding: bool,
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{level::Level, who::Who};

    pub(crate) fn line(format: &Format, style: Style, who: &Who<'_>) -> String {
        let fields = [("order".to_owned(), json!(7)), ("user".to_owned(), json!("ada b"))];
        let record = Record {
            time: "2026-01-31T12:00:00.5Z".parse().unwrap(),
            level: Level::Info,
            module: "shop::order",
            message: "an order\nwas placed",
            fields: &fields,
            who,
        };
        let mut line = String::new();
        format.write(&record, style, &mut line);
        line
    }

    fn in_action() -> Who<'static> {
        Who {
            node: Some("node-1".into()),
            namespace: Some("dev".into()),
            service: Some("v2.order".into()),
            action: Some("v2.order.create".into()),
            request_id: Some("r1".into()),
            span_id: Some("s1".into()),
            ..Who::default()
        }
    }

    #[test]
    fn lines_for_people() {
        let plain = Style::default();
        let who = in_action();
        for (format, expected) in [
            (
                Format::Full,
                "[2026-01-31T12:00:00.500Z] INFO  node-1/V2.ORDER: an order\\nwas placed order=7 user=\"ada b\" \
                 action=v2.order.create requestID=r1\n",
            ),
            (Format::Short, "[12:00:00.500Z] INFO  V2.ORDER: an order\\nwas placed order=7 user=\"ada b\"\n"),
            (Format::Simple, "INFO  - an order\\nwas placed order=7 user=\"ada b\"\n"),
            (
                Format::named("{level} {nodeID} {mod} {requestID} {msg} {nothing}").unwrap(),
                "INFO  node-1 V2.ORDER r1 an order\\nwas placed order=7 user=\"ada b\" {nothing}\n",
            ),
        ] {
            assert_eq!(line(&format, plain, &who), expected);
        }
        let nobody = line(&Format::Full, plain, &Who::default());
        assert_eq!(
            nobody,
            "[2026-01-31T12:00:00.500Z] INFO  shop::order: an order\\nwas placed order=7 user=\"ada b\"\n"
        );
        let colors = Style { colors: true, module_colors: true, ..plain };
        let line = line(&Format::Full, colors, &who);
        assert!(line.contains("\u{1b}[") && line.ends_with("\u{1b}[0m\n"), "{line:?}");
    }

    #[test]
    fn nobody_forges_a_line() {
        let fields = [("a".to_owned(), json!("\u{9b}2J\n"))];
        let record = Record {
            time: Default::default(),
            level: Level::Info,
            module: "m",
            message: "x\nERROR - all is lost",
            fields: &fields,
            who: &Who::default(),
        };
        for (format, expected) in [
            (Format::Simple, "INFO  - x\\nERROR - all is lost a=\"\\u{9b}2J\\n\"\n"),
            (
                Format::custom(|record, line| line.push_str(&format!("\u{1b}[1m{}", record.message))),
                "\u{1b}[1mx\\nERROR - all is lost\n",
            ),
        ] {
            let mut line = String::new();
            format.write(&record, Style::default(), &mut line);
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn lines_for_machines() {
        let text = line(&Format::Json, Style::default(), &in_action());
        let json: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "ts": 1_769_860_800_500_i64, "level": "info", "msg": "an order\nwas placed", "nodeID": "node-1",
            "ns": "dev", "mod": "v2.order", "svc": "v2.order", "action": "v2.order.create",
            "requestID": "r1", "spanID": "s1", "order": 7, "user": "ada b",
        });
        assert_eq!(json, expected);
        let text = line(&Format::JsonExt, Style::default(), &Who::default());
        let json: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "time": "2026-01-31T12:00:00.500Z", "level": "info", "message": "an order\nwas placed",
            "mod": "shop::order", "order": 7, "user": "ada b",
        });
        assert_eq!(json, expected);
        assert_eq!(text.matches('\n').count(), 1);
    }
}
