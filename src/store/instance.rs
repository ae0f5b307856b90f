//! The one row about this installation: whether it has been set up, and what people's secrets are sealed with.

use crate::{
    db::{Result, System},
    domain::{
        ids::{PlanId, ProjectId, TenantId},
        sealed::SealedDataKey,
    },
};

/// Where the set-up stands.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Setup {
    /// SHA-256 of the token in the one-time link.
    pub setup_token_hash: Option<String>,
    /// Unix seconds; once set, the set-up is closed for good.
    pub setup_finished_at: Option<i64>,
}

/// Reads it.
pub async fn setup(tx: &mut impl System) -> Result<Setup> {
    tx.system("SELECT setup_token_hash, setup_finished_at FROM instance WHERE id = 1").fetch_one().await
}

/// Stores the token of a new link; false when the set-up is closed.
pub async fn set_setup_token(tx: &mut impl System, token_hash: &str) -> Result<bool> {
    let changed = tx
        .system("UPDATE instance SET setup_token_hash = $1 WHERE id = 1 AND setup_finished_at IS NULL")
        .bind(token_hash)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Closes the set-up for good; true for the one caller that closed it.
pub async fn finish_setup(tx: &mut impl System, now: i64) -> Result<bool> {
    let changed = tx
        .system(
            "UPDATE instance SET setup_finished_at = $1, setup_token_hash = NULL
             WHERE id = 1 AND setup_finished_at IS NULL",
        )
        .bind(now)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// The key that people's secrets are sealed with, itself sealed; none before it was needed.
pub async fn people_key(tx: &mut impl System) -> Result<Option<SealedDataKey>> {
    tx.system("SELECT sealed_data_key, data_key_version FROM instance WHERE id = 1 AND sealed_data_key IS NOT NULL")
        .fetch_optional()
        .await
}

/// Puts another sealed form of that key in the place of the one that was read; answers whether that was still there.
pub async fn replace_people_key(tx: &mut impl System, read: &SealedDataKey, resealed: &SealedDataKey) -> Result<bool> {
    let changed = tx
        .system("UPDATE instance SET sealed_data_key = $2 WHERE id = 1 AND sealed_data_key = $1")
        .bind(&read.sealed_data_key)
        .bind(&resealed.sealed_data_key)
        .execute()
        .await?;
    Ok(changed > 0)
}

/// Stores that key, unless there is one.
pub async fn set_people_key(tx: &mut impl System, key: &SealedDataKey) -> Result<()> {
    tx.system(
        "UPDATE instance SET sealed_data_key = $1, data_key_version = $2 WHERE id = 1 AND sealed_data_key IS NULL",
    )
    .bind(&key.sealed_data_key)
    .bind(key.data_key_version)
    .execute()
    .await?;
    Ok(())
}

/// What the operator decided for all tenants.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Business {
    /// The plan that a new tenant has.
    pub default_plan_id: PlanId,
    /// The operator's own tenant, whose customers are the tenants; none while nobody is billed.
    pub billing_tenant_id: Option<TenantId>,
    /// The project of it that bills.
    pub billing_project_id: Option<ProjectId>,
    /// Days between a late payment and the suspension.
    pub grace_days: i64,
    /// Whether anybody may sign up.
    pub sign_up: bool,
}

impl Business {
    /// Where the tenants are customers.
    pub fn billing(&self) -> Option<(&TenantId, &ProjectId)> {
        self.billing_tenant_id.as_ref().zip(self.billing_project_id.as_ref())
    }
}

/// Reads it.
pub async fn business(tx: &mut impl System) -> Result<Business> {
    tx.system(
        "SELECT default_plan_id, billing_tenant_id, billing_project_id, grace_days, sign_up FROM instance WHERE id = 1",
    )
    .fetch_one()
    .await
}

/// Replaces it.
pub async fn set_business(tx: &mut impl System, business: &Business) -> Result<()> {
    tx.system(
        "UPDATE instance SET default_plan_id = $1, billing_tenant_id = $2, billing_project_id = $3, grace_days = $4, sign_up = $5 WHERE id = 1",
    )
    .bind(&business.default_plan_id)
    .bind(&business.billing_tenant_id)
    .bind(&business.billing_project_id)
    .bind(business.grace_days)
    .bind(business.sign_up)
    .execute()
    .await?;
    Ok(())
}
