//! Customers: make, change.

use super::{Action, Nonce, Outcome, Result, carry::Intent, error::check};
use crate::{
    app::Scope,
    domain::{drafts::CustomerDraft, kind::Kind},
    stripe::write::customers,
};

impl Scope {
    /// Makes a customer.
    pub async fn create_customer(&self, nonce: &Nonce, draft: &CustomerDraft) -> Result<Outcome> {
        check(draft.flaws())?;
        let request = customers::create(draft);
        self.carry_out(nonce, Intent { action: Action::CreateCustomer, target: None, request }).await
    }

    /// Changes a customer, named by either id.
    pub async fn update_customer(&self, nonce: &Nonce, id: &str, draft: &CustomerDraft) -> Result<Outcome> {
        check(draft.flaws())?;
        let customer = self.object(Kind::Customer, id).await?;
        let request = customers::update(&customer.stripe_id, draft);
        let target = Some(customer.into());
        self.carry_out(nonce, Intent { action: Action::UpdateCustomer, target, request }).await
    }
}
