//! What can be done at Stripe: the closed list. Each action says how to find out whether it happened when no answer tells.

/// A write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes a customer.
    CreateCustomer,
    /// Changes a customer.
    UpdateCustomer,
    /// Makes a product.
    CreateProduct,
    /// Changes a product.
    UpdateProduct,
    /// Archives a product.
    ArchiveProduct,
    /// Offers a product again.
    UnarchiveProduct,
    /// Makes a price.
    CreatePrice,
    /// Renames a price.
    UpdatePrice,
    /// Archives a price.
    ArchivePrice,
    /// Offers a price again.
    UnarchivePrice,
    /// Starts a subscription.
    CreateSubscription,
    /// Changes price and quantity.
    ChangeSubscription,
    /// Ends a subscription at once.
    CancelSubscription,
    /// Says that a subscription ends with its period.
    CancelSubscriptionLater,
    /// Takes that back.
    ResumeSubscription,
    /// Pauses the collection.
    PauseSubscription,
    /// Goes on collecting.
    UnpauseSubscription,
    /// Gives or takes a discount.
    DiscountSubscription,
    /// Finalizes a draft.
    FinalizeInvoice,
    /// Mails an invoice.
    SendInvoice,
    /// Tries the payment again.
    PayInvoice,
    /// Cancels an invoice.
    VoidInvoice,
    /// Writes an invoice off.
    WriteOffInvoice,
    /// Gives money back.
    CreateRefund,
    /// Makes a Checkout session.
    CreateCheckout,
    /// Ends a Checkout session.
    ExpireCheckout,
    /// Makes a coupon.
    CreateCoupon,
    /// Ends a coupon.
    DeleteCoupon,
    /// Makes a promotion code.
    CreatePromotionCode,
    /// Ends a promotion code, or takes it up again.
    SetPromotionCode,
    /// Makes a card the one that a customer is charged by.
    SetCustomerCard,
    /// Makes a card the one that a subscription is charged by.
    SetSubscriptionCard,
    /// Adds a tax id to a customer.
    AddTaxId,
    /// Removes one.
    RemoveTaxId,
}

/// How to find out whether a write happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It makes an object that carries the write's mark, in this list; and the event that tells of it, where there is one.
    Marked(&'static str, Option<&'static str>),
    /// It sets values. Doing it twice is the same as once, so it is done again.
    Repeatable,
    /// Afterwards the object has one of these statuses.
    Status(&'static [&'static str]),
    /// Afterwards the object does not exist.
    Gone,
    /// Nothing shows it.
    None,
}

use Action::{
    AddTaxId, ArchivePrice, ArchiveProduct, CancelSubscription, CancelSubscriptionLater, ChangeSubscription,
    CreateCheckout, CreateCoupon, CreateCustomer, CreatePrice, CreateProduct, CreatePromotionCode, CreateRefund,
    CreateSubscription, DeleteCoupon, DiscountSubscription, ExpireCheckout, FinalizeInvoice, PauseSubscription,
    PayInvoice, RemoveTaxId, ResumeSubscription, SendInvoice, SetCustomerCard, SetPromotionCode, SetSubscriptionCard,
    UnarchivePrice, UnarchiveProduct, UnpauseSubscription, UpdateCustomer, UpdatePrice, UpdateProduct, VoidInvoice,
    WriteOffInvoice,
};

/// Each action with its stored name, Stripe's name of its object, and its proof.
const TABLE: [(Action, &str, &str, Proof); 34] = [
    (CreateCustomer, "customer.created", "customer", Proof::Marked("/customers", Some("customer.created"))),
    (UpdateCustomer, "customer.updated", "customer", Proof::Repeatable),
    (CreateProduct, "product.created", "product", Proof::Marked("/products", Some("product.created"))),
    (UpdateProduct, "product.updated", "product", Proof::Repeatable),
    (ArchiveProduct, "product.archived", "product", Proof::Repeatable),
    (UnarchiveProduct, "product.unarchived", "product", Proof::Repeatable),
    (CreatePrice, "price.created", "price", Proof::Marked("/prices", Some("price.created"))),
    (UpdatePrice, "price.updated", "price", Proof::Repeatable),
    (ArchivePrice, "price.archived", "price", Proof::Repeatable),
    (UnarchivePrice, "price.unarchived", "price", Proof::Repeatable),
    (
        CreateSubscription,
        "subscription.created",
        "subscription",
        Proof::Marked("/subscriptions?status=all", Some("customer.subscription.created")),
    ),
    (ChangeSubscription, "subscription.changed", "subscription", Proof::Repeatable),
    (CancelSubscription, "subscription.canceled", "subscription", Proof::Status(&["canceled"])),
    (CancelSubscriptionLater, "subscription.cancel_at_period_end", "subscription", Proof::Repeatable),
    (ResumeSubscription, "subscription.resumed", "subscription", Proof::Repeatable),
    (PauseSubscription, "subscription.collection_paused", "subscription", Proof::Repeatable),
    (UnpauseSubscription, "subscription.collection_resumed", "subscription", Proof::Repeatable),
    (DiscountSubscription, "subscription.discounted", "subscription", Proof::Repeatable),
    (FinalizeInvoice, "invoice.finalized", "invoice", Proof::Status(&["open", "paid", "uncollectible", "void"])),
    (SendInvoice, "invoice.sent", "invoice", Proof::None),
    (PayInvoice, "invoice.paid", "invoice", Proof::Status(&["paid"])),
    (VoidInvoice, "invoice.voided", "invoice", Proof::Status(&["void"])),
    (WriteOffInvoice, "invoice.marked_uncollectible", "invoice", Proof::Status(&["uncollectible"])),
    (CreateRefund, "refund.created", "refund", Proof::Marked("/refunds", Some("refund.created"))),
    (CreateCheckout, "checkout_session.created", "checkout.session", Proof::Marked("/checkout/sessions", None)),
    (ExpireCheckout, "checkout_session.expired", "checkout.session", Proof::Status(&["expired"])),
    (CreateCoupon, "coupon.created", "coupon", Proof::Marked("/coupons", Some("coupon.created"))),
    (DeleteCoupon, "coupon.deleted", "coupon", Proof::Gone),
    (
        CreatePromotionCode,
        "promotion_code.created",
        "promotion_code",
        Proof::Marked("/promotion_codes", Some("promotion_code.created")),
    ),
    (SetPromotionCode, "promotion_code.updated", "promotion_code", Proof::Repeatable),
    (SetCustomerCard, "customer.card_set", "customer", Proof::Repeatable),
    (SetSubscriptionCard, "subscription.card_set", "subscription", Proof::Repeatable),
    (AddTaxId, "customer.tax_id_added", "tax_id", Proof::None),
    (RemoveTaxId, "customer.tax_id_removed", "tax_id", Proof::Gone),
];

impl Action {
    fn row(self) -> (&'static str, &'static str, Proof) {
        let row = TABLE.into_iter().find(|(action, ..)| *action == self);
        row.map_or(("", "", Proof::None), |(_, name, object, proof)| (name, object, proof))
    }

    /// Every one of them.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.into_iter().map(|(action, ..)| action)
    }

    /// As stored in the outbox and in the audit log.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// From its stored name.
    pub fn parse(name: &str) -> Option<Self> {
        TABLE.into_iter().find(|(_, known, ..)| *known == name).map(|(action, ..)| action)
    }

    /// Stripe's name of the object that it makes or changes.
    pub fn object(self) -> &'static str {
        self.row().1
    }

    pub(super) fn proof(self) -> Proof {
        self.row().2
    }

    /// Whether it makes an object, which then carries the write's mark.
    pub(super) fn makes(self) -> bool {
        matches!(self.proof(), Proof::Marked(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        let mut names: Vec<&str> = TABLE.iter().map(|(_, name, ..)| *name).collect();
        for (action, name, object, _) in TABLE {
            assert_eq!((Action::parse(name), action.as_str(), action.object()), (Some(action), name, object));
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
        assert_eq!(Action::parse("customer.exploded"), None);
    }
}
