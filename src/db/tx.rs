//! Transactions. [`Tx`] carries its tenant: the first bound value of each of its queries is the tenant's id, and on
//! Postgres row-level security holds the same line a second time. [`SystemTx`] reaches the tables without a tenant.

use sqlx::{Sqlite, Transaction};

use super::{
    Engine,
    connect::Lent,
    error::{Error, Result},
    query::{Conn, Query},
};
use crate::domain::ids::TenantId;

pub(super) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Lent),
}

impl Inner {
    fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Sqlite(tx) => Conn::Sqlite(tx),
            Self::Postgres(lent) => Conn::Postgres(lent),
        }
    }

    fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => Ok(tx.commit().await?),
            Self::Postgres(mut lent) => lent.commit().await,
        }
    }

    /// Binds the rest of this transaction, and nothing after it, to another tenant.
    async fn enter(&mut self, tenant: &str) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(_) => {
                let setting = "SELECT set_config('app.tenant_id', $1, true)";
                Query::new(self.conn(), setting).bind(tenant).execute().await.map(drop)
            }
        }
    }
}

/// A transaction bound to one tenant. Dropping it without [`Tx::commit`] rolls it back.
pub struct Tx {
    inner: Inner,
    tenant: TenantId,
}

impl Tx {
    /// `inner` has begun for the tenant.
    pub(super) fn new(inner: Inner, tenant: &TenantId) -> Self {
        Self { inner, tenant: tenant.clone() }
    }

    /// The tenant whose rows this transaction sees.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// A query whose `$1` is the tenant's id; the caller binds from `$2` on.
    pub fn query(&mut self, sql: impl Into<String>) -> Query<'_> {
        let tenant = self.tenant.as_str().to_owned();
        Query::new(self.inner.conn(), sql).bind(tenant)
    }

    /// Which engine runs this, for the exceptions of [`super::dialect`].
    pub fn engine(&self) -> Engine {
        self.inner.engine()
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await
    }

    /// Goes on in the same transaction for another tenant. For group commit alone, where deliveries of several tenants
    /// share one disk sync; each statement still belongs to exactly one tenant.
    pub async fn enter(&mut self, tenant: &TenantId) -> Result<()> {
        if *tenant != self.tenant {
            self.inner.enter(tenant.as_str()).await?;
            self.tenant = tenant.clone();
        }
        Ok(())
    }

    /// A query on a system table from inside a tenant's transaction, so that a tenant's change and the follow-up work
    /// (a job, a route) commit together. No tenant is bound.
    pub fn system_query(&mut self, sql: impl Into<String>) -> Query<'_> {
        Query::new(self.inner.conn(), sql)
    }
}

/// A transaction over the system tables (people, routes, jobs). It sees no tenant's rows.
pub struct SystemTx {
    inner: Inner,
}

impl SystemTx {
    /// `inner` has begun for no tenant.
    pub(super) fn new(inner: Inner) -> Self {
        Self { inner }
    }

    /// A query; the caller binds from `$1` on.
    pub fn query(&mut self, sql: impl Into<String>) -> Query<'_> {
        Query::new(self.inner.conn(), sql)
    }

    /// Which engine runs this, for the exceptions of [`super::dialect`].
    pub fn engine(&self) -> Engine {
        self.inner.engine()
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await
    }

    /// Goes on in the same transaction as a tenant's, for changes that create a tenant or touch both sides.
    pub async fn into_tenant(mut self, tenant: &TenantId) -> Result<Tx> {
        self.inner.enter(tenant.as_str()).await?;
        Ok(Tx { inner: self.inner, tenant: tenant.clone() })
    }
}

/// What both kinds of transaction offer to `store` functions over system tables.
pub trait System {
    /// A query on system tables; the caller binds from `$1` on.
    fn system(&mut self, sql: impl Into<String>) -> Query<'_>;
    /// Which engine runs this.
    fn engine(&self) -> Engine;
}

impl System for Tx {
    fn system(&mut self, sql: impl Into<String>) -> Query<'_> {
        self.system_query(sql)
    }
    fn engine(&self) -> Engine {
        self.inner.engine()
    }
}

impl System for SystemTx {
    fn system(&mut self, sql: impl Into<String>) -> Query<'_> {
        self.query(sql)
    }
    fn engine(&self) -> Engine {
        self.inner.engine()
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
