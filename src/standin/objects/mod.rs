//! One file per kind of object: what it looks like, its routes, and what changing it does.

pub mod account;
pub mod billing;
pub mod billing_routes;
pub mod card;
pub mod charge;
pub mod checkout;
pub mod checkout_complete;
pub mod checkout_items;
pub mod checkout_new;
pub mod collect;
pub mod coupon;
pub mod customer;
pub mod discount;
pub mod draft;
pub mod event;
pub mod invoice;
pub mod invoice_item;
pub mod invoice_life;
pub mod invoice_new;
pub mod line;
pub mod meter;
pub mod meter_event;
pub mod payment_intent;
pub mod payment_method;
pub mod preview;
pub mod price;
pub mod price_new;
pub mod price_routes;
pub mod product;
pub mod promotion_code;
pub mod refund;
pub mod setup_intent;
pub mod subscription;
pub mod subscription_change;
pub mod subscription_item;
pub mod subscription_life;
pub mod subscription_new;
pub mod subscription_routes;
pub mod subscription_update;
pub mod tax_id;
pub mod usage;
pub mod webhook_endpoint;

use serde_json::{Value, json};

use super::events::Cause;
use super::kind::Kind;
use super::space::Space;

/// Replaces object `n` and tells, when something changed.
pub fn change(space: &mut Space, cause: &Cause, event: &'static str, kind: Kind, n: u64, after: Value) {
    let before = space.value(kind, n);
    if before.as_ref() != Some(&after) {
        space.replace(kind, n, after.clone());
        space.emit(cause, event, (kind, after), before);
    }
}

/// The answer to a deletion.
pub fn deleted(kind: Kind, id: &str) -> Vec<u8> {
    json!({"id": id, "object": kind.name(), "deleted": true}).to_string().into_bytes()
}
