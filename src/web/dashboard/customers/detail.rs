//! One customer with their subscriptions, invoices, charges and history.

use askama::Template;
use axum::response::Response;

use crate::domain::kind::Kind;
use crate::domain::raw::{self, Raw};
use crate::domain::{money, status};
use crate::store::list::{Filter, Slice};
use crate::store::{charges, customers, invoices, outbox, subscriptions, timeline as events};
use crate::web::access::Viewer;
use crate::web::dashboard::rows::{self, ChargeRow, InvoiceRow, SubscriptionRow};
use crate::web::dashboard::show::{self, Fact};
use crate::web::dashboard::timeline::{self, Entry};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::html;
use crate::web::shell::{Nav, Shell};

/// Rows of each kind that the page shows; the list has the rest.
const ROWS: usize = 10;
/// Lines of the timeline.
const EVENTS: i64 = 30;

#[derive(Template)]
#[template(path = "customers/detail.html")]
struct CustomerPage {
    shell: Shell,
    detail: customers::Detail,
    facts: Vec<Fact>,
    metadata: Vec<(String, String)>,
    subscriptions: Vec<SubscriptionRow>,
    more_subscriptions: bool,
    invoices: Vec<InvoiceRow>,
    more_invoices: bool,
    charges: Vec<ChargeRow>,
    timeline: Vec<Entry>,
    raw: String,
    in_stripe: Option<String>,
    /// Whether a change waits for its confirmation.
    pending: bool,
}

impl CustomerPage {
    fn called(&self) -> &str {
        let customer = &self.detail.customer;
        show::called(&customer.name, &customer.email, &customer.stripe_id)
    }

    fn explanation(&self) -> Option<&'static str> {
        status::explanation(Kind::Customer, &self.detail.customer.status).filter(|_| self.detail.deleted_at.is_none())
    }
}

pub(super) async fn detail(viewer: Viewer, Path((_, _, id)): Path<(String, String, String)>) -> Result<Response> {
    let project = &viewer.project.id;
    let id = Kind::Customer.resolve_id(project, &id);
    let mut tx = viewer.read().await?;
    let detail = customers::find(&mut tx, project, &id).await?.ok_or(Error::NotFound)?;
    let mine = Filter { customers: Some(vec![id.clone()]), ..Filter::default() };
    let subscriptions = subscriptions::list(&mut tx, project, &mine, &Slice::newest(ROWS)).await?;
    let invoices = invoices::list(&mut tx, project, &mine, &Slice::newest(ROWS)).await?;
    let charges = charges::of_customer(&mut tx, project, &id, 10).await?;
    let events = events::of_subject(&mut tx, project, &id, EVENTS).await?;
    let raw = Raw::parse(&detail.raw);
    html::page(&CustomerPage {
        shell: viewer.shell(Nav::Customers),
        facts: facts(&detail.customer, &raw),
        metadata: raw.pairs("/metadata"),
        more_subscriptions: subscriptions.next.is_some(),
        subscriptions: rows::subscriptions(&mut tx, project, subscriptions.rows).await?,
        more_invoices: invoices.next.is_some(),
        invoices: rows::invoices(invoices.rows, viewer.now()),
        charges: rows::charges(charges),
        timeline: timeline::entries(events),
        raw: raw::pretty(&detail.raw),
        pending: outbox::is_waiting_for(&mut tx, project, &detail.customer.stripe_id).await?,
        in_stripe: show::stripe_path(&viewer, "customers", &detail.customer.stripe_id),
        detail,
    })
}

fn facts(customer: &customers::Customer, raw: &Raw) -> Vec<Fact> {
    let text = |pointer: &str| raw.text(pointer).map(ToOwned::to_owned);
    let list = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join(", "));
    show::facts([
        ("Name", Some(customer.name.clone()).filter(|name| !name.is_empty())),
        ("E-mail", Some(customer.email.clone()).filter(|email| !email.is_empty())),
        ("Phone", text("/phone")),
        ("Description", text("/description")),
        ("Address", show::address(raw, "/address")),
        ("Shipping", show::address(raw, "/shipping/address")),
        ("Currency", customer.currency.as_deref().map(money::code)),
        ("Balance", balance(customer)),
        ("Discount", list(show::discounts(raw))),
        ("Tax", text("/tax_exempt").filter(|exempt| exempt != "none").map(|exempt| format!("Tax {exempt}"))),
        ("Tax ids", list(tax_ids(raw))),
        ("Languages", list(raw.list("/preferred_locales").iter().filter_map(|l| l.text("").map(Into::into)).collect())),
        ("Payment method", raw.reference("/invoice_settings/default_payment_method").map(ToOwned::to_owned)),
        ("Invoice prefix", text("/invoice_prefix")),
    ])
}

/// What the customer has in advance, or owes on the next invoice.
fn balance(customer: &customers::Customer) -> Option<String> {
    let currency = customer.currency.as_deref()?;
    let amount = i64::try_from(customer.balance.unsigned_abs()).unwrap_or(i64::MAX);
    match customer.balance {
        0 => None,
        ..0 => Some(format!("{} credit for the next invoice", money::with_code(amount, currency))),
        _ => Some(format!("{} owed on the next invoice", money::with_code(amount, currency))),
    }
}

fn tax_ids(raw: &Raw) -> Vec<String> {
    let ids = raw.list("/tax_ids");
    ids.iter().filter_map(|id| Some(format!("{} {}", id.text("/type")?.to_uppercase(), id.text("/value")?))).collect()
}
