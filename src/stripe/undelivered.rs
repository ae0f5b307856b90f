//! Events whose delivery Stripe still owes, or has given up.

use serde::Deserialize;
use stripe::StripeRequest as _;
use stripe_core::event::ListEvent;

use super::{client::Client, error::Error, list::RawList};

/// The most that are looked at: one page.
const MOST: i64 = 100;

/// Events that some webhook endpoint of the account has not taken, billfold's or another's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undelivered {
    /// The newest hundred.
    pub events: Vec<Owed>,
    /// Whether there are more.
    pub has_more: bool,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Owed {
    /// `evt_…`
    pub id: String,
    /// Such as `customer.updated`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Unix seconds.
    pub created: i64,
}

impl Client {
    /// The events of the last thirty days whose deliveries were not all taken, newest first.
    pub async fn undelivered(&self) -> Result<Undelivered, Error> {
        let request = ListEvent::new().delivery_success(false).limit(MOST).build();
        let RawList { data, has_more } = self.call(&request).await?.value;
        let mut events = Vec::with_capacity(data.len());
        for raw in &data {
            events.push(serde_json::from_str(raw.get()).map_err(|error| Error::Unreadable(error.to_string()))?);
        }
        Ok(Undelivered { events, has_more })
    }
}
