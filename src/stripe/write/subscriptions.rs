//! Subscriptions: start, change, cancel, keep, pause, discount.

use stripe::StripeRequest as _;
use stripe_billing::subscription::{
    CancelSubscription, CancelSubscriptionCancellationDetails, CreateSubscription, CreateSubscriptionItems,
    DiscountsDataParam, UpdateSubscription, UpdateSubscriptionCancellationDetails, UpdateSubscriptionItems,
    UpdateSubscriptionPauseCollection, UpdateSubscriptionPauseCollectionBehavior, UpdateSubscriptionProrationBehavior,
};
use stripe_shared::SubscriptionCollectionMethod;

use super::WriteRequest;
use crate::domain::{
    drafts::{Cancellation, DiscountDraft, Moment, PauseBehavior, PauseDraft, Proration, SubscriptionDraft},
    ids::path_segment,
};

/// Ends a subscription at once, or says that it ends with its period.
pub fn cancel(id: &str, how: &Cancellation) -> WriteRequest {
    let (id, comment) = (path_segment(id), how.comment.clone().filter(|text| !text.trim().is_empty()));
    let feedback = how.feedback.as_deref();
    match how.moment {
        Moment::Now => {
            let mut request = CancelSubscription::new(id.as_ref()).prorate(how.prorate).invoice_now(how.invoice_now);
            if comment.is_some() || feedback.is_some() {
                let mut details = CancelSubscriptionCancellationDetails::new();
                (details.comment, details.feedback) = (comment, feedback.and_then(|text| text.parse().ok()));
                request = request.cancellation_details(details);
            }
            WriteRequest::of(request.build())
        }
        Moment::PeriodEnd => {
            let mut request = UpdateSubscription::new(id.as_ref()).cancel_at_period_end(true);
            if comment.is_some() || feedback.is_some() {
                let mut details = UpdateSubscriptionCancellationDetails::new();
                (details.comment, details.feedback) = (comment, feedback.and_then(|text| text.parse().ok()));
                request = request.cancellation_details(details);
            }
            WriteRequest::of(request.build())
        }
    }
}

/// Takes a cancellation at the end of the period back.
pub fn keep(id: &str) -> WriteRequest {
    WriteRequest::of(UpdateSubscription::new(path_segment(id).as_ref()).cancel_at_period_end(false).build())
}

/// Stops collecting payments.
pub fn pause(id: &str, how: PauseDraft) -> WriteRequest {
    let behavior = match how.behavior {
        PauseBehavior::KeepAsDraft => UpdateSubscriptionPauseCollectionBehavior::KeepAsDraft,
        PauseBehavior::MarkUncollectible => UpdateSubscriptionPauseCollectionBehavior::MarkUncollectible,
        PauseBehavior::Void => UpdateSubscriptionPauseCollectionBehavior::Void,
    };
    let mut pause = UpdateSubscriptionPauseCollection::new(behavior);
    pause.resumes_at = how.resumes_at;
    WriteRequest::of(UpdateSubscription::new(path_segment(id).as_ref()).pause_collection(pause).build())
}

/// Goes on collecting payments.
pub fn unpause(id: &str) -> WriteRequest {
    WriteRequest::of(UpdateSubscription::new(path_segment(id).as_ref()).build()).with("pause_collection", "")
}

/// A change of one item, with Stripe's ids.
#[derive(Clone, Copy, Debug)]
pub struct ItemChange<'a> {
    /// `si_…`
    pub item: &'a str,
    /// `price_…`
    pub price: Option<&'a str>,
    /// How many.
    pub quantity: Option<u64>,
    /// How it is settled.
    pub proration: Proration,
    /// Unix seconds.
    pub proration_date: Option<i64>,
}

/// Changes price and quantity of an item.
pub fn change(id: &str, change: &ItemChange<'_>) -> WriteRequest {
    let mut item = UpdateSubscriptionItems::new();
    item.id = Some(change.item.to_owned());
    item.price = change.price.map(ToOwned::to_owned);
    item.quantity = change.quantity;
    let behavior = match change.proration {
        Proration::CreateProrations => UpdateSubscriptionProrationBehavior::CreateProrations,
        Proration::AlwaysInvoice => UpdateSubscriptionProrationBehavior::AlwaysInvoice,
        Proration::None => UpdateSubscriptionProrationBehavior::None,
    };
    let mut request = UpdateSubscription::new(path_segment(id).as_ref()).items(vec![item]).proration_behavior(behavior);
    if let Some(date) = change.proration_date.filter(|_| change.proration != Proration::None) {
        request = request.proration_date(date);
    }
    WriteRequest::of(request.build())
}

/// Starts a subscription, with Stripe's ids of the customer and of each item's price.
pub fn create(customer: &str, prices: &[String], draft: &SubscriptionDraft) -> WriteRequest {
    let items = prices.iter().zip(&draft.items).map(|(price, item)| {
        let mut created = CreateSubscriptionItems::new();
        (created.price, created.quantity) = (Some(price.clone()), item.quantity);
        created
    });
    let mut request = CreateSubscription::new().customer(customer).items(items.collect::<Vec<_>>());
    if let Some(days) = draft.trial_period_days {
        request = request.trial_period_days(days);
    }
    if let Some(days) = draft.days_until_due {
        request = request.collection_method(SubscriptionCollectionMethod::SendInvoice).days_until_due(days);
    }
    let discounts = discounts(&draft.discount);
    if !discounts.is_empty() {
        request = request.discounts(discounts);
    }
    WriteRequest::of(request.build()).with_metadata(&draft.metadata)
}

/// Gives a subscription a discount instead of those that it has, or takes them away.
pub fn discount(id: &str, discount: &DiscountDraft) -> WriteRequest {
    let request = UpdateSubscription::new(path_segment(id).as_ref());
    match discounts(discount) {
        none if none.is_empty() => WriteRequest::of(request.build()).with("discounts", ""),
        discounts => WriteRequest::of(request.discounts(discounts).build()),
    }
}

/// Makes a saved way to pay (`pm_…`) the one by which a subscription is paid.
pub fn set_card(id: &str, payment_method: &str) -> WriteRequest {
    let request = UpdateSubscription::new(path_segment(id).as_ref()).build();
    WriteRequest::of(request).with("default_payment_method", payment_method)
}

fn discounts(discount: &DiscountDraft) -> Vec<DiscountsDataParam> {
    let mut given = DiscountsDataParam::new();
    match discount {
        DiscountDraft::None => return Vec::new(),
        DiscountDraft::Coupon(id) => given.coupon = Some(id.clone()),
        DiscountDraft::PromotionCode(id) => given.promotion_code = Some(id.clone()),
    }
    vec![given]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_a_delete_and_later_is_a_change() {
        let now = Cancellation {
            moment: Moment::Now,
            feedback: Some("too_expensive".to_owned()),
            prorate: true,
            ..Cancellation::default()
        };
        let request = cancel("sub_1", &now);
        assert!(request.delete && request.body.contains("too_expensive"), "{request:?}");
        let later = cancel("sub_1", &Cancellation::default());
        assert_eq!((later.delete, later.body.as_str()), (false, "cancel_at_period_end=true"));
        assert_eq!(unpause("sub_1").body, "pause_collection=");
        assert_eq!(discount("sub_1", &DiscountDraft::None).body, "discounts=");
    }

    #[test]
    fn a_change_is_sent_with_the_date_of_its_preview() {
        let change_to = ItemChange {
            item: "si_1",
            price: Some("price_2"),
            quantity: Some(3),
            proration: Proration::AlwaysInvoice,
            proration_date: Some(7),
        };
        let sent = |request: &WriteRequest| -> Vec<String> {
            let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&request.body).unwrap();
            let mut sent: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            sent.sort();
            sent
        };
        let item = ["items[0][id]=si_1", "items[0][price]=price_2", "items[0][quantity]=3"];
        let settled = ["proration_behavior=always_invoice", "proration_date=7"];
        assert_eq!(sent(&change("sub_1", &change_to)), [item.as_slice(), &settled].concat());
        let preview = sent(&super::super::invoices::preview("sub_1", &change_to));
        assert!(preview.contains(&"subscription_details[items][0][quantity]=3".to_owned()), "{preview:?}");
        assert!(preview.contains(&"subscription_details[proration_date]=7".to_owned()), "{preview:?}");
    }
}
