//! Users: registration, log-in, profile.

use ligand::{
    db::{Db, Filter, entity},
    prelude::*,
    web::JwtKeys,
};

use crate::password;

/// What a user may do.
#[payload]
#[derive(Copy, Eq, Default)]
pub enum Role {
    /// Buys.
    #[default]
    User,
    /// Sees everything.
    Admin,
}

/// A user as stored; the password hash never leaves the service.
#[entity(table = "users", id = "_id")]
pub struct User {
    #[field(id)]
    pub id: String,
    pub name: String,
    #[field(unique)]
    pub email: String,
    #[field(hidden)]
    pub password: String,
    #[field(readonly)]
    pub role: Role,
    #[field(created_at)]
    pub created_at: i64,
}

/// A new user: nobody can give himself a role.
#[payload]
pub struct Register {
    #[check(trim, length(2..=64))]
    pub name: String,
    #[check(trim, lowercase, email)]
    pub email: String,
    #[check(length(6..=128), secret)]
    pub password: String,
}

/// A log-in.
#[payload]
pub struct Login {
    #[check(trim, lowercase, length(1..=254))]
    pub email: String,
    #[check(length(1..=128), secret)]
    pub password: String,
}

/// A user as others see it.
#[payload]
pub struct Profile {
    pub id: String,
    pub name: String,
    pub email: String,
    pub role: Role,
}

/// The answer to a registration: the stored user, and the same in short.
#[payload]
pub struct Registered {
    #[serde(rename = "_id")]
    pub id: String,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub message: String,
    pub user: Profile,
}

/// The answer to a log-in; the token is in the `Authorization` header.
#[payload]
pub struct LoggedIn {
    pub message: String,
    pub user: Profile,
}

/// What a token says about its owner.
#[payload]
pub struct Claims {
    pub id: String,
    pub email: String,
    pub role: Role,
}

/// Somebody registered.
#[payload(event = "user.registered")]
pub struct UserRegistered {
    pub id: String,
    pub name: String,
    pub email: String,
}

/// What can go wrong here.
#[derive(Debug, ligand::Error)]
pub enum UserError {
    /// The address has an owner.
    #[error(code = 422, kind = "EMAIL_EXISTS", message = "Email already registered")]
    EmailExists,
    /// One text for both, so that nobody learns which addresses exist.
    #[error(code = 401, kind = "INVALID_CREDENTIALS", message = "Invalid email or password")]
    InvalidCredentials,
    /// The owner of a token is gone.
    #[error(code = 404, kind = "NOT_FOUND", message = "User not found")]
    NotFound,
}

/// The user service.
#[derive(Debug)]
pub struct Users {
    db: Db<User>,
    jwt: JwtKeys,
    admin: Option<(String, String)>,
}
