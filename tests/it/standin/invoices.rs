//! A program makes invoices by hand, and their customers pay them on a page.

use serde_json::{Value, json};

use super::client::{Caller, assert_refused, event_count, id, monthly, payer, payer_with, seeded, types_since};
use super::description::faults;

fn assert_fits(name: &str, value: &Value) {
    assert_eq!(faults(name, value), Vec::<String>::new());
}

async fn draft(stripe: &Caller, customer: &Value, more: &str) -> Value {
    let made = stripe.change("/v1/invoices", &format!("customer={}{more}", id(customer))).await;
    assert_fits("invoice", &made);
    made
}

async fn item(stripe: &Caller, customer: &Value, cents: i64, more: &str) -> Value {
    let body = format!("customer={}&currency=usd&amount={cents}&description=Work{more}", id(customer));
    let made = stripe.change("/v1/invoiceitems", &body).await;
    assert_fits("invoiceitem", &made);
    made
}

#[tokio::test]
async fn a_draft_is_filled_finalized_and_paid() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let customer = payer(&stripe).await;
    item(&stripe, &customer, 1000, "").await;
    let made = draft(&stripe, &customer, "&pending_invoice_items_behavior=include&metadata[job]=7").await;
    assert_eq!((&made["status"], &made["total"], &made["number"]), (&json!("draft"), &json!(1000), &Value::Null));
    let extra = item(&stripe, &customer, 500, &format!("&invoice={}", id(&made))).await;
    let path = format!("/v1/invoices/{}", id(&made));
    assert_eq!(stripe.ok(&path).await["total"], 1500);
    stripe.change(&format!("/v1/invoiceitems/{}", id(&extra)), "amount=700").await;
    assert_eq!(stripe.ok(&path).await["total"], 1700);
    assert_eq!(stripe.delete(&format!("/v1/invoiceitems/{}", id(&extra))).await.json()["deleted"], true);
    assert_eq!(stripe.all(&format!("{path}/lines"), 10).await.len(), 1);
    stripe.change("/v1/coupons", "amount_off=100&currency=usd&duration=once&id=HUNDRED").await;
    assert_eq!(stripe.change(&path, "discounts[0][coupon]=HUNDRED").await["total"], 900);
    let before = event_count(&stripe).await;
    let open = stripe.change(&format!("{path}/finalize"), "auto_advance=false").await;
    assert_fits("invoice", &open);
    assert_eq!(
        (&open["status"], &open["amount_due"], &open["auto_advance"]),
        (&json!("open"), &json!(900), &json!(false))
    );
    assert!(open["number"].as_str().unwrap().ends_with("-0001"));
    assert_eq!(types_since(&stripe, before).await, ["customer.updated", "payment_intent.created", "invoice.finalized"]);
    let again = stripe.post(&format!("{path}/finalize"), "").await;
    assert_refused(&again, 400, Some("invoice_already_finalized"), None);
    assert_refused(&stripe.post(&path, "discounts=").await, 400, Some("invoice_not_editable"), Some("discounts"));
    assert_refused(&stripe.delete(&path).await, 400, Some("invoice_not_editable"), None);
    assert_eq!(stripe.change(&path, "metadata[job]=8").await["metadata"], json!({"job": "8"}));
    let paid = stripe.change(&format!("{path}/pay"), "").await;
    assert_eq!(
        (&paid["status"], &paid["amount_paid"], &paid["attempt_count"]),
        (&json!("paid"), &json!(900), &json!(1))
    );
    let twice = stripe.post(&format!("{path}/pay"), "").await;
    assert_refused(&twice, 400, Some("invoice_already_paid"), None);
    let payments = stripe.all(&format!("/v1/invoice_payments?invoice={}", id(&made)), 10).await;
    assert_fits("invoice_payment", &payments[0]);
    assert_eq!((&payments[0]["status"], &payments[0]["amount_paid"]), (&json!("paid"), &json!(900)));
}

#[tokio::test]
async fn a_refused_card_leaves_the_invoice_open() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let customer = payer_with(&stripe, "pm_card_chargeCustomerFail").await;
    item(&stripe, &customer, 1000, "").await;
    let made = draft(&stripe, &customer, "&pending_invoice_items_behavior=include").await;
    let path = format!("/v1/invoices/{}", id(&made));
    let before = event_count(&stripe).await;
    let refused = stripe.send("POST", &format!("{path}/pay"), "", &[("idempotency-key", "pay-1")]).await;
    assert_refused(&refused, 402, Some("card_declined"), None);
    assert_eq!(refused.error()["payment_intent"]["status"], "requires_payment_method");
    assert!(refused.error()["charge"].as_str().unwrap().starts_with("ch_"));
    let open = stripe.ok(&path).await;
    assert_eq!(
        (&open["status"], &open["attempt_count"], &open["attempted"]),
        (&json!("open"), &json!(1), &json!(true))
    );
    let types = types_since(&stripe, before).await;
    for wanted in ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"] {
        assert!(types.iter().any(|one| one == wanted), "{wanted} is not among {types:?}");
    }
    // The decline is an answer like any other: the same request does not ask the card again.
    let replayed = stripe.send("POST", &format!("{path}/pay"), "", &[("idempotency-key", "pay-1")]).await;
    assert_eq!((replayed.status, replayed.header("idempotent-replayed")), (402, "true"));
    assert_eq!(stripe.ok(&path).await["attempt_count"], 1);
    let outside = stripe.change(&format!("{path}/pay"), "paid_out_of_band=true").await;
    assert_eq!(outside["status"], "paid");
    let nobody = stripe.change("/v1/customers", "name=Nobody").await;
    item(&stripe, &nobody, 500, "").await;
    let made = draft(&stripe, &nobody, "&pending_invoice_items_behavior=include").await;
    let answer = stripe.post(&format!("/v1/invoices/{}/pay", id(&made)), "").await;
    assert_refused(&answer, 400, Some("resource_missing"), None);
}

#[tokio::test]
async fn invoices_are_sent_voided_and_given_up() {
    let (_stand_in, _, stripe) = seeded(1).await;
    let customer = payer(&stripe).await;
    let open = async |more: &str| {
        item(&stripe, &customer, 1000, "").await;
        let made = draft(&stripe, &customer, &format!("&pending_invoice_items_behavior=include{more}")).await;
        format!("/v1/invoices/{}", id(&made))
    };
    let path = open("&collection_method=send_invoice&days_until_due=14").await;
    let sent = stripe.change(&format!("{path}/send"), "").await;
    assert_fits("invoice", &sent);
    assert_eq!((&sent["status"], &sent["due_date"]), (&json!("open"), &json!(1_795_000_000 + 14 * 86_400)));
    assert_eq!(stripe.ok("/v1/events?type=invoice.sent").await["data"][0]["data"]["object"]["id"], sent["id"]);
    let later = 1_795_000_000 + 30 * 86_400;
    assert_eq!(stripe.change(&path, &format!("due_date={later}")).await["due_date"], later);
    let given_up = stripe.change(&format!("{path}/mark_uncollectible"), "").await;
    assert_eq!(given_up["status"], "uncollectible");
    let void = stripe.change(&format!("{path}/void"), "").await;
    assert_eq!((&void["status"], &void["status_transitions"]["voided_at"]), (&json!("void"), &json!(1_795_000_000)));
    assert_refused(&stripe.post(&format!("{path}/pay"), "").await, 400, Some("invoice_not_editable"), None);
    let event = stripe.ok("/v1/events?type=invoice.voided").await["data"][0].clone();
    assert_eq!(event["data"]["previous_attributes"]["status"], "uncollectible");
    let automatic = open("").await;
    assert_refused(&stripe.post(&format!("{automatic}/send"), "").await, 400, None, None);
    assert_refused(&stripe.post(&automatic, "due_date=1795900000").await, 400, None, Some("due_date"));
    let owner = format!("customer={}", id(&customer));
    let missing = stripe.post("/v1/invoices", &format!("{owner}&collection_method=send_invoice")).await;
    assert_refused(&missing, 400, Some("parameter_missing"), Some("days_until_due"));
    assert_refused(
        &stripe.post("/v1/invoices", "auto_advance=true").await,
        400,
        Some("parameter_missing"),
        Some("customer"),
    );
    assert_eq!(stripe.delete(&automatic).await.json()["deleted"], true);
    assert_eq!(stripe.all("/v1/invoiceitems?pending=true", 10).await.len(), 1, "the item waits again");
}

#[tokio::test]
async fn a_customer_pays_on_the_page_and_takes_the_pdf() {
    let (stand_in, _, stripe) = seeded(30).await;
    let open = stripe.ok("/v1/invoices?status=open&limit=1").await["data"][0].clone();
    let customer = payer(&stripe).await;
    item(&stripe, &customer, 1234, "").await;
    let body = "&pending_invoice_items_behavior=include&collection_method=send_invoice&days_until_due=5";
    let made = draft(&stripe, &customer, body).await;
    let sent = stripe.change(&format!("/v1/invoices/{}/finalize", id(&made)), "").await;
    let browser = Caller::new(&stand_in, "");
    for invoice in [&open, &sent] {
        let path = invoice["hosted_invoice_url"].as_str().unwrap().strip_prefix(&stand_in.url()).unwrap();
        let page = browser.get(path).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("value=\"pay\"") && page.text.contains(invoice["number"].as_str().unwrap()));
        let refused = browser.post(path, "do=decline").await;
        assert!(refused.status == 402 && refused.text.contains("Your card was declined."));
        let paid = browser.post(path, "do=pay").await;
        assert!(paid.status == 200 && paid.text.contains("Status: paid"), "{}", paid.text);
        assert_eq!(stripe.ok(&format!("/v1/invoices/{}", id(invoice))).await["status"], "paid");
        let pdf = invoice["invoice_pdf"].as_str().unwrap().strip_prefix(&stand_in.url()).unwrap();
        let pdf = browser.get(pdf).await;
        assert_eq!((pdf.status, pdf.header("content-type")), (200, "application/pdf"));
        assert!(pdf.text.starts_with("%PDF-1.4") && pdf.text.ends_with("%%EOF\n"));
    }
    assert_eq!(browser.get("/i/acct_none/in_none").await.status, 404);
}

#[tokio::test]
async fn the_card_that_pays_a_subscription_on_the_page_is_kept_for_it() {
    let (stand_in, _, stripe) = seeded(1).await;
    let customer = stripe.change("/v1/customers", "name=Ada&email=ada@example.com").await;
    let price = monthly(&stripe, 1000).await;
    let body = format!(
        "customer={}&items[0][price]={}&payment_behavior=default_incomplete&expand[]=latest_invoice.confirmation_secret\
         &payment_settings[save_default_payment_method]=on_subscription",
        id(&customer),
        id(&price)
    );
    let made = stripe.change("/v1/subscriptions", &body).await;
    assert_fits("subscription", &made);
    let invoice = &made["latest_invoice"];
    assert!(invoice["confirmation_secret"]["client_secret"].as_str().unwrap().starts_with("pi_"));
    let path = invoice["hosted_invoice_url"].as_str().unwrap().strip_prefix(&stand_in.url()).unwrap();
    assert_eq!(Caller::new(&stand_in, "").post(path, "do=pay").await.status, 200);
    let paid = stripe.ok(&format!("/v1/subscriptions/{}?expand[]=default_payment_method", id(&made))).await;
    assert_eq!((&paid["status"], &paid["default_payment_method"]["customer"]), (&json!("active"), &customer["id"]));
    let kept = id(&paid["default_payment_method"]);
    let own = format!("/v1/customers/{}/payment_methods/{kept}", id(&customer));
    assert_eq!(stripe.ok(&own).await["id"], kept);
    let foreign = format!("/v1/customers/{}/payment_methods/pm_none", id(&customer));
    assert_refused(&stripe.get(&foreign).await, 404, Some("resource_missing"), Some("id"));
}
