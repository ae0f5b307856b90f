//! Who visits: an argument of every handler behind the link. A handler without it has no customer.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::HeaderValue;
use http::request::Parts;

use super::page::{GONE_VISIT, PortalShell};
use crate::app::{App, Scope};
use crate::billing::portal::Visit;
use crate::db::Tx;
use crate::domain::portal::{Permit, VISIT};
use crate::domain::raw::Raw;
use crate::vault::hash_token;
use crate::web::csrf::CsrfToken;
use crate::web::error::{Error, Result};
use crate::web::extract::ClientIp;
use crate::web::html;
use crate::web::language::{self, Language};
use crate::web::middleware::request_id;
use crate::web::shell::Theme;

/// Letters of a handle: 80 bits.
const HANDLE: usize = 20;

/// A customer in the portal.
pub struct Guest {
    /// The program's parts.
    pub app: App,
    /// What the visit is about.
    pub visit: Visit,
    secret: String,
    theme: Theme,
    csrf: CsrfToken,
    address: IpAddr,
    request_id: String,
    /// What the customer reads.
    pub language: &'static Language,
}

impl Guest {
    /// The frame of a page.
    pub fn shell(&self) -> PortalShell {
        PortalShell {
            theme: self.theme,
            language: self.language,
            brand: self.visit.brand.clone(),
            test: !self.visit.livemode,
            csrf: Some(self.csrf.clone()),
            return_url: self.visit.return_url.clone(),
        }
    }

    /// A transaction that reads the rows of the customer's business.
    pub async fn read(&self) -> Result<Tx> {
        Ok(self.app.db.read(&self.visit.tenant).await?)
    }

    /// The project for a use case, in the customer's name.
    pub fn scope(&self) -> Scope {
        self.app.visitor(&self.visit, &self.address.to_string(), &self.request_id)
    }

    /// Whether the link allows something.
    pub fn may(&self, permit: Permit) -> bool {
        self.visit.permits.contains(&permit)
    }

    /// Fails unless the link allows something.
    pub fn needs(&self, permit: Permit) -> Result<()> {
        let refused = || Error::Forbidden("The link does not allow this.".to_owned());
        self.may(permit).then_some(()).ok_or_else(refused)
    }

    /// The name that an object has in the addresses of this visit. It says nothing about the object and means nothing to
    /// another visit: who sends one names something that this customer's own page has shown, or nothing at all.
    pub fn handle(&self, id: &str) -> String {
        let mut handle = hash_token(&format!("{}\0{id}", self.secret));
        handle.truncate(HANDLE);
        handle
    }

    /// The one of the customer's own objects that a handle names; none is a 404.
    pub fn pick<T>(&self, handle: &str, own: impl IntoIterator<Item = T>, id: impl Fn(&T) -> &str) -> Result<T> {
        own.into_iter().find(|object| self.handle(id(object)) == handle).ok_or(Error::NotFound)
    }

    /// The Checkout session in which the customer types a card in.
    pub async fn checkout(&self) -> Result<Option<String>> {
        Ok(self.app.remembered_checkout(&self.secret).await?)
    }

    /// Remembers that session.
    pub async fn remember_checkout(&self, checkout: Option<&str>) -> Result<()> {
        Ok(self.app.remember_checkout(&self.secret, checkout).await?)
    }

    /// Ends the visit.
    pub async fn end(&self) -> Result<()> {
        Ok(self.app.end_portal_visit(&self.secret).await?)
    }
}

impl FromRequestParts<App> for Guest {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let secret = html::cookie(&parts.headers, cookie_name(app)).map(ToOwned::to_owned);
        let secret = secret.ok_or(Error::Unauthenticated)?;
        let visit = app.portal_visit(&secret).await?;
        let visit = visit.ok_or_else(|| Error::Gone(GONE_VISIT.to_owned()))?;
        let csrf = CsrfToken::of(&secret);
        parts.extensions.insert(csrf.clone());
        Ok(Self {
            app: app.clone(),
            theme: html::theme(&parts.headers),
            language: language::choose(&parts.headers, &language::preferred(&Raw::parse(&visit.customer.raw))),
            visit,
            address: ClientIp::of(parts).0,
            request_id: request_id(&parts.headers).to_owned(),
            csrf,
            secret,
        })
    }
}

/// The visit's cookie. It goes to the portal alone, which a `__Host-` cookie cannot say.
fn cookie_name(app: &App) -> &'static str {
    if app.config.is_https() { "__Secure-billfold-portal" } else { "billfold-portal" }
}

/// The cookie that begins a visit, or with an empty secret ends it.
pub fn cookie(app: &App, secret: &str) -> Result<HeaderValue> {
    let age = if secret.is_empty() { 0 } else { VISIT };
    let secure = if app.config.is_https() { "; Secure" } else { "" };
    let name = cookie_name(app);
    // Strict would lose the visit on the way back from the page where an invoice is paid
    let cookie = format!("{name}={secret}; Path=/portal; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).map_err(Error::internal)
}
