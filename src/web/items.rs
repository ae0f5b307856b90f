//! The items of a subscription: what is subscribed to, how often, at what price.

use std::collections::HashMap;

use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::kind::Kind;
use crate::domain::money::grouped;
use crate::domain::price;
use crate::domain::raw::Raw;
use crate::store::prices;
use crate::web::error::Result;

/// An item.
pub struct ItemRow {
    /// What the product is called.
    pub product: String,
    /// Our id of the product.
    pub product_id: String,
    /// Our id of the price.
    pub price_id: String,
    /// The price as a sentence.
    pub price: String,
    /// How many; empty when metered.
    pub quantity: String,
    /// Unix seconds, where the API version has periods on items.
    pub period_end: Option<i64>,
}

/// The items inside a subscription's JSON, with the names of their products.
pub async fn of(tx: &mut Tx, project: &ProjectId, subscription: &Raw) -> Result<Vec<ItemRow>> {
    let items = subscription.list("/items");
    let id = |item: &Raw| Kind::Price.derive_id(project, item.reference("/price").unwrap_or_default());
    let ids: Vec<String> = items.iter().map(id).collect();
    let known = prices::find_all(tx, project, ids.iter().map(String::as_str)).await?;
    let known: HashMap<_, _> = known.into_iter().map(|price| (price.id.clone(), price)).collect();
    let row = |(item, price_id): (&Raw, String)| {
        let price = known.get(&price_id);
        let unit = price.map(|price| Raw::parse(&price.product_raw));
        let product = item.reference("/price/product").unwrap_or_default();
        ItemRow {
            product: price
                .map(|price| price.product_name.clone())
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| product.to_owned()),
            product_id: Kind::Product.derive_id(project, product),
            price: price::sentence(&item.at("/price"), unit.as_ref().and_then(|unit| unit.text("/unit_label"))),
            quantity: item.int("/quantity").map(grouped).unwrap_or_default(),
            period_end: item.int("/current_period_end"),
            price_id,
        }
    };
    Ok(items.iter().zip(ids).map(row).collect())
}
