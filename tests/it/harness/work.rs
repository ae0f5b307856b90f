//! Whether there is anything left to do.

use billfold::app::App;

/// Jobs that are due or in hand.
pub async fn jobs_at_work(app: &App) -> i64 {
    let mut tx = app.db.system_read().await.unwrap();
    tx.query("SELECT COUNT(*) FROM jobs WHERE run_at <= $1 OR lease_until > $1")
        .bind(app.clock.now())
        .fetch_value()
        .await
        .unwrap()
}
