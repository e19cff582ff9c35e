#[payload]
#[serde(tag = "type")]
pub enum Payment<T> {
    Card {
        #[check(trim, length(16..=16))]
        number: String,
        holder: T,
    },
    Points(Points),
    Cash,
}
