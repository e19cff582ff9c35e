//! Members: sign-up, log-in, roles.

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash};
use ligand::{db::Db, prelude::*, web::JwtKeys};

use crate::config::Librarian;

/// What a member may do.
#[payload]
#[derive(Copy, Default, Eq)]
pub enum Role {
    #[default]
    Reader,
    Librarian,
}

/// A member as stored. The hash never leaves the service.
#[entity(table = "members")]
#[derive(Default)]
pub struct Member {
    pub id: String,
    pub name: String,
    #[field(unique)]
    pub email: String,
    #[field(hidden)]
    pub password: String,
    pub role: Role,
}

#[payload]
pub struct Join {
    #[check(trim, length(1..=64))]
    pub name: String,
    #[check(trim, lowercase, email)]
    pub email: String,
    #[check(length(8..=128), secret)]
    pub password: String,
}

#[payload]
pub struct LogIn {
    #[check(trim, lowercase, length(1..=254))]
    pub email: String,
    #[check(length(1..=128), secret)]
    pub password: String,
}

/// A member without the secrets; what a token says about its owner.
#[payload]
pub struct Account {
    pub id: String,
    pub name: String,
    pub role: Role,
}

/// A log-in.
#[payload]
pub struct Session {
    pub token: String,
    pub member: Account,
}

/// Somebody joined.
#[payload(event = "member.joined")]
pub struct MemberJoined {
    pub id: String,
    pub name: String,
}

#[derive(Debug, ligand::Error)]
pub enum MemberError {
    #[error(code = 409, kind = "EMAIL_TAKEN", message = "There is a member with this address")]
    EmailTaken,
    /// One text for both, so that it does not tell which addresses are known.
    #[error(code = 401, kind = "WRONG_LOGIN", message = "Wrong address or password")]
    WrongLogin,
}

impl From<&Member> for Account {
    fn from(member: &Member) -> Self {
        Self { id: member.id.clone(), name: member.name.clone(), role: member.role }
    }
}

/// The member service.
pub struct Members {
    db: Db<Member>,
    jwt: JwtKeys,
    librarian: Option<Librarian>,
}

impl Members {
    pub fn new(db: Db<Member>, jwt: JwtKeys, librarian: Option<Librarian>) -> Self {
        // No action of the database is for other services.
        Self { db: db.only(Vec::<String>::new()), jwt, librarian }
    }

    async fn add(&self, member: Member) -> Result<Member> {
        self.db.insert(member).await.map_err(|error| match error.kind() {
            "DUPLICATE_KEY" => MemberError::EmailTaken.into(),
            _ => error,
        })
    }
}

#[service(name = "members", mixins(db: Db<Member>))]
impl Members {
    /// Signs up.
    #[action(rest = "POST /")]
    async fn join(&self, ctx: &Context, params: Join) -> Result<Account> {
        let password = ctx.client::<Self>().hash(params.password).await?;
        let member = Member { name: params.name, email: params.email, password, ..Member::default() };
        let account = Account::from(&self.add(member).await?);
        ctx.emit(MemberJoined { id: account.id.clone(), name: account.name.clone() }).await?;
        Ok(account)
    }

    /// Logs in; the token goes into the header `Authorization: Bearer <token>`.
    #[action(rest = "POST /login")]
    async fn log_in(&self, ctx: &Context, params: LogIn) -> Result<Session> {
        let member = self.db.find_one(Member::EMAIL.eq(&params.email)).await?;
        let stored = member.as_ref().map(|member| member.password.clone());
        let fits = ctx.client::<Self>().verify(params.password, stored).await?;
        let Some(member) = member.filter(|_| fits) else { return Err(MemberError::WrongLogin.into()) };
        let account = Account::from(&member);
        Ok(Session { token: self.jwt.sign(&account, Duration::from_secs(12 * 60 * 60))?, member: account })
    }

    /// Who asks.
    #[action(rest = "GET /me")]
    async fn me(&self, ctx: &Context) -> Result<Account> {
        caller(ctx)
    }

    /// A hash takes some ten milliseconds of computing.
    #[action(private, blocking, bulkhead(concurrency = 2))]
    fn hash(&self, password: String) -> Result<String> {
        Ok(Argon2::default().hash_password(password.as_bytes()).map_err(internal)?.to_string())
    }

    /// Without a stored hash it takes as long, so that the clock does not tell which addresses are known.
    #[action(private, blocking, bulkhead(concurrency = 2))]
    fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        let Some(stored) = stored else {
            self.hash(password)?;
            return Ok(false);
        };
        let stored = PasswordHash::new(&stored).map_err(internal)?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
    }

    #[started]
    async fn first_librarian(&self) -> Result<()> {
        let Some(Librarian { email, password }) = self.librarian.clone() else { return Ok(()) };
        // The actions of a service can be called when it has started; until then nobody waits for this thread.
        let (name, password) = ("Librarian".into(), self.hash(password)?);
        match self.add(Member { name, email, password, role: Role::Librarian, ..Member::default() }).await {
            Err(error) if error.kind() == "EMAIL_TAKEN" => Ok(()),
            result => result.map(drop),
        }
    }
}

/// Who asks, according to the verified token.
pub fn caller(ctx: &Context) -> Result<Account> {
    ctx.require_meta("user")
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::new("the password could not be hashed").with_internal(error.to_string())
}
