//! The Stripe account of a project. A row stays when the account is disconnected: its data is kept and marked.

use crate::{
    db::{Query, Result, Tx},
    domain::{
        ids::{ConnectionId, ProjectId},
        mode::Mode,
    },
};

/// Values of `connections.state`.
pub mod state {
    /// The key works, as far as is known.
    pub const CONNECTED: &str = "connected";
    /// Stripe refused the key; nothing is asked until there is a new one.
    pub const KEY_REJECTED: &str = "key_rejected";
    /// Ended by a person; key and secrets are destroyed.
    pub const DISCONNECTED: &str = "disconnected";
}

/// A project's connection.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Connection {
    /// Our id.
    pub id: ConnectionId,
    /// One of [`state`].
    pub state: String,
    /// `acct_…`, when Stripe told us.
    pub account_id: Option<String>,
    /// What the account's owner calls it, when Stripe told us.
    pub account_name: Option<String>,
    /// Whether real money moves.
    pub livemode: bool,
    /// `restricted` or `secret`.
    pub key_kind: String,
    /// The key's last four characters.
    pub key_last4: String,
    /// The key, sealed; `None` after a disconnect.
    pub sealed_key: Option<String>,
    /// Grows with each replacement of the key; part of what the seal is bound to.
    pub credential_version: i64,
    /// The webhook URL's token, sealed; `None` after a disconnect.
    pub sealed_token: Option<String>,
    /// Stripe's `we_…`, when billfold made the endpoint.
    pub endpoint_id: Option<String>,
    /// The Stripe version that the endpoint is pinned to.
    pub api_version: String,
    /// The last check, per permission, as JSON.
    pub permissions: String,
    /// Unix seconds of the first check that passed.
    pub connected_at: i64,
    /// Unix seconds of the last check.
    pub checked_at: i64,
    /// Unix seconds of the disconnect.
    pub disconnected_at: Option<i64>,
    /// Unix seconds of the first verified delivery.
    pub first_event_at: Option<i64>,
    /// Unix seconds of the last verified delivery.
    pub last_event_at: Option<i64>,
    /// Why the connection does not work, in plain words.
    pub last_error: Option<String>,
    /// Unix seconds: a comparison with Stripe found more differences than it may, and none without them has followed.
    pub drift_at: Option<i64>,
}

impl Connection {
    /// Whether there is a key to work with.
    pub fn is_live(&self) -> bool {
        self.state != state::DISCONNECTED
    }

    /// Test or live.
    pub fn mode(&self) -> Mode {
        Mode::from_livemode(self.livemode)
    }
}

/// The project's connection, a disconnected one included.
pub async fn find(tx: &mut Tx, project: &ProjectId) -> Result<Option<Connection>> {
    tx.query(
        "SELECT id, state, account_id, account_name, livemode, key_kind, key_last4, sealed_key, credential_version,
                sealed_token, endpoint_id, api_version, permissions, connected_at, checked_at, disconnected_at,
                first_event_at, last_event_at, last_error, drift_at
         FROM connections WHERE tenant_id = $1 AND project_id = $2",
    )
    .bind(project)
    .fetch_optional()
    .await
}

/// Writes a new connection, or a reconnected one over its disconnected row. Answers whether it was written: not when the
/// row changed since it was read, which `credential_version` tells.
pub async fn connect(tx: &mut Tx, project: &ProjectId, connection: &Connection) -> Result<bool> {
    let query = tx.query(
        "INSERT INTO connections (tenant_id, project_id, id, state, account_id, account_name, livemode, key_kind, key_last4,
           sealed_key, credential_version, sealed_token, endpoint_id, api_version, permissions, connected_at, checked_at,
           disconnected_at, first_event_at, last_event_at, last_error)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
         ON CONFLICT (tenant_id, project_id) DO UPDATE SET
           state = excluded.state, account_id = excluded.account_id, account_name = excluded.account_name,
           livemode = excluded.livemode, key_kind = excluded.key_kind, key_last4 = excluded.key_last4,
           sealed_key = excluded.sealed_key, credential_version = excluded.credential_version,
           sealed_token = excluded.sealed_token, endpoint_id = excluded.endpoint_id, api_version = excluded.api_version,
           permissions = excluded.permissions, connected_at = excluded.connected_at, checked_at = excluded.checked_at,
           disconnected_at = excluded.disconnected_at, first_event_at = excluded.first_event_at,
           last_event_at = excluded.last_event_at, last_error = excluded.last_error
         WHERE connections.state = 'disconnected' AND connections.credential_version < excluded.credential_version",
    );
    let written = bind_all(query.bind(project), connection).execute().await?;
    Ok(written == 1)
}

fn bind_all<'q>(query: Query<'q>, c: &Connection) -> Query<'q> {
    query
        .bind(&c.id)
        .bind(&c.state)
        .bind(&c.account_id)
        .bind(&c.account_name)
        .bind(c.livemode)
        .bind(&c.key_kind)
        .bind(&c.key_last4)
        .bind(&c.sealed_key)
        .bind(c.credential_version)
        .bind(&c.sealed_token)
        .bind(&c.endpoint_id)
        .bind(&c.api_version)
        .bind(&c.permissions)
        .bind(c.connected_at)
        .bind(c.checked_at)
        .bind(c.disconnected_at)
        .bind(c.first_event_at)
        .bind(c.last_event_at)
        .bind(&c.last_error)
}

/// Replaces the key and what the check of the new one told. Answers whether it was written: not when another replacement,
/// or a disconnect, came between (`connection.credential_version` must be one more than the stored one).
pub async fn replace_key(tx: &mut Tx, project: &ProjectId, connection: &Connection) -> Result<bool> {
    let written = tx
        .query(
            "UPDATE connections SET state = $3, account_id = $4, account_name = $5, key_kind = $6, key_last4 = $7,
               sealed_key = $8, credential_version = $9, permissions = $10, checked_at = $11, last_error = NULL
             WHERE tenant_id = $1 AND project_id = $2 AND credential_version = $9 - 1 AND state <> 'disconnected'",
        )
        .bind(project)
        .bind(state::CONNECTED)
        .bind(&connection.account_id)
        .bind(&connection.account_name)
        .bind(&connection.key_kind)
        .bind(&connection.key_last4)
        .bind(&connection.sealed_key)
        .bind(connection.credential_version)
        .bind(&connection.permissions)
        .bind(connection.checked_at)
        .execute()
        .await?;
    Ok(written == 1)
}

/// Marks the connection as ended and destroys its key and token. Answers whether there was a live one of this version.
pub async fn disconnect(tx: &mut Tx, project: &ProjectId, credential_version: i64, now: i64) -> Result<bool> {
    let written = tx
        .query(
            "UPDATE connections SET state = 'disconnected', sealed_key = NULL, sealed_token = NULL, endpoint_id = NULL,
               disconnected_at = $4, last_error = NULL, drift_at = NULL, credential_version = credential_version + 1
             WHERE tenant_id = $1 AND project_id = $2 AND credential_version = $3 AND state <> 'disconnected'",
        )
        .bind(project)
        .bind(credential_version)
        .bind(now)
        .execute()
        .await?;
    Ok(written == 1)
}

/// An endpoint that billfold made at Stripe, and the permissions as they are known since.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    /// `we_…`
    pub id: &'a str,
    /// The version that it is pinned to.
    pub api_version: &'a str,
    /// As in [`Connection::permissions`].
    pub permissions: &'a str,
}

/// Records the endpoint that billfold made at Stripe.
pub async fn set_endpoint(tx: &mut Tx, project: &ProjectId, endpoint: &Endpoint<'_>) -> Result<()> {
    tx.query(
        "UPDATE connections SET endpoint_id = $3, api_version = $4, permissions = $5
         WHERE tenant_id = $1 AND project_id = $2",
    )
    .bind(project)
    .bind(endpoint.id)
    .bind(endpoint.api_version)
    .bind(endpoint.permissions)
    .execute()
    .await?;
    Ok(())
}

/// Puts another sealed webhook token in the place of the one that was read; answers whether that was still there.
pub async fn replace_token(tx: &mut Tx, project: &ProjectId, read: Option<&str>, sealed: &str) -> Result<bool> {
    let changed = tx
        .query(
            "UPDATE connections SET sealed_token = $4
             WHERE tenant_id = $1 AND project_id = $2 AND sealed_token = $3 AND state <> 'disconnected'",
        )
        .bind(project)
        .bind(read)
        .bind(sealed)
        .execute()
        .await?;
    Ok(changed > 0)
}

/// Records what a check of the stored key told. A key that was replaced meanwhile is left alone.
pub async fn record_check(tx: &mut Tx, project: &ProjectId, connection: &Connection) -> Result<()> {
    tx.query(
        "UPDATE connections SET state = $3, account_id = $4, account_name = $5, permissions = $6, checked_at = $7,
           last_error = $8
         WHERE tenant_id = $1 AND project_id = $2 AND credential_version = $9 AND state <> 'disconnected'",
    )
    .bind(project)
    .bind(&connection.state)
    .bind(&connection.account_id)
    .bind(&connection.account_name)
    .bind(&connection.permissions)
    .bind(connection.checked_at)
    .bind(&connection.last_error)
    .bind(connection.credential_version)
    .execute()
    .await?;
    Ok(())
}

/// Pauses the connection: Stripe refused this version of its key. A key that was replaced meanwhile is left alone.
pub async fn mark_key_rejected(tx: &mut Tx, project: &ProjectId, credential_version: i64, cause: &str) -> Result<bool> {
    let written = tx
        .query(
            "UPDATE connections SET state = 'key_rejected', last_error = $4
             WHERE tenant_id = $1 AND project_id = $2 AND credential_version = $3 AND state = 'connected'",
        )
        .bind(project)
        .bind(credential_version)
        .bind(cause)
        .execute()
        .await?;
    Ok(written == 1)
}

/// Raises the alarm that the mirror drifts from Stripe, or ends it.
pub async fn set_drift(tx: &mut Tx, project: &ProjectId, at: Option<i64>) -> Result<()> {
    tx.query(
        "UPDATE connections SET drift_at = $3 WHERE tenant_id = $1 AND project_id = $2 AND state <> 'disconnected'",
    )
    .bind(project)
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// Records a verified delivery; the first one stays.
pub async fn record_event(tx: &mut Tx, project: &ProjectId, now: i64) -> Result<()> {
    tx.query(
        "UPDATE connections SET first_event_at = COALESCE(first_event_at, $3), last_event_at = $3
         WHERE tenant_id = $1 AND project_id = $2",
    )
    .bind(project)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}
