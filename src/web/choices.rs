//! What a form offers for choice: prices with what they cost.

use crate::db::Tx;
use crate::domain::drafts::Proration;
use crate::domain::ids::ProjectId;
use crate::domain::money;
use crate::domain::price::sentence;
use crate::domain::raw::Raw;
use crate::store::prices::{self, Price};
use crate::web::error::Result;

/// Prices offered at most; any other is named by its id.
const MOST: i64 = 300;

/// The active prices: our id, and a line such as `Pro: $10.00 per seat per month (USD)`.
pub async fn prices(tx: &mut Tx, project: &ProjectId, recurring: Option<bool>) -> Result<Vec<(String, String)>> {
    let prices = prices::active(tx, project, recurring, MOST).await?;
    Ok(prices.into_iter().map(|price| (price.id.clone(), line(&price))).collect())
}

/// The active prices that are paid again and again whatever is used: our id, and the line.
pub async fn licensed_prices(tx: &mut Tx, project: &ProjectId) -> Result<Vec<(String, String)>> {
    let prices = prices::active(tx, project, Some(true), MOST).await?;
    let licensed = prices.into_iter().filter(|price| !is_metered(price));
    Ok(licensed.map(|price| (price.id.clone(), line(&price))).collect())
}

fn is_metered(price: &Price) -> bool {
    Raw::parse(&price.raw).text("/recurring/usage_type") == Some("metered")
}

/// A price in one line.
pub fn line(price: &Price) -> String {
    let product = Raw::parse(&price.product_raw);
    let cost = sentence(&Raw::parse(&price.raw), product.text("/unit_label"));
    let name = if price.product_name.is_empty() { &price.product_id } else { &price.product_name };
    let nickname = price.nickname.as_deref().map(|nickname| format!(" ({nickname})")).unwrap_or_default();
    format!("{name}{nickname}: {cost} · {}", money::code(&price.currency))
}

/// How the rest of a period is settled: Stripe's word, what it means, and what that leads to.
pub fn prorations() -> [(&'static str, &'static str, &'static str); 3] {
    Proration::ALL.map(|proration| {
        let (when, meaning) = match proration {
            Proration::CreateProrations => ("On the next invoice.", "Unused and new time are settled there."),
            Proration::AlwaysInvoice => ("At once.", "An invoice over the difference is made now."),
            Proration::None => ("Not at all.", "The new price counts from the next period."),
        };
        (proration.as_str(), when, meaning)
    })
}
