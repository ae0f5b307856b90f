//! Whether an object here is what Stripe has: field by field, whatever API versions the two were rendered in.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::objects::{Charge, Columns, Object};

/// Fields that change without the object changing: addresses that are signed anew for each answer, and Stripe's own book-keeping.
const IGNORED: [&str; 5] =
    ["hosted_invoice_url", "invoice_pdf", "receipt_url", "webhooks_delivered_at", "next_invoice_sequence"];

/// What stands for a difference that only the columns show, where no field that both name differs.
const COLUMNS: &str = "reading";

/// The fields of an object that are not here as Stripe has them; empty when it is the same.
///
/// Two API versions render one object with different fields. Then only what both name is compared, and what billfold reads out of
/// them: a missing field is no difference in what the object is.
pub fn fields(here: &Object, at_stripe: &Object) -> Vec<String> {
    let parse = |object: &Object| match serde_json::from_str(&object.raw) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (ours, theirs) = (parse(here), parse(at_stripe));
    let counts = |field: &&String| !IGNORED.contains(&field.as_str());
    let names = |of: &Map<String, Value>| of.keys().filter(counts).cloned().collect::<BTreeSet<_>>();
    let same_version = names(&ours) == names(&theirs);
    let differing = theirs.iter().filter(|(field, _)| counts(field)).filter(|(field, theirs)| {
        ours.get(*field).is_some_and(|ours| {
            let strict = same_version || field.as_str() == "metadata";
            !same(ours, theirs, strict)
        })
    });
    let mut fields: Vec<String> = differing.map(|(field, _)| field.clone()).collect();
    fields.sort_unstable();
    if fields.is_empty() && !same_version && !read_alike(here, at_stripe) {
        fields.push(COLUMNS.to_owned());
    }
    fields
}

/// Whether billfold reads the same out of both. Of an invoice's or subscription's cut list nothing can be said.
fn read_alike(here: &Object, at_stripe: &Object) -> bool {
    // Only versions before Basil say it.
    let columns = |object: &Object| match object.columns.clone() {
        Columns::Charge(charge) => format!("{:?}", Charge { invoice_id: None, ..charge }),
        columns => format!("{columns:?}"),
    };
    let head = |object: &Object| (object.created, object.status.clone());
    head(here) == head(at_stripe) && (!here.whole || !at_stripe.whole || columns(here) == columns(at_stripe))
}

/// `strict`: a field that only one of them names is a difference.
fn same(ours: &Value, theirs: &Value, strict: bool) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) if is_list(ours) && is_list(theirs) => {
            same_lists(ours, theirs, strict)
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let known = |(field, theirs)| ours.get(field).map_or(!strict, |ours| same(ours, theirs, strict));
            theirs.iter().all(known) && (!strict || ours.keys().all(|field| theirs.contains_key(field)))
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs, strict))
        }
        // An object that one version names and another one expands.
        (Value::String(id), Value::Object(expanded)) | (Value::Object(expanded), Value::String(id)) => {
            !strict && expanded.get("id").and_then(Value::as_str) == Some(id)
        }
        _ => ours == theirs,
    }
}

fn is_list(fields: &Map<String, Value>) -> bool {
    fields.get("object").and_then(Value::as_str) == Some("list")
}

/// Lists inside an object: here they are whole, and Stripe shows the first ten rows.
fn same_lists(ours: &Map<String, Value>, theirs: &Map<String, Value>, strict: bool) -> bool {
    let rows = |list: &Map<String, Value>| list.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    let (held, shown) = (rows(ours), rows(theirs));
    let cut = theirs.get("has_more").and_then(Value::as_bool).unwrap_or(false);
    let length = if cut { held.len() > shown.len() } else { held.len() == shown.len() };
    length && held.iter().zip(&shown).all(|(held, shown)| same(held, shown, strict))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Object, fields};
    use crate::domain::{
        ids::{Id as _, ProjectId, RANDOM_BYTES},
        kind::Kind,
    };

    fn differing(kind: Kind, here: &Value, at_stripe: &Value) -> Vec<String> {
        let project = ProjectId::from_random([7; RANDOM_BYTES]);
        let read = |value: &Value| Object::read(kind, &project, &value.to_string()).unwrap();
        fields(&read(here), &read(at_stripe))
    }

    #[test]
    fn a_field_that_differs_is_named_and_one_that_is_signed_anew_is_not() {
        let here = json!({ "id": "in_1", "status": "open", "total": 5, "metadata": {}, "invoice_pdf": "https://a/1" });
        let mut there = here.clone();
        there["invoice_pdf"] = json!("https://a/2");
        assert_eq!(differing(Kind::Invoice, &here, &there), [""; 0]);
        there["status"] = json!("paid");
        there["metadata"]["tier"] = json!("gold");
        assert_eq!(differing(Kind::Invoice, &here, &there), ["metadata", "status"]);
        let keys_moved = json!({ "total": 5, "metadata": {}, "status": "open", "id": "in_1", "invoice_pdf": null });
        assert_eq!(differing(Kind::Invoice, &here, &keys_moved), [""; 0], "the order of keys says nothing");
    }

    #[test]
    fn two_versions_of_one_object_are_the_same() {
        let item = json!({ "id": "si_1", "quantity": 2, "price": { "id": "price_1", "unit_amount": 5 } });
        let old = json!({ "id": "sub_1", "status": "active", "customer": "cus_1", "current_period_end": 9,
            "items": { "object": "list", "data": [item.clone()], "has_more": false, "total_count": 1 } });
        let mut newer_item = item;
        newer_item["current_period_end"] = json!(9);
        let mut new = json!({ "id": "sub_1", "status": "active", "customer": { "id": "cus_1" }, "billing_mode": {},
            "items": { "object": "list", "data": [newer_item], "has_more": false } });
        assert_eq!(differing(Kind::Subscription, &old, &new), [""; 0]);
        new["items"]["data"][0]["quantity"] = json!(3);
        assert_eq!(differing(Kind::Subscription, &old, &new), ["items"]);
        new["items"]["data"][0]["quantity"] = json!(2);
        new["items"]["data"][0]["current_period_end"] = json!(10);
        assert_eq!(differing(Kind::Subscription, &old, &new), ["reading"], "what is read out of both differs");
    }

    #[test]
    fn a_cut_list_is_compared_as_far_as_it_is_shown() {
        let rows = |n: i64| (0..n).map(|n| json!({ "id": format!("il_{n}"), "amount": n })).collect::<Vec<_>>();
        let with = |rows: &[Value], has_more: bool| json!({ "id": "in_1", "lines": { "object": "list", "data": rows, "has_more": has_more } });
        let (all, first) = (rows(12), rows(10));
        assert_eq!(differing(Kind::Invoice, &with(&all, false), &with(&first, true)), [""; 0]);
        assert_eq!(differing(Kind::Invoice, &with(&all, false), &with(&first, false)), ["lines"]);
        let mut other = first;
        other[3]["amount"] = json!(99);
        assert_eq!(differing(Kind::Invoice, &with(&all, false), &with(&other, true)), ["lines"]);
    }
}
