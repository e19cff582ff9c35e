//! Users: registration, log-in, who asks.

use ligand::{
    db::{Db, Entity as _, Filter},
    prelude::*,
    web::JwtKeys,
};

use super::{caller, data::DataFile};

/// Rounds of the hash; more would only slow the test down.
const COST: u32 = 4;

/// What a user may do.
#[payload]
#[derive(Copy, Eq)]
pub(super) enum Role {
    User,
    Admin,
}

#[entity(table = "users", id = "_id")]
pub(super) struct User {
    id: String,
    name: String,
    #[field(unique)]
    email: String,
    #[field(hidden)]
    password: String,
    #[field(readonly)]
    role: Role,
    #[field(created_at)]
    created_at: i64,
}

#[payload]
pub(super) struct Register {
    #[check(trim, length(2..=64))]
    name: String,
    #[check(trim, lowercase, email)]
    email: String,
    #[check(length(6..=128))]
    password: String,
}

#[payload]
pub(super) struct Login {
    #[check(trim, lowercase, email)]
    email: String,
    #[check(length(1..=128))]
    password: String,
}

#[payload]
pub(super) struct Account {
    id: String,
    name: String,
    email: String,
    role: Role,
}

#[payload]
pub(super) struct LoggedIn {
    message: String,
    user: Account,
}

#[payload(event = "user.registered")]
pub(super) struct Registered {
    pub(super) id: String,
    pub(super) name: String,
    #[check(email)]
    pub(super) email: String,
}

#[derive(Debug, ligand::Error)]
enum UserError {
    #[error(code = 422, kind = "EMAIL_EXISTS", message = "Email already registered")]
    EmailExists { email: String },
    #[error(code = 401, kind = "INVALID_CREDENTIALS", message = "Invalid email or password")]
    InvalidCredentials,
}

pub(super) struct Users {
    db: Db<User>,
    data: DataFile,
    keys: JwtKeys,
}

impl Users {
    pub(super) fn new(data: DataFile, keys: JwtKeys) -> Self {
        let db = Db::memory().publish(["find", "count", "list", "get", "remove"]);
        Self { db: db.publish_at("update", "PUT /:id"), data, keys }
    }

    async fn by_email(&self, email: &str) -> Result<Option<User>> {
        self.db.find_one(Filter::field("email").eq(email)).await
    }
}

#[service(name = "users", settings(rest = "/users"), mixins(db: Db<User>))]
impl Users {
    #[action]
    async fn register(&self, ctx: &Context, params: Register) -> Result<UserVisible> {
        let Register { name, email, password } = params;
        if self.by_email(&email).await?.is_some() {
            return Err(UserError::EmailExists { email }.into());
        }
        let role = if email.starts_with("admin@") { Role::Admin } else { Role::User };
        let password = bcrypt::hash(password, COST)?;
        let user = User { id: String::new(), name, email, password, role, created_at: 0 };
        let user = self.db.insert(user).await?.visible();
        ctx.emit(Registered { id: user.id.clone(), name: user.name.clone(), email: user.email.clone() })
            .await?;
        Ok(user)
    }

    #[action]
    async fn login(&self, params: Login) -> Result<Reply<LoggedIn>> {
        let user = self.by_email(&params.email).await?;
        let Some(user) =
            user.filter(|user| bcrypt::verify(&params.password, &user.password).unwrap_or(false))
        else {
            return Err(UserError::InvalidCredentials.into());
        };
        let User { id, name, email, role, .. } = user;
        let claims = json!({ "id": id, "email": email, "role": role });
        let token = self.keys.sign(&claims, Duration::from_secs(24 * 60 * 60))?;
        let user = Account { id, name, email, role };
        let answer = LoggedIn { message: "Login successful".into(), user };
        Ok(Reply::new(answer).header("Authorization", format!("Bearer {token}")))
    }

    #[action(rest = "GET /me")]
    async fn me(&self, ctx: &Context) -> Result<UserVisible> {
        Ok(self.db.require(&caller(ctx)?.id).await?.visible())
    }

    #[started]
    async fn load(&self) -> Result<()> {
        self.data.load(&self.db).await
    }

    #[stopped]
    async fn save(&self) -> Result<()> {
        self.data.save(&self.db).await
    }
}
