//! The services together: all in one process, or some in each.

use std::cell::OnceCell;

use ligand::{
    ServiceDef,
    broker::BrokerBuilder,
    config::{CacherKind, CacherOptions, ComponentOptions, Env, Options},
    db::{Db, Sqlite},
    prelude::*,
    service::IntoServiceDef as _,
    web::Gateway,
};

use crate::{
    admin::Admin, email::Email, gateway::gateway, notification::Notifications, order::Orders,
    product::Products, selection::Selection, settings::Settings, user::Users,
};

/// Adds the services that run in this process to a broker.
pub fn services(builder: BrokerBuilder, settings: Settings) -> Result<BrokerBuilder> {
    let databases = Databases::new(&settings.database_url);
    let services = settings.services.clone();
    let mut builder = builder.options(cache);
    if services.is_part() {
        builder = builder.options(transporter);
    }
    if services.has("user") {
        let db = Db::sqlite(&databases.of("user")?);
        builder = builder.service(Users::new(db, settings.jwt.clone(), settings.admin));
    }
    if services.has("product") {
        let database = databases.of("product")?;
        builder = builder.service(Products::new(Db::sqlite(&database), Db::sqlite(&database)));
    }
    if services.has("order") {
        builder = builder.service(Orders::new(Db::sqlite(&databases.of("order")?)));
    }
    if services.has("email") {
        builder = builder.service(Email);
    }
    if services.has("notification") {
        builder = builder.service(Notifications);
    }
    if services.has("admin") {
        builder = builder.service(Admin);
    }
    let gateway = services.has("api").then(|| gateway(settings.port, &settings.jwt));
    if let Some(gateway) = &gateway {
        // The shop opens when the others are there, whichever starts first.
        let others = ["user", "product", "order", "notification", "admin"];
        let service = others.into_iter().fold(gateway.clone().into_service_def(), ServiceDef::dependency);
        builder = builder.service(service);
    }
    Ok(builder.middleware(Welcome { gateway, services, warning: settings.warning }))
}

/// Runs the shop until SIGINT or SIGTERM; `services` are the names of `--services`, which come before `SERVICES`.
pub async fn run(services: Option<&str>) -> Result<()> {
    let env = Env::load()?;
    let selection = match services {
        Some(names) => Selection::from_names("argument --services", names)?,
        None => Selection::from_env(&env)?,
    };
    let builder = ServiceBroker::builder().configured()?;
    self::services(builder, Settings::new(&env, selection)?)?.run().await
}

/// The databases of the services: one file for all, or one for each when the address says `{service}`.
struct Databases<'a> {
    url: &'a str,
    shared: OnceCell<Sqlite>,
}

impl<'a> Databases<'a> {
    fn new(url: &'a str) -> Self {
        Self { url, shared: OnceCell::new() }
    }

    fn of(&self, service: &str) -> Result<Sqlite> {
        if self.url.contains("{service}") {
            return Sqlite::open(&self.url.replace("{service}", service));
        }
        if let Some(shared) = self.shared.get() {
            return Ok(shared.clone());
        }
        let opened = Sqlite::open(self.url)?;
        Ok(self.shared.get_or_init(|| opened).clone())
    }
}

/// Services that run apart meet by TCP unless the configuration says otherwise.
fn transporter(options: &mut Options) {
    options.transporter.get_or_insert_with(|| ComponentOptions::new("tcp"));
}

/// The cache is in memory unless the configuration says otherwise. It has a limit: anybody may ask for any page.
fn cache(options: &mut Options) {
    options.cacher.get_or_insert_with(|| CacherOptions {
        kind: CacherKind::MemoryLru,
        max: Some(1000),
        ..CacherOptions::default()
    });
}

/// Says what is open, and where, once it is.
struct Welcome {
    gateway: Option<Gateway>,
    services: Selection,
    warning: Option<&'static str>,
}

impl ligand::middleware::Middleware for Welcome {
    fn name(&self) -> &'static str {
        "welcome"
    }

    fn started(&self, _broker: &ServiceBroker) -> ligand::future::BoxFuture<Result<()>> {
        if let Some(warning) = self.warning {
            tracing::warn!("{warning}");
        }
        let Some(gateway) = &self.gateway else {
            println!("\nOpen: {}.\n", self.services.names());
            return ligand::future::ready(Ok(()));
        };
        let port = gateway.local_addr().map_or(0, |address| address.port());
        let url = format!("http://localhost:{port}");
        println!(
            "\nThe shop is open.\n  products  {url}/api/product\n  health    {url}/health\n  readiness {url}/ready\n\n\
             Try:\n  curl -s {url}/api/public/register -H 'Content-Type: application/json' \\\n    \
             -d '{{\"name\":\"Ada\",\"email\":\"ada@example.com\",\"password\":\"password123\"}}'\n"
        );
        ligand::future::ready(Ok(()))
    }
}
