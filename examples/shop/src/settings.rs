//! What the shop takes from the environment or `.env`.

use std::fmt;

use ligand::{config::Env, prelude::*, validate::Validate, web::JwtKeys};

use crate::{selection::Selection, user::Register};

/// The settings of the shop.
#[derive(Clone)]
pub struct Settings {
    /// `PORT`: where the gateway listens; 0 = any free port. Default: 3000.
    pub port: u16,
    /// `SERVICES`, unless the command line names them: what runs in this process. Default: everything.
    pub services: Selection,
    /// `DATABASE_URL`; `{service}` in it stands for the name of a service, so that each has a file of its own.
    /// Default: `sqlite://data/shop.db?mode=rwc`, and `sqlite://data/{service}.db?mode=rwc` when only some services
    /// run here.
    pub database_url: String,
    /// `JWT_SECRET`: signs log-in tokens. Default: a random one, so that tokens end with the process; `user` and
    /// `api` need the same when they run apart.
    pub jwt: JwtKeys,
    /// What is wrong with `JWT_SECRET`, for the log.
    pub warning: Option<&'static str>,
    /// `ADMIN_EMAIL` and `ADMIN_PASSWORD`: an administrator to create at start. Default: none.
    pub admin: Option<(String, String)>,
}

impl Settings {
    /// Reads and checks the variables.
    pub fn from_env(env: &Env) -> Result<Self> {
        Self::new(env, Selection::from_env(env)?)
    }

    /// As [`Settings::from_env`] for these services, whatever `SERVICES` says.
    pub fn new(env: &Env, services: Selection) -> Result<Self> {
        let port = match env.get("PORT") {
            Some(text) => text.parse().map_err(|_| {
                Error::broker_options(format!(
                    "environment variable PORT: '{text}' is not a port (0 to 65535)"
                ))
            })?,
            None => 3000,
        };
        let (signs, verifies) = (services.has("user"), services.has("api"));
        let secret = env.get("JWT_SECRET");
        if signs != verifies && secret.is_none() {
            return Err(Error::broker_options(
                "JWT_SECRET is not set: the services 'user' and 'api' run apart and need the same",
            ));
        }
        let jwt = secret.map_or_else(JwtKeys::random, JwtKeys::hs256)?;
        let admin = match (env.get("ADMIN_EMAIL"), env.get("ADMIN_PASSWORD")) {
            (Some(email), Some(password)) => Some(administrator(email, password)?),
            (None, None) => None,
            (Some(_), None) => {
                return Err(Error::broker_options("ADMIN_EMAIL is set, ADMIN_PASSWORD is not"));
            }
            (None, Some(_)) => {
                return Err(Error::broker_options("ADMIN_PASSWORD is set, ADMIN_EMAIL is not"));
            }
        };
        let database = match services.is_part() {
            true => "sqlite://data/{service}.db?mode=rwc",
            false => "sqlite://data/shop.db?mode=rwc",
        };
        Ok(Self {
            port,
            services,
            database_url: env.get("DATABASE_URL").unwrap_or(database).into(),
            jwt,
            warning: match secret {
                _ if !signs && !verifies => None,
                None => Some("JWT_SECRET is not set: a random one is used, log-ins end with this process"),
                Some(secret) if secret.len() < 32 => {
                    Some("JWT_SECRET is shorter than 32 bytes and can be guessed")
                }
                Some(_) => None,
            },
            admin,
        })
    }
}

/// The administrator keeps to the rules of [`Register`](crate::user::Register). Spaces around a password are a part of it,
/// here as there.
fn administrator(email: &str, password: &str) -> Result<(String, String)> {
    let name = "Administrator".into();
    let mut admin = Register { name, email: email.into(), password: password.into() };
    admin.sanitize();
    if !(6..=128).contains(&admin.password.chars().count()) {
        return Err(Error::broker_options(
            "environment variable ADMIN_PASSWORD: 6 to 128 characters are needed",
        ));
    }
    if !admin.is_valid() {
        return Err(Error::broker_options("environment variable ADMIN_EMAIL: an e-mail address is needed"));
    }
    Ok((admin.email, admin.password))
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("port", &self.port).finish_non_exhaustive()
    }
}
