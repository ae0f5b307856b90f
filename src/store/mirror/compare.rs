//! Rows of the mirror as a comparison with Stripe needs them.

use crate::{
    db::{Result, Tx},
    domain::{ids::ProjectId, kind::Kind},
};

/// A row as it stands.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Standing {
    /// Our id.
    pub id: String,
    /// Stripe's id.
    pub stripe_id: String,
    /// Unix seconds.
    pub created: i64,
    /// The unix second its state is proven for.
    pub version_at: i64,
    /// Whether it is a tombstone.
    pub deleted: bool,
    /// As Stripe sent it.
    pub raw: String,
}

fn select(kind: Kind) -> String {
    format!(
        "SELECT id, stripe_id, created, version_at, (deleted_at IS NOT NULL) AS deleted, raw FROM {} WHERE tenant_id = $1 AND project_id = $2",
        kind.plural()
    )
}

/// Those of some objects that are here, by our ids.
pub async fn of_ids<'a>(
    tx: &mut Tx,
    project: &ProjectId,
    kind: Kind,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Standing>> {
    tx.query(select(kind)).push(" AND id").bind(project).push_in(ids).fetch_all().await
}

/// Up to `limit` objects that are not deleted, by our id from `from` on. Our ids are hashes, so what follows one that chance has
/// picked is a random choice.
pub async fn from_id(tx: &mut Tx, project: &ProjectId, kind: Kind, from: &str, limit: i64) -> Result<Vec<Standing>> {
    tx.query(select(kind))
        .push(" AND deleted_at IS NULL AND id >= $3 ORDER BY id LIMIT $4")
        .bind(project)
        .bind(from)
        .bind(limit)
        .fetch_all()
        .await
}

/// An object that is here, by what it is known at Stripe.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Here {
    /// Our id.
    pub id: String,
    /// Stripe's id.
    pub stripe_id: String,
    /// Unix seconds.
    pub created: i64,
    /// The unix second its state is proven for.
    pub version_at: i64,
}

/// The objects that are not deleted and were made after `after` and before `before`, unix seconds, oldest first, from behind the
/// object `last`.
pub async fn created_between(
    tx: &mut Tx,
    project: &ProjectId,
    kind: Kind,
    (after, before): (i64, i64),
    last: Option<(i64, &str)>,
    limit: i64,
) -> Result<Vec<Here>> {
    let (created, id) = last.unwrap_or((i64::MIN, ""));
    tx.query(format!(
        "SELECT id, stripe_id, created, version_at FROM {} WHERE tenant_id = $1 AND project_id = $2 AND deleted_at IS NULL
           AND created > $3 AND created < $4 AND (created, id) > ($5, $6) ORDER BY created, id LIMIT $7",
        kind.plural()
    ))
    .bind(project)
    .bind(after)
    .bind(before)
    .bind(created)
    .bind(id)
    .bind(limit)
    .fetch_all()
    .await
}
