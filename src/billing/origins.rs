//! Where a project lets people be sent after Checkout or the portal.

use serde_json::json;

use super::{Error, Result};
use crate::{
    app::Scope,
    domain::return_url::{self, OwnPages},
    store::allowed_origins::{self, AllowedOrigin},
};

/// Most origins of a project.
const MOST: usize = 50;

impl Scope {
    /// Allows an origin. One that is allowed already is no error.
    pub async fn allow_origin(&self, typed: &str) -> Result<()> {
        let origin = return_url::origin(typed).map_err(|refusal| Error::invalid("origin", &refusal.to_string()))?;
        let mut tx = self.app.db.write(&self.tenant).await?;
        if allowed_origins::list(&mut tx, &self.project).await?.len() >= MOST {
            return Err(Error::invalid("origin", "Fifty origins are allowed, which is the most. Remove one first."));
        }
        let added = AllowedOrigin { origin, created: self.now(), created_by: self.by.actor.clone() };
        if allowed_origins::insert(&mut tx, &self.project, &added).await? {
            self.audit(&mut tx, "project.origin_allowed", &added.origin, &json!({})).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Takes an origin back.
    pub async fn forbid_origin(&self, origin: &str) -> Result<()> {
        let mut tx = self.app.db.write(&self.tenant).await?;
        if allowed_origins::delete(&mut tx, &self.project, origin).await? {
            self.audit(&mut tx, "project.origin_forbidden", origin, &json!({})).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Fails unless people may be sent to `url`, which is the value of `param`.
    pub async fn check_return_url(&self, param: &str, url: &str) -> Result<()> {
        let mut tx = self.app.db.read(&self.tenant).await?;
        let allowed = allowed_origins::list(&mut tx, &self.project).await?;
        let allowed: Vec<String> = allowed.into_iter().map(|row| row.origin).collect();
        let (base, home) = (self.app.config.public_url(), format!("/t/{}/p/{}/", self.tenant, self.project));
        let own = OwnPages { base: base.trim_end_matches('/'), home: &home };
        return_url::check(url, &allowed, &own).map_err(|refusal| Error::invalid(param, &refusal.to_string()))
    }
}
