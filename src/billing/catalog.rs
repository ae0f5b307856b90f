//! Products and prices: make, change, archive.

use super::{Action, Nonce, Outcome, Result, carry::Intent, error::check};
use crate::{
    app::Scope,
    domain::{
        drafts::{PriceDraft, ProductDraft, flaws_of_names},
        kind::Kind,
        raw::Raw,
    },
    stripe::write::catalog,
};

impl Scope {
    /// Makes a product.
    pub async fn create_product(&self, nonce: &Nonce, draft: &ProductDraft) -> Result<Outcome> {
        check(draft.flaws(true))?;
        let request = catalog::create_product(draft);
        self.carry_out(nonce, Intent { action: Action::CreateProduct, target: None, request }).await
    }

    /// Changes a product, named by either id.
    pub async fn update_product(&self, nonce: &Nonce, id: &str, draft: &ProductDraft) -> Result<Outcome> {
        check(draft.flaws(false))?;
        let product = self.object(Kind::Product, id).await?;
        let request = catalog::update_product(&product.stripe_id, draft);
        let target = Some(product.into());
        self.carry_out(nonce, Intent { action: Action::UpdateProduct, target, request }).await
    }

    /// Offers a product, or archives it.
    pub async fn set_product_active(&self, nonce: &Nonce, id: &str, active: bool) -> Result<Outcome> {
        let product = self.object(Kind::Product, id).await?;
        let action = if active { Action::UnarchiveProduct } else { Action::ArchiveProduct };
        let request = catalog::set_product_active(&product.stripe_id, active);
        self.carry_out(nonce, Intent { action, target: Some(product.into()), request }).await
    }

    /// Makes a price of a product, which is named by either id.
    pub async fn create_price(&self, nonce: &Nonce, product: &str, draft: &PriceDraft) -> Result<Outcome> {
        check(draft.flaws())?;
        let product = self.object(Kind::Product, product).await?;
        let request = catalog::create_price(&product.stripe_id, draft);
        self.carry_out(nonce, Intent { action: Action::CreatePrice, target: None, request }).await
    }

    /// Offers a price, or archives it.
    pub async fn set_price_active(&self, nonce: &Nonce, id: &str, active: bool) -> Result<Outcome> {
        let price = self.object(Kind::Price, id).await?;
        let action = if active { Action::UnarchivePrice } else { Action::ArchivePrice };
        let request = catalog::set_price_active(&price.stripe_id, active);
        self.carry_out(nonce, Intent { action, target: Some(price.into()), request }).await
    }

    /// Makes a price the one that its product is sold at when nobody names another.
    pub async fn make_price_default(&self, nonce: &Nonce, id: &str) -> Result<Outcome> {
        let price = self.object(Kind::Price, id).await?;
        let raw = Raw::parse(&price.raw);
        let product = self.object(Kind::Product, raw.reference("/product").unwrap_or_default()).await?;
        let request = catalog::set_default_price(&product.stripe_id, &price.stripe_id);
        self.carry_out(nonce, Intent { action: Action::UpdateProduct, target: Some(product.into()), request }).await
    }

    /// Changes what staff call a price, and the tenant's own name for it. An empty text removes it.
    pub async fn rename_price(&self, nonce: &Nonce, id: &str, nickname: &str, lookup_key: &str) -> Result<Outcome> {
        check(flaws_of_names(Some(nickname), Some(lookup_key)))?;
        let price = self.object(Kind::Price, id).await?;
        let request = catalog::rename_price(&price.stripe_id, nickname, lookup_key);
        let target = Some(price.into());
        self.carry_out(nonce, Intent { action: Action::UpdatePrice, target, request }).await
    }
}

/// Meters offered at most.
const METERS: usize = 200;

impl Scope {
    /// The account's active meters, newest first. The mirror does not keep them.
    pub async fn meters(&self) -> Result<Vec<Raw>> {
        let rows = self.reader().await?.list_all("/billing/meters?status=active", METERS).await?;
        Ok(rows.iter().map(|row| Raw::parse(row.get())).collect())
    }
}
