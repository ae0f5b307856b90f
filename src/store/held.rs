//! What the mirror holds of objects that are only named elsewhere, as in events.

use crate::{
    db::{Result, Tx},
    domain::{ids::ProjectId, kind::Kind},
};

/// An object of the mirror, and what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Held {
    /// Our id.
    pub id: String,
    /// Stripe's id.
    pub stripe_id: String,
    /// Our id of its customer.
    pub customer_id: Option<String>,
    /// Our id of the object whose page shows it: a price's product, a charge's invoice.
    pub parent_id: Option<String>,
}

/// Those of some objects that the mirror holds, by our ids.
pub async fn of_kind<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    kind: Kind,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Held>> {
    let (customer, parent) = match kind {
        Kind::Customer => ("id", "NULL"),
        Kind::Product => ("NULL", "NULL"),
        Kind::Price => ("NULL", "product_id"),
        Kind::Subscription | Kind::Invoice => ("customer_id", "NULL"),
        Kind::Charge => ("customer_id", "invoice_id"),
    };
    tx.query(format!(
        "SELECT id, stripe_id, {customer} AS customer_id, {parent} AS parent_id FROM {} WHERE tenant_id = $1 AND project_id = $2 AND id",
        kind.plural()
    ))
    .bind(project)
    .push_in(ids)
    .fetch_all()
    .await
}
