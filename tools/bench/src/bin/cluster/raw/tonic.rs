//! gRPC with `tonic`: unary calls over one connection, with the same user as a protobuf message.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
    time::Duration,
};

use http::uri::PathAndQuery;
use ligand_bench::Failure;
use tonic::{
    Request, Response, Status,
    body::Body,
    client, server,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::callee_port;
use crate::{
    load::{self, Load},
    role,
};

#[derive(Clone, PartialEq, prost::Message)]
struct User {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    email: String,
    #[prost(uint32, tag = "4")]
    age: u32,
    #[prost(bool, tag = "5")]
    active: bool,
    #[prost(string, repeated, tag = "6")]
    tags: Vec<String>,
}

#[derive(Clone)]
struct Echo;

impl server::UnaryService<User> for Echo {
    type Response = User;
    type Future = Ready<Result<Response<User>, Status>>;

    fn call(&mut self, request: Request<User>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

/// A server with one method.
#[derive(Clone)]
struct Users;

impl Service<http::Request<Body>> for Users {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = ligand::future::BoxFuture<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            Ok(server::Grpc::new(ProstCodec::<User, User>::default()).unary(Echo, request).await)
        })
    }
}

pub(super) async fn serve(bus: &str) -> Result<(), Failure> {
    let address = ([127, 0, 0, 1], callee_port(bus)?).into();
    let incoming = TcpIncoming::bind(address)?.with_nodelay(Some(true));
    role::serving(async { Ok(Server::builder().serve_with_incoming(Users, incoming).await?) }).await
}

pub(super) async fn load(bus: &str, time: Duration) -> Result<Load, Failure> {
    let address = format!("http://127.0.0.1:{}", callee_port(bus)?);
    let channel = Endpoint::from_shared(address)?.connect().await?;
    let user = User {
        id: 42,
        name: "Ada Lovelace".into(),
        email: "ada@example.com".into(),
        age: 36,
        active: true,
        tags: vec!["math".into(), "engine".into(), "poetry".into()],
    };
    load::run(time, move || {
        let (mut client, user) = (client::Grpc::new(channel.clone()), user.clone());
        async move {
            client.ready().await?;
            let path = PathAndQuery::from_static("/bench.Users/Echo");
            let codec = ProstCodec::<User, User>::default();
            let back = client.unary(Request::new(user), path, codec).await?;
            if back.get_ref().id == 42 { Ok(()) } else { Err("another user came back".into()) }
        }
    })
    .await
}
