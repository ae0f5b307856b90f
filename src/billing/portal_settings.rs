//! What a project's portal looks like and offers.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Error, Result, error::check};
use crate::{
    app::Scope,
    db::{self, Tx},
    domain::{
        brand::{Colour, PortalDraft, logo_type, support_link},
        drafts::Proration,
        ids::{ProjectId, TenantId},
        kind::Kind,
    },
    store::{
        portal_logos::{self, Logo},
        portal_settings::{self, PortalSettings},
        tenants,
    },
};

/// A business as its customers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brand {
    /// What it is called.
    pub name: String,
    /// `rrggbb`; none for billfold's own.
    pub colour: Option<String>,
    /// Where help is: the text, and where it leads.
    pub support: Option<(String, String)>,
    /// The hash of the logo.
    pub logo: Option<String>,
    /// How the rest of a period is settled.
    pub proration: Proration,
}

impl Brand {
    /// Reads a project's.
    pub async fn load(tx: &mut Tx, (tenant, project): (&TenantId, &ProjectId)) -> db::Result<Self> {
        let settings = portal_settings::find(tx, project).await?.unwrap_or_default();
        let name =
            if settings.name.is_empty() { tenants::name(tx, tenant).await?.unwrap_or_default() } else { settings.name };
        Ok(Self {
            name,
            colour: Colour::parse(&settings.colour).map(Colour::digits),
            support: support_link(&settings.support).map(|link| (settings.support, link)),
            logo: portal_logos::hash_of(tx, (tenant, project)).await?,
            proration: Proration::parse(&settings.proration).unwrap_or_default(),
        })
    }
}

impl Scope {
    /// Saves what the portal looks like and which prices it offers.
    pub async fn save_portal(&self, draft: &PortalDraft) -> Result<()> {
        check(draft.flaws())?;
        let mut prices = Vec::with_capacity(draft.prices.len());
        for id in &draft.prices {
            prices.push(
                Kind::Price.derive_id(&self.project, &self.object_of("prices", Kind::Price, id).await?.stripe_id),
            );
        }
        let settings = PortalSettings {
            name: draft.name.clone(),
            colour: Colour::parse(&draft.colour).map(|colour| format!("#{}", colour.digits())).unwrap_or_default(),
            support: draft.support.clone(),
            proration: draft.proration.as_str().to_owned(),
            updated: self.now(),
        };
        let mut tx = self.app.db.write(&self.tenant).await?;
        let before = portal_settings::find(&mut tx, &self.project).await?.unwrap_or_default();
        let before = said(&before, &portal_settings::prices(&mut tx, &self.project).await?);
        portal_settings::put(&mut tx, &self.project, &settings).await?;
        portal_settings::put_prices(&mut tx, &self.project, &prices).await?;
        let after = said(&settings, &portal_settings::prices(&mut tx, &self.project).await?);
        if before != after {
            let detail = json!({ "before": before, "after": after });
            self.audit(&mut tx, "portal.changed", self.project.as_str(), &detail).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Replaces the portal's logo.
    pub async fn set_portal_logo(&self, bytes: Vec<u8>) -> Result<()> {
        let media_type = logo_type(&bytes).map_err(|why| Error::invalid("logo", why))?;
        let hash = hex::encode(Sha256::digest(&bytes));
        let logo = Logo { media_type: media_type.to_owned(), bytes };
        let mut tx = self.app.db.write(&self.tenant).await?;
        portal_logos::put(&mut tx, (&self.tenant, &self.project), &hash, &logo).await?;
        self.audit(&mut tx, "portal.logo_set", self.project.as_str(), &json!({ "sha256": hash })).await?;
        Ok(tx.commit().await?)
    }

    /// Removes the portal's logo. None is no error.
    pub async fn remove_portal_logo(&self) -> Result<()> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        if portal_logos::delete(&mut tx, (&self.tenant, &self.project)).await? {
            self.audit(&mut tx, "portal.logo_removed", self.project.as_str(), &json!({})).await?;
        }
        Ok(tx.commit().await?)
    }
}

/// Settings as the audit log keeps them.
fn said(settings: &PortalSettings, prices: &[String]) -> serde_json::Value {
    json!({
        "name": settings.name,
        "colour": settings.colour,
        "support": settings.support,
        "proration": settings.proration,
        "prices": prices,
    })
}
