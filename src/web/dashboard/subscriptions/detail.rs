//! One subscription.

use askama::Template;
use axum::response::Response;

use crate::domain::kind::Kind;
use crate::domain::raw::{self, Raw};
use crate::domain::{status, time};
use crate::store::list::{Filter, Slice};
use crate::store::{invoices, outbox, subscriptions, timeline as events};
use crate::web::access::Viewer;
use crate::web::dashboard::rows::{self, InvoiceRow, SubscriptionRow};
use crate::web::dashboard::show::{self, Fact};
use crate::web::dashboard::timeline::{self, Entry};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;
use crate::web::html;
use crate::web::items::{self, ItemRow};
use crate::web::shell::{Nav, Shell};

/// Invoices that the page shows; the list has the rest.
const ROWS: usize = 10;
/// Lines of the timeline.
const EVENTS: i64 = 30;

#[derive(Template)]
#[template(path = "subscriptions/detail.html")]
struct SubscriptionPage {
    shell: Shell,
    detail: subscriptions::Detail,
    row: SubscriptionRow,
    items: Vec<ItemRow>,
    facts: Vec<Fact>,
    metadata: Vec<(String, String)>,
    invoices: Vec<InvoiceRow>,
    more_invoices: bool,
    timeline: Vec<Entry>,
    raw: String,
    in_stripe: Option<String>,
    /// Whether the collection is paused.
    paused: bool,
    /// Whether a change waits for its confirmation.
    pending: bool,
}

impl SubscriptionPage {
    /// One that has ended cannot be changed any more.
    fn may_act(&self) -> bool {
        self.detail.deleted_at.is_none() && !self.detail.subscription.is_over()
    }

    fn explanation(&self) -> Option<&'static str> {
        let deleted = self.detail.deleted_at.is_some();
        status::explanation(Kind::Subscription, &self.detail.subscription.status).filter(|_| !deleted)
    }
}

pub(super) async fn detail(viewer: Viewer, Path((_, _, id)): Path<(String, String, String)>) -> Result<Response> {
    let project = &viewer.project.id;
    let id = Kind::Subscription.resolve_id(project, &id);
    let mut tx = viewer.read().await?;
    let detail = subscriptions::find(&mut tx, project, &id).await?.ok_or(Error::NotFound)?;
    let subscription = &detail.subscription;
    let raw = Raw::parse(&detail.raw);
    let mine = Filter {
        customers: Some(vec![subscription.customer_id.clone()]),
        subscription: Some(id.clone()),
        ..Filter::default()
    };
    let invoices = invoices::list(&mut tx, project, &mine, &Slice::newest(ROWS)).await?;
    let (customer, object) = (&subscription.customer_id, &subscription.stripe_id);
    let events = events::of_object(&mut tx, project, customer, object, EVENTS).await?;
    let items = items::of(&mut tx, project, &raw).await?;
    let mut row = rows::subscriptions(&mut tx, project, vec![subscription.clone()]).await?;
    html::page(&SubscriptionPage {
        shell: viewer.shell(Nav::Subscriptions),
        row: row.pop().ok_or(Error::NotFound)?,
        items,
        facts: facts(&raw),
        metadata: raw.pairs("/metadata"),
        more_invoices: invoices.next.is_some(),
        invoices: rows::invoices(invoices.rows, viewer.now()),
        timeline: timeline::entries(events),
        raw: raw::pretty(&detail.raw),
        paused: !raw.at("/pause_collection").is_empty(),
        pending: outbox::is_waiting_for(&mut tx, project, object).await?,
        in_stripe: show::stripe_path(&viewer, "subscriptions", object),
        detail,
    })
}

fn facts(raw: &Raw) -> Vec<Fact> {
    let text = |pointer: &str| raw.text(pointer).map(ToOwned::to_owned);
    let discounts = show::discounts(raw);
    show::facts([
        ("Description", text("/description")),
        ("Discount", (!discounts.is_empty()).then(|| discounts.join(", "))),
        ("Collection", text("/collection_method").map(|method| collection(&method, raw.int("/days_until_due")))),
        ("Collection paused", text("/pause_collection/behavior").map(|behavior| status::words(&behavior))),
        ("Automatic tax", raw.flag("/automatic_tax/enabled").then(|| "On".to_owned())),
        ("Payment method", raw.reference("/default_payment_method").map(ToOwned::to_owned)),
        ("Billing anchor", raw.int("/billing_cycle_anchor").map(time::day)),
        ("Schedule", raw.reference("/schedule").map(ToOwned::to_owned)),
        ("Cancellation", text("/cancellation_details/reason").map(|reason| status::words(&reason))),
        ("Customer's reason", text("/cancellation_details/feedback").map(|feedback| status::words(&feedback))),
        ("Customer's words", text("/cancellation_details/comment")),
    ])
}

fn collection(method: &str, days: Option<i64>) -> String {
    match (method, days) {
        ("charge_automatically", _) => "Charged automatically".to_owned(),
        ("send_invoice", Some(days)) => format!("By invoice, due after {days} days"),
        ("send_invoice", None) => "By invoice".to_owned(),
        (other, _) => status::words(other),
    }
}
