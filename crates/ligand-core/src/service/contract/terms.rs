//! What a contract promises, checked when the service is made: what mixins bring is not known earlier, and neither is
//! a service that is written by hand.

use std::borrow::Cow;

use ligand_wire::{
    Error, Result,
    schema::{JsonSchema, Schema},
    validate::Validate,
};

use crate::service::{ActionDef, Visibility};

/// One action that a contract promises; see [`Contract::terms`](super::Contract::terms).
#[derive(Clone, Debug)]
pub struct Term {
    action: Cow<'static, str>,
    missing: Cow<'static, str>,
    params: Option<Schema>,
    returns: Option<Schema>,
}

impl Term {
    /// The short name on the wire, and what a service is told that lacks the action.
    pub fn new(action: impl Into<Cow<'static, str>>, missing: impl Into<Cow<'static, str>>) -> Self {
        Self { action: action.into(), missing: missing.into(), params: None, returns: None }
    }

    /// The types that callers send and read.
    pub fn typed<P: Validate + JsonSchema, R: Validate + JsonSchema>(self) -> Self {
        self.of_schemas(Some(P::schema()), Some(R::schema()))
    }

    pub(in crate::service) fn of_schemas(self, params: Option<Schema>, returns: Option<Schema>) -> Self {
        Self { params, returns, ..self }
    }

    /// The short name on the wire.
    pub fn action(&self) -> &str {
        &self.action
    }
}

/// What a mixin has for callers, for contracts that name it: `#[contract(name = "loans", mixins(Crud<Loan>))]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no mixin that a contract can name",
    label = "callers know nothing of this mixin",
    note = "name what the mixin has for callers, such as ligand::db::Crud<Loan> for a Db<Loan>"
)]
pub trait Promise {
    /// The actions.
    fn terms() -> Vec<Term>;
}

/// Whether the actions of a service are what its contract says. Schemas are compared only where it is certain that calls
/// would fail.
pub(crate) fn check(service: &str, terms: &[Term], actions: &[ActionDef]) -> Result<()> {
    for term in terms {
        let Some(action) = actions.iter().find(|action| *action.name == *term.action) else {
            return Err(Error::service_schema(format!("service '{service}': {}", term.missing)));
        };
        if let Some(problem) = problem(term, action) {
            return Err(Error::service_schema(format!(
                "the action '{service}.{}' does not keep to the contract of its service: {problem}; change one of them",
                action.name
            )));
        }
    }
    Ok(())
}

fn problem(term: &Term, action: &ActionDef) -> Option<String> {
    if action.visibility == Visibility::Private {
        return Some("it is private, so nobody can call it".into());
    }
    let params = term.params.as_ref().zip(action.params.as_ref());
    let returns = term.returns.as_ref().zip(action.returns.as_ref());
    params
        .and_then(|(said, own)| in_params(said, own))
        .or_else(|| returns.and_then(|(said, own)| in_result(said, own)))
}

/// Callers send what the contract says.
fn in_params(said: &Schema, own: &Schema) -> Option<String> {
    // No parameters are an empty object to an action.
    let none = said.types().null() && !said.types().object();
    let fit = said.types().overlaps(own.types()) || (none && own.types().object());
    if !fit {
        return Some("it takes parameters of another type".into());
    }
    let missing = |name: &str| none || said.has_property(name) == Some(false);
    if let Some(field) = own.properties().find(|field| field.required && field.names().all(missing)) {
        return Some(format!("it needs the parameter '{}', which the contract does not have", field.name));
    }
    let other = other_type(said, own)?;
    Some(format!("its parameter '{other}' has another type in the contract"))
}

/// Callers read what the contract says.
fn in_result(said: &Schema, own: &Schema) -> Option<String> {
    if !said.types().overlaps(own.types()) {
        return Some("it answers another type".into());
    }
    let missing = |name: &str| own.has_property(name) == Some(false);
    if let Some(field) = said.properties().find(|field| field.required && field.names().all(missing)) {
        return Some(format!("its answers have no field '{}'", field.name));
    }
    let other = other_type(own, said)?;
    Some(format!("the field '{other}' of its answers has another type in the contract"))
}

/// The first field that one sends and the other reads, whose types have nothing in common.
fn other_type(sent: &Schema, read: &Schema) -> Option<String> {
    sent.properties()
        .find(|field| read.meant(field.name).is_some_and(|meant| !meant.types.overlaps(field.types)))
        .map(|field| field.name.to_owned())
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::{Value, json};

    use super::*;

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema counts")]
    struct ById {
        id: String,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema counts")]
    struct Get {
        id: String,
        fields: Option<String>,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema counts")]
    struct ByNumber {
        id: u64,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema counts")]
    struct Named {
        name: String,
    }

    #[test]
    fn what_is_read_by_another_name_is_there() {
        let called = |name: &'static str, schema: Value| {
            let document = json!({ "type": "object", "properties": { name: schema }, "required": [name], "additionalProperties": false });
            Schema::from_json(document).unwrap()
        };
        let aliased = json!({ "type": "string", "x-ligand": { "aliases": ["title", "label"] } });
        let reader = || called("name", aliased.clone());
        let text = || json!({ "type": "string" });
        for sent in ["name", "title", "label"] {
            assert_eq!(in_result(&reader(), &called(sent, text())), None, "{sent}");
            assert_eq!(in_params(&called(sent, text()), &reader()), None, "{sent}");
        }
        let number = called("title", json!({ "type": "integer" }));
        assert_eq!(
            in_result(&reader(), &called("heading", text())).unwrap(),
            "its answers have no field 'name'"
        );
        assert_eq!(
            in_result(&reader(), &number).unwrap(),
            "the field 'title' of its answers has another type in the contract"
        );
        assert_eq!(
            in_params(&number, &reader()).unwrap(),
            "its parameter 'title' has another type in the contract"
        );
    }

    #[test]
    fn only_what_would_fail_is_refused() {
        let of = Schema::of::<ById>;
        assert_eq!(in_params(&of(), &Schema::of::<Get>()), None);
        assert_eq!(in_params(&Schema::of::<Get>(), &of()), None);
        assert_eq!(in_params(&Schema::of::<()>(), &Schema::of::<serde_json::Value>()), None);
        let texts = [
            in_params(&of(), &Schema::of::<ByNumber>()),
            in_params(&of(), &Schema::of::<Named>()),
            in_params(&Schema::of::<()>(), &of()),
            in_params(&Schema::of::<u8>(), &of()),
            in_result(&Schema::of::<Get>(), &Schema::of::<Named>()),
            in_result(&of(), &Schema::of::<ByNumber>()),
            in_result(&of(), &Schema::of::<u8>()),
        ];
        assert_eq!(
            texts.map(Option::unwrap_or_default),
            [
                "its parameter 'id' has another type in the contract",
                "it needs the parameter 'name', which the contract does not have",
                "it needs the parameter 'id', which the contract does not have",
                "it takes parameters of another type",
                "its answers have no field 'id'",
                "the field 'id' of its answers has another type in the contract",
                "it answers another type",
            ]
        );
    }
}
