//! Orders, payments, and what their events cause.

use serde_json::json;

use super::step::{Step, delete, get, post, put};

pub(super) fn steps() -> Vec<Step> {
    let order = |body: &str| post("/api/orders", body).by("ADA_TOKEN");
    let status = |id: &str, body: &str| put(&format!("/api/orders/{id}/status"), body).by("ADA_TOKEN");
    let mine = |path: &str| get(path).by("ADA_TOKEN");
    vec![
        post("/api/orders", r#"{"productId":"$LAMP","quantity":1}"#),
        order(r#"{"productId":"$LAMP","quantity":2}"#).save("ORDER", "/body/id"),
        get("/api/public/products/$LAMP"),
        order(r#"{"productId":"$NOVEL","quantity":3,"payment":"invoice","note":"wrap it"}"#)
            .save("SECOND", "/body/id")
            .save("PAYMENT", "/body/paymentId"),
        order(r#"{"productId":"$NOVEL","quantity":1,"note":null}"#)
            .save("THIRD", "/body/id")
            .save("THIRD_PAYMENT", "/body/paymentId"),
        order(r#"{"productId":"$NOVEL","quantity":1}"#),
        order(r#"{"productId":"$LAMP","quantity":99}"#),
        order(r#"{"productId":"nope","quantity":1}"#),
        order(r#"{"productId":"$LAMP","quantity":0}"#),
        order(r#"{"productId":"$LAMP","quantity":1001}"#),
        order(r#"{"productId":"$LAMP","quantity":"two"}"#),
        // A gateway of Moleculer leaves texts of a URL as they are: what comes from it is converted where that helps.
        order(r#"{"productId":"$LAMP","quantity":"0"}"#).differs_beside(
            &["orders"],
            &["api"],
            json!({ "body": {
                "name": "ValidationError",
                "message": "Parameters validation error!",
                "code": 422,
                "type": "VALIDATION_ERROR",
                "data": [{
                    "type": "numberMin",
                    "message": "The 'quantity' field must be greater than or equal to 1.",
                    "field": "quantity",
                    "expected": 1,
                    "actual": "0",
                    "action": "orders.create",
                    "nodeID": "api",
                }],
            } }),
        ),
        order(r#"{"productId":"$LAMP","quantity":1.5}"#),
        order(r#"{"productId":"","quantity":1}"#)
            .texts(&["orders"], &[("productId", "The 'productId' field must have at least 1 character.")]),
        order(r#"{"productId":"$LAMP","quantity":1,"payment":"gold","note":5}"#).texts(
            &["orders"],
            &[("payment", "The 'payment' field must be one of 'card', 'invoice', 'slow', 'broken'.")],
        ),
        order(r#"{"productId":"$LAMP","quantity":1,"coupon":"x","extra":1}"#).texts(
            &["orders"],
            &[("", "The request must not have 'coupon', 'extra': no such field is known.")],
        ),
        order("{}"),
        order(r#"{"productId":"$ATLAS","quantity":2}"#),
        order(r#"{"productId":"$LAMP","quantity":1,"payment":"broken"}"#),
        order(r#"{"productId":"$LAMP","quantity":1,"payment":"slow"}"#),
        get("/api/public/products/$LAMP"),
        get("/api/public/products/$ATLAS?fields=stock"),
        mine("/api/orders/my"),
        mine("/api/orders/my?status=shipped"),
        status("$ORDER", r#"{"status":"shipped"}"#),
        status("$ORDER", r#"{"status":"delivered"}"#),
        status("$ORDER", r#"{"status":"weird"}"#).texts(
            &["orders"],
            &[(
                "status",
                "The 'status' field must be one of 'confirmed', 'shipped', 'delivered', 'cancelled'.",
            )],
        ),
        status("$ORDER", "{}"),
        status("nope", r#"{"status":"shipped"}"#),
        mine("/api/orders/my?status=delivered"),
        mine("/api/orders/$ORDER"),
        mine("/api/orders/$ORDER?populate=productId"),
        mine("/api/orders/$ORDER?populate=productId,userId"),
        mine("/api/orders/$ORDER?populate[]=userId&fields=userId,status"),
        mine("/api/orders/$ORDER?populate=nonsense&fields=status").differs(
            &["orders"],
            json!({ "status": 422, "body": {
                "name": "ValidationError",
                "message": "Parameters validation error!",
                "code": 422,
                "type": "VALIDATION_ERROR",
                "data": [{
                    "type": "populate",
                    "field": "populate",
                    "message": "The field 'nonsense' cannot be populated.",
                }],
            } }),
        ),
        mine("/api/orders/$OLD_ORDER"),
        mine("/api/orders/nope"),
        get("/api/orders/my").by("OLD_TOKEN"),
        get("/admin/orders/list?sort=-totalPrice&query[userId]=$ADA").by("ROOT_TOKEN"),
        get("/admin/orders/list?sort=totalPrice&pageSize=1&populate=productId&query[userId]=$ADA")
            .by("ROOT_TOKEN"),
        // What was removed is answered, not how many.
        delete("/api/orders/$THIRD").by("ADA_TOKEN").differs(
            &["orders"],
            json!({ "body": {
                "id": "$THIRD",
                "userId": "$ADA",
                "productId": "$NOVEL",
                "quantity": 1,
                "totalPrice": 10,
                "status": "confirmed",
                "paymentId": "$THIRD_PAYMENT",
                "note": null,
                "createdAt": "2026-01-31T12:00:00.000Z",
            } }),
        ),
        mine("/api/orders/$THIRD"),
        mine("/api/payments/total"),
        mine("/api/billing/total"),
        mine("/api/payments/methods"),
        mine("/api/payments/sheet"),
        mine("/api/payments/receipt/text"),
        mine("/api/payments/receipt/bytes"),
        mine("/api/payments/receipt/none"),
        mine("/api/payments/receipt/paper").texts(
            &["payments"],
            &[("format", "The 'format' field must be one of 'text', 'bytes', 'none'.")],
        ),
        delete("/api/payments/$PAYMENT").by("ADA_TOKEN").differs(
            &["payments"],
            json!({ "body": { "id": "$PAYMENT", "userId": "$ADA", "amount": 30, "method": "invoice" } }),
        ),
        mine("/api/payments/total"),
        mine("/api/notifications/my").rows(9),
        get("/admin/notifications/list?sort=text&query[userId]=stockroom&search=nothing").by("ROOT_TOKEN"),
    ]
}
