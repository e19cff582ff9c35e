//! From `tracing` events to lines.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde_json::Value;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record as Recorded},
    subscriber::Interest,
};
use tracing_subscriber::{
    layer::{Context, Filter},
    registry::LookupSpan,
};

use crate::{
    Log,
    level::Level,
    record::Record,
    redact::{REDACTED, Redact, cut},
    who::{self, Who},
};

/// The field that makes an `error` a `fatal`.
const FATAL: &str = "ligand.fatal";

/// The field that says for which service a line is, where none runs.
const SERVICE: &str = "ligand.service";

/// The field with more fields, as a JSON object: names of fields of `tracing` are constants.
const FIELDS: &str = "ligand.fields";

/// Target of the spans that handlers run in where who runs is told by spans.
pub const HANDLER: &str = "ligand::handler";

/// The layer of [`Log::layer`].
#[derive(Clone, Debug)]
pub struct Layer(Log);

/// What a span brings to the lines in it.
struct Noted {
    fields: Vec<(String, Value)>,
    /// Who ran when the span was made: its lines may be written by another task.
    who: Option<Who<'static>>,
}

impl Layer {
    pub(crate) fn new(log: Log) -> Self {
        Self(log)
    }

    fn fields(&self) -> Fields<'_> {
        Fields { redact: &self.0.0.redact, message: String::new(), all: Vec::new(), bridged: false }
    }
}

/// Which events and spans the layer sees. A filter of its own: other layers of the same subscriber see theirs.
#[derive(Clone, Debug)]
pub struct Wanted(Log);

impl Wanted {
    pub(crate) fn new(log: Log) -> Self {
        Self(log)
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let levels = self.0.0.levels.load();
        match *metadata.level() {
            // It tells who runs, whatever its lines are.
            _ if metadata.target() == HANDLER => levels.most() != LevelFilter::OFF,
            // It may turn out to be fatal.
            tracing::Level::ERROR => levels.may_want(Level::Fatal, metadata.target()),
            level => levels.may_want(level.into(), metadata.target()),
        }
    }
}

impl<S> Filter<S> for Wanted {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.0.levels.load().most())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Layer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let mut fields = self.fields();
        attributes.record(&mut fields);
        let noted = match attributes.metadata().target() {
            HANDLER => Noted { fields: Vec::new(), who: Some(of_handler(&fields.all)) },
            _ => {
                let mut noted = Noted { fields: fields.all, who: None };
                who::now(&mut |who| noted.who = Some(who.clone().into_owned()));
                noted
            }
        };
        span.extensions_mut().insert(noted);
    }

    fn on_record(&self, id: &Id, values: &Recorded<'_>, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let mut fields = self.fields();
        values.record(&mut fields);
        let mut extensions = span.extensions_mut();
        let Some(noted) = extensions.get_mut::<Noted>() else { return };
        for (name, value) in fields.all {
            match noted.fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, before)) => *before = value,
                None => noted.fields.push((name, value)),
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        #[cfg(feature = "log")]
        let normal = tracing_log::NormalizeEvent::normalized_metadata(event);
        #[cfg(feature = "log")]
        let metadata = normal.as_ref().unwrap_or_else(|| event.metadata());
        #[cfg(not(feature = "log"))]
        let metadata = event.metadata();
        let target = metadata.target();
        let (fatal, named) = Marks::of(event);
        let level = if fatal { Level::Fatal } else { Level::from(*metadata.level()) };
        let levels = self.0.0.levels.load();
        // Most of what is not wanted is known by its module: nothing is built for it.
        if !levels.asks_services() && !levels.wants(level, target, None) {
            return;
        }
        let mut who = self.who(event, &ctx);
        if let Some(service) = named {
            who.service = Some(service.into());
        }
        if !levels.wants(level, target, who.service.as_deref()) {
            return;
        }
        let mut fields = self.fields();
        #[cfg(feature = "log")]
        {
            fields.bridged = normal.is_some();
        }
        event.record(&mut fields);
        for span in ctx.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            for (name, value) in extensions.get::<Noted>().iter().flat_map(|around| &around.fields) {
                if !fields.all.iter().any(|(known, _)| known == name) {
                    fields.all.push((name.clone(), value.clone()));
                }
            }
        }
        self.0.0.write(&Record {
            time: Timestamp::now(),
            level,
            module: target,
            message: &fields.message,
            fields: &fields.all,
            who: &who,
        });
    }
}

impl Layer {
    /// The innermost who knows: a handler that runs here, else the span that a handler made.
    fn who<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>) -> Who<'static>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut found = None;
        who::now(&mut |who| found = Some(who.clone().into_owned()));
        let noted = || ctx.event_scope(event)?.find_map(|span| span.extensions().get::<Noted>()?.who.clone());
        found.or_else(noted).unwrap_or_else(|| self.0.0.nobody.clone())
    }
}

/// What an event says about itself, and not to be read.
#[derive(Default)]
struct Marks {
    fatal: bool,
    service: Option<String>,
}

impl Marks {
    fn of(event: &Event<'_>) -> (bool, Option<String>) {
        let mut marks = Self::default();
        let known = event.metadata().fields();
        if known.field(FATAL).is_some() || known.field(SERVICE).is_some() {
            event.record(&mut marks);
        }
        (marks.fatal, marks.service)
    }
}

impl Visit for Marks {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == SERVICE {
            self.service = Some(value.to_owned());
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fatal |= field.name() == FATAL && value;
    }
}

/// Who runs in the span of a handler.
fn of_handler(fields: &[(String, Value)]) -> Who<'static> {
    let field = |name: &str| {
        let (_, value) = fields.iter().find(|(known, _)| known == name)?;
        Some(Cow::Owned(value.as_str()?.to_owned()))
    };
    let action: Option<Cow<'static, str>> = field("action");
    let of_action = || Some(Cow::Owned(action.as_ref()?.rsplit_once('.')?.0.to_owned()));
    Who {
        node: field("node"),
        service: field("service").or_else(of_action),
        event: field("event"),
        work: field("work"),
        request_id: field("request_id"),
        action,
        ..Who::default()
    }
}

/// Collects the fields of an event or span.
struct Fields<'a> {
    redact: &'a Redact,
    message: String,
    all: Vec<(String, Value)>,
    /// The event comes from the bridge of `log`, which carries along where it was written.
    bridged: bool,
}

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        const CARRIED: [&str; 4] = ["log.target", "log.module_path", "log.file", "log.line"];
        if [FATAL, SERVICE].contains(&field.name()) || self.bridged && CARRIED.contains(&field.name()) {
            return;
        }
        self.put_named(field.name(), value);
    }

    fn put_named(&mut self, name: &str, mut value: Value) {
        match self.redact.hides(name) {
            true => value = REDACTED.into(),
            false => self.redact.clean(&mut value),
        }
        self.all.push((name.to_owned(), value));
    }

    fn say(&mut self, mut text: String) {
        cut(&mut text);
        self.message = text;
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.say(format!("{value:?}")),
            // It is not even formatted.
            name if self.redact.hides(name) => self.put(field, Value::Null),
            _ => self.put(field, format!("{value:?}").into()),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.say(value.to_owned()),
            FIELDS => {
                let Ok(Value::Object(fields)) = serde_json::from_str(value) else { return };
                fields.into_iter().for_each(|(name, value)| self.put_named(&name, value));
            }
            _ => self.put(field, value.into()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(inner) = cause {
            let next = inner.to_string();
            // Many errors say what their cause says.
            if !text.contains(&next) {
                text.push_str(": ");
                text.push_str(&next);
            }
            cause = inner.source();
        }
        self.put(field, text.into());
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, sync::Arc};

    use parking_lot::Mutex;

    use super::*;
    use crate::{Sink, format::Format, redact::LONGEST};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is written while `work` runs.
    fn lines(levels: &str, work: impl FnOnce(&Log)) -> Vec<String> {
        let page = Page::default();
        let sink = Sink::writer(page.clone()).format(Format::Simple);
        let log = Log::builder().levels(levels).unwrap().redact(["tax"]).sink(sink).build().unwrap();
        tracing::subscriber::with_default(log.subscriber(), || work(&log));
        log.flush();
        let text = String::from_utf8(page.0.lock().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn fields_of_events_and_spans_are_written_and_secrets_are_not() {
        let lines = lines("info", |_| {
            let span =
                tracing::info_span!("checkout", cart = 5, token = "hunter2", late = tracing::field::Empty);
            span.record("late", 1.5);
            let _entered = span.entered();
            let cause = std::io::Error::new(std::io::ErrorKind::NotFound, "gone");
            let error: &(dyn std::error::Error + 'static) = &cause;
            tracing::warn!(error, tax = 12, password = ?"hunter2", ok = true, "no");
            tracing::debug!("not wanted");
        });
        assert_eq!(
            lines,
            ["WARN  - no error=\"gone\" tax=\"***\" password=\"***\" ok=true cart=5 token=\"***\" late=1.5"]
        );
    }

    #[test]
    fn a_fatal_line_is_one_and_a_service_can_be_named() {
        let lines = lines("fatal,order=info", |_| {
            tracing::error!("not wanted");
            tracing::error!(ligand.fatal = true, "the end");
            tracing::info!(target: "shop", { ligand.service = "order" }, "of a service");
            tracing::info!(target: "shop", { ligand.service = "user" }, "not wanted");
        });
        assert_eq!(lines, ["FATAL - the end", "INFO  - of a service"]);
    }

    #[test]
    fn the_span_of_a_handler_tells_who_runs() {
        let lines = lines("warn,v2.order=info", |_| {
            let span = tracing::error_span!(target: "ligand::handler", "action", action = "v2.order.get", request_id = %"r1");
            let _entered = span.entered();
            tracing::info!(target: "shop", { ligand.fields = r#"{"a":1,"pin":2}"# }, "of a service");
        });
        assert_eq!(lines, ["INFO  - of a service a=1 pin=\"***\""]);
    }

    #[test]
    fn levels_change_while_it_runs() {
        let lines = lines("warn", |log| {
            for (levels, text) in [("warn", "no"), ("debug", "yes"), ("off", "no")] {
                log.set_levels(crate::levels::Levels::parse(levels).unwrap());
                tracing::debug!("{text}");
            }
        });
        assert_eq!(lines, ["DEBUG - yes"]);
    }

    #[test]
    fn other_layers_of_a_subscriber_see_their_own() {
        use tracing_subscriber::layer::SubscriberExt as _;
        let [page, other] = [Page::default(), Page::default()];
        let log = |levels: &str, page: &Page| {
            let sink = Sink::writer(page.clone()).format(Format::Simple);
            Log::builder().levels(levels).unwrap().sink(sink).build().unwrap()
        };
        let (ours, theirs) = (log("error", &page), log("info", &other));
        let subscriber = tracing_subscriber::registry().with(ours.layer()).with(theirs.layer());
        tracing::subscriber::with_default(subscriber, || tracing::info!("for one of them"));
        ours.flush();
        theirs.flush();
        assert_eq!((&*page.0.lock(), &**other.0.lock()), (&Vec::new(), &b"INFO  - for one of them\n"[..]));
    }

    #[cfg(feature = "log")]
    #[test]
    fn lines_of_the_crate_log_are_lines_of_their_modules() {
        // Another test may have made the bridge.
        let _ = tracing_log::LogTracer::init();
        let lines = lines("info,hyper=debug,noisy=off", |_| {
            log::debug!(target: "hyper::proto", "wanted");
            log::debug!(target: "elsewhere", "not wanted");
            log::info!(target: "elsewhere", "wanted too");
            log::error!(target: "noisy", "not wanted");
        });
        assert_eq!(lines, ["DEBUG - wanted", "INFO  - wanted too"]);
    }

    #[test]
    fn texts_are_cut_wherever_they_stand() {
        let long = "ä".repeat(20_000);
        let fields = serde_json::json!({ "deep": { "body": long } }).to_string();
        for line in lines("info", |_| {
            tracing::info!(body = long, "a field");
            tracing::info!({ ligand.fields = &*fields }, "inside of one");
            tracing::info!("{long}");
        }) {
            assert!(line.contains('…') && line.len() < LONGEST + 100, "{}", line.len());
        }
    }
}
