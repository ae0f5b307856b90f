//! Who may see a page: an argument of its handler. [`Viewer`], [`Member`], [`Admin`] and [`Owner`] check the sign-in, the tenant of the
//! path, the role and the project in one go, and hand over what they loaded. A handler without one of them has nobody and no tenant.
//!
//! A tenant or project of somebody else is the same 404 as one that does not exist; a role too low is a 403 that names the role needed.
//! Pages that belong to a person and to no tenant take [`SignedIn`].
//! `Viewer` stands for a page of a project (`/t/{tenant}/p/{project}/…`), `Viewer<WholeTenant>` for one of the tenant.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Deref;

use axum::extract::{FromRef, FromRequestParts};
use http::HeaderMap;
use http::request::Parts;

use super::banner;
use super::csrf::CsrfToken;
use super::error::{Error, Result};
use super::extract::{ClientIp, Path};
use super::html;
use super::middleware::request_id;
use super::operating::looking_in;
use super::session::{Login, has_passkey_proof, origin};
use super::shell::{AccountNav, AccountShell, Alert, Choice, Frame, Mode, Nav, Shell};
use super::standing::{self, OfTenant};
use super::ui::Now;
use crate::accounts::team::Team;
use crate::accounts::trail::Origin;
use crate::app::{App, By, Scope};
use crate::db::{SystemTx, Tx};
use crate::domain::ids::{ProjectId, TenantId};
use crate::domain::role::Role;
use crate::store::connections::state;
use crate::store::members::{self, Membership};
use crate::store::projects::{self, Project};
use crate::store::tenants;
use crate::store::users::{self, User};
use crate::vault::hash_token;

/// What every page of a tenant knows.
#[derive(Clone)]
pub struct Staff<P> {
    /// The program's parts.
    pub app: App,
    /// The person.
    pub user: User,
    /// The role in this tenant.
    pub role: Role,
    /// The tenant of the path.
    pub tenant: TenantId,
    /// The project of the path, or [`WholeTenant`].
    pub project: P,
    address: IpAddr,
    shell: Shell,
}

impl<P> Staff<P> {
    /// The frame of a page, with one item of the navigation marked.
    pub fn shell(&self, active: Nav) -> Shell {
        Shell { active, ..self.shell.clone() }
    }

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        self.shell.now.at
    }

    /// A transaction that reads this tenant's rows.
    pub async fn read(&self) -> Result<Tx> {
        Ok(self.app.db.read(&self.tenant).await?)
    }

    /// The person, and the request with these headers, as the audit log names them.
    pub fn by(&self, headers: &HeaderMap) -> By {
        By {
            actor: self.user.id.to_string(),
            address: self.address.to_string(),
            request_id: request_id(headers).to_owned(),
        }
    }

    /// A transaction that changes this tenant's rows.
    pub async fn write(&self) -> Result<Tx> {
        Ok(self.app.db.write(&self.tenant).await?)
    }
}

impl Staff<Project> {
    /// The project for a use case, in the name of the person and of the request with these headers.
    pub fn scope(&self, headers: &HeaderMap) -> Scope {
        Scope {
            app: self.app.clone(),
            tenant: self.tenant.clone(),
            project: self.project.id.clone(),
            by: self.by(headers),
        }
    }
}

impl Staff<WholeTenant> {
    /// The tenant's people for a use case, in the name of the person and of this request.
    pub fn team(&self, origin: Origin) -> Team {
        Team { app: self.app.clone(), tenant: self.tenant.clone(), actor: self.user.id.clone(), origin }
    }
}

/// Anybody who is signed in, on pages about themselves: no tenant, no role.
#[derive(Clone)]
pub struct SignedIn {
    /// The program's parts.
    pub app: App,
    /// The person.
    pub user: User,
    /// The session.
    pub login: Login,
    /// Where the request comes from.
    pub origin: Origin,
    shell: AccountShell,
}

impl SignedIn {
    /// The frame of a page, with one item of its navigation marked.
    pub fn shell(&self, active: AccountNav) -> AccountShell {
        AccountShell { active, ..self.shell.clone() }
    }

    /// What the table of sessions calls this one.
    pub fn session_hash(&self) -> String {
        self.login.session.id().map(|id| hash_token(&id.to_string())).unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn
where
    App: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let app = App::from_ref(state);
        let login = parts.extensions.get::<Login>().cloned().ok_or(Error::Unauthenticated)?;
        let user = login.user.as_ref().map(|person| person.user.clone()).ok_or(Error::Unauthenticated)?;
        let csrf = parts.extensions.get::<CsrfToken>().cloned().ok_or(Error::Unauthenticated)?;
        let address = ClientIp::from_request_parts(parts, &()).await.map_or_else(|never| match never {}, |ip| ip.0);
        let shell = AccountShell {
            theme: html::theme(&parts.headers),
            csrf,
            now: Now::of(&user.taste, app.clock.now()),
            email: user.email.clone(),
            active: AccountNav::None,
        };
        Ok(Self { app, user, login, origin: origin(address, &parts.headers), shell })
    }
}

/// In place of a project, on pages of the tenant as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeTenant;

/// Where a page stands below its tenant.
pub trait Place: Sized + Clone + Send {
    /// Finds the place in the path's parameters and the tenant's projects; none is a 404.
    fn find(parameters: &HashMap<String, String>, projects: &[Project]) -> Option<Self>;
    /// The project that the navigation shows.
    fn project(&self) -> Option<&Project>;
}

impl Place for WholeTenant {
    fn find(_: &HashMap<String, String>, _: &[Project]) -> Option<Self> {
        Some(Self)
    }

    fn project(&self) -> Option<&Project> {
        None
    }
}

impl Place for Project {
    fn find(parameters: &HashMap<String, String>, projects: &[Project]) -> Option<Self> {
        let id = ProjectId::parse(parameters.get("project")?)?;
        projects.iter().find(|project| project.id == id).cloned()
    }

    fn project(&self) -> Option<&Project> {
        Some(self)
    }
}

/// Loads everything, or says why not: 401, 404, 403 in this order.
async fn load<P: Place>(parts: &mut Parts, app: App, needs: Role, changes: Changes) -> Result<Staff<P>> {
    let login = parts.extensions.get::<Login>().cloned();
    let login = login.ok_or(Error::Unauthenticated)?;
    let user = login.user.as_ref().map(|person| person.user.clone()).ok_or(Error::Unauthenticated)?;
    let csrf = parts.extensions.get::<CsrfToken>().cloned().ok_or(Error::Unauthenticated)?;
    let Path(parameters) = Path::<HashMap<String, String>>::from_request_parts(parts, &()).await?;
    let tenant = parameters.get("tenant").and_then(|id| TenantId::parse(id)).ok_or(Error::NotFound)?;

    let mut tx = app.db.system_read().await?;
    let tenants = members::of_user(&mut tx, &user.id).await?;
    let own = tenants.iter().find(|membership| membership.tenant_id == tenant).cloned();
    let visit = if own.is_none() { visit(&mut tx, &login, &user, &tenant, app.clock.now()).await? } else { None };
    let operator = users::operator_since(&mut tx, &user.id).await?.is_some();
    let looking_until = visit.as_ref().map(|(_, until)| *until);
    let membership = own.or(visit.map(|(membership, _)| membership)).ok_or(Error::NotFound)?;
    let role = Role::parse(&membership.role).ok_or_else(|| Error::internal("a member has an unknown role"))?;
    if membership.requires_two_factor && user.two_factor_at.is_none() && !has_passkey_proof(&login).await? {
        return Err(Error::SecondFactor);
    }
    let mut tx = tx.into_tenant(&tenant).await?;
    let projects = projects::list(&mut tx).await?;
    drop(tx);
    let standing = app.standing(&tenant).await?.ok_or(Error::NotFound)?;

    let place = P::find(&parameters, &projects);
    let frame = parts.extensions.get::<Frame>().cloned().unwrap_or_default();
    let shown = place.as_ref().and_then(Place::project);
    let shell = Shell {
        theme: html::theme(&parts.headers),
        csrf,
        now: Now::of(&user.taste, app.clock.now()),
        email: user.email.clone(),
        role,
        tenant: choice(membership.tenant_id.as_str(), &membership.tenant_name),
        project: shown.map(|project| choice(project.id.as_str(), &project.name)),
        tenants: tenants
            .iter()
            .map(|Membership { tenant_id, tenant_name, .. }| choice(tenant_id.as_str(), tenant_name))
            .collect(),
        projects: projects.iter().map(|project| choice(project.id.as_str(), &project.name)).collect(),
        mode: mode(shown),
        alert: shown.map_or_else(|| projects.iter().find_map(|any| refused(&tenant, any)), |one| alert(&tenant, one)),
        banners: banner::of(&standing, role, &app.troubles),
        looking_until,
        operator,
        active: Nav::None,
    };
    frame.put(&shell);
    let project = place.ok_or(Error::NotFound)?;
    if role < needs {
        return Err(Error::Role { needs: needs.as_str(), has: role.as_str() });
    }
    if changes == Changes::WhileInGoodStanding && !parts.method.is_safe() {
        standing::may_change(&standing)?;
    }
    if looking_until.is_some() {
        parts.extensions.insert(Visitor);
    }
    let ClientIp(address) = ClientIp::of(parts);
    Ok(Staff { app, user, role, tenant, project, address, shell })
}

/// An operator who looks in, as a member and until when (unix seconds); none for everybody else.
async fn visit(
    tx: &mut SystemTx,
    login: &Login,
    user: &User,
    tenant: &TenantId,
    now: i64,
) -> Result<Option<(Membership, i64)>> {
    let Some(looking) = looking_in(login, now).await?.filter(|looking| looking.tenant == *tenant) else {
        return Ok(None);
    };
    if users::operator_since(tx, &user.id).await?.is_none() {
        return Ok(None);
    }
    let Some(tenant_name) = tenants::name(tx, tenant).await? else { return Ok(None) };
    let membership =
        Membership { tenant_id: tenant.clone(), tenant_name, role: looking.role, requires_two_factor: false };
    Ok(Some((membership, looking.until)))
}

/// Marks a request of an operator who looks in: what needs a password anew is not for them.
#[derive(Clone, Copy, Debug)]
pub struct Visitor;

/// When a handler's changes are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changes {
    /// Not while the tenant is suspended.
    WhileInGoodStanding,
    /// Always: they are about getting out of a suspension.
    Always,
}

fn choice(id: &str, name: &str) -> Choice {
    Choice { id: id.to_owned(), name: name.to_owned() }
}

fn mode(project: Option<&Project>) -> Mode {
    match project.and_then(|project| project.livemode) {
        Some(true) => Mode::Live,
        Some(false) => Mode::Test,
        None => Mode::None,
    }
}

/// One sentence over every page of a project, when its mirror cannot keep up.
fn alert(tenant: &TenantId, project: &Project) -> Option<Alert> {
    let text = match project.connection_state.as_deref()? {
        state::KEY_REJECTED => "Stripe refuses the key of this project, so its data is no longer kept up to date.",
        state::CONNECTED if project.drift_at.is_some() => {
            let text =
                "More of this project's data differed from Stripe than should. It was mended; why it differed is not.";
            let path = format!("/t/{tenant}/p/{}/sync/freshness", project.id);
            return Some(Alert { text: text.to_owned(), path, called: "Open Freshness" });
        }
        state::DISCONNECTED => "This project is disconnected from Stripe; what you see is no longer kept up to date.",
        _ => return None,
    };
    Some(Alert { text: text.to_owned(), path: connection_of(tenant, project), called: OPEN_CONNECTION })
}

/// The same over pages of the whole tenant, when Stripe refuses the key of one of its projects.
fn refused(tenant: &TenantId, project: &Project) -> Option<Alert> {
    let is_refused = project.connection_state.as_deref() == Some(state::KEY_REJECTED);
    let text =
        format!("Stripe refuses the key of the project {}, so its data is no longer kept up to date.", project.name);
    is_refused.then(|| Alert { text, path: connection_of(tenant, project), called: OPEN_CONNECTION })
}

/// What a link to the page about the connection is called.
const OPEN_CONNECTION: &str = "Open the connection";

fn connection_of(tenant: &TenantId, project: &Project) -> String {
    format!("/t/{tenant}/p/{}/connection", project.id)
}

macro_rules! at_least {
    ($(#[$doc:meta])* $name:ident, $role:expr, $changes:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name<P = Project>(Staff<P>);

        impl<P> Deref for $name<P> {
            type Target = Staff<P>;

            fn deref(&self) -> &Staff<P> {
                &self.0
            }
        }

        impl<P> OfTenant for $name<P> {
            fn tenant(&self) -> &TenantId {
                &self.0.tenant
            }
        }

        impl<P: Place, S: Send + Sync> FromRequestParts<S> for $name<P>
        where
            App: FromRef<S>,
        {
            type Rejection = Error;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
                load(parts, App::from_ref(state), $role, $changes).await.map(Self)
            }
        }
    };
}

at_least!(
    /// Any member: sees everything but secrets.
    Viewer,
    Role::Viewer,
    Changes::WhileInGoodStanding
);
at_least!(
    /// A member or higher: acts on events and syncs.
    Member,
    Role::Member,
    Changes::WhileInGoodStanding
);
at_least!(
    /// An admin or higher: connects Stripe and makes projects.
    Admin,
    Role::Admin,
    Changes::WhileInGoodStanding
);
at_least!(
    /// An owner: manages people and the tenant.
    Owner,
    Role::Owner,
    Changes::WhileInGoodStanding
);
at_least!(
    /// An admin or higher, for what a suspension does not stop: paying, and taking one's data away.
    UnstoppedAdmin,
    Role::Admin,
    Changes::Always
);
