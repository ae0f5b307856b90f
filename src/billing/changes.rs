//! Starting a subscription, and changing what is subscribed to: first reckoned by Stripe, then done as reckoned.

use super::{Action, Error, Nonce, Outcome, Result, carry::Intent, error::check};
use crate::{
    app::Scope,
    domain::{
        drafts::{ChangeDraft, DiscountDraft, SubscriptionDraft},
        kind::Kind,
        raw::Raw,
    },
    store::mirror::Mirrored,
    stripe::write::{
        invoices,
        subscriptions::{self, ItemChange},
    },
};

/// What a change would cost, as Stripe reckons it.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The next invoice, as Stripe would make it.
    pub invoice: Raw,
    /// The unix second that it is reckoned from; to be sent with the change.
    pub proration_date: i64,
}

/// A change with everything that it names looked up.
struct Resolved {
    subscription: Mirrored,
    item: String,
    price: Option<String>,
}

impl Scope {
    /// Starts a subscription.
    pub async fn create_subscription(&self, nonce: &Nonce, draft: &SubscriptionDraft) -> Result<Outcome> {
        check(draft.flaws())?;
        let customer = self.object_of("customer", Kind::Customer, &draft.customer).await?;
        let mut prices = Vec::with_capacity(draft.items.len());
        for (position, item) in draft.items.iter().enumerate() {
            let param = format!("items[{position}][price]");
            prices.push(self.object_of(&param, Kind::Price, &item.price).await?.stripe_id);
        }
        let request = subscriptions::create(&customer.stripe_id, &prices, draft);
        self.carry_out(nonce, Intent { action: Action::CreateSubscription, target: None, request }).await
    }

    /// What a change would cost. Changes nothing.
    pub async fn preview_change(&self, id: &str, draft: &ChangeDraft) -> Result<Preview> {
        let proration_date = draft.proration_date.unwrap_or_else(|| self.now());
        let draft = ChangeDraft { proration_date: Some(proration_date), ..draft.clone() };
        check(draft.flaws(self.now()))?;
        let resolved = self.resolve(id, &draft).await?;
        let request = invoices::preview(&resolved.subscription.stripe_id, &resolved.item_change(&draft));
        let invoice = self.reader().await?.reckon(&request).await?;
        Ok(Preview { invoice: Raw::parse(invoice.get()), proration_date })
    }

    /// Changes price and quantity. With the date of a preview it costs what that said.
    pub async fn change_subscription(&self, nonce: &Nonce, id: &str, draft: &ChangeDraft) -> Result<Outcome> {
        if !self.known(nonce).await? {
            check(draft.flaws(self.now()))?;
        }
        let resolved = self.resolve(id, draft).await?;
        let request = subscriptions::change(&resolved.subscription.stripe_id, &resolved.item_change(draft));
        let target = Some(resolved.subscription.into());
        self.carry_out(nonce, Intent { action: Action::ChangeSubscription, target, request }).await
    }

    /// Gives a subscription a discount instead of those that it has, or takes them away.
    pub async fn discount_subscription(&self, nonce: &Nonce, id: &str, discount: &DiscountDraft) -> Result<Outcome> {
        let subscription = self.object(Kind::Subscription, id).await?;
        let request = subscriptions::discount(&subscription.stripe_id, discount);
        let target = Some(subscription.into());
        self.carry_out(nonce, Intent { action: Action::DiscountSubscription, target, request }).await
    }

    async fn resolve(&self, id: &str, draft: &ChangeDraft) -> Result<Resolved> {
        let subscription = self.object(Kind::Subscription, id).await?;
        let raw = Raw::parse(&subscription.raw);
        let items = raw.list("/items");
        let item = match (&draft.item, items.as_slice()) {
            (Some(id), _) => items.iter().find(|item| item.text("/id") == Some(id)),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let item = item.and_then(|item| item.text("/id")).map(ToOwned::to_owned);
        let Some(item) = item else {
            return Err(Error::invalid("item", "Choose the item of this subscription that is to change."));
        };
        let price = match &draft.price {
            Some(id) => Some(self.object_of("price", Kind::Price, id).await?.stripe_id),
            None => None,
        };
        Ok(Resolved { subscription, item, price })
    }

    /// An object that a parameter names: one that is not there is that parameter's fault.
    pub(super) async fn object_of(&self, param: &str, kind: Kind, id: &str) -> Result<Mirrored> {
        self.object(kind, id).await.map_err(|error| match error {
            Error::NotFound(_) | Error::Conflict(_) => {
                Error::invalid(param, &format!("There is no such {kind} in this project."))
            }
            other => other,
        })
    }
}

impl Resolved {
    fn item_change<'a>(&'a self, draft: &ChangeDraft) -> ItemChange<'a> {
        ItemChange {
            item: &self.item,
            price: self.price.as_deref(),
            quantity: draft.quantity,
            proration: draft.proration,
            proration_date: draft.proration_date,
        }
    }
}
