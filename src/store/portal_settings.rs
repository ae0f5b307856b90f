//! What a project's customer portal looks like, and the prices that it offers.

use crate::{
    db::{Result, Tx},
    domain::ids::ProjectId,
};

/// A project's decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct PortalSettings {
    /// What customers know the business by; empty for the tenant's name.
    pub name: String,
    /// `#rrggbb`; empty for billfold's own.
    pub colour: String,
    /// Where customers get help; empty when nothing is said.
    pub support: String,
    /// How the rest of a period is settled, in Stripe's words.
    pub proration: String,
    /// Unix seconds.
    pub updated: i64,
}

/// The settings of a project; none when nobody has decided anything.
pub async fn find(tx: &mut Tx, project: &ProjectId) -> Result<Option<PortalSettings>> {
    tx.query(
        "SELECT name, colour, support, proration, updated FROM portal_settings WHERE tenant_id = $1 AND project_id = $2",
    )
    .bind(project)
    .fetch_optional()
    .await
}

/// Replaces the settings of a project.
pub async fn put(tx: &mut Tx, project: &ProjectId, settings: &PortalSettings) -> Result<()> {
    tx.query(
        "INSERT INTO portal_settings (tenant_id, project_id, name, colour, support, proration, updated)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant_id, project_id) DO UPDATE SET name = excluded.name, colour = excluded.colour,
           support = excluded.support, proration = excluded.proration, updated = excluded.updated",
    )
    .bind(project)
    .bind(&settings.name)
    .bind(&settings.colour)
    .bind(&settings.support)
    .bind(&settings.proration)
    .bind(settings.updated)
    .execute()
    .await?;
    Ok(())
}

/// Our ids of the prices that customers may change to.
pub async fn prices(tx: &mut Tx, project: &ProjectId) -> Result<Vec<String>> {
    tx.query("SELECT price_id FROM portal_prices WHERE tenant_id = $1 AND project_id = $2 ORDER BY price_id")
        .bind(project)
        .fetch_values()
        .await
}

/// Replaces the prices that customers may change to.
pub async fn put_prices(tx: &mut Tx, project: &ProjectId, prices: &[String]) -> Result<()> {
    tx.query("DELETE FROM portal_prices WHERE tenant_id = $1 AND project_id = $2").bind(project).execute().await?;
    for price in prices {
        tx.query(
            "INSERT INTO portal_prices (tenant_id, project_id, price_id) VALUES ($1, $2, $3)
             ON CONFLICT (tenant_id, project_id, price_id) DO NOTHING",
        )
        .bind(project)
        .bind(price)
        .execute()
        .await?;
    }
    Ok(())
}
