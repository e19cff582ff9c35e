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
                        ::ligand::__private::error_data([
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
#[allow(unused_imports, unused_variables, clippy::all, clippy::pedantic)]
impl<'__error> ::core::convert::TryFrom<&'__error ::ligand::__private::core::Error>
for UserError {
    type Error = &'__error ::ligand::__private::core::Error;
    fn try_from(
        error: &'__error ::ligand::__private::core::Error,
    ) -> ::core::result::Result<Self, Self::Error> {
        use ::ligand::__private::recovered::{
            FromData as _, FromError as _, FromNothing as _, FromText as _,
            NotFromData as _, NotFromError as _, NotFromNothing as _, NotFromText as _,
        };
        if error.code() == 409u16 && error.kind() == "EMAIL_EXISTS" {
            let found = (|| {
                ::core::option::Option::Some(UserError::EmailExists {
                    email: (&::ligand::__private::recovered::Probe::<String>::new())
                        .data(error, "email")?,
                    user_id: (&::ligand::__private::recovered::Probe::<u64>::new())
                        .data(error, "userId")?,
                })
            })();
            if let ::core::option::Option::Some(found) = found {
                return ::core::result::Result::Ok(found);
            }
        }
        if error.code() == 500u16 && error.kind() == "MISMATCH" {
            let found = (|| {
                let parts = ::ligand::__private::recovered::parts(
                    error.message(),
                    &["", ""],
                )?;
                ::core::option::Option::Some(UserError::Mismatch {
                    0: (&::ligand::__private::recovered::Probe::<u8>::new()).nothing()?,
                    1: (&::ligand::__private::recovered::Probe::<u16>::new())
                        .text(parts.get(0usize)?)?,
                })
            })();
            if let ::core::option::Option::Some(found) = found {
                return ::core::result::Result::Ok(found);
            }
        }
        if error.code() == 503u16 && error.kind() == "DB_DOWN" {
            let found = (|| {
                ::core::option::Option::Some(UserError::DBDown {
                    cause: match error.internal() {
                        ::core::option::Option::Some(text) => {
                            (&::ligand::__private::recovered::Probe::<io::Error>::new())
                                .text(text)?
                        }
                        ::core::option::Option::None => {
                            (&::ligand::__private::recovered::Probe::<io::Error>::new())
                                .nothing()?
                        }
                    },
                })
            })();
            if let ::core::option::Option::Some(found) = found {
                return ::core::result::Result::Ok(found);
            }
        }
        if let ::core::option::Option::Some(other) = (&::ligand::__private::recovered::Probe::<
            Error,
        >::new())
            .error(error)
        {
            return ::core::result::Result::Ok(UserError::Other { 0: other });
        }
        ::core::result::Result::Err(error)
    }
}
#[automatically_derived]
impl ::core::convert::From<Error> for UserError {
    fn from(error: Error) -> Self {
        UserError::Other { 0: error }
    }
}
