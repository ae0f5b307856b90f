//! Calls that change something at Stripe.
//!
//! A write is made in two steps, because what is stored before it is sent must be sent again to the byte: the functions of
//! this folder make a [`WriteRequest`], and [`Client::write`] sends one under an idempotency key of the caller's.

pub mod catalog;
pub mod checkout;
pub mod customers;
pub mod discounts;
pub mod invoices;
pub mod subscriptions;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{client::Client, error::Error, event_list::EventParams, list::Page, raw::object_id};
use crate::domain::event::Envelope;

/// The metadata by which an object is known again whose making was not answered: the id of the write.
const MARK: &str = "billfold_write";
/// A clock at Stripe may be behind ours by this many seconds.
const CLOCK_SKEW: i64 = 300;
/// Objects per page.
const PAGE: usize = 100;

/// A write as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteRequest {
    /// Whether it is a `DELETE`, which Stripe takes without an idempotency key.
    pub delete: bool,
    /// Below `/v1`.
    pub path: String,
    /// The parameters, form-encoded.
    pub body: String,
}

impl WriteRequest {
    fn of(built: RequestBuilder) -> Self {
        let delete = matches!(built.method, StripeMethod::Delete);
        Self { delete, path: built.path, body: built.body.unwrap_or_default() }
    }

    /// Adds a parameter that the builders have no word for; an empty value unsets.
    #[must_use]
    fn with(mut self, name: &str, value: &str) -> Self {
        if !self.body.is_empty() {
            self.body.push('&');
        }
        self.body.push_str(&serde_urlencoded::to_string([(name, value)]).unwrap_or_default());
        self
    }

    /// Adds metadata, in the order given.
    #[must_use]
    fn with_metadata<'a>(mut self, pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        for (key, value) in pairs {
            self = self.with(&format!("metadata[{key}]"), value);
        }
        self
    }

    /// The same write, with the mark by which [`Client::find_marked`] knows its object.
    #[must_use]
    pub fn marked(self, write: &str) -> Self {
        self.with(&format!("metadata[{MARK}]"), write)
    }

    /// Equal fingerprints mean equal requests, whatever the order of their parameters. To be taken before [`Self::marked`].
    pub fn fingerprint(&self) -> String {
        let mut pairs: Vec<&str> = self.body.split('&').collect();
        pairs.sort_unstable();
        hex::encode(Sha256::digest(format!("{} {} {}", self.delete, self.path, pairs.join("&"))))
    }

    fn build(&self) -> RequestBuilder {
        let method = if self.delete { StripeMethod::Delete } else { StripeMethod::Post };
        let mut request = RequestBuilder::new(method, self.path.clone());
        request.body = Some(self.body.clone()).filter(|body| !body.is_empty());
        request
    }
}

/// What Stripe answered to a write.
#[derive(Debug)]
pub struct Written {
    /// The object as Stripe sent it.
    pub raw: Box<RawValue>,
    /// The unix second that it is proven for, unless it is `replayed`.
    pub as_of: i64,
    /// Stripe repeats the answer of an earlier try: the object may have changed since.
    pub replayed: bool,
}

/// A write that was not answered with its object.
#[derive(Debug)]
pub struct WriteFailure {
    /// What came instead.
    pub error: Error,
    /// Whether some try may have been carried out all the same.
    pub uncertain: bool,
    /// Stripe repeats a fault that it keeps under this idempotency key: asking again brings nothing else.
    pub replayed: bool,
}

impl Client {
    /// Sends a write, with the retries of this client's patience, all under one idempotency key.
    pub async fn write(&self, request: &WriteRequest, idempotency_key: &str) -> Result<Written, WriteFailure> {
        let decode = |body: &Bytes| serde_json::from_slice::<Box<RawValue>>(body);
        let answered = self.call_once(&request.build(), Some(idempotency_key), decode).await?;
        Ok(Written { raw: answered.value, as_of: answered.as_of, replayed: answered.replayed })
    }

    /// Asks Stripe to reckon something without changing anything.
    pub async fn reckon(&self, request: &WriteRequest) -> Result<Box<RawValue>, Error> {
        self.call(&request.build()).await.map(|answered| answered.value)
    }

    /// The object that a write made, looked for by its mark among those made since `since` (unix seconds). `list` is the path
    /// of the list with what narrows it, such as `/subscriptions?status=all`.
    pub async fn find_marked(&self, list: &str, write: &str, since: i64) -> Result<Option<Box<RawValue>>, Error> {
        let (path, narrowed) = list.split_once('?').unwrap_or((list, ""));
        let mut cursor: Option<String> = None;
        loop {
            let page = self.page(&page_request(path, narrowed, since, cursor.as_deref()), cursor.as_deref()).await?;
            cursor = page.data.last().map(|raw| object_id(raw)).transpose()?;
            if let Some(found) = page.data.into_iter().find(|raw| mark(raw).as_deref() == Some(write)) {
                return Ok(Some(found));
            }
            if !page.has_more {
                return Ok(None);
            }
        }
    }

    /// The object as a write made it, looked for by its mark among what Stripe's events since `since` (unix seconds, at most thirty
    /// days) tell: also one that is gone by now. `event` is the type that tells of the making, such as `customer.created`.
    pub async fn find_told(&self, event: &str, write: &str, since: i64) -> Result<Option<Box<RawValue>>, Error> {
        let created_from = Some(since.saturating_sub(CLOCK_SKEW));
        let mut params = EventParams { types: &[event], created_from, ..EventParams::default() };
        loop {
            let page = self.events(&params).await?;
            params.starting_after = page.data.last().map(|raw| object_id(raw)).transpose()?;
            let objects =
                page.data.iter().filter_map(|raw| Some(Envelope::parse(raw.get()).ok()?.data_object()?.to_owned()));
            match objects.into_iter().find(|raw| mark(raw).as_deref() == Some(write)) {
                None if page.has_more => {}
                found => return Ok(found),
            }
        }
    }

    /// Every object of a list that the mirror does not keep, such as coupons; at most `most`, newest first.
    pub async fn list_all(&self, list: &str, most: usize) -> Result<Vec<Box<RawValue>>, Error> {
        let (path, narrowed) = list.split_once('?').unwrap_or((list, ""));
        let (mut rows, mut cursor): (Vec<Box<RawValue>>, Option<String>) = (Vec::new(), None);
        loop {
            let page = self.page(&page_request(path, narrowed, 0, cursor.as_deref()), cursor.as_deref()).await?;
            cursor = page.data.last().map(|raw| object_id(raw)).transpose()?;
            rows.extend(page.data);
            if !page.has_more || rows.len() >= most {
                rows.truncate(most);
                return Ok(rows);
            }
        }
    }

    /// A page of such a list; `query` holds what narrows it, `limit` and `starting_after`.
    pub async fn list_page(&self, path: &str, query: &[(&str, String)]) -> Result<Page, Error> {
        let mut request = RequestBuilder::new(StripeMethod::Get, path.to_owned());
        request.query = serde_urlencoded::to_string(query).ok();
        self.page(&request, None).await
    }

    /// One object that the mirror does not keep; `None` when Stripe has none by this path. Behind a `?` the path may have
    /// parameters, encoded already.
    pub async fn read_path(&self, path: &str) -> Result<Option<Box<RawValue>>, Error> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut request = RequestBuilder::new(StripeMethod::Get, path.to_owned());
        request.query = query.map(ToOwned::to_owned);
        match self.call(&request).await {
            Ok(answered) => Ok(Some(answered.value)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn page_request(path: &str, narrowed: &str, since: i64, cursor: Option<&str>) -> RequestBuilder {
    let mut query = vec![("limit", PAGE.to_string())];
    if since > 0 {
        query.push(("created[gte]", since.saturating_sub(CLOCK_SKEW).to_string()));
    }
    query.extend(cursor.map(|cursor| ("starting_after", cursor.to_owned())));
    let mut request = RequestBuilder::new(StripeMethod::Get, path.to_owned());
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    request.query = Some(if narrowed.is_empty() { query } else { format!("{narrowed}&{query}") });
    request
}

fn mark(raw: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Marked {
        metadata: std::collections::HashMap<String, String>,
    }
    serde_json::from_str::<Marked>(raw.get()).ok()?.metadata.remove(MARK)
}

#[cfg(test)]
mod tests {
    use super::WriteRequest;

    #[test]
    fn the_order_of_parameters_does_not_make_another_write() {
        let request = |body: &str| WriteRequest { delete: false, path: "/customers".to_owned(), body: body.to_owned() };
        assert_eq!(request("a=1&b=2").fingerprint(), request("b=2&a=1").fingerprint());
        assert_ne!(request("a=1&b=2").fingerprint(), request("a=1&b=3").fingerprint());
        assert_eq!(request("").marked("out_1").body, "metadata%5Bbillfold_write%5D=out_1");
        assert_eq!(request("a=1").with("pause_collection", "").body, "a=1&pause_collection=");
    }
}
