//! `#[derive(ligand::Error)]`.

use ligand::prelude::*;

#[derive(Debug, ligand::Error)]
enum UserError {
    #[error(code = 409, kind = "EMAIL_EXISTS", message = "{email:?} is taken {{{email}}}")]
    EmailExists {
        email: String,
        user_id: u64,
    },
    #[error(code = 410, message = "{f}")]
    Formatter {
        f: u8,
    },
    #[error(code = 422, name = "ValidationError", message = "{1} is not {0}")]
    Mismatch(u8, u16),
    #[error(retryable)]
    DBDown {
        #[error(internal)]
        cause: std::io::Error,
        #[error(skip)]
        _note: (),
    },
    NotYet,
    #[error(transparent)]
    Other(Error),
    #[error(transparent)]
    Number {
        error: std::num::ParseIntError,
    },
}

fn parse(text: &str) -> Result<u8, UserError> {
    Ok(text.parse()?)
}

#[test]
fn variants_become_errors() {
    let error: Error = UserError::EmailExists { email: "a@b".into(), user_id: 7 }.into();
    assert_eq!((error.name(), error.code(), error.kind()), ("MoleculerClientError", 409, "EMAIL_EXISTS"));
    assert_eq!(error.message(), "\"a@b\" is taken {a@b}");
    assert_eq!(error.data(), Some(&json!({ "email": "a@b", "userId": 7 })));

    let error: Error = UserError::Mismatch(1, 2).into();
    assert_eq!((error.name(), error.message(), error.data()), ("ValidationError", "2 is not 1", None));
    assert!(!error.retryable());

    let error: Error = UserError::DBDown { cause: std::io::Error::other("disk"), _note: () }.into();
    assert_eq!((error.name(), error.code(), error.kind()), ("MoleculerServerError", 500, "DB_DOWN"));
    assert_eq!((error.message(), error.internal(), error.retryable()), ("DB down", Some("disk"), true));

    assert_eq!(UserError::Formatter { f: 1 }.to_string(), "1");
    assert_eq!(UserError::NotYet.to_string(), "Not yet");
    assert_eq!(Error::from(UserError::from(Error::conflict("x"))), Error::conflict("x"));
    assert_eq!(Error::from(parse("x").unwrap_err()).code(), 500);
    assert_eq!(parse("1").unwrap(), 1);
}

#[derive(Debug, Error)]
#[error(code = 404, message = "There is no {what}")]
struct Missing<T: std::fmt::Display + serde::Serialize> {
    what: T,
}

#[test]
fn structs_do_too() {
    let error: Error = Missing { what: "bread" }.into();
    assert_eq!((error.code(), error.kind(), error.message()), (404, "MISSING", "There is no bread"));
}

#[allow(dead_code)]
#[derive(Debug, Error)]
enum Never {}

#[ligand::main(worker_threads = 1)]
async fn run() -> Result<u8> {
    tokio::task::yield_now().await;
    Ok(3)
}

#[test]
fn main_runs_on_a_runtime() {
    assert_eq!(run().unwrap(), 3);
}

#[derive(Debug, PartialEq, Error)]
enum PaymentError {
    #[error(code = 402, kind = "CARD_DECLINED", message = "The card was declined: {reason}")]
    Declined { reason: String, retry_after: Option<u32> },
}

#[derive(Debug, PartialEq, Error)]
enum OrderError {
    #[error(code = 422, kind = "INSUFFICIENT_STOCK", message = "Only {left} of {sku} left")]
    OutOfStock {
        left: u32,
        sku: String,
    },
    #[error(code = 404, message = "There is no order {0}")]
    NotFound(u64),
    #[error(code = 409, message = "{0} is not {1:?}")]
    Styled(u8, String),
    #[error(code = 503, retryable)]
    StoreDown {
        #[error(internal)]
        cause: String,
        #[error(skip)]
        tries: u8,
    },
    Closed,
    #[error(transparent)]
    Payment(PaymentError),
    #[error(transparent)]
    Parse(std::num::ParseIntError),
}

#[derive(Debug, Error)]
enum AnyError {
    #[error(code = 404, kind = "NO_BOOK")]
    NoBook,
    #[error(transparent)]
    Other(Error),
}

fn orders() -> Vec<OrderError> {
    vec![
        OrderError::OutOfStock { left: 3, sku: "a".into() },
        OrderError::NotFound(7),
        OrderError::StoreDown { cause: String::new(), tries: 0 },
        OrderError::Closed,
        OrderError::Payment(PaymentError::Declined { reason: "no money".into(), retry_after: Some(5) }),
        OrderError::Payment(PaymentError::Declined { reason: "stolen".into(), retry_after: None }),
    ]
}

#[test]
fn an_error_is_turned_back_into_its_variant() {
    for order in orders() {
        let text = format!("{order:?}");
        let error = Error::from(order);
        assert_eq!(format!("{:?}", OrderError::try_from(&error).unwrap()), text);
        // What travelled is found too.
        let remote = Error::from_plain(error.to_plain("far"), Some("far"));
        assert_eq!(format!("{:?}", OrderError::try_from(&remote).unwrap()), text);
    }
    let here = Error::from(OrderError::StoreDown { cause: "disk".into(), tries: 3 });
    let found = OrderError::try_from(&here).unwrap();
    assert_eq!(found, OrderError::StoreDown { cause: "disk".into(), tries: 0 });
    // As a JavaScript service throws it.
    let thrown = json!({
        "name": "MoleculerClientError", "message": "No stock", "code": 422, "type": "INSUFFICIENT_STOCK",
        "data": { "left": 1, "sku": "b" },
    });
    let thrown = Error::from_plain(thrown, Some("node"));
    assert_eq!(OrderError::try_from(&thrown), Ok(OrderError::OutOfStock { left: 1, sku: "b".into() }));
}

#[test]
fn an_error_of_another_kind_is_given_back() {
    for error in [
        Error::conflict("x"),
        Error::client(422, "INSUFFICIENT_STOCK", "without its data"),
        Error::client(404, "INSUFFICIENT_STOCK", "x").with_data(json!({ "left": 1, "sku": "b" })),
        Error::client(404, "NOT_FOUND", "There is no order seven"),
        Error::from(OrderError::Styled(1, "x".into())),
        Error::from(OrderError::Parse("x".parse::<u8>().unwrap_err())),
    ] {
        assert_eq!(OrderError::try_from(&error), Err(&error));
    }
    assert!(matches!(AnyError::try_from(&Error::from(AnyError::NoBook)), Ok(AnyError::NoBook)));
    let other = Error::conflict("x");
    assert!(matches!(AnyError::try_from(&other), Ok(AnyError::Other(error)) if error == other));
}

struct Orders;

#[service(name = "orders")]
impl Orders {
    #[action]
    async fn place(&self, which: usize) -> Result<(), OrderError> {
        Err(orders().swap_remove(which))
    }

    #[action]
    async fn invoice(&self) -> anyhow::Result<u8> {
        use anyhow::Context as _;
        fn find() -> anyhow::Result<u8> {
            Err(Error::not_found("No invoice"))?
        }
        find().context("hunter2")
    }

    #[action]
    async fn archive(&self) -> Result<u8> {
        fn write() -> eyre::Result<u8> {
            eyre::bail!("disk hunter2")
        }
        Ok(write()?)
    }

    #[action]
    async fn read(&self) -> Result<u8> {
        fn read() -> anyhow::Result<u8> {
            Ok("x".parse::<u8>()?)
        }
        Ok(read()?)
    }
}

#[tokio::test]
async fn variants_come_back_from_another_node() {
    let bus = ligand::transport::MemoryBus::new();
    let far = ServiceBroker::builder()
        .node_id("far")
        .transporter(bus.transporter())
        .service(Orders)
        .start()
        .await
        .unwrap();
    let near = ServiceBroker::builder().node_id("near").transporter(bus.transporter()).start().await.unwrap();
    near.wait_for_services(&["orders"], Duration::from_secs(10)).await.unwrap();
    let client = near.client::<Orders>();
    for (which, order) in orders().into_iter().enumerate() {
        let error = client.place(which).await.unwrap_err();
        assert_eq!(error.node_id(), Some("far"));
        assert_eq!(OrderError::try_from(&error).unwrap(), order);
    }
    let error = client.invoice().await.unwrap_err();
    assert_eq!((error.code(), error.message()), (404, "No invoice"));
    for error in [client.archive().await.unwrap_err(), client.read().await.unwrap_err()] {
        assert_eq!((error.code(), error.message(), error.internal()), (500, "Internal server error", None));
    }
    near.stop().await;
    far.stop().await;
}

#[tokio::test]
async fn causes_of_anyhow_and_eyre_are_for_the_log() {
    let broker = ServiceBroker::builder().service(Orders).start().await.unwrap();
    let client = broker.client::<Orders>();
    let error = client.invoice().await.unwrap_err();
    assert_eq!((error.code(), error.internal()), (404, Some("hunter2")));
    assert_eq!(client.archive().await.unwrap_err().internal(), Some("disk hunter2"));
    assert_eq!(client.read().await.unwrap_err().internal(), Some("invalid digit found in string"));
    broker.stop().await;
}

#[derive(Debug, PartialEq, Error)]
enum Refused<T: std::fmt::Debug + serde::Serialize> {
    #[error(code = 409, kind = "TAKEN", message = "It is taken")]
    Taken { by: T, all: Vec<T> },
    #[error(code = 410, kind = "GONE", message = "It is gone")]
    Gone,
}

#[test]
fn variants_with_type_parameters_come_back() {
    let refused = || Refused::Taken { by: 7_u8, all: vec![1, 2] };
    let error = Error::from(refused());
    assert_eq!(Refused::try_from(&error).unwrap(), refused());
    assert!(matches!(Refused::<String>::try_from(&error), Err(same) if same == &error));
    assert_eq!(Refused::<u8>::try_from(&Error::from(Refused::<u8>::Gone)).unwrap(), Refused::Gone);
}
