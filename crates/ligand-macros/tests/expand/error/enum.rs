#[derive(Debug, Error)]
pub enum UserError {
    #[error(code = 409, kind = "EMAIL_EXISTS", message = "{email} is {{taken}} by {email:?}")]
    EmailExists { email: String, user_id: u64 },
    #[error(message = "{1}")]
    Mismatch(u8, u16),
    #[error(code = 503, retryable)]
    DBDown {
        #[error(internal)]
        cause: io::Error,
    },
    #[error(transparent)]
    Other(Error),
}
