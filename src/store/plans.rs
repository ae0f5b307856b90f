//! The plans that tenants have, and which price of the operator's own stands for which. System tables.

use crate::{
    db::{Result, System},
    domain::{ids::PlanId, plan::Plan},
};

const COLUMNS: &str = "SELECT id, name, api_calls, seats, projects, customers, exports FROM plans";

/// Every plan, by name.
pub async fn list(tx: &mut impl System) -> Result<Vec<Plan>> {
    tx.system(format!("{COLUMNS} ORDER BY name, id")).fetch_all().await
}

/// One plan.
pub async fn find(tx: &mut impl System, id: &PlanId) -> Result<Option<Plan>> {
    tx.system(format!("{COLUMNS} WHERE id = $1")).bind(id).fetch_optional().await
}

/// Adds a plan, or changes the one with this id; a known name is a conflict. `created` in unix seconds.
pub async fn put(tx: &mut impl System, plan: &Plan, created: i64) -> Result<()> {
    tx.system(
        "INSERT INTO plans (id, name, api_calls, seats, projects, customers, exports, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, api_calls = excluded.api_calls, seats = excluded.seats,
           projects = excluded.projects, customers = excluded.customers, exports = excluded.exports",
    )
    .bind(&plan.id)
    .bind(&plan.name)
    .bind(plan.api_calls)
    .bind(plan.seats)
    .bind(plan.projects)
    .bind(plan.customers)
    .bind(plan.exports)
    .bind(created)
    .execute()
    .await?;
    Ok(())
}

/// Removes a plan and its prices.
pub async fn remove(tx: &mut impl System, id: &PlanId) -> Result<()> {
    tx.system("DELETE FROM plan_prices WHERE plan_id = $1").bind(id).execute().await?;
    tx.system("DELETE FROM plans WHERE id = $1").bind(id).execute().await?;
    Ok(())
}

/// Which plan each price stands for: our id of the price, the plan.
pub async fn prices(tx: &mut impl System) -> Result<Vec<(String, PlanId)>> {
    tx.system("SELECT price_id, plan_id FROM plan_prices ORDER BY price_id").fetch_all().await
}

/// Says which plan a price stands for.
pub async fn set_price(tx: &mut impl System, price: &str, plan: &PlanId) -> Result<()> {
    tx.system(
        "INSERT INTO plan_prices (price_id, plan_id) VALUES ($1, $2)
         ON CONFLICT (price_id) DO UPDATE SET plan_id = excluded.plan_id",
    )
    .bind(price)
    .bind(plan)
    .execute()
    .await?;
    Ok(())
}

/// A price stands for no plan any more.
pub async fn remove_price(tx: &mut impl System, price: &str) -> Result<()> {
    tx.system("DELETE FROM plan_prices WHERE price_id = $1").bind(price).execute().await?;
    Ok(())
}
