//! The tax ids of a customer, which Stripe keeps and prints on invoices.

use super::{
    Action, Error, Nonce, Outcome, Result,
    carry::{Intent, Target},
    error::check,
};
use crate::{
    app::Scope,
    domain::{drafts::TaxIdDraft, ids::path_segment, kind::Kind, raw::Raw},
    stripe::write::customers,
};

/// A tax id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxId {
    /// Stripe's id, `txi_…`.
    pub id: String,
    /// Stripe's word for its kind, such as `eu_vat`.
    pub kind: String,
    /// As it was typed in.
    pub value: String,
    /// `pending`, `verified`, `unverified`; none where nobody verifies this kind.
    pub verification: Option<String>,
}

impl Scope {
    /// The tax ids of a customer (our id), as Stripe has them now.
    pub async fn tax_ids(&self, customer: &str) -> Result<Vec<TaxId>> {
        let customer = self.object(Kind::Customer, customer).await?;
        let path = format!("/customers/{}/tax_ids", path_segment(&customer.stripe_id));
        let list = self.reader().await?.read_path(&path).await?.ok_or(Error::NotFound("customer"))?;
        let tax_id = |raw: &Raw| TaxId {
            id: raw.text("/id").unwrap_or_default().to_owned(),
            kind: raw.text("/type").unwrap_or_default().to_owned(),
            value: raw.text("/value").unwrap_or_default().to_owned(),
            verification: raw.text("/verification/status").filter(|it| *it != "unavailable").map(ToOwned::to_owned),
        };
        Ok(Raw::parse(list.get()).list("").iter().map(tax_id).collect())
    }

    /// Adds a tax id to a customer (our id).
    pub async fn add_tax_id(&self, nonce: &Nonce, customer: &str, draft: &TaxIdDraft) -> Result<Outcome> {
        check(draft.flaws())?;
        let customer = self.object(Kind::Customer, customer).await?;
        let request = customers::add_tax_id(&customer.stripe_id, draft);
        self.carry_out(nonce, Intent { action: Action::AddTaxId, target: None, request }).await
    }

    /// Removes one (Stripe's id) from a customer (our id).
    pub async fn remove_tax_id(&self, nonce: &Nonce, customer: &str, id: &str) -> Result<Outcome> {
        let customer = self.object(Kind::Customer, customer).await?;
        let request = customers::remove_tax_id(&customer.stripe_id, id);
        let target = Some(Target { stripe_id: id.to_owned(), raw: None });
        self.carry_out(nonce, Intent { action: Action::RemoveTaxId, target, request }).await
    }
}
