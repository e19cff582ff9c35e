#[automatically_derived]
#[allow(unused_variables, clippy::all, clippy::pedantic)]
impl ::core::fmt::Display for UserError {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        match self {
            UserError::EmailExists { email, user_id } => {
                ::core::write!(f, "{0} is {{taken}} by {0:?}", email)
            }
            UserError::Mismatch { 0: _0, 1: _1 } => ::core::write!(f, "{0}", _1),
            UserError::DBDown { cause } => f.write_str("DB down"),
            UserError::Other { 0: _0 } => ::core::fmt::Display::fmt(_0, f),
        }
    }
}
#[automatically_derived]
#[allow(unused_variables, clippy::all, clippy::pedantic)]
impl ::core::convert::From<UserError> for ::ligand::__private::core::Error {
    fn from(error: UserError) -> Self {
        match error {
            UserError::EmailExists { email, user_id } => {
                ::ligand::__private::core::Error::build(
                        "MoleculerClientError",
                        409u16,
                        ::std::format!("{0} is {{taken}} by {0:?}", email),
                    )
                    .with_kind("EMAIL_EXISTS")
                    .with_data(
                        ::ligand::__private::core::error_data([
                            ("email", ::ligand::__private::serde_json::to_value(&email)),
                            (
                                "userId",
                                ::ligand::__private::serde_json::to_value(&user_id),
                            ),
                        ]),
                    )
            }
            UserError::Mismatch { 0: _0, 1: _1 } => {
                ::ligand::__private::core::Error::build(
                        "MoleculerServerError",
                        500u16,
                        ::std::format!("{0}", _1),
                    )
                    .with_kind("MISMATCH")
            }
            UserError::DBDown { cause } => {
                ::ligand::__private::core::Error::build(
                        "MoleculerServerError",
                        503u16,
                        "DB down",
                    )
                    .with_kind("DB_DOWN")
                    .with_internal(cause)
                    .with_retryable(true)
            }
            UserError::Other { 0: _0 } => ::core::convert::Into::into(_0),
        }
    }
}
#[automatically_derived]
impl ::core::convert::From<Error> for UserError {
    fn from(error: Error) -> Self {
        UserError::Other { 0: error }
    }
}
