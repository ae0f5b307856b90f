//! Invoices and charges: finalize, send, collect, void, write off, give back; and the preview of a change.

use stripe::StripeRequest as _;
use stripe_billing::invoice::{
    CreatePreviewInvoice, CreatePreviewInvoiceSubscriptionDetails, CreatePreviewInvoiceSubscriptionDetailsItems,
    CreatePreviewInvoiceSubscriptionDetailsProrationBehavior as Behavior, FinalizeInvoiceInvoice,
    MarkUncollectibleInvoice, PayInvoice, SendInvoiceInvoice, VoidInvoiceInvoice,
};
use stripe_core::refund::CreateRefund;

use super::{WriteRequest, subscriptions::ItemChange};
use crate::domain::{
    drafts::{Proration, RefundDraft},
    ids::path_segment,
};

/// Makes a draft final.
pub fn finalize(id: &str) -> WriteRequest {
    WriteRequest::of(FinalizeInvoiceInvoice::new(path_segment(id).as_ref()).build())
}

/// Mails it to the customer.
pub fn send(id: &str) -> WriteRequest {
    WriteRequest::of(SendInvoiceInvoice::new(path_segment(id).as_ref()).build())
}

/// Tries the payment now.
pub fn pay(id: &str) -> WriteRequest {
    WriteRequest::of(PayInvoice::new(path_segment(id).as_ref()).build())
}

/// Cancels it, as if it had never been issued.
pub fn void(id: &str) -> WriteRequest {
    WriteRequest::of(VoidInvoiceInvoice::new(path_segment(id).as_ref()).build())
}

/// Writes it off.
pub fn write_off(id: &str) -> WriteRequest {
    WriteRequest::of(MarkUncollectibleInvoice::new(path_segment(id).as_ref()).build())
}

/// Gives money of a charge back.
pub fn refund(charge: &str, draft: &RefundDraft) -> WriteRequest {
    let mut request = CreateRefund::new().charge(charge);
    if let Some(amount) = draft.amount {
        request = request.amount(amount);
    }
    if let Some(Ok(reason)) = draft.reason.as_deref().map(str::parse::<stripe_core::refund::CreateRefundReason>) {
        request = request.reason(reason);
    }
    WriteRequest::of(request.build()).with_metadata(&draft.metadata)
}

/// What the next invoice would be after a change of a subscription.
pub fn preview(subscription: &str, change: &ItemChange<'_>) -> WriteRequest {
    let mut item = CreatePreviewInvoiceSubscriptionDetailsItems::new();
    item.id = Some(change.item.to_owned());
    item.price = change.price.map(ToOwned::to_owned);
    item.quantity = change.quantity;
    let mut details = CreatePreviewInvoiceSubscriptionDetails::new();
    details.items = Some(vec![item]);
    details.proration_date = change.proration_date;
    details.proration_behavior = Some(match change.proration {
        Proration::CreateProrations => Behavior::CreateProrations,
        Proration::AlwaysInvoice => Behavior::AlwaysInvoice,
        Proration::None => Behavior::None,
    });
    WriteRequest::of(CreatePreviewInvoice::new().subscription(subscription).subscription_details(details).build())
}
