//! The businesses that the isolation self-test makes and removes, and what it tries on the tables in raw SQL. The tables are those of
//! the database's catalogue, so none is forgotten; their names never come from outside.

use crate::{
    db::{Result, System, SystemTx, Tx},
    domain::ids::TenantId,
};

/// The throw-away businesses, by how their names begin.
pub async fn tenants(tx: &mut impl System, name: &str) -> Result<Vec<TenantId>> {
    tx.system("SELECT id FROM tenants WHERE substr(name, 1, CAST($1 AS INTEGER)) = $2 ORDER BY id")
        .bind(i64::try_from(name.len()).unwrap_or(i64::MAX))
        .bind(name)
        .fetch_values()
        .await
}

/// Every table whose rows name a tenant.
pub async fn tables(tx: &mut Tx) -> Result<Vec<String>> {
    let catalogue = tx.engine().tables_that_name_a_tenant();
    tx.system_query(catalogue).fetch_values().await
}

/// The system's tables that name a tenant: reached before a tenant is known, so without row-level security. `tests/it/schema.rs` has
/// the reasons.
pub const SHARED: [&str; 8] =
    ["account_routes", "api_keys", "invitations", "jobs", "members", "portal_links", "portal_logos", "webhook_routes"];

/// Every table that is a tenant's own, and not the system's: what row-level security is for. On Postgres.
pub async fn tenant_owned(tx: &mut Tx) -> Result<Vec<String>> {
    Ok(tables(tx).await?.into_iter().filter(|table| !SHARED.contains(&table.as_str())).collect())
}

/// What row-level security does not hold, by the catalogue; a sentence each. On Postgres.
pub async fn beyond_row_level_security(tx: &mut Tx) -> Result<Vec<String>> {
    let Some(sql) = tx.engine().beyond_row_level_security() else { return Ok(Vec::new()) };
    tx.system_query(sql).push_in(SHARED).fetch_values().await
}

/// How many rows the tenant has in a table.
pub async fn count(tx: &mut Tx, table: &str) -> Result<i64> {
    tx.query(format!("SELECT COUNT(*) FROM {table} WHERE tenant_id = $1")).fetch_value().await
}

/// How many rows the tenant has in a table, and a text that differs when anything in them does.
pub async fn fingerprint(tx: &mut Tx, table: &str) -> Result<(i64, String)> {
    let columns = tx.engine().columns_as_text();
    let line: String = tx.system_query(columns).bind(table).fetch_value().await?;
    let sql = tx.engine().fingerprint(table, &line);
    tx.query(sql).fetch_one().await
}

/// Removes the people of the throw-away businesses, by the end of their addresses, and the portal visits whose link is gone.
pub async fn remove_people(tx: &mut impl System, domain: &str) -> Result<()> {
    const THEIRS: &str = "SELECT id FROM users WHERE substr(email, length(email) - CAST($1 AS INTEGER) + 1) = $2";
    let length = i64::try_from(domain.len()).unwrap_or(i64::MAX);
    for table in ["sessions", "second_factors", "recovery_codes", "passkeys", "openid_identities", "password_resets"] {
        let sql = format!("DELETE FROM {table} WHERE user_id IN ({THEIRS})");
        tx.system(sql).bind(length).bind(domain).execute().await?;
    }
    tx.system(format!("DELETE FROM users WHERE id IN ({THEIRS})")).bind(length).bind(domain).execute().await?;
    tx.system("DELETE FROM portal_sessions WHERE token_hash NOT IN (SELECT token_hash FROM portal_links)")
        .execute()
        .await?;
    Ok(())
}

/// Something that is tried in raw SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Rows of others without a condition that names the own tenant.
    Look,
    /// Rows without a tenant at all.
    LookWithoutTenant,
    /// Changes the other's rows.
    Change,
    /// Removes the other's rows.
    Remove,
    /// Moves own rows over to the other.
    Give,
    /// Empties the table for everybody.
    Truncate,
    /// Switches the wall off for the table.
    SwitchOff,
    /// Looks with the wall switched off for the transaction.
    LookPast,
}

impl Attempt {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Look,
        Self::LookWithoutTenant,
        Self::Change,
        Self::Remove,
        Self::Give,
        Self::Truncate,
        Self::SwitchOff,
        Self::LookPast,
    ];

    /// In a few words.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Look => "SQL without the tenant's condition: looking",
            Self::LookWithoutTenant => "SQL for no tenant at all: looking",
            Self::Change => "SQL: changing the other's rows",
            Self::Remove => "SQL: removing the other's rows",
            Self::Give => "SQL: moving rows over to the other",
            Self::Truncate => "SQL: emptying a table",
            Self::SwitchOff => "SQL: switching the wall off",
            Self::LookPast => "SQL with row_security = off: looking",
        }
    }

    /// Whether it shows something on a table without rows, too.
    pub const fn needs_no_rows(self) -> bool {
        matches!(self, Self::Truncate | Self::SwitchOff)
    }
}

/// Tries something on a table in the tenant's transaction, which the caller drops; answers what leaked. An error of the database is the
/// wall itself.
pub async fn attempt(tx: &mut Tx, attempt: Attempt, table: &str, other: &TenantId) -> Option<String> {
    let sql = match attempt {
        Attempt::Look | Attempt::LookWithoutTenant => return look(tx, table, other).await,
        Attempt::LookPast => {
            // Postgres answers every query that a policy would narrow with an error from here on.
            tx.system_query("SELECT set_config('row_security', 'off', true)").fetch_value::<String>().await.ok()?;
            return look(tx, table, other).await;
        }
        Attempt::Change => format!("UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = $1"),
        Attempt::Remove => format!("DELETE FROM {table} WHERE tenant_id = $1"),
        Attempt::Give => {
            let gift = format!("UPDATE {table} SET tenant_id = $2 WHERE tenant_id = $1");
            let given = tx.query(gift).bind(other).execute().await;
            return given.is_ok_and(|rows| rows > 0).then(|| "it was done".to_owned());
        }
        Attempt::Truncate => format!("TRUNCATE {table}"),
        Attempt::SwitchOff => format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
    };
    let query = tx.system_query(sql);
    let query = if attempt.needs_no_rows() { query } else { query.bind(other) };
    let done = query.execute().await;
    let leaked = if attempt.needs_no_rows() { done.is_ok() } else { done.is_ok_and(|rows| rows > 0) };
    leaked.then(|| "it was done".to_owned())
}

/// Looks at a table without a condition that narrows; answers what was seen beside the own rows.
async fn look(tx: &mut Tx, table: &str, other: &TenantId) -> Option<String> {
    let seen = format!("SELECT COUNT(*) FROM {table} WHERE tenant_id = $1 OR tenant_id <> $1");
    let seen = tx.system_query(seen).bind(other).fetch_value::<i64>().await.ok()?;
    let own = count(tx, table).await.unwrap_or(0);
    (seen > own).then(|| format!("{seen} rows are seen, {own} are one's own"))
}

/// Looks at a table in a transaction without a tenant; answers what was seen.
pub async fn look_without_tenant(tx: &mut SystemTx, table: &str) -> Option<String> {
    let seen = tx.query(format!("SELECT COUNT(*) FROM {table}")).fetch_value::<i64>().await;
    seen.ok().filter(|seen| *seen > 0).map(|seen| format!("{seen} rows are seen by nobody"))
}
