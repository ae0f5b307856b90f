//! The processes on one Postgres share the rate of each Stripe account. SQLite is for one process, which has it for itself.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    db::{Db, Engine},
    domain::mode::Mode,
    store::stripe_turns,
    stripe::{Share, Unagreed},
};

/// Where the processes that use a database agree; none when it is used by one.
pub(super) fn of(db: &Db) -> Option<Arc<dyn Share>> {
    match db.engine() {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Arc::new(Shared(db.clone()))),
    }
}

struct Shared(Db);

#[async_trait]
impl Share for Shared {
    async fn take(&self, account: &str, mode: Mode, stretch: Duration) -> Result<Duration, Unagreed> {
        let stretch = i64::try_from(stretch.as_micros()).unwrap_or(i64::MAX);
        let mut tx = self.0.system_write_relaxed().await?;
        let wait = stripe_turns::take(&mut tx, (account, mode.livemode()), stretch).await?;
        tx.commit().await?;
        Ok(Duration::from_micros(wait.unsigned_abs()))
    }
}
