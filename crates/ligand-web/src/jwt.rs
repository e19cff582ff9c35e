//! JSON Web Tokens as authentication: `Authorization: Bearer <token>`. Feature `jwt`.
//!
//! The key decides the algorithm, never the token: a token that names another one, or none, is refused. So are
//! tokens without `exp`, with claims of a wrong type, with any `crit` header, or longer than 8 KB. Keys named inside
//! a token (`jku`, `x5u`, `jwk`) are ignored.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use http::header;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ligand_core::{Context, Error, Result, config::Env, future::BoxFuture};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Req, error};

/// What a token says.
pub type Claims = Map<String, Value>;

/// The longest token that is looked at.
pub const MAX_TOKEN: usize = 8 * 1024;

/// The end of the year 9999: no honest token is valid beyond.
const LAST_TIME: f64 = 253_402_300_799.0;

/// Keys that sign and verify tokens. Clones are the same keys; `Debug` shows no secret.
///
/// ```
/// # fn main() -> ligand_core::Result<()> {
/// use std::time::Duration;
/// use ligand_web::JwtKeys;
/// use serde_json::json;
///
/// let keys = JwtKeys::hs256("an example secret of 32 bytes ...")?;
/// let token = keys.sign(&json!({ "id": "5", "role": "user" }), Duration::from_secs(3600))?;
/// assert_eq!(keys.verify(&token)?["role"], "user");
/// assert!(keys.verify("junk").is_err());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct JwtKeys(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    keys: Vec<Key>,
    signing: Option<(Algorithm, EncodingKey)>,
    leeway: Duration,
    issuer: Option<String>,
    audience: Option<String>,
}

#[derive(Clone)]
struct Key {
    algorithm: Algorithm,
    decoding: DecodingKey,
}

impl JwtKeys {
    /// A shared secret with HMAC-SHA-256. It should be random and at least 32 bytes long; a shorter one is warned
    /// about.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` for an empty secret.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self> {
        Self::secret(Algorithm::HS256, secret.as_ref())
    }

    /// A shared secret with HMAC-SHA-384.
    ///
    /// # Errors
    /// As [`JwtKeys::hs256`].
    pub fn hs384(secret: impl AsRef<[u8]>) -> Result<Self> {
        Self::secret(Algorithm::HS384, secret.as_ref())
    }

    /// A shared secret with HMAC-SHA-512.
    ///
    /// # Errors
    /// As [`JwtKeys::hs256`].
    pub fn hs512(secret: impl AsRef<[u8]>) -> Result<Self> {
        Self::secret(Algorithm::HS512, secret.as_ref())
    }

    /// A random secret with HMAC-SHA-256: tokens end with the process.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn random() -> Result<Self> {
        let mut secret = [0; 32];
        getrandom::getrandom(&mut secret)?;
        Self::secret(Algorithm::HS256, &secret)
    }

    /// The secret in the variable `JWT_SECRET`, with HMAC-SHA-256.
    ///
    /// ```
    /// # use ligand_core::config::Env;
    /// # use ligand_web::JwtKeys;
    /// let env = Env::from_pairs([("JWT_SECRET", "an example secret of 32 bytes ...")]);
    /// assert!(JwtKeys::from_env(&env).is_ok());
    /// assert!(JwtKeys::from_env(&Env::default()).is_err());
    /// ```
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` when it is not set.
    pub fn from_env(env: &Env) -> Result<Self> {
        match env.get("JWT_SECRET") {
            Some(secret) => Self::hs256(secret),
            None => {
                Err(Error::broker_options("JWT_SECRET is not set; it holds the secret that signs tokens"))
            }
        }
    }

    /// A public RSA key in PEM, for RS256 tokens that somebody else signs.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` when it is not one.
    pub fn rs256_public_pem(pem: impl AsRef<[u8]>) -> Result<Self> {
        Self::public(Algorithm::RS256, DecodingKey::from_rsa_pem(pem.as_ref()))
    }

    /// A public P-256 key in PEM, for ES256 tokens that somebody else signs.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` when it is not one.
    pub fn es256_public_pem(pem: impl AsRef<[u8]>) -> Result<Self> {
        Self::public(Algorithm::ES256, DecodingKey::from_ec_pem(pem.as_ref()))
    }

    /// A public Ed25519 key in PEM, for `EdDSA` tokens that somebody else signs.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` when it is not one.
    pub fn eddsa_public_pem(pem: impl AsRef<[u8]>) -> Result<Self> {
        Self::public(Algorithm::EdDSA, DecodingKey::from_ed_pem(pem.as_ref()))
    }

    fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self> {
        if secret.is_empty() {
            return Err(Error::broker_options("the secret of JSON Web Tokens is empty"));
        }
        if secret.len() < 32 {
            tracing::warn!("the secret of JSON Web Tokens is shorter than 32 bytes and can be guessed");
        }
        let signing = Some((algorithm, EncodingKey::from_secret(secret)));
        Ok(Self::new(algorithm, DecodingKey::from_secret(secret), signing))
    }

    fn public(algorithm: Algorithm, key: jsonwebtoken::errors::Result<DecodingKey>) -> Result<Self> {
        let key = key.map_err(|error| {
            Error::broker_options(format!("not a public key in PEM for {algorithm:?}: {error}"))
        })?;
        Ok(Self::new(algorithm, key, None))
    }

    fn new(algorithm: Algorithm, decoding: DecodingKey, signing: Option<(Algorithm, EncodingKey)>) -> Self {
        install_provider();
        Self(Arc::new(Inner {
            keys: vec![Key { algorithm, decoding }],
            signing,
            leeway: Duration::ZERO,
            issuer: None,
            audience: None,
        }))
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Accepts tokens of these keys too; tokens are still signed with the first. For changing keys.
    ///
    /// ```
    /// # use ligand_web::JwtKeys;
    /// # use std::time::Duration;
    /// let (old, new) = (JwtKeys::random()?, JwtKeys::random()?);
    /// let token = old.sign(&serde_json::json!({ "id": 5 }), Duration::from_secs(60))?;
    /// assert!(new.verify(&token).is_err());
    /// assert!(new.accept(&old).verify(&token).is_ok());
    /// # Ok::<_, ligand_core::Error>(())
    /// ```
    pub fn accept(self, older: &JwtKeys) -> Self {
        self.change(|inner| inner.keys.extend(older.0.keys.iter().cloned()))
    }

    /// How far clocks may differ. Default: not at all.
    pub fn leeway(self, time: Duration) -> Self {
        self.change(|inner| inner.leeway = time)
    }

    /// Requires this `iss`; [`JwtKeys::sign`] writes it.
    ///
    /// ```
    /// # use ligand_web::JwtKeys;
    /// # use std::time::Duration;
    /// let keys = JwtKeys::random()?;
    /// let ours = keys.clone().issuer("shop");
    /// let token = ours.sign(&serde_json::json!({}), Duration::from_secs(60))?;
    /// assert!(ours.verify(&token).is_ok());
    /// assert!(keys.issuer("bank").verify(&token).is_err());
    /// # Ok::<_, ligand_core::Error>(())
    /// ```
    pub fn issuer(self, name: impl Into<String>) -> Self {
        self.change(|inner| inner.issuer = Some(name.into()))
    }

    /// Requires this name in `aud`; [`JwtKeys::sign`] writes it.
    pub fn audience(self, name: impl Into<String>) -> Self {
        self.change(|inner| inner.audience = Some(name.into()))
    }

    /// Signs an object of claims; `iat` and `exp` are added.
    ///
    /// # Errors
    /// When the claims are no object, or these are public keys.
    pub fn sign(&self, claims: &impl Serialize, ttl: Duration) -> Result<String> {
        let Some((algorithm, key)) = &self.0.signing else {
            return Err(Error::internal_error("a public key cannot sign tokens"));
        };
        let mut claims = serde_json::to_value(claims)?;
        ligand_wire::text::whole_numbers(&mut claims);
        let Value::Object(mut claims) = claims else {
            return Err(Error::internal_error("the claims of a token must be an object"));
        };
        let now = now();
        claims.insert("iat".into(), now.as_secs().into());
        claims.insert("exp".into(), now.saturating_add(ttl).as_secs().into());
        if let Some(issuer) = &self.0.issuer {
            claims.insert("iss".into(), issuer.as_str().into());
        }
        if let Some(audience) = &self.0.audience {
            claims.insert("aud".into(), audience.as_str().into());
        }
        Ok(jsonwebtoken::encode(&Header::new(*algorithm), &claims, key)?)
    }

    /// The claims of a valid token.
    ///
    /// # Errors
    /// 401 `INVALID_TOKEN`; the reason is kept for the log.
    pub fn verify(&self, token: &str) -> Result<Claims> {
        let refuse = |why: &str| Err(error::unauthorized(error::INVALID_TOKEN).with_internal(why));
        if token.len() > MAX_TOKEN {
            return refuse("longer than 8 KB");
        }
        let Ok(head) = jsonwebtoken::decode_header(token) else { return refuse("malformed header") };
        if head.crit.is_some() {
            return refuse("crit is not supported");
        }
        let mut candidates = self.0.keys.iter().filter(|key| key.algorithm == head.alg);
        let Some(claims) = candidates.find_map(|key| decode(token, key)) else {
            return refuse("signed by nobody we know, with another algorithm, or no claims");
        };
        match self.check(&claims) {
            Ok(()) => Ok(claims),
            Err(why) => refuse(why),
        }
    }

    fn check(&self, claims: &Map<String, Value>) -> Result<(), &'static str> {
        let (now, leeway) = (now().as_secs_f64(), self.0.leeway.as_secs_f64());
        let Some(end) = time(claims, "exp")? else { return Err("no exp") };
        if end + leeway <= now {
            return Err("expired");
        }
        if time(claims, "nbf")?.is_some_and(|start| start > now + leeway) {
            return Err("not valid yet");
        }
        time(claims, "iat")?;
        if let Some(issuer) = &self.0.issuer
            && claims.get("iss") != Some(&Value::String(issuer.clone()))
        {
            return Err("another issuer");
        }
        if let Some(audience) = &self.0.audience {
            let audience = Value::String(audience.clone());
            let named = match claims.get("aud") {
                Some(Value::Array(names)) => names.contains(&audience),
                Some(name) => *name == audience,
                None => false,
            };
            if !named {
                return Err("for another audience");
            }
        }
        Ok(())
    }

    /// The stage for [`crate::Route::authenticate`]: the claims become `user` in the meta. Without a token 401
    /// `NO_TOKEN`, with a bad one 401 `INVALID_TOKEN`.
    ///
    /// ```
    /// # use ligand_web::{JwtKeys, Route};
    /// let keys = JwtKeys::random()?;
    /// let route = Route::new("/api").auto_aliases().authenticate(keys.bearer());
    /// # let _ = route;
    /// # Ok::<_, ligand_core::Error>(())
    /// ```
    pub fn bearer(&self) -> impl Fn(Context, Arc<Req>) -> BoxFuture<Result<Claims>> + Send + Sync + 'static {
        let keys = self.clone();
        move |_ctx, req| {
            let claims = match bearer(&req) {
                Ok(Some(token)) => keys.verify(token),
                Ok(None) => Err(error::unauthorized(error::NO_TOKEN)),
                Err(error) => Err(error),
            };
            ligand_core::future::ready(claims)
        }
    }

    /// As [`JwtKeys::bearer`], but a request without a token goes on without `user`.
    pub fn optional_bearer(
        &self,
    ) -> impl Fn(Context, Arc<Req>) -> BoxFuture<Result<Option<Claims>>> + Send + Sync + 'static {
        let keys = self.clone();
        move |_ctx, req| {
            ligand_core::future::ready(
                bearer(&req).and_then(|token| token.map(|token| keys.verify(token)).transpose()),
            )
        }
    }
}

impl fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self.0.keys.iter().map(|key| key.algorithm).collect();
        f.debug_struct("JwtKeys").field("algorithms", &algorithms).finish_non_exhaustive()
    }
}

/// The token of a request; `None` for none, an empty one, or another scheme.
fn bearer(req: &Req) -> Result<Option<&str>> {
    let mut values = req.headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let Some(text) = value.to_str().ok().filter(|_| values.next().is_none()) else {
        return Err(error::unauthorized(error::INVALID_TOKEN).with_internal("several or odd headers"));
    };
    let (scheme, token) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let token = token.trim();
    Ok((scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token))
}

/// The claims when the signature is the key's; times are checked by us.
fn decode(token: &str, key: &Key) -> Option<Claims> {
    let mut rules = Validation::new(key.algorithm);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_aud = false;
    jsonwebtoken::decode::<Map<String, Value>>(token, &key.decoding, &rules).ok().map(|data| data.claims)
}

/// A time claim in seconds.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, &'static str> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) if (0.0..=LAST_TIME).contains(&seconds) => Ok(Some(seconds)),
            _ => Err("a time that is none"),
        },
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Chooses the cryptography once. Without this, a program in which another crate switches on a second backend
/// would panic at the first token. When the program has chosen one already, that one stays.
fn install_provider() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
    });
}

#[cfg(test)]
mod tests;
