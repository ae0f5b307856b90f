//! Whose turn it is to ask Stripe: processes that share an account's rate take one stretch of time after the other. A system
//! table. The time is the database's, because the machines' clocks differ.

use crate::db::{Result, System};

/// Microseconds: nobody takes a turn so far ahead. A row that says so is from before the database's clock was set back.
const FURTHEST: i64 = 60_000_000;
/// Microseconds: an account that was not asked for so long is forgotten.
const KEPT: i64 = 86_400_000_000;

/// Takes the next `stretch` (microseconds) of an account and mode behind what others have taken; answers in how many
/// microseconds it begins.
pub async fn take(tx: &mut impl System, (account, livemode): (&str, bool), stretch: i64) -> Result<i64> {
    let now = tx.engine().now_micros();
    let sql = format!(
        "INSERT INTO stripe_turns (account_id, livemode, taken_until) VALUES ($1, $2, {now} + $3)
         ON CONFLICT (account_id, livemode) DO UPDATE SET taken_until = $3
           + CASE WHEN stripe_turns.taken_until BETWEEN {now} AND {now} + {FURTHEST} THEN stripe_turns.taken_until ELSE {now} END
         RETURNING taken_until - $3 - {now}"
    );
    let wait: i64 = tx.system(sql).bind(account).bind(livemode).bind(stretch).fetch_value().await?;
    Ok(wait.max(0))
}

/// Forgets accounts that nobody asks any more.
pub async fn prune(tx: &mut impl System) -> Result<u64> {
    let now = tx.engine().now_micros();
    tx.system(format!("DELETE FROM stripe_turns WHERE taken_until < {now} - {KEPT}")).execute().await
}
