//! Working on Stripe's JSON without taking it apart: what is not looked at keeps its bytes.

use serde::Deserialize;
use serde_json::value::RawValue;
use stripe::StripeRequest as _;
use stripe_billing::subscription_item::ListSubscriptionItem;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{client::Client, error::Error, list::RawList};
use crate::domain::{ids::path_segment, kind::Kind};

/// Rows per page of a sub-list.
const PAGE: i64 = 100;

impl Client {
    /// Stripe cuts the lists inside an object after ten rows. Answers the object with its whole list; one that is not cut
    /// comes back as it is, without a call.
    pub async fn complete(&self, kind: Kind, raw: Box<RawValue>) -> Result<Box<RawValue>, Error> {
        let Some(cut) = CutList::find(kind, &raw)? else { return Ok(raw) };
        let whole = self.fetch_sub_list(kind, &cut.id, cut.rows).await?;
        splice(&raw, &cut.range, &whole)
    }

    async fn fetch_sub_list(
        &self,
        kind: Kind,
        id: &str,
        mut rows: Vec<Box<RawValue>>,
    ) -> Result<Vec<Box<RawValue>>, Error> {
        loop {
            let cursor = rows.last().map(|row| object_id(row)).transpose()?;
            let page = self.page(&sub_list_request(kind, id, cursor.as_deref()), cursor.as_deref()).await?;
            rows.extend(page.data);
            if !page.has_more {
                return Ok(rows);
            }
        }
    }
}

/// Whether a list inside an object is cut, so that [`Client::complete`] would call Stripe.
pub fn is_cut(kind: Kind, raw: &RawValue) -> bool {
    matches!(CutList::find(kind, raw), Ok(Some(_)))
}

/// The list inside an object that has more rows than Stripe sent.
struct CutList {
    /// The object's id.
    id: String,
    /// Where the list's text stands in the object's text.
    range: std::ops::Range<usize>,
    rows: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Holder<'a> {
    id: String,
    #[serde(borrow)]
    items: Option<&'a RawValue>,
    #[serde(borrow)]
    lines: Option<&'a RawValue>,
}

impl CutList {
    fn find(kind: Kind, raw: &RawValue) -> Result<Option<Self>, Error> {
        if !matches!(kind, Kind::Subscription | Kind::Invoice) {
            return Ok(None);
        }
        let holder: Holder<'_> = decode(raw.get())?;
        let list = if kind == Kind::Subscription { holder.items } else { holder.lines };
        let Some(list) = list else { return Ok(None) };
        let RawList { data, has_more } = decode(list.get())?;
        if !has_more {
            return Ok(None);
        }
        // The list borrows from the object's text, so its place is the distance between the two.
        let start = list.get().as_ptr() as usize - raw.get().as_ptr() as usize;
        Ok(Some(Self { id: holder.id, range: start..start + list.get().len(), rows: data }))
    }
}

fn sub_list_request(kind: Kind, id: &str, cursor: Option<&str>) -> RequestBuilder {
    if kind == Kind::Subscription {
        let mut request = ListSubscriptionItem::new(id).limit(PAGE);
        if let Some(cursor) = cursor {
            request = request.starting_after(cursor);
        }
        return request.build();
    }
    let mut query = vec![("limit", PAGE.to_string())];
    query.extend(cursor.map(|cursor| ("starting_after", cursor.to_owned())));
    let mut request = RequestBuilder::new(StripeMethod::Get, format!("/invoices/{}/lines", path_segment(id)));
    request.query = serde_urlencoded::to_string(query).ok();
    request
}

/// The object's text with the list at `range` replaced by one that holds all rows.
fn splice(raw: &RawValue, range: &std::ops::Range<usize>, rows: &[Box<RawValue>]) -> Result<Box<RawValue>, Error> {
    let (before, after) = (&raw.get()[..range.start], &raw.get()[range.end..]);
    let mut text = String::with_capacity(raw.get().len() + rows.iter().map(|row| row.get().len() + 1).sum::<usize>());
    text.push_str(before);
    text.push_str(r#"{"object":"list","data":["#);
    for (position, row) in rows.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        text.push_str(row.get());
    }
    text.push_str(r#"],"has_more":false}"#);
    text.push_str(after);
    RawValue::from_string(text).map_err(|error| Error::Unreadable(error.to_string()))
}

/// An object's `id`.
pub(super) fn object_id(raw: &RawValue) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Identified {
        id: String,
    }
    decode::<Identified>(raw.get()).map(|object| object.id)
}

fn decode<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{CutList, is_cut, splice};
    use crate::domain::kind::Kind;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_cut_list_is_found_and_replaced_and_the_rest_keeps_its_bytes() {
        let object = raw(
            r#"{ "id": "sub_1",  "big": 9007199254740993, "items": {"object":"list","data":[{"id":"si_1"}],"has_more":true,"url":"/x"} , "z":"ü" }"#,
        );
        let cut = CutList::find(Kind::Subscription, &object).unwrap().unwrap();
        assert_eq!(cut.id, "sub_1");
        let whole = splice(&object, &cut.range, &[raw(r#"{"id":"si_1"}"#), raw(r#"{"id":"si_2"}"#)]).unwrap();
        assert_eq!(
            whole.get(),
            r#"{ "id": "sub_1",  "big": 9007199254740993, "items": {"object":"list","data":[{"id":"si_1"},{"id":"si_2"}],"has_more":false} , "z":"ü" }"#
        );
        assert!(!is_cut(Kind::Subscription, &whole));
    }

    #[test]
    fn whole_lists_and_other_kinds_are_left_alone() {
        let whole = raw(r#"{"id":"in_1","lines":{"data":[],"has_more":false}}"#);
        assert!(!is_cut(Kind::Invoice, &whole));
        assert!(!is_cut(Kind::Customer, &raw(r#"{"id":"cus_1","lines":{"data":[],"has_more":true}}"#)));
        assert!(is_cut(Kind::Invoice, &raw(r#"{"id":"in_1","lines":{"data":[{"id":"il_1"}],"has_more":true}}"#)));
    }
}
