//! All services together.

use ligand::{
    BrokerBuilder, Env, Options,
    config::{CacherKind, CacherOptions},
    db::{Db, Sqlite},
    prelude::*,
    web::Gateway,
};

use crate::{
    admin::Admin, email::Email, gateway::gateway, notification::Notifications, order::Orders,
    product::Products, settings::Settings, user::Users,
};

/// Adds the services of the shop to a broker.
pub fn services(builder: BrokerBuilder, settings: Settings) -> Result<BrokerBuilder> {
    let database = Sqlite::open(&settings.database_url)?;
    let gateway = gateway(settings.port, &settings.jwt);
    let welcome = Welcome { gateway: gateway.clone(), warning: settings.warning };
    Ok(builder
        .middleware(welcome)
        .options(cache)
        .service(Users::new(Db::sqlite(&database), settings.jwt, settings.admin))
        .service(Products::new(Db::sqlite(&database)))
        .service(Orders::new(Db::sqlite(&database)))
        .service(Email)
        .service(Notifications)
        .service(Admin)
        .service(gateway))
}

/// Runs the shop until SIGINT or SIGTERM.
pub async fn run() -> Result<()> {
    let env = Env::load()?;
    let builder = ServiceBroker::builder().configured()?;
    services(builder, Settings::from_env(&env)?)?.run().await
}

/// The cache is in memory unless the configuration says otherwise. It has a limit: anybody may ask for any page.
fn cache(options: &mut Options) {
    options.cacher.get_or_insert_with(|| CacherOptions {
        kind: CacherKind::MemoryLru,
        max: Some(1000),
        ..CacherOptions::default()
    });
}

/// Says where the shop is, once it takes requests.
struct Welcome {
    gateway: Gateway,
    warning: Option<&'static str>,
}

impl ligand::Middleware for Welcome {
    fn name(&self) -> &'static str {
        "welcome"
    }

    fn started(&self, _broker: &ServiceBroker) -> ligand::BoxFuture<Result<()>> {
        if let Some(warning) = self.warning {
            tracing::warn!("{warning}");
        }
        let port = self.gateway.local_addr().map_or(0, |address| address.port());
        let url = format!("http://localhost:{port}");
        println!(
            "\nThe shop is open.\n  products  {url}/api/product\n  health    {url}/health\n  readiness {url}/ready\n\n\
             Try:\n  curl -s {url}/api/public/register -H 'Content-Type: application/json' \\\n    \
             -d '{{\"name\":\"Ada\",\"email\":\"ada@example.com\",\"password\":\"password123\"}}'\n"
        );
        ligand::ready(Ok(()))
    }
}
