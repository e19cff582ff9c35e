use ligand::payload;

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Foreign;

mod codec {}

#[payload]
struct NotDescribed {
    inside: Option<Foreign>,
}

#[payload]
struct Unknown {
    #[serde(with = "codec")]
    with: u8,
    #[serde(deserialize_with = "codec::read")]
    read: u8,
    #[serde(serialize_with = "codec::write")]
    written: u8,
    #[serde(with = "serde_with::As::<serde_with::DisplayFromStr>")]
    adapted: u8,
    #[check(schema)]
    no_type: u8,
    #[check(schema = 5)]
    no_such_type: u8,
}

fn main() {}
