//! What happened to an object, in sentences.

use crate::domain::status;
use crate::store::timeline::Event;

/// A line of a timeline.
pub struct Entry {
    /// What happened.
    pub sentence: String,
    /// Stripe's `evt_…`.
    pub id: String,
    /// Such as `customer.updated`.
    pub event_type: String,
    /// Unix seconds: when it happened at Stripe.
    pub at: i64,
    /// What billfold did with it.
    pub status: String,
}

/// Makes a timeline: in the order in which things happened, which is not always the order in which they arrived.
pub fn entries(mut events: Vec<Event>) -> Vec<Entry> {
    events.sort_by_key(|event| std::cmp::Reverse(event.created));
    let entry = |event: Event| Entry {
        sentence: sentence(&event.event_type),
        id: event.id,
        event_type: event.event_type,
        at: event.created,
        status: event.status,
    };
    events.into_iter().map(entry).collect()
}

/// An event type as a sentence; one we have no words for is shown as its own words.
pub fn sentence(event_type: &str) -> String {
    let said = match event_type {
        "customer.created" => "Customer created",
        "customer.updated" => "Customer details changed",
        "customer.deleted" => "Customer deleted",
        "customer.discount.created" => "Discount given",
        "customer.discount.updated" => "Discount changed",
        "customer.discount.deleted" => "Discount removed",
        "customer.tax_id.created" => "Tax id added",
        "customer.tax_id.updated" => "Tax id checked",
        "customer.tax_id.deleted" => "Tax id removed",
        "customer.subscription.created" => "Subscription started",
        "customer.subscription.updated" => "Subscription changed",
        "customer.subscription.deleted" => "Subscription ended",
        "customer.subscription.paused" => "Subscription paused",
        "customer.subscription.resumed" => "Subscription resumed",
        "customer.subscription.trial_will_end" => "Trial ends in three days",
        "customer.subscription.pending_update_applied" => "Pending change applied",
        "customer.subscription.pending_update_expired" => "Pending change expired",
        "invoice.created" => "Invoice drafted",
        "invoice.updated" => "Invoice changed",
        "invoice.deleted" => "Draft invoice deleted",
        "invoice.finalized" => "Invoice finalized",
        "invoice.finalization_failed" => "Invoice could not be finalized",
        "invoice.sent" => "Invoice sent",
        "invoice.upcoming" => "Next invoice announced",
        "invoice.paid" => "Invoice paid",
        "invoice.payment_succeeded" => "Payment of an invoice succeeded",
        "invoice.payment_failed" => "Payment of an invoice failed",
        "invoice.marked_uncollectible" => "Invoice written off",
        "invoice.voided" => "Invoice voided",
        "invoice.overdue" => "Invoice became overdue",
        "invoice.will_be_due" => "Invoice will be due soon",
        "invoice_payment.paid" => "Payment assigned to an invoice",
        "charge.succeeded" => "Charge succeeded",
        "charge.failed" => "Charge failed",
        "charge.pending" => "Charge pending",
        "charge.refunded" => "Charge refunded",
        "charge.captured" => "Charge captured",
        "charge.expired" => "Authorization expired",
        "charge.updated" => "Charge changed",
        "charge.dispute.created" => "Charge disputed by the cardholder",
        "charge.dispute.closed" => "Dispute closed",
        "payment_method.attached" => "Payment method added",
        "payment_method.detached" => "Payment method removed",
        "payment_method.updated" => "Payment method changed",
        "payment_method.automatically_updated" => "Card details renewed by the bank",
        "payment_intent.succeeded" => "Payment succeeded",
        "payment_intent.payment_failed" => "Payment failed",
        "invoice.payment_action_required" | "payment_intent.requires_action" => {
            "Payment needs the customer's confirmation"
        }
        "product.created" => "Product created",
        "product.updated" => "Product changed",
        "product.deleted" => "Product deleted",
        "price.created" => "Price created",
        "price.updated" => "Price changed",
        "price.deleted" => "Price deleted",
        "checkout.session.completed" => "Checkout completed",
        "checkout.session.expired" => "Checkout abandoned",
        other => return status::words(other),
    };
    said.to_owned()
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn an_event_without_words_of_ours_is_still_readable() {
        assert_eq!(sentence("invoice.paid"), "Invoice paid");
        assert_eq!(sentence("entitlements.active_summary.updated"), "Entitlements active summary updated");
    }
}
