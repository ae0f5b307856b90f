//! Removes everything that a tenant has, table by table, a part at a time.

use crate::db::{Result, Tx};

/// Every table with rows of tenants, with its primary key; not `tenants` itself, nor `jobs`, one of which does this. What others
/// refer to comes last, so that a half-erased tenant is never shown as a whole one.
pub const TABLES: [(&str, &str); 45] = [
    ("webhook_routes", "token_hash"),
    ("account_routes", "account_id, livemode"),
    ("api_keys", "id"),
    ("invitations", "id"),
    ("portal_links", "token_hash"),
    ("event_payloads", "tenant_id, project_id, event_id"),
    ("inbox", "tenant_id, project_id, state, arrival, event_id"),
    ("event_attempts", "tenant_id, project_id, event_id, attempt"),
    ("webhook_events", "tenant_id, project_id, id"),
    ("webhook_refusals", "tenant_id, project_id, id"),
    ("polls", "tenant_id, project_id"),
    ("reconciliation_types", "tenant_id, project_id, run_id, kind"),
    ("reconciliations", "tenant_id, project_id, id"),
    ("refetches", "tenant_id, project_id, kind, stripe_id"),
    ("object_versions", "tenant_id, project_id, object_id, no"),
    ("search", "tenant_id, project_id, kind, id"),
    ("charges", "tenant_id, project_id, id"),
    ("invoices", "tenant_id, project_id, id"),
    ("subscription_items", "tenant_id, project_id, subscription_id, stripe_id"),
    ("subscriptions", "tenant_id, project_id, id"),
    ("prices", "tenant_id, project_id, id"),
    ("products", "tenant_id, project_id, id"),
    ("customers", "tenant_id, project_id, id"),
    ("counts", "tenant_id, project_id, kind, status"),
    ("sync_ranges", "tenant_id, project_id, run_id, kind, range_no"),
    ("sync_types", "tenant_id, project_id, run_id, kind"),
    ("sync_runs", "tenant_id, project_id, id"),
    ("idempotency", "tenant_id, project_id, key_hash"),
    ("outbox", "tenant_id, project_id, id"),
    ("api_requests", "tenant_id, project_id, key_id, at, request_id"),
    ("api_key_hours", "tenant_id, project_id, key_id, hour"),
    ("api_key_scopes", "tenant_id, project_id, key_id, scope"),
    ("api_usage", "tenant_id, month"),
    ("allowed_origins", "tenant_id, project_id, origin"),
    ("portal_logos", "tenant_id, project_id"),
    ("portal_prices", "tenant_id, project_id, price_id"),
    ("portal_settings", "tenant_id, project_id"),
    ("signing_secrets", "tenant_id, project_id, id"),
    ("doctor_reports", "tenant_id, project_id"),
    ("connections", "tenant_id, project_id"),
    ("audit_details", "tenant_id, seq"),
    ("audit_log", "tenant_id, seq"),
    ("audit_heads", "tenant_id"),
    ("projects", "tenant_id, id"),
    ("members", "tenant_id, user_id"),
];

/// Removes up to `limit` rows of the transaction's tenant from one of [`TABLES`]; answers how many.
pub async fn remove(tx: &mut Tx, (table, key): (&str, &str), limit: i64) -> Result<u64> {
    tx.query(format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE tenant_id = $1 LIMIT $2)"))
        .bind(limit)
        .execute()
        .await
}
