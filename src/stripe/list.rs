//! Reading objects, raw first: each object stays the JSON text that Stripe sent, so that one odd object never loses a page.

use std::time::Instant;

use serde::Deserialize;
use serde_json::value::RawValue;
use stripe::StripeRequest as _;
use stripe_billing::{
    invoice::{ListInvoice, RetrieveInvoice},
    subscription::{ListSubscription, ListSubscriptionStatus, RetrieveSubscription},
};
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_core::{
    charge::{ListCharge, RetrieveCharge},
    customer::{ListCustomer, RetrieveCustomer},
};
use stripe_product::{
    price::{ListPrice, RetrievePrice},
    product::{ListProduct, RetrieveProduct},
};
use stripe_types::{RangeBoundsTs, RangeQueryTs};

use super::{
    client::{Answered, Client},
    error::Error,
    raw::object_id,
};
use crate::domain::{ids::path_segment, kind::Kind, part::Part};

/// Which page of a list.
#[derive(Clone, Debug, Default)]
pub struct ListParams {
    /// 1 to 100.
    pub limit: u8,
    /// The last Stripe id of the page before.
    pub starting_after: Option<String>,
    /// Oldest `created`, unix seconds, inclusive.
    pub created_from: Option<i64>,
    /// Newest `created`, unix seconds, exclusive.
    pub created_to: Option<i64>,
}

/// One page of objects, newest first.
#[derive(Debug)]
pub struct Page {
    /// The objects as Stripe sent them.
    pub data: Vec<Box<RawValue>>,
    /// Whether another page follows.
    pub has_more: bool,
    /// Everything before this unix second is in it; see [`Answered::as_of`].
    pub as_of: i64,
}

/// One object, read by its id.
#[derive(Debug)]
pub struct Fetched {
    /// The object as Stripe sent it; `None` when Stripe has none by this id.
    pub raw: Option<Box<RawValue>>,
    /// Everything before this unix second is in it; see [`Answered::as_of`].
    pub as_of: i64,
}

/// A list as Stripe sends it, its rows untouched.
#[derive(Debug, Deserialize)]
pub(super) struct RawList {
    pub(super) data: Vec<Box<RawValue>>,
    pub(super) has_more: bool,
}

impl Client {
    /// A page of a kind's list. Subscriptions come in every status, the canceled ones included.
    pub async fn list(&self, kind: Kind, params: &ListParams) -> Result<Page, Error> {
        self.page(&list_request(kind, params), params.starting_after.as_deref()).await
    }

    /// A page of any list, which begins behind `cursor`. One that makes no sense is asked for again for as long as the client's patience
    /// says: something between us and Stripe may be broken for a moment.
    pub(super) async fn page(&self, request: &RequestBuilder, cursor: Option<&str>) -> Result<Page, Error> {
        let (began, mut tried) = (Instant::now(), 0);
        loop {
            let error = match self.sensible_page(request, cursor).await {
                Err(error @ Error::Unreadable(_)) => error,
                answer => return answer,
            };
            tried += 1;
            let Some(pause) = self.patience().pause(tried, began.elapsed()) else { return Err(error) };
            tracing::debug!(tried, error = %error, path = request.path, "asking Stripe again for a page that makes no sense");
            tokio::time::sleep(pause).await;
        }
    }

    async fn sensible_page(&self, request: &RequestBuilder, cursor: Option<&str>) -> Result<Page, Error> {
        let Answered { value: RawList { data, has_more }, as_of, .. } = self.call(request).await?;
        check_progress(&data, has_more, cursor)?;
        Ok(Page { data, has_more, as_of })
    }

    /// One object by its Stripe id. Its sub-lists may be cut, see [`Client::complete`].
    pub async fn retrieve(&self, kind: Kind, stripe_id: &str) -> Result<Fetched, Error> {
        self.fetch(&retrieve_request(kind, &path_segment(stripe_id))).await
    }

    /// One object that is part of a mirrored one, by its Stripe id.
    pub async fn retrieve_part(&self, part: Part, stripe_id: &str) -> Result<Fetched, Error> {
        let path = format!("/{}/{}", part.plural(), path_segment(stripe_id));
        self.fetch(&RequestBuilder::new(StripeMethod::Get, path)).await
    }

    async fn fetch(&self, request: &RequestBuilder) -> Result<Fetched, Error> {
        match self.call(request).await {
            Ok(Answered { value, as_of, .. }) => Ok(Fetched { raw: Some(value), as_of }),
            Err(error) if error.is_not_found() => Ok(Fetched { raw: None, as_of: self.now() }),
            Err(error) => Err(error),
        }
    }
}

/// A list that promises more but does not move on would be read for ever.
fn check_progress(data: &[Box<RawValue>], has_more: bool, cursor: Option<&str>) -> Result<(), Error> {
    let Some(last) = data.last() else {
        return if has_more { Err(stuck("an empty page")) } else { Ok(()) };
    };
    let last = object_id(last)?;
    if has_more && cursor == Some(last.as_str()) { Err(stuck("the same page again")) } else { Ok(()) }
}

fn stuck(what: &str) -> Error {
    Error::Unreadable(format!("the list promises more and then sends {what}"))
}

fn list_request(kind: Kind, params: &ListParams) -> RequestBuilder {
    macro_rules! list {
        ($request:expr) => {{
            let mut request = $request.limit(i64::from(params.limit));
            if let Some(cursor) = &params.starting_after {
                request = request.starting_after(cursor);
            }
            if params.created_from.is_some() || params.created_to.is_some() {
                request = request.created(RangeQueryTs::Bounds(RangeBoundsTs {
                    gte: params.created_from,
                    lt: params.created_to,
                    ..Default::default()
                }));
            }
            request.build()
        }};
    }
    match kind {
        Kind::Customer => list!(ListCustomer::new()),
        Kind::Product => list!(ListProduct::new()),
        Kind::Price => list!(ListPrice::new()),
        Kind::Subscription => list!(ListSubscription::new().status(ListSubscriptionStatus::All)),
        Kind::Invoice => list!(ListInvoice::new()),
        Kind::Charge => list!(ListCharge::new()),
    }
}

fn retrieve_request(kind: Kind, id: &str) -> RequestBuilder {
    match kind {
        Kind::Customer => RetrieveCustomer::new(id).build(),
        Kind::Product => RetrieveProduct::new(id).build(),
        Kind::Price => RetrievePrice::new(id).build(),
        Kind::Subscription => RetrieveSubscription::new(id).build(),
        Kind::Invoice => RetrieveInvoice::new(id).build(),
        Kind::Charge => RetrieveCharge::new(id).build(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{ListParams, check_progress, list_request};
    use crate::domain::kind::Kind;

    #[test]
    fn lists_are_asked_for_as_stripe_documents_them() {
        let params = ListParams {
            limit: 100,
            starting_after: Some("sub_9".to_owned()),
            created_from: Some(10),
            created_to: Some(20),
        };
        let request = list_request(Kind::Subscription, &params);
        assert_eq!(request.path, "/subscriptions");
        let query = request.query.unwrap().replace("%5B", "[").replace("%5D", "]");
        let mut parts: Vec<_> = query.split('&').collect();
        parts.sort_unstable();
        assert_eq!(parts, ["created[gte]=10", "created[lt]=20", "limit=100", "starting_after=sub_9", "status=all"]);
        for kind in Kind::ALL {
            assert_eq!(
                list_request(kind, &ListParams { limit: 1, ..params.clone() }).path,
                format!("/{}", kind.plural())
            );
        }
    }

    #[test]
    fn a_list_that_does_not_move_on_is_an_error() {
        let row = |id: &str| RawValue::from_string(format!("{{\"id\":\"{id}\"}}")).unwrap();
        assert!(check_progress(&[], false, None).is_ok());
        assert!(check_progress(&[row("cus_1")], true, Some("cus_2")).is_ok());
        assert!(check_progress(&[], true, None).is_err());
        assert!(check_progress(&[row("cus_1")], true, Some("cus_1")).is_err());
    }
}
