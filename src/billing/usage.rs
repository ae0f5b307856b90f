//! What a customer has used of something that is paid by usage, as Stripe's meters count it.

use rust_decimal::Decimal;

use super::Result;
use crate::{app::Scope, domain::ids::path_segment, domain::raw::Raw};

/// Stripe takes whole minutes.
const MINUTE: i64 = 60;

impl Scope {
    /// What a meter counted for a customer (both Stripe's ids) from a unix second until now.
    pub async fn usage(&self, meter: &str, customer: &str, since: i64) -> Result<Decimal> {
        let whole = |at: i64| at - at.rem_euclid(MINUTE);
        let (from, to) = (whole(since), whole(self.now()) + MINUTE);
        if to <= from {
            return Ok(Decimal::ZERO);
        }
        let (meter, customer) = (path_segment(meter), path_segment(customer));
        let path =
            format!("/billing/meters/{meter}/event_summaries?customer={customer}&start_time={from}&end_time={to}");
        let summaries = self.reader().await?.read_path(&path).await?;
        let summaries = summaries.map(|raw| Raw::parse(raw.get())).unwrap_or_default();
        let value = |row: &Raw| {
            let text = row.number("/aggregated_value")?;
            Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
        };
        Ok(summaries.list("").iter().filter_map(value).sum::<Decimal>().normalize())
    }
}
