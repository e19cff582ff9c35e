//! From options to connections: checked once, before the first one.

use ligand_net::{Dialer, Server};
use ligand_wire::Result;

use crate::{
    RedisOptions,
    connection::{Connection, Lost},
    options::ADDRESS,
};

/// How connections are made.
pub(crate) struct Access {
    servers: Vec<(Server, u32)>,
    dialer: Dialer,
    connection_name: Option<String>,
}

impl Access {
    /// Checks options and reads certificates.
    ///
    /// # Errors
    /// `BROKER_OPTIONS_ERROR` that names the option.
    pub(crate) fn new(options: &RedisOptions) -> Result<Self> {
        let servers = options.servers()?;
        let all: Vec<_> = servers.iter().map(|(server, _)| server.clone()).collect();
        let dialer = Dialer::new(&ADDRESS, &all, &options.tls)?;
        Ok(Self { servers, dialer, connection_name: options.connection_name.clone() })
    }

    pub(crate) fn servers(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().map(|(server, _)| server)
    }

    /// Connects, logs in and takes the database.
    pub(crate) async fn connect(&self, server: &Server, node: &str) -> Result<Connection, Lost> {
        let (reader, writer) = self.dialer.dial(server).await?;
        let mut connection = Connection::new(reader, writer);
        if let Some(password) = &server.password {
            let answer = match &server.username {
                Some(username) => connection.ask(&["AUTH", username, password]).await,
                None => connection.ask(&["AUTH", password]).await,
            };
            answer
                .map_err(|lost| lost.of_login("it does not take this login; has it users and passwords?"))?;
        }
        let db = self.servers.iter().find(|(other, _)| other == server).map_or(0, |(_, db)| *db);
        if db != 0 {
            let answer = connection.ask(&["SELECT", &db.to_string()]).await;
            answer.map_err(|lost| lost.of_login("it does not have this database"))?;
        }
        // Some users may not name themselves; the name is for people only.
        match connection.ask(&["CLIENT", "SETNAME", &self.connection_name(node)]).await {
            Ok(_) => {}
            Err(lost) if lost.is_denied() => return Err(lost.of_login("")),
            Err(lost) if lost.refused => {}
            Err(lost) => return Err(lost),
        }
        // Is the user let in at all?
        connection.ask(&["PING"]).await.map_err(|lost| lost.of_login("it does not answer a PING"))?;
        Ok(connection)
    }

    fn connection_name(&self, node: &str) -> String {
        let plain = |letter: char| if letter.is_ascii_graphic() { letter } else { '_' };
        self.connection_name
            .clone()
            .unwrap_or_else(|| format!("ligand-{}", node.chars().map(plain).collect::<String>()))
    }
}
