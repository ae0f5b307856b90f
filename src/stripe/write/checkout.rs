//! Checkout sessions: make, end.

use stripe::StripeRequest as _;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionSubscriptionData, ExpireCheckoutSession,
};
use stripe_shared::CheckoutSessionMode;

use super::WriteRequest;
use crate::domain::{
    drafts::{CheckoutDraft, CheckoutMode},
    ids::path_segment,
};

/// A new session, with Stripe's ids of the customer and of each item's price.
pub fn create(customer: Option<&str>, prices: &[String], draft: &CheckoutDraft) -> WriteRequest {
    let mode = match draft.mode {
        CheckoutMode::Subscription => CheckoutSessionMode::Subscription,
        CheckoutMode::Payment => CheckoutSessionMode::Payment,
        CheckoutMode::Setup => CheckoutSessionMode::Setup,
    };
    let mut request = CreateCheckoutSession::new().mode(mode).success_url(&draft.success_url);
    if let Some(url) = &draft.cancel_url {
        request = request.cancel_url(url);
    }
    if let Some(customer) = customer {
        request = request.customer(customer);
    }
    if let Some(email) = &draft.customer_email {
        request = request.customer_email(email);
    }
    if let Some(reference) = &draft.client_reference_id {
        request = request.client_reference_id(reference);
    }
    if let Some(Ok(currency)) = draft.currency.as_deref().map(str::parse::<stripe_types::Currency>) {
        request = request.currency(currency);
    }
    if draft.allow_promotion_codes {
        request = request.allow_promotion_codes(true);
    }
    let items: Vec<_> = draft.items.iter().zip(prices).map(|(item, price)| line(price, item.quantity)).collect();
    if !items.is_empty() {
        request = request.line_items(items);
    }
    if let Some(days) = draft.trial_period_days {
        let mut data = CreateCheckoutSessionSubscriptionData::new();
        data.trial_period_days = Some(days);
        request = request.subscription_data(data);
    }
    WriteRequest::of(request.build()).with_metadata(&draft.metadata)
}

fn line(price: &str, quantity: Option<u64>) -> CreateCheckoutSessionLineItems {
    let mut line = CreateCheckoutSessionLineItems::new();
    line.price = Some(price.to_owned());
    line.quantity = quantity;
    line
}

/// Ends a session that nobody has paid.
pub fn expire(id: &str) -> WriteRequest {
    WriteRequest::of(ExpireCheckoutSession::new(path_segment(id).as_ref()).build())
}
