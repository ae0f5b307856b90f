//! Links to the customer portal: made from a customer's page, shown once, listed, taken back.

use askama::Template;
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;
use serde::Deserialize;

use super::act::{self, Act, Way, act_pages, again, open, subject};
use super::rows;
use crate::billing::portal::{LinkError, NewPortalLink};
use crate::billing::portal_settings::Brand;
use crate::db::Tx;
use crate::domain::ids::{ProjectId, TenantId};
use crate::domain::kind::Kind;
use crate::domain::portal::{self, Flow, LinkDraft, Permit};
use crate::mail;
use crate::store::customers;
use crate::store::portal_links::{self, Listed};
use crate::vault::{ExposeSecret as _, SecretString};
use crate::web::access::{Member, Viewer};
use crate::web::csrf::ProtectedForm;
use crate::web::error::{Error, Result};
use crate::web::extract::{Path, Query};
use crate::web::forms::{Form, Refused, Typed};
use crate::web::html::{self, Wanted};
use crate::web::portal_mail;
use crate::web::qr;
use crate::web::routes::Routes;
use crate::web::shell::{Nav, Shell};

/// Links that the list shows.
const ROWS: i64 = 100;
/// Lives to choose from, in seconds.
const LIVES: [(i64, &str); 5] = [
    (portal::SHORTEST, "5 minutes"),
    (portal::LIFE, "15 minutes"),
    (60 * 60, "1 hour"),
    (8 * 60 * 60, "8 hours"),
    (portal::LONGEST, "24 hours"),
];

/// The routes.
pub fn router() -> Routes {
    const PROJECT: &str = "/t/{tenant}/p/{project}";
    Routes::new()
        .route(&format!("{PROJECT}/customers/{{id}}/portal-link"), get(ask).post(create))
        .route(&format!("{PROJECT}/portal-links"), get(index))
        .route(&format!("{PROJECT}/portal-links/{{id}}/revoke"), post(revoke))
}

#[derive(Template)]
#[template(path = "portal_links/new.html", blocks = ["act"])]
struct NewPage {
    shell: Shell,
    act: Act,
    lives: Vec<(String, &'static str)>,
    permits: [(&'static str, &'static str); 6],
    flows: Vec<(&'static str, &'static str)>,
    /// Why no mail can be sent.
    no_mail: Option<&'static str>,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "portal_links/made.html", blocks = ["act"])]
struct MadePage {
    shell: Shell,
    customer: Way,
    url: SecretString,
    expires: i64,
    /// The link as a picture, for the phone of somebody who stands by: SVG in base64.
    qr: Option<String>,
    /// What became of the mail, when one was asked for.
    mailed: Option<std::result::Result<String, String>>,
}

act_pages!(NewPage, MadePage);

#[derive(Template)]
#[template(path = "portal_links/index.html")]
struct IndexPage {
    shell: Shell,
    rows: Vec<Row>,
    customer: Option<String>,
}

/// A link in a list.
struct Row {
    link: Listed,
    /// What the customer is called.
    customer: String,
    /// `unused`, `used`, `expired` or `revoked`.
    state: &'static str,
    /// What it allows, in words.
    allows: String,
}

impl Row {
    /// Whether there is something to end: the link, or the visit that it opened.
    fn is_revocable(&self, now: i64) -> bool {
        let visit_end = self.link.used_at.map(|at| at + portal::VISIT);
        self.link.revoked_at.is_none() && visit_end.unwrap_or(self.link.expires) > now
    }

    fn made_by(&self) -> &str {
        self.link.created_by_email.as_deref().unwrap_or(&self.link.created_by)
    }
}

#[derive(Deserialize)]
struct Parameters {
    customer: Option<String>,
}

#[derive(Deserialize)]
struct Nothing {}

async fn rows(
    tx: &mut Tx,
    (tenant, project): (&TenantId, &ProjectId),
    customer: Option<&str>,
    now: i64,
) -> Result<Vec<Row>> {
    let links = portal_links::list(tx, (tenant, project), customer, ROWS).await?;
    let names = rows::names(tx, project, links.iter().map(|link| link.customer_id.as_str())).await?;
    let row = |link: Listed| Row {
        customer: names.get(&link.customer_id).cloned().unwrap_or_else(|| link.customer_id.clone()),
        state: match &link {
            Listed { revoked_at: Some(_), .. } => "revoked",
            Listed { used_at: Some(_), .. } => "used",
            link if link.expires <= now => "expired",
            _ => "unused",
        },
        allows: match Permit::split(&link.actions).as_slice() {
            [] => "looking at the plan".to_owned(),
            permits => permits.iter().map(|permit| permit.as_str()).collect::<Vec<_>>().join(", "),
        },
        link,
    };
    Ok(links.into_iter().map(row).collect())
}

async fn page(member: &Member, id: &str, form: Form) -> Result<NewPage> {
    let mut tx = member.read().await?;
    let subject = subject::load(&mut tx, member, Kind::Customer, id).await?;
    let place = (&member.tenant, &member.project.id);
    let rows = rows(&mut tx, place, Some(&subject.id), member.now()).await?;
    let shell = member.shell(Nav::Customers);
    let address = subject.raw.text("/email").unwrap_or_default();
    Ok(NewPage {
        no_mail: match (&member.app.mail, address) {
            (None, _) => Some(mail::OFF),
            (_, "") => Some("Stripe knows no e-mail address of this customer."),
            _ => None,
        },
        act: Act {
            title: "Portal link".to_owned(),
            text: vec![
                subject.name,
                "Whoever opens the link can do what you allow for this customer, without an account. It works once, for a visit of one hour. Send it to the customer alone.".to_owned(),
            ],
            path: shell.url(format!("customers/{}/portal-link", subject.id)),
            back: subject.page,
            button: "Create link",
            danger: false,
            form,
        },
        lives: LIVES.map(|(seconds, label)| (seconds.to_string(), label)).into(),
        permits: Permit::ALL.map(|permit| (permit.as_str(), permit.label())),
        flows: Flow::ALL.map(|flow| (flow.as_str(), flow.label())).into(),
        shell,
        rows,
    })
}

async fn ask(member: Member, Path((_, _, id)): Path<(String, String, String)>) -> Result<Response> {
    let permits = Permit::ALL.map(|permit| (permit.as_str(), "true".to_owned()));
    let values = permits.into_iter().chain([("expires_in", portal::LIFE.to_string())]);
    open(&page(&member, &id, Form::new(values)).await?)
}

async fn create(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(typed): ProtectedForm<Typed>,
) -> Result<Response> {
    let mut page = page(&member, &id, Form::empty()).await?;
    let draft = LinkDraft {
        customer: id,
        // what is no number of seconds is refused like one that is too small
        life: typed.number("expires_in").ok().flatten().unwrap_or_default(),
        permits: Permit::ALL.into_iter().filter(|permit| typed.has(permit.as_str())).collect(),
        flow: Flow::parse(typed.text("flow")).unwrap_or_default(),
        return_url: typed.filled("return_url"),
    };
    match member.scope(&headers).create_portal_link(&draft).await {
        Ok(made) => {
            let mailed = if typed.has("mail") {
                Some(send_mail(&member, &headers, &draft.customer, &made).await?)
            } else {
                None
            };
            let shown = MadePage {
                shell: page.shell,
                customer: page.act.back,
                qr: qr::svg_base64(made.url.expose_secret()),
                url: made.url,
                expires: made.expires,
                mailed,
            };
            act::shown(wanted, &shown)
        }
        Err(LinkError::TooMany) => Err(Error::TooManyRequests { retry_after: 60 }),
        Err(LinkError::Refused(error)) => {
            let refused = Refused::of(error)?;
            page.act.form = Form::refused(typed, refused.clone());
            again(wanted, &page, &refused)
        }
    }
}

/// Mails the link. `Ok`: to which address; `Err`: why not.
async fn send_mail(
    member: &Member,
    headers: &HeaderMap,
    customer: &str,
    made: &NewPortalLink,
) -> Result<std::result::Result<String, String>> {
    let project = &member.project.id;
    let mut tx = member.read().await?;
    let customer = customers::find(&mut tx, project, &Kind::Customer.resolve_id(project, customer)).await?;
    let customer = customer.ok_or(Error::NotFound)?;
    let brand = Brand::load(&mut tx, (&member.tenant, project)).await?;
    drop(tx);
    let sent = portal_mail::send(&member.scope(headers), &customer, &brand, made).await;
    Ok(sent.map(|()| customer.customer.email).map_err(|error| error.to_string()))
}

async fn index(viewer: Viewer, Query(Parameters { customer }): Query<Parameters>) -> Result<Response> {
    let project = &viewer.project.id;
    let customer = customer.filter(|id| !id.is_empty()).map(|id| Kind::Customer.resolve_id(project, &id));
    let mut tx = viewer.read().await?;
    let rows = rows(&mut tx, (&viewer.tenant, project), customer.as_deref(), viewer.now()).await?;
    html::page(&IndexPage { shell: viewer.shell(Nav::PortalLinks), rows, customer })
}

async fn revoke(
    member: Member,
    wanted: Wanted,
    headers: HeaderMap,
    Path((_, _, id)): Path<(String, String, String)>,
    ProtectedForm(Nothing {}): ProtectedForm<Nothing>,
) -> Result<Response> {
    if let Err(error) = member.scope(&headers).revoke_portal_link(&id).await {
        Refused::of(error)?;
    }
    let list = member.shell(Nav::PortalLinks).url("portal-links");
    Ok(wanted.redirect_saying(&list, "The link and its visit have ended."))
}
