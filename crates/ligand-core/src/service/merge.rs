//! How a mixin is merged below a service: the service wins, handlers add up.

use serde_json::{Map, Value};

use super::{ActionDef, ServiceDef};

/// `upper` wins over `lower`; of several mixins the first merged one wins over later ones.
pub(super) fn below(mut upper: ServiceDef, lower: ServiceDef) -> ServiceDef {
    defaults(&mut upper.settings, lower.settings);
    defaults(&mut upper.metadata, lower.metadata);
    for dependency in lower.dependencies {
        if !upper.dependencies.contains(&dependency) {
            upper.dependencies.push(dependency);
        }
    }
    upper.removed.extend(lower.removed);
    upper.mixins.extend(lower.mixins);
    upper.terms.extend(lower.terms);
    for action in lower.actions {
        if upper.removed.iter().any(|name| **name == *action.name) {
            continue;
        }
        match upper.actions.iter_mut().find(|own| own.name == action.name) {
            Some(own) => action_defaults(own, action),
            None => upper.actions.push(action),
        }
    }
    upper.events = join(lower.events, upper.events);
    for job in lower.jobs {
        if upper.jobs.iter().all(|own| own.name != job.name) {
            upper.jobs.push(job);
        }
    }
    upper.hooks.merge_below(lower.hooks);
    upper.created = join(lower.created, upper.created);
    upper.started = join(lower.started, upper.started);
    upper.stopping = join(upper.stopping, lower.stopping);
    upper.stopped = join(upper.stopped, lower.stopped);
    upper
}

/// Options that the service's own action leaves open come from the mixin's.
fn action_defaults(own: &mut ActionDef, mixin: ActionDef) {
    if own.rest.is_empty() {
        own.rest = mixin.rest;
    }
    if own.cache.is_none() && !own.cache_off {
        (own.cache, own.cache_off) = (mixin.cache, mixin.cache_off);
    }
    own.timeout = own.timeout.or(mixin.timeout);
    own.retry = own.retry.take().or(mixin.retry);
    own.circuit_breaker = own.circuit_breaker.take().or(mixin.circuit_breaker);
    own.bulkhead = own.bulkhead.take().or(mixin.bulkhead);
    own.fallback = own.fallback.take().or(mixin.fallback);
    own.hooks.merge_below(mixin.hooks);
    defaults(&mut own.metadata, mixin.metadata);
    if own.doc.is_empty() {
        own.doc = mixin.doc;
    }
}

fn join<T>(mut first: Vec<T>, second: Vec<T>) -> Vec<T> {
    first.extend(second);
    first
}

/// Deep defaults: what `upper` has stays, missing leaves come from `lower`; `$secureSettings` add up.
fn defaults(upper: &mut Map<String, Value>, lower: Map<String, Value>) {
    for (key, value) in lower {
        match (upper.get_mut(&key), value) {
            (Some(Value::Array(own)), Value::Array(more)) if key == "$secureSettings" => {
                own.extend(more.into_iter().filter(|name| !own.contains(name)).collect::<Vec<_>>());
            }
            (Some(Value::Object(own)), Value::Object(more)) => defaults(own, more),
            (Some(_), _) => {}
            (None, value) => {
                upper.insert(key, value);
            }
        }
    }
}
