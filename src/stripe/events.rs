//! The event types that billfold's endpoint subscribes to: all that change, or tell of a change of, a mirrored object.

/// Every subscribed type, grouped by the object it is about. Source: docs.stripe.com/api/events/types.
pub const SUBSCRIBED: &[&str] = &[
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "product.created",
    "product.updated",
    "product.deleted",
    "price.created",
    "price.updated",
    "price.deleted",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "customer.subscription.trial_will_end",
    "invoice.created",
    "invoice.updated",
    "invoice.finalized",
    "invoice.finalization_failed",
    "invoice.sent",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.will_be_due",
    "invoice.overdue",
    "invoice.overpaid",
    "invoice.marked_uncollectible",
    "invoice.voided",
    "invoice.deleted",
    "charge.succeeded",
    "charge.pending",
    "charge.failed",
    "charge.captured",
    "charge.expired",
    "charge.updated",
    "charge.refunded",
    // A dispute changes its charge without a charge.updated; the charge is named in the dispute.
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
];

#[cfg(test)]
mod tests {
    use stripe_misc::webhook_endpoint::CreateWebhookEndpointEnabledEvents as Event;

    use super::SUBSCRIBED;

    #[test]
    fn stripe_knows_every_type_and_none_stands_twice() {
        let distinct: std::collections::BTreeSet<_> = SUBSCRIBED.iter().collect();
        assert_eq!(distinct.len(), SUBSCRIBED.len());
        for name in SUBSCRIBED {
            assert!(!matches!(name.parse::<Event>(), Ok(Event::Unknown(_)) | Err(_)), "{name}");
        }
    }
}
