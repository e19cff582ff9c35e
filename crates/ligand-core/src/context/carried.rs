//! What a context carries beside the parameters: its meta, what the action has said about the answer at the edge, and
//! which values of the meta no callee changes.
//!
//! Meta goes down with every call and comes back with the answer, as in Moleculer, with two exceptions:
//!
//! * **Directives** (`$statusCode`, `$responseHeaders` and the like) belong to the one action that sets them. They are
//!   kept apart from the meta: callees do not get them, and only a caller that asks with a [`ReplyHead`] does.
//! * **Sealed** values go down and do not come back changed. Which names are sealed travels in the mark below, so
//!   that every Ligand node of the call tree keeps them.
//!
//! The mark is one field of the meta of packets, [`MARK`]. JavaScript nodes pass it on as they do with all meta.
//! Here it is taken out of what comes and put into what goes: handlers never see it.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::Meta;
use crate::edge::HttpRequest;

/// The field of a packet's meta that only the framework reads.
const MARK: &str = "$ligand";
/// In the mark: names that are sealed.
const SEALED: &str = "sealed";
/// In the mark: the id of the call whose directives are asked for. Who finds another id than its own is called by
/// somebody in between, who would take the directives for its own.
const ASKED: &str = "asked";
/// In the mark: the HTTP request, for an action that wants it.
const HTTP: &str = "http";

/// True for what an action says about the answer at the edge rather than to other actions.
pub(crate) fn is_directive(name: &str) -> bool {
    let Some(name) = name.strip_prefix('$') else { return false };
    name.starts_with("status") || name.starts_with("response") || name == "location"
}

/// What an action said about its answer at the edge: `$statusCode`, `$responseHeaders` and the like. Filled by a call
/// that was made with [`Request::reply_head`](crate::broker::Request::reply_head), also when the call fails.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> ligand_core::Result<()> {
/// use ligand_core::{Action, Context, Error, ServiceBroker, ServiceDef, context::ReplyHead};
///
/// let make = Action::new("make", |ctx: Context, (): ()| async move {
///     ctx.set_meta("$statusCode", 201);
///     Ok::<_, Error>("made".to_owned())
/// });
/// let broker = ServiceBroker::builder().service(ServiceDef::new("cups").action(make)).start().await?;
/// let head = ReplyHead::new();
/// broker.call_named("cups.make", ()).reply_head(&head).await?;
/// assert_eq!(head.directives().get("$statusCode"), Some(&201.into()));
/// # broker.stop().await;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReplyHead(Arc<Mutex<Meta>>);

impl ReplyHead {
    /// Nothing said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was said, by the names of the meta. Of tries that failed before another one only the last counts.
    pub fn directives(&self) -> Meta {
        self.0.lock().clone()
    }

    pub(crate) fn put(&self, directives: Meta) {
        *self.0.lock() = directives;
    }
}

/// Names of the meta that callees do not change. A set: packets may name many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seal(Option<Arc<BTreeSet<Box<str>>>>);

impl Seal {
    fn holds(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|names| names.contains(name))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|names| names.iter().map(|name| &**name))
    }

    fn add<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            if !self.holds(name) && !is_directive(name) {
                Arc::make_mut(self.0.get_or_insert_default()).insert(name.into());
            }
        }
    }
}

/// See the [module](self).
#[derive(Clone, Debug, Default)]
pub(crate) struct Carried {
    meta: Meta,
    directives: Meta,
    seal: Seal,
}

impl Carried {
    /// What a callee or listener starts with.
    pub(crate) fn down(&self) -> Self {
        Self { meta: self.meta.clone(), directives: Meta::default(), seal: self.seal.clone() }
    }

    /// The meta alone, without directives.
    pub(crate) fn meta(&self) -> &Meta {
        &self.meta
    }

    pub(crate) fn directives(&self) -> &Meta {
        &self.directives
    }

    pub(crate) fn take_directives(&mut self) -> Meta {
        std::mem::take(&mut self.directives)
    }

    /// Says again what was said when a result was cached.
    pub(crate) fn set_directives(&mut self, directives: Meta) {
        self.directives = directives;
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        if is_directive(name) { self.directives.get(name) } else { self.meta.get(name) }
    }

    pub(crate) fn set(&mut self, name: String, value: Value) {
        if is_directive(&name) { self.directives.set(name, value) } else { self.meta.set(name, value) }
    }

    /// Meta and directives in one, as handlers see them.
    pub(crate) fn all(&self) -> Meta {
        let mut all = self.meta.clone();
        all.merge(&self.directives);
        all
    }

    /// Lays the meta that a call names over the inherited one. A directive is no word to a callee.
    pub(crate) fn lay_over(&mut self, own: &Meta) {
        if own.is_empty() {
            return;
        }
        match own.iter().any(|(name, _)| is_directive(name)) {
            false => self.meta.merge(own),
            true => own.iter().filter(|(name, _)| !is_directive(name)).for_each(|(name, value)| {
                self.meta.set(name.clone(), value.clone());
            }),
        }
    }

    /// From now on callees do not change these.
    pub(crate) fn seal<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.seal.add(names);
    }

    /// Seals what is there now, and `more`.
    pub(crate) fn seal_all(&mut self, more: &str) {
        let names: Vec<String> = self.meta.iter().map(|(name, _)| name.clone()).collect();
        self.seal.add(names.iter().map(String::as_str).chain([more]));
    }

    /// Takes over what a callee changed of the meta that it had from here.
    pub(crate) fn merge_back(&mut self, base: &Meta, callee: &Meta) {
        let seal = &self.seal;
        self.meta.merge_changes(base, callee, |name| seal.holds(name));
    }

    /// Takes over what the same action did elsewhere: sealed values and directives too.
    pub(crate) fn merge_same(&mut self, base: &Meta, other: &Self) {
        self.meta.merge_changes(base, &other.meta, |_| false);
        self.directives.merge(&other.directives);
        self.seal.add(other.seal.names());
    }

    /// The meta of an event's or a call's packet. `asked` is the id of a call whose directives somebody waits for.
    pub(crate) fn to_packet(&self, asked: Option<&str>, http: Option<&HttpRequest>) -> Map<String, Value> {
        let mut meta = self.meta.as_map().clone();
        let mut mark = Map::new();
        if self.seal.0.is_some() {
            mark.insert(SEALED.into(), self.seal.names().map(Value::from).collect());
        }
        if let Some(id) = asked {
            mark.insert(ASKED.into(), id.into());
        }
        if let Some(http) = http {
            mark.insert(HTTP.into(), http.to_value());
        }
        if !mark.is_empty() {
            meta.insert(MARK.into(), mark.into());
        }
        meta
    }

    /// True when a packet needs no meta at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.meta.is_empty() && self.seal.0.is_none()
    }

    /// The meta of an answer's packet.
    pub(crate) fn to_answer(&self, with_directives: bool) -> Map<String, Value> {
        let mut meta = self.meta.as_map().clone();
        if with_directives {
            meta.extend(self.directives.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        meta
    }

    /// Takes over the meta of another node's answer, except what no callee changes.
    pub(crate) fn answered(&mut self, meta: Map<String, Value>) {
        let (mut meta, directives) = split(meta);
        meta.shift_remove(MARK);
        meta.retain(|name, _| !self.seal.holds(name));
        self.meta.merge(&meta.into());
        self.directives = directives;
    }
}

/// What the packet of a call or event says beside its parameters.
#[derive(Default)]
pub(crate) struct Arrived {
    pub(crate) carried: Carried,
    pub(crate) http: Option<Arc<HttpRequest>>,
    /// Nobody takes the directives of this call for those of the action that was asked.
    pub(crate) mute: bool,
}

impl Arrived {
    /// Reads the meta of a packet; `id` is that of the call.
    pub(crate) fn new(meta: Map<String, Value>, id: &str) -> Self {
        // A caller's own directives are no word to a callee.
        let (mut meta, _) = split(meta);
        let mark = meta.shift_remove(MARK);
        let mut arrived =
            Self { carried: Carried { meta: meta.into(), ..Carried::default() }, ..Self::default() };
        let Some(Value::Object(mark)) = mark else { return arrived };
        if let Some(Value::Array(names)) = mark.get(SEALED) {
            arrived.carried.seal(names.iter().filter_map(Value::as_str));
        }
        let asked = mark.get(ASKED).and_then(Value::as_str);
        arrived.mute = asked.is_some_and(|asked| asked != id);
        // Whoever is called by somebody in between was not asked by the edge, and gets nothing of the request.
        if !arrived.mute {
            arrived.http = mark.get(HTTP).and_then(HttpRequest::read).map(Arc::new);
        }
        arrived
    }
}

/// Meta and directives. Nearly always there are none.
fn split(meta: Map<String, Value>) -> (Map<String, Value>, Meta) {
    if !meta.keys().any(|name| is_directive(name)) {
        return (meta, Meta::default());
    }
    let (directives, meta): (Map<_, _>, Map<_, _>) =
        meta.into_iter().partition(|(name, _)| is_directive(name));
    (meta, directives.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    #[test]
    fn names_of_directives() {
        for name in ["$statusCode", "$statusMessage", "$responseType", "$responseHeaders", "$location"] {
            assert!(is_directive(name), "{name}");
        }
        for name in ["user", "status", "location", "$cache", "$multipart", "$", ""] {
            assert!(!is_directive(name), "{name}");
        }
    }

    #[test]
    fn the_seal_travels_and_what_comes_back_does_not_break_it() {
        let mut edge = Carried::default();
        edge.set("user".into(), json!("ada"));
        edge.seal(["user", "tenant"]);
        let sent = edge.to_packet(Some("1"), None);
        assert_eq!(sent["$ligand"], json!({ "sealed": ["tenant", "user"], "asked": "1" }));

        let there = Arrived::new(sent.clone(), "1");
        assert!(!there.mute && there.carried.get("$ligand").is_none());
        // Its own calls keep the seal, and ask nobody for directives.
        assert_eq!(there.carried.to_packet(None, None)["$ligand"], json!({ "sealed": ["tenant", "user"] }));
        assert!(Arrived::new(sent, "2").mute);

        let answer = json!({
            "user": "eve", "tenant": 5, "seen": 1, "$ligand": { "sealed": [] }, "$statusCode": 202,
        });
        edge.answered(map(answer));
        assert_eq!((edge.get("user"), edge.get("tenant")), (Some(&json!("ada")), None));
        assert_eq!((edge.get("seen"), edge.get("$statusCode")), (Some(&json!(1)), Some(&json!(202))));
        assert_eq!(edge.to_packet(None, None)["$ligand"], json!({ "sealed": ["tenant", "user"] }));
    }

    #[test]
    fn directives_go_neither_down_nor_back() {
        let mut action = Carried::default();
        action.set("$statusCode".into(), json!(201));
        let base = action.down();
        assert_eq!(base.get("$statusCode"), None);
        let mut callee = base.clone();
        callee.set("$location".into(), json!("/evil"));
        callee.set("seen".into(), json!(true));
        action.merge_back(base.meta(), callee.meta());
        assert_eq!(action.all().as_map(), &map(json!({ "seen": true, "$statusCode": 201 })));
        callee.lay_over(&map(json!({ "$statusCode": 500, "x": 1 })).into());
        assert_eq!((callee.get("$statusCode"), callee.get("x")), (None, Some(&json!(1))));
    }

    #[test]
    fn a_mark_of_any_form_is_read() {
        for mark in
            [json!(1), json!({ "sealed": 1, "asked": [], "http": 5 }), json!({ "sealed": [1, null, "a"] })]
        {
            let arrived = Arrived::new(map(json!({ "$ligand": mark, "k": 1 })), "1");
            assert_eq!(arrived.carried.meta().as_map(), &map(json!({ "k": 1 })));
            assert!(!arrived.mute && arrived.http.is_none());
        }
    }
    #[test]
    fn a_large_meta_is_read_in_time() {
        // Megabytes of names; each of them compared with each other would take minutes.
        let names: Vec<String> = (0..200_000).map(|number| format!("name {number}")).collect();
        let mut meta: Map<String, Value> =
            names.iter().map(|name| (format!("$status {name}"), json!(1))).collect();
        meta.insert("k".into(), json!(1));
        meta.insert("$ligand".into(), json!({ "sealed": names }));
        let arrived = Arrived::new(meta, "1");
        assert_eq!(arrived.carried.meta().as_map(), &map(json!({ "k": 1 })));
        let mut carried = arrived.carried;
        let answer = names.iter().map(|name| (name.clone(), json!(1))).collect();
        carried.answered(answer);
        assert_eq!(carried.meta().as_map(), &map(json!({ "k": 1 })), "all of it is sealed");
        assert_eq!(carried.to_packet(None, None)["$ligand"]["sealed"].as_array().unwrap().len(), names.len());
    }
}
