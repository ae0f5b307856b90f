//! Stripe's own list of events: the last thirty days, newest first, each in the version of its creation.

use stripe::StripeRequest as _;
use stripe_client_core::RequestBuilder;
use stripe_core::event::ListEvent;
use stripe_types::{RangeBoundsTs, RangeQueryTs};

use super::{client::Client, error::Error, list::Page};

/// Types of events that Stripe lets one list be narrowed to.
pub const MOST_TYPES: usize = 20;
/// Events per page: the most that Stripe gives.
const PAGE: i64 = 100;

/// Which page of the list.
#[derive(Clone, Debug, Default)]
pub struct EventParams<'a> {
    /// Only these types; at most [`MOST_TYPES`].
    pub types: &'a [&'a str],
    /// Only those that some webhook endpoint of the account has not taken.
    pub undelivered: bool,
    /// Oldest `created`, unix seconds, inclusive.
    pub created_from: Option<i64>,
    /// Newest `created`, unix seconds, exclusive.
    pub created_to: Option<i64>,
    /// The last event of the page before.
    pub starting_after: Option<String>,
}

impl Client {
    /// A page of Stripe's list of events.
    pub async fn events(&self, params: &EventParams<'_>) -> Result<Page, Error> {
        self.page(&request(params), params.starting_after.as_deref()).await
    }
}

fn request(params: &EventParams<'_>) -> RequestBuilder {
    let types: Vec<String> = params.types.iter().map(|&name| name.to_owned()).collect();
    let mut request = ListEvent::new().limit(PAGE).types(types);
    if params.undelivered {
        request = request.delivery_success(false);
    }
    if params.created_from.is_some() || params.created_to.is_some() {
        request = request.created(RangeQueryTs::Bounds(RangeBoundsTs {
            gte: params.created_from,
            lt: params.created_to,
            ..Default::default()
        }));
    }
    if let Some(cursor) = &params.starting_after {
        request = request.starting_after(cursor);
    }
    request.build()
}

#[cfg(test)]
mod tests {
    use super::{EventParams, request};

    #[test]
    fn the_list_is_asked_for_as_stripe_documents_it() {
        let built = request(&EventParams {
            types: &["customer.created", "invoice.paid"],
            undelivered: true,
            created_from: Some(10),
            created_to: Some(20),
            starting_after: Some("evt_9".to_owned()),
        });
        assert_eq!(built.path, "/events");
        let query = built.query.unwrap().replace("%5B", "[").replace("%5D", "]");
        for part in ["created[gte]=10", "created[lt]=20", "delivery_success=false", "limit=100", "starting_after=evt_9"]
        {
            assert!(query.split('&').any(|one| one == part), "{part} in {query}");
        }
        assert_eq!(query.matches("types[").count(), 2, "{query}");
        assert!(query.contains("customer.created") && query.contains("invoice.paid"), "{query}");
    }
}
