//! The customer portal: a member makes a link, its holder uses it once and then visits for an hour.
//!
//! Whether a visit goes on is asked with every request: it ends with the link's revocation, the customer's deletion and the
//! project's disconnection.

use serde_json::json;

use super::{Error, error::check, portal_settings::Brand};
use crate::{
    app::{App, By, Scope},
    db::{self, Tx},
    domain::{
        ids::{PortalLinkId, ProjectId, TenantId},
        kind::Kind,
        portal::{Flow, LinkDraft, Permit, VISIT},
        time::DAY_SECONDS,
    },
    store::{
        connections::{self, Connection},
        customers,
        portal_links::{self, Link, NewLink, Use},
        portal_sessions,
    },
    vault::{SecretString, hash_token, new_id, new_token},
};

/// Links that a project may make in a minute.
const PER_MINUTE: i64 = 120;
/// Seconds after which a link is forgotten.
const KEPT: i64 = 90 * DAY_SECONDS;

/// Why a link is not made.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// As for any write.
    #[error(transparent)]
    Refused(#[from] Error),
    /// Too many in a short time.
    #[error("This project made {PER_MINUTE} links in the last minute. Try again in a minute.")]
    TooMany,
}

impl From<db::Error> for LinkError {
    fn from(error: db::Error) -> Self {
        Self::Refused(error.into())
    }
}

/// A link that was just made: the only time that its address is known.
#[derive(Debug)]
pub struct NewPortalLink {
    /// Our id.
    pub id: PortalLinkId,
    /// The address; whoever has it may use it.
    pub url: SecretString,
    /// Unix seconds.
    pub expires: i64,
}

/// A visit that has begun.
#[derive(Debug)]
pub struct Opened {
    /// The value of the visit's cookie.
    pub secret: SecretString,
    /// Where it begins.
    pub flow: Flow,
}

/// What a visit is about, as it is now.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The tenant.
    pub tenant: TenantId,
    /// The project.
    pub project: ProjectId,
    /// The business as its customers see it.
    pub brand: Brand,
    /// Whether real money moves.
    pub livemode: bool,
    /// The customer.
    pub customer: customers::Detail,
    /// What the link allows.
    pub permits: Vec<Permit>,
    /// Where the way back leads.
    pub return_url: Option<String>,
    /// Unix seconds: the end of the visit, or of the link while it is not used.
    pub expires: i64,
}

impl Scope {
    /// Makes a link for a customer.
    pub async fn create_portal_link(&self, draft: &LinkDraft) -> Result<NewPortalLink, LinkError> {
        check(draft.flaws())?;
        if let Some(url) = &draft.return_url {
            self.check_return_url("return_url", url).await?;
        }
        let customer = self.object_of("customer", Kind::Customer, &draft.customer).await?;
        let (now, token, id) = (self.now(), new_token(), new_id::<PortalLinkId>());
        let place = (&self.tenant, &self.project);
        let mut tx = self.app.db.write(&self.tenant).await?;
        if !connections::find(&mut tx, &self.project).await?.is_some_and(|connection| connection.is_live()) {
            return Err(Error::Conflict("This project is not connected to Stripe.".to_owned()).into());
        }
        if portal_links::made_since(&mut tx, place, now - 59).await? >= PER_MINUTE {
            return Err(LinkError::TooMany);
        }
        let customer = customers::find(&mut tx, &self.project, &customer.id).await?;
        let customer = customer.ok_or(Error::NotFound(Kind::Customer.as_str()))?.customer;
        let (actions, expires) = (Permit::join(&draft.permits), now + draft.life);
        let link = NewLink {
            token_hash: &hash_token(&token),
            id: &id,
            place,
            customer_id: &customer.id,
            email_hash: &hash_token(&customer.email),
            actions: &actions,
            flow: draft.flow.as_str(),
            return_url: draft.return_url.as_deref(),
            created: now,
            created_by: &self.by.actor,
            expires,
        };
        portal_links::insert(&mut tx, &link).await?;
        portal_links::prune(&mut tx, now - KEPT).await?;
        let detail = json!({ "customer": customer.stripe_id, "actions": actions, "flow": draft.flow.as_str(), "expires": expires });
        self.audit(&mut tx, "portal_link.created", id.as_str(), &detail).await?;
        tx.commit().await?;
        let url = format!("{}/portal/{token}", self.app.config.public_url().trim_end_matches('/'));
        Ok(NewPortalLink { id, url: url.into(), expires })
    }

    /// Ends a link and the visit that it opened. One that is ended already stays so.
    pub async fn revoke_portal_link(&self, id: &str) -> Result<(), Error> {
        let id = PortalLinkId::parse(id).ok_or(Error::NotFound("portal link"))?;
        let place = (&self.tenant, &self.project);
        let mut tx = self.app.db.write(&self.tenant).await?;
        if portal_links::revoke(&mut tx, place, &id, self.now()).await? {
            self.audit(&mut tx, "portal_link.revoked", id.as_str(), &json!({})).await?;
        } else if !portal_links::exists(&mut tx, place, &id).await? {
            return Err(Error::NotFound("portal link"));
        }
        Ok(tx.commit().await?)
    }
}

impl App {
    /// What a link is for; none when it cannot be used. Looking changes nothing, however often it is done.
    pub async fn portal_link(&self, token: &str) -> db::Result<Option<Visit>> {
        let mut tx = self.db.system_read().await?;
        let Some(link) = portal_links::usable(&mut tx, &hash_token(token), self.clock.now()).await? else {
            return Ok(None);
        };
        let mut tx = tx.into_tenant(&link.tenant_id).await?;
        unopened(&mut tx, link).await
    }

    /// Uses a link up and begins a visit; none when it cannot be used. When the database fails, the link is not used up.
    pub async fn open_portal(
        &self,
        token: &str,
        (address, agent): (&str, &str),
        request_id: &str,
    ) -> db::Result<Option<Opened>> {
        let (now, token_hash) = (self.clock.now(), hash_token(token));
        let mut tx = self.db.system_write().await?;
        let Some(link) = portal_links::usable(&mut tx, &token_hash, now).await? else { return Ok(None) };
        let (id, flow) = (link.id.clone(), Flow::parse(&link.flow).unwrap_or_default());
        let mut tx = tx.into_tenant(&link.tenant_id).await?;
        let Some(visit) = unopened(&mut tx, link).await? else { return Ok(None) };
        let by = Use { at: now, ip: address, agent };
        if !portal_links::consume(&mut tx, &token_hash, by).await? {
            return Ok(None);
        }
        let secret = new_token();
        portal_sessions::delete_expired(&mut tx, now).await?;
        portal_sessions::insert(&mut tx, &hash_token(&secret), &token_hash, (now, now + VISIT)).await?;
        let detail = json!({ "customer": visit.customer.customer.stripe_id });
        self.visitor(&visit, address, request_id).audit(&mut tx, "portal_link.used", id.as_str(), &detail).await?;
        tx.commit().await?;
        Ok(Some(Opened { secret: secret.into(), flow }))
    }

    /// The visit with this cookie; none when it is over.
    pub async fn portal_visit(&self, secret: &str) -> db::Result<Option<Visit>> {
        let mut tx = self.db.system_read().await?;
        let Some(link) = portal_sessions::find(&mut tx, &hash_token(secret), self.clock.now()).await? else {
            return Ok(None);
        };
        let mut tx = tx.into_tenant(&link.tenant_id).await?;
        visit(&mut tx, link).await
    }

    /// Remembers with a visit in which Checkout session (Stripe's id) a card is typed in, so that the way back needs no id.
    pub async fn remember_checkout(&self, secret: &str, checkout: Option<&str>) -> db::Result<()> {
        let mut tx = self.db.system_write().await?;
        portal_sessions::set_checkout(&mut tx, &hash_token(secret), checkout).await?;
        tx.commit().await
    }

    /// That session.
    pub async fn remembered_checkout(&self, secret: &str) -> db::Result<Option<String>> {
        let mut tx = self.db.system_read().await?;
        portal_sessions::checkout(&mut tx, &hash_token(secret)).await
    }

    /// Ends a visit.
    pub async fn end_portal_visit(&self, secret: &str) -> db::Result<()> {
        let mut tx = self.db.system_write().await?;
        portal_sessions::delete(&mut tx, &hash_token(secret)).await?;
        tx.commit().await
    }

    /// The project for a use case, in the customer's own name.
    pub fn visitor(&self, visit: &Visit, address: &str, request_id: &str) -> Scope {
        Scope {
            app: self.clone(),
            tenant: visit.tenant.clone(),
            project: visit.project.clone(),
            by: By {
                actor: format!("customer {}", visit.customer.customer.id),
                address: address.to_owned(),
                request_id: request_id.to_owned(),
            },
        }
    }
}

/// A link that was mailed to an address is over when the customer has another one.
async fn unopened(tx: &mut Tx, link: Link) -> db::Result<Option<Visit>> {
    let email_hash = link.email_hash.clone();
    let visit = visit(tx, link).await?;
    Ok(visit.filter(|visit| hash_token(&visit.customer.customer.email) == email_hash))
}

/// What a link leads to, unless the customer is gone or the project was disconnected.
async fn visit(tx: &mut Tx, link: Link) -> db::Result<Option<Visit>> {
    let connection = connections::find(tx, &link.project_id).await?.filter(Connection::is_live);
    let customer = customers::find(tx, &link.project_id, &link.customer_id).await?;
    let customer = customer.filter(|customer| customer.deleted_at.is_none());
    let (Some(connection), Some(customer)) = (connection, customer) else { return Ok(None) };
    Ok(Some(Visit {
        brand: Brand::load(tx, (&link.tenant_id, &link.project_id)).await?,
        livemode: connection.livemode,
        permits: Permit::split(&link.actions),
        tenant: link.tenant_id,
        project: link.project_id,
        customer,
        return_url: link.return_url,
        expires: link.expires,
    }))
}
