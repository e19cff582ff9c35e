//! Payments: charges, declines, breaks and takes its time.

use ligand::{
    db::{Db, Filter, Query},
    prelude::*,
};

use super::{caller, data::DataFile};

/// The most that is charged at once.
const LIMIT: f64 = 1000.0;

#[payload]
#[derive(Copy, Eq)]
pub(super) enum Method {
    Card,
    Invoice,
    Slow,
    Broken,
}

#[entity(table = "payments", id = "id")]
pub(super) struct Payment {
    id: String,
    user_id: String,
    amount: f64,
    method: Method,
}

#[payload]
pub(super) struct Charge {
    #[check(range(min = 0))]
    pub(super) amount: f64,
    pub(super) method: Method,
}

#[payload]
pub(super) struct Paid {
    pub(super) id: String,
    amount: f64,
}

#[payload]
pub(super) struct Total {
    count: usize,
    sum: f64,
}

#[payload]
#[derive(Copy, Eq)]
pub(super) enum Format {
    Text,
    Bytes,
    None,
}

#[derive(Debug, ligand::Error)]
#[error(name = "MoleculerError", code = 402, kind = "PAYMENT_DECLINED", message = "Payment declined")]
struct Declined {
    amount: f64,
    limit: f64,
}

pub(super) struct Payments {
    db: Db<Payment>,
    data: DataFile,
}

impl Payments {
    pub(super) fn new(data: DataFile) -> Self {
        Self { db: Db::memory().publish(["remove"]).only(["find", "count", "list", "get", "remove"]), data }
    }
}

#[service(name = "payments", settings(rest = ["/payments", "/billing"]), mixins(db: Db<Payment>))]
impl Payments {
    #[action(public)]
    async fn charge(&self, ctx: &Context, params: Charge) -> Result<Paid> {
        let Charge { amount, method } = params;
        match method {
            Method::Slow => tokio::time::sleep(Duration::from_millis(800)).await,
            Method::Broken => return Err(Error::new("the terminal is on fire")),
            _ => {}
        }
        if amount > LIMIT {
            return Err(Declined { amount, limit: LIMIT }.into());
        }
        let user_id = caller(ctx)?.id;
        let payment = self.db.insert(Payment { id: String::new(), user_id, amount, method }).await?;
        ctx.set_meta("paymentId", &*payment.id);
        Ok(Paid { id: payment.id, amount })
    }

    #[action(rest = "GET /methods")]
    fn methods(&self) -> Vec<Method> {
        vec![Method::Card, Method::Invoice, Method::Slow, Method::Broken]
    }

    /// What the user who asks has paid.
    #[action(rest = "GET /total")]
    async fn total(&self, ctx: &Context) -> Result<Total> {
        let mine = Filter::field("userId").eq(caller(ctx)?.id);
        // In an order, because sums of floats depend on it.
        let paid = self.db.find(Query::from(mine).sort("amount")).await?;
        Ok(Total { count: paid.len(), sum: paid.iter().map(|payment| payment.amount).sum() })
    }

    /// What the user who asks has paid, for a spreadsheet.
    #[action(rest = "GET /sheet", meta(responseType = "text/csv", responseHeaders = { "X-Kind": "sheet" }))]
    async fn sheet(&self, ctx: &Context) -> Result<String> {
        let paid = self.db.find(Filter::field("userId").eq(caller(ctx)?.id)).await?;
        let mut lines: Vec<_> = paid
            .iter()
            .map(|payment| {
                format!("{};{}", json!(payment.method).as_str().unwrap_or_default(), payment.amount)
            })
            .collect();
        lines.sort_unstable();
        Ok(lines.join("\n"))
    }

    /// A receipt as text, or as bytes.
    #[action(rest = "GET /receipt/:format")]
    async fn receipt(&self, ctx: &Context, format: Format) -> Result<Reply<Payload>> {
        let text = format!("Receipt for {}\n", caller(ctx)?.email);
        Ok(match format {
            Format::None => Reply::new(Payload::from(Value::Null)),
            Format::Bytes => Reply::new(Payload::typed(ligand::Binary::from(text.into_bytes()))),
            Format::Text => Reply::new(Payload::typed(text))
                .content_type("text/plain; charset=utf-8")
                .header("X-Receipt", "1")
                .header("Content-Disposition", "attachment"),
        })
    }

    #[started]
    async fn load(&self) -> Result<()> {
        self.data.load(&self.db).await
    }

    #[stopped]
    async fn save(&self) -> Result<()> {
        self.data.save(&self.db).await
    }
}
