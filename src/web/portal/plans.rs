//! The customer's subscriptions, in the words of somebody who pays for them.

use super::guest::Guest;
use crate::db::Tx;
use crate::domain::kind::Kind;
use crate::domain::portal::Permit;
use crate::domain::price;
use crate::domain::raw::Raw;
use crate::store::list::{Filter, Slice};
use crate::store::outbox;
use crate::store::portal_settings;
use crate::store::prices::{self, Price};
use crate::store::subscriptions::{self, Subscription};
use crate::web::error::{Error, Result};
use crate::web::html;
use crate::web::language::Language;

/// Subscriptions that are looked at; nobody has more that go on.
const MOST: usize = 50;

/// A subscription as its customer sees it.
pub struct Plan {
    /// Our id. Never leaves the server.
    pub id: String,
    /// Where its pages begin.
    pub path: String,
    /// What is subscribed to.
    pub items: Vec<Item>,
    /// Stripe's word.
    pub status: String,
    /// The same in the customer's language.
    pub status_label: String,
    /// Lower-case ISO code.
    pub currency: String,
    /// What comes next, in a sentence.
    pub next: Option<String>,
    /// When the period ends, in words.
    pub period_end: Option<String>,
    /// Whether the customer may change price or quantity, as far as the subscription allows it.
    pub may_change: bool,
    /// What the customer may do about its end.
    pub ending: Option<Ending>,
    /// Whether a change waits for its confirmation.
    pub pending: bool,
}

/// What may be done about the end of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It goes on and may be cancelled.
    MayCancel,
    /// It is cancelled, and that may be taken back.
    MayKeep,
}

/// Something that is subscribed to.
pub struct Item {
    /// What the product is called.
    pub product: String,
    /// Our id of the price.
    pub price_id: String,
    /// What it costs, in a sentence.
    pub price: String,
    /// How many; none when it is paid by usage.
    pub quantity: Option<i64>,
    /// The product's word for one of it.
    pub unit: Option<String>,
    /// Stripe's id of the meter that counts it.
    pub meter: Option<String>,
    /// Unix seconds: since when the present period runs.
    pub period_start: Option<i64>,
}

impl Plan {
    /// The names of the products.
    pub fn name(&self) -> String {
        let names: Vec<&str> =
            self.items.iter().map(|item| item.product.as_str()).filter(|name| !name.is_empty()).collect();
        names.join(", ")
    }

    /// Whether the customer may cancel it.
    pub fn may_cancel(&self) -> bool {
        self.ending == Some(Ending::MayCancel)
    }

    /// Whether the customer may take a cancellation back.
    pub fn may_keep(&self) -> bool {
        self.ending == Some(Ending::MayKeep)
    }

    /// Whether something of it is paid by usage.
    pub fn is_metered(&self) -> bool {
        self.items.iter().any(|item| item.meter.is_some())
    }
}

/// The subscriptions that go on; where none does, the last one that ended.
pub async fn of(tx: &mut Tx, guest: &Guest) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    for subscription in own(tx, guest).await? {
        plans.push(plan(tx, guest, subscription).await?);
    }
    Ok(plans)
}

/// One of them by its handle.
pub async fn find(tx: &mut Tx, guest: &Guest, handle: &str) -> Result<Plan> {
    let own = own(tx, guest).await?;
    let subscription = guest.pick(handle, own, |subscription| &subscription.id)?;
    plan(tx, guest, subscription).await
}

/// Leads to the page `page` of the one plan for which `fits` holds; where there are several, the customer chooses.
pub async fn lead_to_only(guest: &Guest, page: &str, fits: impl Fn(&Plan) -> bool) -> Result<axum::response::Response> {
    let mut tx = guest.read().await?;
    let mut plans = of(&mut tx, guest).await?;
    plans.retain(fits);
    Ok(html::see_other(&match plans.as_slice() {
        [only] => format!("{}/{page}", only.path),
        _ => "/portal".to_owned(),
    }))
}

async fn own(tx: &mut Tx, guest: &Guest) -> Result<Vec<Subscription>> {
    let mine = Filter { customers: Some(vec![guest.visit.customer.customer.id.clone()]), ..Filter::default() };
    let all = subscriptions::list(tx, &guest.visit.project, &mine, &Slice::newest(MOST)).await?.rows;
    let (over, current): (Vec<_>, Vec<_>) = all.into_iter().partition(Subscription::is_over);
    let last = over.into_iter().find(|subscription| subscription.status == "canceled");
    Ok(if current.is_empty() { last.into_iter().collect() } else { current })
}

async fn plan(tx: &mut Tx, guest: &Guest, subscription: Subscription) -> Result<Plan> {
    let (project, language) = (&guest.visit.project, guest.language);
    let detail = subscriptions::find(tx, project, &subscription.id).await?.ok_or(Error::NotFound)?;
    let raw = Raw::parse(&detail.raw);
    let runs = matches!(subscription.status.as_str(), "active" | "trialing" | "past_due");
    let goes_on = runs && subscription.ends_at().is_none();
    let items = items(tx, guest, &raw).await?;
    let may_change = guest.may(Permit::Plan) || guest.may(Permit::Quantity);
    Ok(Plan {
        path: format!("/portal/plans/{}", guest.handle(&subscription.id)),
        next: next(&subscription, language),
        period_end: subscription.current_period_end.map(|at| language.day(at)),
        // as at Stripe: who subscribes to several things at once asks the business
        may_change: may_change && goes_on && items.len() == 1,
        ending: ending(&subscription, goes_on).filter(|_| guest.may(Permit::Cancel)),
        pending: outbox::is_waiting_for(tx, project, &subscription.stripe_id).await?,
        status_label: status(language, &subscription.status),
        status: subscription.status,
        currency: raw.text("/currency").unwrap_or_default().to_owned(),
        items,
        id: subscription.id,
    })
}

fn ending(subscription: &Subscription, goes_on: bool) -> Option<Ending> {
    let cancelled = !subscription.is_over() && subscription.cancel_at_period_end;
    goes_on.then_some(Ending::MayCancel).or(cancelled.then_some(Ending::MayKeep))
}

/// A state of Stripe's, in the customer's language.
pub fn status(language: &Language, word: &str) -> String {
    language.find(&format!("status-{word}"), &[]).unwrap_or_else(|| crate::domain::status::words(word))
}

async fn items(tx: &mut Tx, guest: &Guest, subscription: &Raw) -> Result<Vec<Item>> {
    let (project, rows) = (&guest.visit.project, subscription.list("/items"));
    let id = |item: &Raw| Kind::Price.derive_id(project, item.reference("/price").unwrap_or_default());
    let ids: Vec<String> = rows.iter().map(id).collect();
    let known = prices::find_all(tx, project, ids.iter().map(String::as_str)).await?;
    let item = |(item, price_id): (&Raw, String)| {
        let price = known.iter().find(|price| price.id == price_id);
        let unit = price.and_then(unit);
        Item {
            product: price.map(|price| price.product_name.clone()).unwrap_or_default(),
            price: guest.language.price(&price::terms(&item.at("/price")), unit.as_deref()),
            quantity: item.int("/quantity"),
            meter: item.text("/price/recurring/meter").map(ToOwned::to_owned),
            period_start: item.int("/current_period_start").or(subscription.int("/current_period_start")),
            unit,
            price_id,
        }
    };
    Ok(rows.iter().zip(ids).map(item).collect())
}

/// A price that a customer may change to.
pub struct Offer {
    /// Our id. Never leaves the server.
    pub id: String,
    /// How the form names it.
    pub handle: String,
    /// What the product is called.
    pub product: String,
    /// What it costs, in a sentence.
    pub price: String,
    /// Whether it is the present one.
    pub current: bool,
}

/// What the project offers in the currency of a plan, with the plan's present price.
pub async fn offers(tx: &mut Tx, guest: &Guest, plan: &Plan) -> Result<Vec<Offer>> {
    let project = &guest.visit.project;
    let current = plan.items.first().map(|item| item.price_id.clone()).unwrap_or_default();
    let mut ids = if guest.may(Permit::Plan) { portal_settings::prices(tx, project).await? } else { Vec::new() };
    if !ids.contains(&current) {
        ids.push(current.clone());
    }
    let found = prices::find_all(tx, project, ids.iter().map(String::as_str)).await?;
    let fits = |price: &Price, raw: &Raw| {
        let offered = price.status == "active" && price.currency.eq_ignore_ascii_case(&plan.currency);
        price.id == current || offered && raw.text("/recurring/interval").is_some()
    };
    let mut offers: Vec<(i64, Offer)> = Vec::new();
    for price in found {
        let raw = Raw::parse(&price.raw);
        if fits(&price, &raw) {
            let offer = Offer {
                handle: guest.handle(&price.id),
                price: guest.language.price(&price::terms(&raw), unit(&price).as_deref()),
                product: price.product_name,
                current: price.id == current,
                id: price.id,
            };
            offers.push((raw.int("/unit_amount").unwrap_or(i64::MAX), offer));
        }
    }
    offers.sort_by(|(cost, one), (other_cost, other)| (cost, &one.product).cmp(&(other_cost, &other.product)));
    Ok(offers.into_iter().map(|(_, offer)| offer).collect())
}

/// The product's word for one unit.
fn unit(price: &Price) -> Option<String> {
    Raw::parse(&price.product_raw).text("/unit_label").map(ToOwned::to_owned)
}

/// What happens to it next.
fn next(subscription: &Subscription, language: &Language) -> Option<String> {
    let said = |key: &str, at: i64| Some(language.say_with(key, &[("day", &language.day(at))]));
    if let Some(at) = subscription.ended_at {
        return said("next-ended", at);
    }
    if let Some(at) = subscription.ends_at() {
        return said("next-ends", at);
    }
    if let Some(at) = subscription.trial_until() {
        return said("next-trial", at);
    }
    subscription.renews_at().and_then(|at| said("next-renews", at))
}
