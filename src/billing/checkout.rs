//! Checkout sessions: pages of Stripe's on which a customer pays.

use super::{
    Action, Error, Nonce, Outcome, Result,
    carry::{Intent, Target},
    error::check,
};
use crate::{
    app::Scope,
    domain::{drafts::CheckoutDraft, ids::path_segment, kind::Kind, raw::Raw},
    stripe::write::checkout,
};

impl Scope {
    /// Makes a session. Its address stands in the answer as `url`.
    pub async fn create_checkout(&self, nonce: &Nonce, draft: &CheckoutDraft) -> Result<Outcome> {
        self.check_return_url("success_url", &draft.success_url).await?;
        if let Some(url) = &draft.cancel_url {
            self.check_return_url("cancel_url", url).await?;
        }
        self.create_own_checkout(nonce, draft).await
    }

    /// [`Scope::create_checkout`] for pages of billfold's own: whoever calls it has made the addresses, so they are not checked.
    pub async fn create_own_checkout(&self, nonce: &Nonce, draft: &CheckoutDraft) -> Result<Outcome> {
        check(draft.flaws())?;
        let customer = match &draft.customer {
            Some(id) => Some(self.object_of("customer", Kind::Customer, id).await?.stripe_id),
            None => None,
        };
        let mut prices = Vec::with_capacity(draft.items.len());
        for (position, item) in draft.items.iter().enumerate() {
            let param = format!("line_items[{position}][price]");
            prices.push(self.object_of(&param, Kind::Price, &item.price).await?.stripe_id);
        }
        let request = checkout::create(customer.as_deref(), &prices, draft);
        self.carry_out(nonce, Intent { action: Action::CreateCheckout, target: None, request }).await
    }

    /// Ends a session that nobody has paid.
    pub async fn expire_checkout(&self, nonce: &Nonce, id: &str) -> Result<Outcome> {
        let request = checkout::expire(id);
        let target = Some(Target { stripe_id: id.to_owned(), raw: None });
        self.carry_out(nonce, Intent { action: Action::ExpireCheckout, target, request }).await
    }

    /// A session as Stripe has it now.
    pub async fn checkout(&self, id: &str) -> Result<Raw> {
        let raw = self.reader().await?.read_path(&format!("/checkout/sessions/{}", path_segment(id))).await?;
        raw.map(|raw| Raw::parse(raw.get())).ok_or(Error::NotFound("checkout.session"))
    }
}
