//! Users: registration, log-in, profile.

use std::fmt;

use ligand::{db::Db, prelude::*, web::JwtKeys};

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
#[derive(Default)]
pub struct User {
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

/// A user without the secrets.
#[payload]
pub struct Account {
    #[serde(rename = "_id")]
    pub id: String,
    pub name: String,
    pub email: String,
    pub role: Role,
}

/// A user in short.
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
    /// One text for both, so that a log-in does not tell which addresses exist. A registration does: `EMAIL_EXISTS`.
    #[error(code = 401, kind = "INVALID_CREDENTIALS", message = "Invalid email or password")]
    InvalidCredentials,
    /// The owner of a token is gone.
    #[error(code = 404, kind = "NOT_FOUND", message = "User not found")]
    NotFound,
}

/// The user service.
pub struct Users {
    db: Db<User>,
    jwt: JwtKeys,
    admin: Option<(String, String)>,
}

impl Users {
    /// A service over `db` that signs tokens with `jwt` and makes sure that `admin` exists.
    pub fn new(db: Db<User>, jwt: JwtKeys, admin: Option<(String, String)>) -> Self {
        Self { db, jwt, admin }
    }

    async fn by_email(&self, email: &str) -> Result<Option<User>> {
        self.db.find_one(User::EMAIL.eq(email)).await
    }

    /// The user who asks.
    async fn who_asks(&self, ctx: &Context) -> Result<User> {
        self.db.get(&caller(ctx)?.id).await?.ok_or_else(|| UserError::NotFound.into())
    }

    async fn insert(&self, name: String, email: String, password: String, role: Role) -> Result<User> {
        let password = password::hash(password).await?;
        let user = User { name, email, password, role, ..User::default() };
        self.db.insert(user).await.map_err(|error| match error.kind() {
            "DUPLICATE_KEY" => UserError::EmailExists.into(),
            _ => error,
        })
    }
}

impl fmt::Debug for Users {
    /// Without the administrator's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        Self { id: user.id, name: user.name, email: user.email, role: user.role }
    }
}

impl From<User> for Profile {
    fn from(user: User) -> Self {
        Self { id: user.id, name: user.name, email: user.email, role: user.role }
    }
}

#[service(name = "user", mixins(db: Db<User>))]
impl Users {
    /// Signs up.
    #[action(rest = "POST /register")]
    async fn register(&self, ctx: &Context, params: Register) -> Result<Registered> {
        if self.by_email(&params.email).await?.is_some() {
            return Err(UserError::EmailExists.into());
        }
        let user = self.insert(params.name, params.email, params.password, Role::User).await?;
        let (id, name, email) = (user.id.clone(), user.name.clone(), user.email.clone());
        ctx.emit(UserRegistered { id: id.clone(), name: name.clone(), email: email.clone() }).await?;
        Ok(Registered {
            id,
            name,
            email,
            role: user.role,
            message: "Registration successful".into(),
            user: user.into(),
        })
    }

    /// Logs in; the token is in `meta.token`, which the gateway sends as a header.
    #[action(rest = "POST /login")]
    async fn login(&self, ctx: &Context, params: Login) -> Result<LoggedIn> {
        let user = self.by_email(&params.email).await?;
        let stored = user.as_ref().map(|user| user.password.clone());
        let fits = password::verify(params.password, stored).await?;
        let Some(user) = user.filter(|_| fits) else { return Err(UserError::InvalidCredentials.into()) };
        let claims = Claims { id: user.id.clone(), email: user.email.clone(), role: user.role };
        ctx.set_meta("token", self.jwt.sign(&claims, Duration::from_secs(24 * 60 * 60))?);
        Ok(LoggedIn { message: "Login successful".into(), user: user.into() })
    }

    /// The stored user who asks.
    #[action(rest = "GET /me")]
    async fn me(&self, ctx: &Context) -> Result<Account> {
        Ok(self.who_asks(ctx).await?.into())
    }

    /// The user who asks, in short.
    #[action(rest = "GET /profile")]
    async fn profile(&self, ctx: &Context) -> Result<Profile> {
        Ok(self.who_asks(ctx).await?.into())
    }

    /// Where a user gets mail; for other services only.
    #[action(public)]
    async fn address(&self, id: String) -> Result<String> {
        Ok(self.db.require(&id).await?.email)
    }

    #[started]
    async fn create_admin(&self) -> Result<()> {
        let Some((email, password)) = &self.admin else { return Ok(()) };
        let email = email.to_lowercase();
        if self.by_email(&email).await?.is_none() {
            let name = "Administrator".into();
            match self.insert(name, email.clone(), password.clone(), Role::Admin).await {
                Ok(_) => tracing::info!(email, "administrator created"),
                // Another instance was faster.
                Err(error) if error.kind() == "EMAIL_EXISTS" => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Who asks, according to the verified token.
pub fn caller(ctx: &Context) -> Result<Claims> {
    match ctx.meta("user") {
        Ok(Some(claims)) => Ok(claims),
        // No token, or one that was signed for something else than a user.
        Ok(None) | Err(_) => Err(Error::unauthorized("log in first")),
    }
}
