//! The actions that a [`Db`] brings to its service.

mod answer;
pub(crate) mod handlers;

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use ligand_core::{
    Action, Context, Payload, ServiceDef,
    cache::CacheRule,
    future::BoxFuture,
    service::{Mixin, Visibility},
};
use ligand_wire::{Data, Error, Result};

use crate::{
    Db, Entity, attached_services,
    db::Options,
    params::{
        CountParams, Draft, FindParams, GetParams, Inserts, ListParams, Page, RemoveParams, Replacement,
        Update,
    },
};

/// All actions and the routes they get when they are published.
const ACTIONS: [(&str, Option<&str>); 9] = [
    ("find", None),
    ("count", None),
    ("list", Some("GET /")),
    ("create", Some("POST /")),
    ("insert", None),
    ("get", Some("GET /:id")),
    ("update", Some("PATCH /:id")),
    ("replace", Some("PUT /:id")),
    ("remove", Some("DELETE /:id")),
];

/// The longest that an answer with other services' entities in it is kept. Their services announce changes when they
/// have a `Db` or moleculer-db; nothing makes others do so.
const BORROWED_TTL: Duration = Duration::from_secs(30);

const SEARCH: [&str; 3] = ["search", "searchFields", "query"];
const SHAPE: [&str; 3] = ["fields", "excludeFields", "populate"];

impl<E: Entity> Mixin for Db<E> {
    fn define(&self, service: &str) -> ServiceDef {
        let service: Arc<str> = service.into();
        let mut def = ServiceDef::new(&*service).event(attached_services::listener(&service, &service));
        for lender in self.lenders().into_iter().filter(|lender| **lender != *service) {
            def = def.event(attached_services::listener(&lender, &service));
        }
        for action in self.actions() {
            match self.opened(action) {
                Ok(Some(action)) => def = def.action(action),
                Ok(None) => {}
                Err(error) => def = def.created(move |_| Err(error.clone())),
            }
        }
        let (db, name) = (self.clone(), service);
        def = def.created(move |broker| {
            db.check()?;
            db.0.attached.attach(broker, &name);
            Ok(())
        });
        let db = self.clone();
        def = def.started(move |_| {
            let db = db.clone();
            async move { db.adapter().open(db.table()?.clone(), db.readable()?).await }
        });
        let db = self.clone();
        def.stopped(move |_| {
            let db = db.clone();
            async move {
                db.adapter().close().await;
                Ok(())
            }
        })
    }
}

impl<E: Entity> Db<E> {
    fn actions(&self) -> [Action; 9] {
        let shape: Vec<_> = SHAPE.into_iter().chain(SEARCH).collect();
        let borrows = !self.lenders().is_empty();
        let read = |action: Action, keys: &[&str], more: &[&str]| {
            let options = &self.0.options;
            if !options.cached {
                return action;
            }
            let keys = keys.iter().chain(more).map(|key| (*key).to_owned());
            let rule = CacheRule::keys(keys.chain(options.cache_keys.iter().cloned()));
            action.cache(if borrows { rule.with_ttl(BORROWED_TTL) } else { rule })
        };
        [
            read(
                self.action("find", handlers::find)
                    .params::<FindParams>()
                    .returns::<Vec<E::Visible>>()
                    .doc("Entities that meet the conditions."),
                &shape,
                &["limit", "offset", "sort"],
            ),
            read(
                self.action("count", handlers::count)
                    .params::<CountParams>()
                    .returns::<u64>()
                    .doc("How many entities meet the conditions."),
                &SEARCH,
                &[],
            ),
            read(
                self.action("list", handlers::list)
                    .params::<ListParams>()
                    .returns::<Page<E::Visible>>()
                    .doc("One page of the entities that meet the conditions."),
                &shape,
                &["page", "pageSize", "sort"],
            ),
            self.action("create", handlers::create)
                .params::<Draft<E>>()
                .returns::<E::Visible>()
                .doc("Adds an entity."),
            self.action("insert", handlers::insert).params::<Inserts<E>>().doc("Adds one entity or many."),
            read(
                self.action("get", handlers::get)
                    .params::<GetParams>()
                    .returns::<E::Visible>()
                    .doc("The entity with an id, or the entities with a list of ids."),
                &["id", "mapping"],
                &SHAPE,
            ),
            self.action("update", handlers::update)
                .params::<Update<E>>()
                .returns::<E::Visible>()
                .doc("Changes the fields of an entity that are given."),
            self.action("replace", handlers::replace)
                .params::<Replacement<E>>()
                .returns::<E::Visible>()
                .doc("Replaces an entity: fields that are not given get their defaults."),
            self.action("remove", handlers::remove)
                .params::<RemoveParams>()
                .returns::<E::Visible>()
                .doc("Removes an entity and answers what it was."),
        ]
    }

    /// The services whose entities may be in answers. What is wrong with the entity comes out at start.
    fn lenders(&self) -> BTreeSet<Arc<str>> {
        let rules = self.populates().unwrap_or_default();
        rules.iter().filter_map(|rule| Some(rule.action.rsplit_once('.')?.0.into())).collect()
    }

    /// An action whose handler is a function of this handle.
    fn action<P, F, Fut>(&self, name: &'static str, handler: F) -> Action
    where
        P: Data,
        F: Fn(Self, Context, P) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Payload>> + Send + 'static,
    {
        let db = self.clone();
        Action::new(name, move |ctx: Context, params: P| -> BoxFuture<Result<Payload>> {
            Box::pin(handler(db.clone(), ctx, params))
        })
    }

    /// The action as the options want it; `None` when they do not.
    fn opened(&self, action: Action) -> Result<Option<Action>> {
        let Options { only, published, routes, .. } = &self.0.options;
        let named = |names: &[String]| names.iter().any(|name| name == action.def().raw_name());
        if only.as_ref().is_some_and(|only| !named(only)) {
            return Ok(None);
        }
        if !named(published) {
            return Ok(Some(action.visibility(Visibility::Public)));
        }
        let mut own = routes.iter().filter(|(name, _)| *name == *action.def().raw_name()).peekable();
        if own.peek().is_some() {
            return own.try_fold(action.clone(), |action, (_, route)| action.rest(route)).map(Some);
        }
        match ACTIONS.iter().find(|(name, _)| *name == action.def().raw_name()) {
            Some((_, Some(route))) => action.rest(route).map(Some),
            _ => Ok(Some(action)),
        }
    }

    /// Refuses options that can only be mistakes.
    fn check(&self) -> Result<()> {
        let table = self.table()?;
        let options = &self.0.options;
        let wrong = |text: String| Err(Error::service_schema(format!("Db of '{}': {text}", table.name())));
        let known = |name: &String| ACTIONS.iter().any(|(known, _)| known == name);
        let named = || options.published.iter().chain(options.only.iter().flatten());
        if let Some(name) = named().find(|name| !known(name)) {
            let all = ACTIONS.map(|(name, _)| name).join(", ");
            return wrong(format!("there is no action '{name}' to publish or bring; the actions are {all}"));
        }
        if let Some(only) = &options.only
            && let Some(name) = options.published.iter().find(|name| !only.contains(name))
        {
            return wrong(format!("'{name}' is published but not one of `only`"));
        }
        for rule in &self.populates()? {
            if table.visible(&rule.field).is_none() {
                return wrong(format!("there is no visible field '{}' to populate", rule.field));
            }
        }
        self.outside(None, None, options.search_fields.as_ref())
            .map(drop)
            .or_else(|_| wrong("`search_fields` names something that is no visible text field".into()))
    }
}
