//! What applying an object writes: the rows of the mirror, their counts, their search words.
//!
//! The guard against older states stands in each upsert itself, beside the decision that `sync` has already taken.

pub mod compare;
mod rows;
mod upsert;

pub use upsert::{Write, upsert};

use crate::{
    db::{Bulk, Result, Tx},
    domain::{
        ids::ProjectId,
        kind::{Kind, search_scope},
        objects::SubscriptionItem,
    },
};

/// Lets one writer at a time change a project's mirror, so that what it read stays true until it commits.
pub async fn lock(tx: &mut Tx, project: &ProjectId) -> Result<()> {
    let for_update = tx.engine().for_update();
    tx.query("SELECT 1 FROM projects WHERE tenant_id = $1 AND id = $2")
        .push(for_update)
        .bind(project)
        .fetch_optional_value::<i32>()
        .await?;
    Ok(())
}

/// Stripe's id of the newest object of a kind that still exists.
pub async fn newest_stripe_id(tx: &mut Tx, project: &ProjectId, kind: Kind) -> Result<Option<String>> {
    tx.query(format!(
        "SELECT stripe_id FROM {} WHERE tenant_id = $1 AND project_id = $2 AND deleted_at IS NULL ORDER BY created DESC, id DESC LIMIT 1",
        kind.plural()
    ))
    .bind(project)
    .fetch_optional_value()
    .await
}

/// An object of the mirror, as a write needs it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Mirrored {
    /// Our id.
    pub id: String,
    /// Stripe's id.
    pub stripe_id: String,
    /// The status it is counted under; `deleted` for a tombstone.
    pub status: String,
    /// As Stripe sent it.
    pub raw: String,
}

/// One object by our id.
pub async fn find(tx: &mut Tx, project: &ProjectId, kind: Kind, id: &str) -> Result<Option<Mirrored>> {
    tx.query(format!(
        "SELECT id, stripe_id, status, raw FROM {} WHERE tenant_id = $1 AND project_id = $2 AND id = $3",
        kind.plural()
    ))
    .bind(project)
    .bind(id)
    .fetch_optional()
    .await
}

/// What the mirror holds of an object.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Known {
    /// Our id.
    pub id: String,
    /// The unix second the row is proven for.
    pub version_at: i64,
    /// The status it is counted under.
    pub status: String,
    /// Whether it is a tombstone.
    pub deleted: bool,
    /// See [`crate::domain::objects::Object::digest`].
    pub digest: String,
    /// See [`crate::domain::objects::Object::indexed`].
    pub indexed: String,
}

/// What the mirror holds of these objects.
pub async fn known(tx: &mut Tx, project: &ProjectId, kind: Kind, ids: &[&str]) -> Result<Vec<Known>> {
    let (digest, indexed) = match kind {
        Kind::Customer => ("name || chr(10) || email", "created || chr(10) || email"),
        Kind::Product => ("name", "created || ''"),
        Kind::Price => ("''", "created || chr(10) || product_id"),
        Kind::Subscription => ("items_digest", "created || chr(10) || currency || chr(10) || customer_id"),
        Kind::Invoice => {
            ("''", "created || chr(10) || currency || chr(10) || number || chr(10) || COALESCE(customer_id, '')")
        }
        Kind::Charge => ("''", "created || chr(10) || COALESCE(customer_id, '')"),
    };
    let char_of = |text: &str| match tx.engine() {
        crate::db::Engine::Sqlite => text.replace("chr(", "char("),
        crate::db::Engine::Postgres => text.to_owned(),
    };
    let (digest, indexed) = (char_of(digest), char_of(indexed));
    tx.query(format!(
        "SELECT id, version_at, status, (deleted_at IS NOT NULL) AS deleted, {digest} AS digest, {indexed} AS indexed FROM {} WHERE tenant_id = $1 AND project_id = $2 AND id",
        kind.plural()
    ))
    .bind(project)
    .push_in(ids.iter().copied())
    .fetch_all()
    .await
}

/// Marks rows as deleted and keeps what they last held.
pub async fn bury(tx: &mut Tx, project: &ProjectId, kind: Kind, ids: &[&str], at: i64, now: i64) -> Result<()> {
    tx.query(format!(
        "UPDATE {} SET deleted_at = $3, status = 'deleted', synced_at = $4 WHERE tenant_id = $1 AND project_id = $2 AND deleted_at IS NULL AND id",
        kind.plural()
    ))
    .bind(project)
    .bind(at)
    .bind(now)
    .push_in(ids.iter().copied())
    .execute()
    .await?;
    Ok(())
}

/// Replaces the items of subscriptions.
pub async fn replace_items(tx: &mut Tx, project: &ProjectId, items: &[(&str, &[SubscriptionItem])]) -> Result<()> {
    const INSERT: Bulk = Bulk {
        insert: "INSERT INTO subscription_items (tenant_id, project_id, subscription_id, stripe_id, price_id, product_id, quantity)",
        columns: 5,
        suffix: "ON CONFLICT (tenant_id, project_id, subscription_id, stripe_id) DO NOTHING",
    };
    let ids: Vec<&str> = items.iter().map(|(id, _)| *id).collect();
    tx.query("DELETE FROM subscription_items WHERE tenant_id = $1 AND project_id = $2 AND subscription_id")
        .bind(project)
        .push_in(ids.iter().copied())
        .execute()
        .await?;
    let rows: Vec<(&str, &SubscriptionItem)> =
        items.iter().flat_map(|(id, items)| items.iter().map(move |item| (*id, item))).collect();
    INSERT
        .execute(tx, project.as_str(), &rows, |query, (subscription, item)| {
            query
                .bind(*subscription)
                .bind(&item.stripe_id)
                .bind(&item.price_id)
                .bind(&item.product_id)
                .bind(item.quantity)
        })
        .await?;
    Ok(())
}

/// Writes the words by which objects are found: kind, our id, words.
pub async fn set_words(tx: &mut Tx, project: &ProjectId, words: &[(Kind, &str, String)]) -> Result<()> {
    const UPSERT: Bulk = Bulk {
        insert: "INSERT INTO search (tenant_id, project_id, kind, id, scope, words)",
        columns: 4,
        suffix: "ON CONFLICT (tenant_id, project_id, kind, id) DO UPDATE SET words = excluded.words",
    };
    UPSERT
        .execute(tx, project.as_str(), words, |query, (kind, id, words)| {
            query.bind(kind.as_str()).bind(*id).bind(search_scope(project, *kind)).bind(words)
        })
        .await?;
    Ok(())
}

/// Adds to the counts of (kind, status). `kind` is an object's name, or `event`.
pub async fn add_counts(tx: &mut Tx, project: &ProjectId, deltas: &[(&str, &str, i64)]) -> Result<()> {
    const UPSERT: Bulk = Bulk {
        insert: "INSERT INTO counts (tenant_id, project_id, kind, status, n)",
        columns: 3,
        suffix: "ON CONFLICT (tenant_id, project_id, kind, status) DO UPDATE SET n = counts.n + excluded.n",
    };
    UPSERT
        .execute(tx, project.as_str(), deltas, |query, (kind, status, n)| query.bind(*kind).bind(*status).bind(*n))
        .await?;
    Ok(())
}
