//! Generated code is silent under strict lints, also around private types and other names in scope.

#![deny(
    dead_code,
    missing_debug_implementations,
    missing_docs,
    non_snake_case,
    private_bounds,
    private_interfaces,
    unreachable_pub,
    unused,
    unused_qualifications,
    clippy::all,
    clippy::pedantic
)]

mod inner {
    use ligand::{contract, payload, service};

    /// The user's own, which generated code must not take for the standard ones.
    #[allow(dead_code)]
    #[derive(Debug)]
    struct Option;
    #[allow(dead_code)]
    #[derive(Debug)]
    struct Arc;
    #[allow(dead_code)]
    #[derive(Debug)]
    struct Result;

    #[payload]
    struct Secret {
        id: u64,
    }

    #[payload(event = "secret.told")]
    struct Told {
        id: u64,
    }

    #[contract(name = "private")]
    trait PrivateApi {
        async fn get(params: Secret) -> Secret;
    }

    #[derive(Debug)]
    pub(super) struct Private;

    #[service(name = "private", contract = PrivateApi)]
    impl Private {
        #[action]
        async fn get(&self, params: Secret) -> Secret {
            std::future::ready(params).await
        }

        #[action(before(check))]
        fn fields(&self, this: u64, ctx_: String, value: bool) -> ligand::Result<String> {
            if value { Ok(format!("{this}{ctx_}")) } else { Err(ligand::Error::conflict("no")) }
        }

        /// Names like those of generated code and of `Arc`.
        #[action]
        fn clone(&self, this: Vec<u8>) -> Vec<u8> {
            this
        }

        #[cfg(any())]
        #[action]
        async fn never(&self, params: Missing) -> Missing {
            params
        }

        #[event]
        fn told(&self, event: Told) {
            let _ = event.id;
        }

        fn check(&self, params: &mut PrivateFieldsParams) {
            params.this += 1;
        }
    }

    pub(super) fn names() -> [&'static str; 2] {
        [Private::CLONE.name(), PrivateApi::GET.name()]
    }

    #[tokio::test]
    async fn the_service_runs() {
        let broker = ligand::ServiceBroker::builder().service(Private).start().await.unwrap();
        let client = broker.client::<Private>();
        assert_eq!(client.get(Secret { id: 3 }).await.unwrap().id, 3);
        assert_eq!(client.fields(1, "x".into(), true).await.unwrap(), "2x");
        assert_eq!(
            ligand::ServiceBroker::client::<PrivateApi>(&broker).get(Secret { id: 4 }).await.unwrap().id,
            4
        );
        assert_eq!(client.clone(vec![1]).await.unwrap(), [1]);
        broker.emit(Told { id: 1 }).wait_for_listeners().await.unwrap();
    }
}

#[test]
fn names_are_there() {
    assert_eq!(inner::names(), ["private.clone", "private.get"]);
}
