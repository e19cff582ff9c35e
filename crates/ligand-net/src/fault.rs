//! Why there is no connection (any more).

use std::{fmt, io};

use crate::Login;

/// Why there is no connection (any more).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another try may help: the server is not there, breaks off, is silent, or says something strange. The text says
    /// which, for people.
    Lost(String),
    /// The server does not let this node in, and the text says why. Nobody mends that by waiting. Its own words are
    /// left out where they may repeat what was sent.
    Refused(&'static str),
}

impl Fault {
    /// Another try may help.
    pub fn lost(why: impl fmt::Display) -> Self {
        Self::Lost(why.to_string())
    }

    /// The server has closed the connection, without a word.
    pub fn closed() -> Self {
        Self::lost("the connection was closed")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(why) => f.write_str(why),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Self::closed(),
            _ if Login::is_distrust(&error) => Self::Refused("a certificate is not trusted"),
            _ => Self::lost(error),
        }
    }
}
