//! Habits of moleculer-web that clients may count on.

/// Where moleculer-web answers otherwise than Ligand and nothing is less safe for it: for clients that cannot be changed
/// while a gateway is moved. [`GatewayBuilder::compat`](crate::GatewayBuilder::compat) sets single ones,
/// [`Compat::moleculer_web`] is all of them. Default: none.
///
/// ```
/// use ligand_web::{Compat, Gateway};
/// let gateway = Gateway::builder().compat(|compat| *compat = Compat::moleculer_web()).build();
/// let some = Gateway::builder().compat(|compat| compat.unknown_method_is_not_found = true).build();
/// # let _ = (gateway, some);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compat {
    /// A path that exists for other methods only is answered 404, not 405 with `Allow`.
    pub unknown_method_is_not_found: bool,
    /// `HEAD` and `OPTIONS` follow no alias of `GET`: `HEAD` is as any unknown method, and `OPTIONS` without a preflight
    /// runs what `GET` runs.
    pub head_and_options: bool,
    /// Large and small letters of paths are the same where a route does not say otherwise ([`crate::Route::ignore_case`]).
    pub ignore_case: bool,
    /// A body of a content type that nothing reads counts as none, instead of 415.
    pub ignore_unread_bodies: bool,
    /// `Access-Control-Allow-Methods`, `-Headers` and `-Max-Age` are sent with every answer to a foreign origin, not with
    /// preflights only.
    pub cors_in_every_answer: bool,
    /// No `X-Content-Type-Options: nosniff`.
    pub sniffing: bool,
    /// What the gateway itself refuses with 429 and 503, and an upload without a file, has no `type`, no `data` and no
    /// `Retry-After`; of rate limits only the `X-Rate-Limit-*` headers are sent.
    pub bare_refusals: bool,
    /// Of several routes without a name that have one path the last one counts, instead of all of them.
    pub same_path_replaces: bool,
}

impl Compat {
    /// All of them.
    pub fn moleculer_web() -> Self {
        Self {
            unknown_method_is_not_found: true,
            head_and_options: true,
            ignore_case: true,
            ignore_unread_bodies: true,
            cors_in_every_answer: true,
            sniffing: true,
            bare_refusals: true,
            same_path_replaces: true,
        }
    }
}
