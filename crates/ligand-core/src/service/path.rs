//! The parameters that the paths of an action name.

use ligand_alias::{Path, pick, unknown};
use ligand_wire::{Error, Result, schema::Schema};
use serde_json::Value;

use super::{ActionDef, RestBase};
use crate::edge::BodyKind;

/// What the parameters of an action's paths may be called.
#[derive(Clone, Debug, Default)]
pub struct PathNames {
    /// The parameters of the action, as on the wire.
    known: Vec<String>,
    /// There are no others.
    closed: bool,
}

impl PathNames {
    /// The parameter that is meant: both spellings of a name are one, `book_id` and `bookId`. What is none of the action's
    /// stays as it was written.
    pub fn wire<'a>(&'a self, name: &'a str) -> &'a str {
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        pick(name, &known).map_or(name, |index| known[index])
    }

    /// What is wrong with a parameter of the path in `alias`, and what was probably meant; `None` when the action takes
    /// it, or does not say what it takes.
    pub fn unknown(&self, alias: &str, name: &str) -> Option<String> {
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        unknown(alias, name, &known).filter(|_| self.closed).map(|text| text.to_string())
    }

    /// Whether the action takes a parameter of this name, or does not say what it takes.
    pub fn takes(&self, name: &str) -> bool {
        !self.closed || self.known.iter().any(|own| own == name)
    }

    fn of(schema: &Schema) -> Self {
        if !schema.types().object() {
            return Self { known: Vec::new(), closed: true };
        }
        let known = schema.properties().flat_map(|property| property.names().map(str::to_owned)).collect();
        Self { known, closed: schema.has_property("") == Some(false) }
    }

    /// Those of the object in which a route that keeps its sources apart puts the parameters of the path.
    fn apart(schema: &Schema) -> Self {
        let Some(own) = schema.properties().find(|property| property.name == PARAMS) else {
            return Self::default();
        };
        let names = schema.root().at(&own).properties().into_iter();
        Self {
            known: names.flat_map(|property| property.names().map(str::to_owned)).collect(),
            // What it leads to may be open.
            closed: own.json.get("properties").is_some_and(Value::is_object),
        }
    }
}

/// The field of the parameters of the path, where a route keeps its sources apart.
const PARAMS: &str = "params";

impl ActionDef {
    /// What the parameters of a path may be called that leads here. `apart`: of a route that gives the action
    /// `{body, query, params}`.
    pub fn path_names(&self, apart: bool) -> PathNames {
        // A body that is all there is leaves no room for others.
        if !apart && self.body().is_some_and(|body| body.field().is_none() && body.upload().is_none()) {
            return PathNames { known: Vec::new(), closed: true };
        }
        let mut names = match self.params() {
            None => PathNames::default(),
            Some(schema) if apart => PathNames::apart(schema),
            Some(schema) => PathNames::of(schema),
        };
        // What the body is cannot stand in the path as well.
        if !apart
            && let Some(body) =
                self.body().filter(|body| body.kind() != BodyKind::Form && body.upload().is_none())
        {
            let meant = body.field().and_then(|field| self.params()?.meant(field));
            let is_body = |name: &str| {
                body.field() == Some(name) || meant.is_some_and(|field| field.names().any(|own| own == name))
            };
            names.known.retain(|name| !is_body(name));
        }
        names
    }
}

/// Checks the paths of an action of this node.
///
/// # Errors
/// `SERVICE_SCHEMA_ERROR` for a path that cannot be read, and for parameters that the action does not take.
pub(super) fn check(action: &ActionDef) -> Result<()> {
    if action.rest().is_empty() {
        return Ok(());
    }
    let refuse = |problem: String| {
        Err(Error::service_schema(format!("action '{}': rest {problem}", action.full_name())))
    };
    let names = action.path_names(false);
    // Which route it will be is not known here.
    let apart = names.known.iter().any(|name| name == PARAMS);
    for rest in action.rest() {
        let text = rest.to_string();
        if ligand_alias::Verb::parse(&rest.method).is_none() {
            return refuse(format!("'{text}': '{}' is not a method", rest.method));
        }
        let base = if let RestBase::Own(base) = &rest.base { base.as_str() } else { "" };
        for path in [base, &rest.path] {
            let path = match Path::parse(path) {
                Ok(path) => path,
                Err(problem) => return refuse(problem),
            };
            let unknown = path.names().into_iter().find_map(|name| names.unknown(&text, name));
            if let Some(problem) = unknown.filter(|_| !apart) {
                return refuse(problem);
            }
        }
    }
    Ok(())
}

/// Checks the path below which a service has its aliases: somebody takes each of its parameters.
///
/// # Errors
/// As [`check`].
pub(super) fn check_base(service: &str, setting: Option<&Value>, actions: &[ActionDef]) -> Result<()> {
    let paths = match setting {
        Some(Value::String(path)) => vec![path.as_str()],
        Some(Value::Array(paths)) => paths.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let refuse =
        |problem: String| Err(Error::service_schema(format!("service '{service}': setting rest {problem}")));
    let with: Vec<&ActionDef> = actions.iter().filter(|action| !action.rest().is_empty()).collect();
    for text in paths {
        let path = match Path::parse(text) {
            Ok(path) => path,
            Err(problem) => return refuse(problem),
        };
        for name in path.names() {
            let problems: Vec<_> =
                with.iter().map_while(|action| action.path_names(false).unknown(text, name)).collect();
            if problems.len() == with.len()
                && let Some(problem) = problems.into_iter().next()
            {
                return refuse(problem);
            }
        }
    }
    Ok(())
}
