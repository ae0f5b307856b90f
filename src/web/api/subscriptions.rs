//! Subscriptions.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::customers::Customer;
use super::guard::Caller;
use super::listing::{self, List};
use super::objects::{self, Customers, Metadata, Reference, fields, path_id, stripe_object};
use super::parameters::Asked;
use super::prices::Products;
use super::products::Product;
use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::objects::{Reference as StripeReference, lenient};
use crate::store::subscriptions::{self, Detail, ItemOf};
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// A customer's agreement to pay again and again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Subscription {
    /// Our id; the same after a new import.
    #[schema(example = "ps_4gq2w7mnv3xk5c6tzb1ahd8e")]
    id: String,
    /// Always `subscription`.
    #[schema(example = "subscription")]
    object: &'static str,
    /// Stripe's id.
    #[schema(example = "sub_1MowQVLkdIwHu7ixeRlqHVzs")]
    stripe_id: String,
    /// When it was made, in unix seconds.
    created: i64,
    /// Whether real money moves.
    livemode: bool,
    /// Stripe's word, such as `active`, `trialing`, `past_due` or `canceled`.
    #[schema(example = "active")]
    status: String,
    /// The customer; whole with `expand[]=customer`.
    #[schema(schema_with = objects::customer)]
    customer: Reference<Customer>,
    /// Stripe's id of the customer.
    customer_stripe_id: Option<String>,
    /// Lower-case ISO code.
    #[schema(example = "usd")]
    currency: String,
    /// In minor units, per period of the first item; metered items are not counted.
    amount: i64,
    /// What is paid for.
    items: Vec<SubscriptionItem>,
    /// In unix seconds.
    current_period_start: Option<i64>,
    /// In unix seconds.
    current_period_end: Option<i64>,
    /// Whether it ends when the period does.
    cancel_at_period_end: bool,
    /// When it will end, in unix seconds.
    cancel_at: Option<i64>,
    /// When the end was asked for, in unix seconds.
    canceled_at: Option<i64>,
    /// When it ended, in unix seconds.
    ended_at: Option<i64>,
    /// When the trial ends or ended, in unix seconds.
    trial_end: Option<i64>,
    /// What the tenant attached at Stripe.
    metadata: Metadata,
    /// The moment for which this state is proven, in unix seconds.
    synced_at: i64,
    /// The object as Stripe sent it; with `expand[]=stripe_object`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    stripe_object: Option<Box<RawValue>>,
}

/// One price of a subscription.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubscriptionItem {
    /// Stripe's id.
    #[schema(example = "si_NcLYdDxLHxlFo7")]
    stripe_id: String,
    /// Our id of the price.
    price: String,
    /// The product; whole with `expand[]=product`.
    #[schema(schema_with = objects::product)]
    product: Reference<Product>,
    /// None when it is metered.
    quantity: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(deserialize_with = "lenient")]
    livemode: bool,
    #[serde(deserialize_with = "lenient")]
    customer: StripeReference,
    #[serde(deserialize_with = "lenient")]
    metadata: Metadata,
}

/// What the subscriptions of a page refer to.
struct Around {
    customers: Customers,
    products: Products,
    items: Vec<ItemOf>,
}

impl Around {
    async fn load(tx: &mut Tx, project: &ProjectId, asked: &Asked, rows: &[Detail]) -> Result<Self> {
        let ids = rows.iter().map(|row| row.subscription.id.as_str());
        let items = subscriptions::items_of(tx, project, ids).await?;
        let customers = rows.iter().map(|row| row.subscription.customer_id.as_str());
        let customers = Customers::load(tx, project, asked, customers).await?;
        let products = if asked.expands("product") {
            Products::load(tx, project, asked, items.iter().map(|item| item.item.product_id.as_str())).await?
        } else {
            Products::default()
        };
        Ok(Self { customers, products, items })
    }

    fn items(&self, subscription: &str) -> Vec<SubscriptionItem> {
        let own = self.items.iter().filter(|item| item.subscription_id == subscription);
        own.map(|ItemOf { item, .. }| SubscriptionItem {
            stripe_id: item.stripe_id.clone(),
            price: item.price_id.clone(),
            product: self.products.reference(item.product_id.clone()),
            quantity: item.quantity,
        })
        .collect()
    }
}

impl Subscription {
    fn new(row: Detail, around: &Around, asked: &Asked) -> Self {
        let fields: Fields = fields(&row.raw);
        let subscription = row.subscription;
        Self {
            object: "subscription",
            stripe_object: stripe_object(asked, &row.raw),
            items: around.items(&subscription.id),
            id: subscription.id,
            stripe_id: subscription.stripe_id,
            created: subscription.created,
            livemode: fields.livemode,
            status: subscription.status,
            customer: around.customers.reference(subscription.customer_id),
            customer_stripe_id: fields.customer.0,
            currency: subscription.currency,
            amount: subscription.amount,
            current_period_start: row.current_period_start,
            current_period_end: subscription.current_period_end,
            cancel_at_period_end: subscription.cancel_at_period_end,
            cancel_at: subscription.cancel_at,
            canceled_at: row.canceled_at,
            ended_at: subscription.ended_at,
            trial_end: subscription.trial_end,
            metadata: fields.metadata,
            synced_at: row.version_at,
        }
    }
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<Subscription>>> {
    let (mut tx, project) = (caller.read().await?, caller.project());
    let mut filter = listing::filter(&asked, project);
    if let Some(price) = asked.text("price") {
        let price = Kind::Price.resolve_id(project, price);
        filter.price = Some(subscriptions::with_price(&mut tx, project, price).await?);
    }
    let slice = listing::slice(&mut tx, project, Kind::Subscription, &asked).await?;
    let part = subscriptions::list_whole(&mut tx, project, &filter, &slice).await?;
    let around = Around::load(&mut tx, project, &asked, &part.rows).await?;
    Ok(listing::answer(part, |row| Subscription::new(row, &around, &asked)))
}

pub(super) async fn retrieve(caller: Caller, asked: Asked, id: Path<String>) -> Result<Json<Subscription>> {
    let id = Kind::Subscription.resolve_id(caller.project(), &path_id(id)?);
    one(&caller, &asked, &id).await
}

/// One subscription by our id.
pub(super) async fn one(caller: &Caller, asked: &Asked, id: &str) -> Result<Json<Subscription>> {
    let (mut tx, project) = (caller.read().await?, caller.project());
    let row = subscriptions::find(&mut tx, project, id).await?.ok_or(Error::NotFound)?;
    let around = Around::load(&mut tx, project, asked, std::slice::from_ref(&row)).await?;
    Ok(Json(Subscription::new(row, &around, asked)))
}
