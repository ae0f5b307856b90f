//! Prices.

use std::collections::HashMap;

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::guard::Caller;
use super::listing::{self, List};
use super::objects::{self, Metadata, Reference, fields, path_id, stripe_object};
use super::parameters::Asked;
use super::products::Product;
use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::objects::lenient;
use crate::domain::{price, raw::Raw};
use crate::store::prices::{self, Detail};
use crate::store::products;
use crate::web::error::{Error, Result};
use crate::web::extract::Path;

/// What a product costs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Price {
    /// Our id; the same after a new import.
    #[schema(example = "pri_4gq2w7mnv3xk5c6tzb1ahd8e")]
    id: String,
    /// Always `price`.
    #[schema(example = "price")]
    object: &'static str,
    /// Stripe's id.
    #[schema(example = "price_1MoBy5LkdIwHu7ixZhnattbh")]
    stripe_id: String,
    /// When it was made, in unix seconds.
    created: i64,
    /// Whether real money moves.
    livemode: bool,
    /// `active`, `archived` or `deleted`.
    #[schema(example = "active")]
    status: String,
    /// The product; whole with `expand[]=product`.
    #[schema(schema_with = objects::product)]
    product: Reference<Product>,
    /// The price in one sentence.
    #[schema(example = "$10.00 per seat per month")]
    sentence: String,
    /// The tenant's own name for it.
    nickname: Option<String>,
    /// A name by which programs find it.
    lookup_key: Option<String>,
    /// Lower-case ISO code.
    #[schema(example = "usd")]
    currency: String,
    /// In minor units; none where the price has tiers or is finer than the minor unit.
    unit_amount: Option<i64>,
    /// In minor units, as a decimal.
    unit_amount_decimal: Option<String>,
    /// `per_unit` or `tiered`.
    #[schema(example = "per_unit")]
    billing_scheme: String,
    /// `graduated` or `volume`; none without tiers.
    tiers_mode: Option<String>,
    /// How often it is charged; none for something that is paid once.
    recurring: Option<Recurring>,
    /// What the tenant attached at Stripe.
    metadata: Metadata,
    /// The moment for which this state is proven, in unix seconds.
    synced_at: i64,
    /// The object as Stripe sent it; with `expand[]=stripe_object`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    stripe_object: Option<Box<RawValue>>,
}

/// How often something is charged.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Recurring {
    /// `day`, `week`, `month` or `year`.
    #[schema(example = "month")]
    interval: String,
    /// Every how many intervals.
    #[schema(example = 1)]
    interval_count: i64,
    /// `licensed` or `metered`.
    #[schema(example = "licensed")]
    usage_type: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(deserialize_with = "lenient")]
    livemode: bool,
    #[serde(deserialize_with = "lenient")]
    unit_amount_decimal: Option<String>,
    #[serde(deserialize_with = "lenient")]
    tiers_mode: Option<String>,
    #[serde(deserialize_with = "lenient")]
    metadata: Metadata,
}

impl Price {
    fn new(row: Detail, products: &Products, asked: &Asked) -> Self {
        let fields: Fields = fields(&row.raw);
        Self {
            object: "price",
            stripe_object: stripe_object(asked, &row.raw),
            sentence: price::sentence(&Raw::parse(&row.raw), products.unit_label(&row.product_id)),
            product: products.reference(row.product_id),
            id: row.id,
            stripe_id: row.stripe_id,
            created: row.created,
            livemode: fields.livemode,
            status: row.status,
            nickname: row.nickname,
            lookup_key: row.lookup_key,
            currency: row.currency,
            unit_amount: row.unit_amount,
            unit_amount_decimal: fields.unit_amount_decimal,
            billing_scheme: row.billing_scheme,
            tiers_mode: fields.tiers_mode,
            recurring: row.recurring_interval.map(|interval| Recurring {
                interval,
                interval_count: row.recurring_count.unwrap_or(1),
                usage_type: row.usage_type,
            }),
            metadata: fields.metadata,
            synced_at: row.version_at,
        }
    }
}

/// The products that references lead to.
#[derive(Debug, Default)]
pub(super) struct Products {
    known: HashMap<String, (Product, Option<String>)>,
    expanded: bool,
}

impl Products {
    /// Reads the products of a page in one go.
    pub(super) async fn load<'a>(
        tx: &mut Tx,
        project: &ProjectId,
        asked: &Asked,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self> {
        let found = products::find_all(tx, project, ids).await?;
        let known = found.into_iter().map(|row| {
            let unit = Raw::parse(&row.raw).text("/unit_label").map(str::to_owned);
            (row.product.id.clone(), (Product::new(row, &Asked::default()), unit))
        });
        Ok(Self { known: known.collect(), expanded: asked.expands("product") })
    }

    /// The product or the id. A product that has not arrived yet stays an id.
    pub(super) fn reference(&self, id: String) -> Reference<Product> {
        match self.known.get(&id).filter(|_| self.expanded) {
            Some((product, _)) => Reference::Object(Box::new(product.clone())),
            None => Reference::Id(id),
        }
    }

    fn unit_label(&self, id: &str) -> Option<&str> {
        self.known.get(id)?.1.as_deref()
    }
}

pub(super) async fn list(caller: Caller, asked: Asked) -> Result<Json<List<Price>>> {
    let (mut tx, project) = (caller.read().await?, caller.project());
    let mut filter = listing::filter(&asked, project);
    filter.product = asked.text("product").map(|id| Kind::Product.resolve_id(project, id));
    let slice = listing::slice(&mut tx, project, Kind::Price, &asked).await?;
    let part = prices::list(&mut tx, project, &filter, &slice).await?;
    let ids = part.rows.iter().map(|row| row.product_id.as_str());
    let products = Products::load(&mut tx, project, &asked, ids).await?;
    Ok(listing::answer(part, |row| Price::new(row, &products, &asked)))
}

pub(super) async fn retrieve(caller: Caller, asked: Asked, id: Path<String>) -> Result<Json<Price>> {
    let id = Kind::Price.resolve_id(caller.project(), &path_id(id)?);
    one(&caller, &asked, &id).await
}

/// One price by our id.
pub(super) async fn one(caller: &Caller, asked: &Asked, id: &str) -> Result<Json<Price>> {
    let (mut tx, project) = (caller.read().await?, caller.project());
    let row = prices::find(&mut tx, project, id).await?.ok_or(Error::NotFound)?;
    let products = Products::load(&mut tx, project, asked, [row.product_id.as_str()]).await?;
    Ok(Json(Price::new(row, &products, asked)))
}
