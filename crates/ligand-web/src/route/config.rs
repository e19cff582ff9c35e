//! Routes as data: what a file can say of them.

use std::time::Duration;

use ligand_core::broker::CallOptions;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::Route;
use crate::{Cors, Etag};

/// What of a route is data, to be read from a file, the section `[app]` of `ligand.toml` for example. Everything but `path`
/// may be missing. What is code, stages and hooks, is added to the [`Route`] that comes of it: [`Route::from_config`].
///
/// ```
/// # use ligand_web::{Route, RouteConfig};
/// let config: RouteConfig = serde_json::from_value(serde_json::json!({
///     "path": "/api",
///     "aliases": { "GET /users/:id": "users.get", "REST /books": "books" },
///     "allow": ["users.*", "books.*"],
///     "body_limit": "1mb",
///     "cors": { "origins": ["https://shop.example"], "credentials": true },
///     "timeout": "5s",
/// }))?;
/// let route = Route::from_config(config);
/// # let _ = route;
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RouteConfig {
    /// [`Route::name`].
    pub name: Option<String>,
    /// The path of [`Route::new`].
    pub path: String,
    /// From texts such as `GET /users` to full names of actions; of `REST /users` to a service. [`Route::alias`]
    pub aliases: Map<String, Value>,
    /// [`Route::auto_aliases`]
    pub auto_aliases: bool,
    /// [`Route::direct_calls`]
    pub direct_calls: bool,
    /// [`Route::camel_case_names`]
    pub camel_case_names: bool,
    /// [`Route::internal_services`]
    pub internal_services: Option<String>,
    /// [`Route::ignore_case`]
    pub ignore_case: Option<bool>,
    /// Masks of [`Route::allow`]; an empty list lets nothing pass.
    #[serde(alias = "whitelist")]
    pub allow: Option<Vec<String>>,
    /// Masks of [`Route::deny`].
    #[serde(alias = "blacklist")]
    pub deny: Vec<String>,
    /// [`Route::cors`]
    pub cors: Option<CorsConfig>,
    /// [`Route::body_limit`], such as `"1mb"`.
    pub body_limit: Option<String>,
    /// [`Route::json`]; default: true.
    pub json: Option<bool>,
    /// [`Route::forms`]
    pub forms: bool,
    /// [`Route::texts`]
    pub texts: bool,
    /// [`Route::raw`]
    pub raw: bool,
    /// [`Route::separate_params`]
    pub separate_params: bool,
    /// `"weak"`, `"strong"` or `"off"`; [`Route::etag`].
    pub etag: Option<String>,
    /// How long calls may take, such as `"5s"`; [`Route::call_options`].
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    /// Further tries of calls; [`Route::call_options`].
    pub retries: Option<u32>,
    /// [`Route::quiet`]
    pub quiet: bool,
}

/// What of [`Cors`] is data.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CorsConfig {
    /// [`Cors::origins`]; `["*"]` is every site.
    pub origins: Vec<String>,
    /// [`Cors::headers`]
    pub headers: Option<Vec<String>>,
    /// [`Cors::expose`]
    pub expose: Option<Vec<String>>,
    /// [`Cors::methods`]
    pub methods: Option<Vec<String>>,
    /// [`Cors::credentials`]
    pub credentials: bool,
    /// [`Cors::max_age`], such as `"10m"`.
    #[serde(deserialize_with = "duration")]
    pub max_age: Option<Duration>,
}

fn duration<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Duration>, D::Error> {
    ligand_net::duration::deserialize(text).map(Some)
}

impl Route {
    /// A route from data. What is wrong with it stops the start of the gateway, as with a route in code.
    pub fn from_config(config: RouteConfig) -> Self {
        let mut route = Self::new(config.path);
        for (text, action) in &config.aliases {
            match action {
                Value::String(action) => route = route.alias(text, action.as_str()),
                _ => route.problems.push(format!("alias '{text}' leads to the name of an action, as a text")),
            }
        }
        route.name = config.name;
        (route.auto, route.direct) = (config.auto_aliases, config.direct_calls);
        (route.camel_case, route.internal) = (config.camel_case_names, config.internal_services);
        (route.ignore_case, route.quiet) = (config.ignore_case, config.quiet);
        if let Some(masks) = config.allow {
            route = route.allow(masks);
        }
        route = route.deny(config.deny);
        if let Some(cors) = config.cors {
            route.add_cors(cors);
        }
        if let Some(limit) = config.body_limit {
            route = route.body_limit(limit.as_str());
        }
        route.bodies.no_json = config.json == Some(false);
        (route.bodies.forms, route.bodies.texts, route.bodies.raw) = (config.forms, config.texts, config.raw);
        route.separate = config.separate_params;
        route.etag = match config.etag.as_deref() {
            None => None,
            Some("weak") => Some(Etag::weak()),
            Some("strong") => Some(Etag::strong()),
            Some("off") => Some(Etag::off()),
            Some(other) => {
                let problem = format!("etag '{other}' is not one of \"weak\", \"strong\" and \"off\"");
                route.problems.push(problem);
                None
            }
        };
        let (timeout, retries) = (config.timeout, config.retries);
        if timeout.is_some() || retries.is_some() {
            route.call_options = Some(CallOptions { timeout, retries, ..CallOptions::default() });
        }
        route
    }

    fn add_cors(&mut self, config: CorsConfig) {
        let mut cors = Cors::origins(config.origins);
        if let Some(names) = config.headers {
            cors = cors.headers(names);
        }
        if let Some(names) = config.expose {
            cors = cors.expose(names);
        }
        if let Some(names) = config.methods {
            let mut methods = Vec::new();
            for name in names {
                match http::Method::from_bytes(name.as_bytes()) {
                    Ok(method) => methods.push(method),
                    Err(_) => self.problems.push(format!("CORS: '{}' is not a method", name.escape_debug())),
                }
            }
            cors = cors.methods(methods);
        }
        if config.credentials {
            cors = cors.credentials();
        }
        if let Some(time) = config.max_age {
            cors = cors.max_age(time);
        }
        self.cors = Some(cors);
    }
}
