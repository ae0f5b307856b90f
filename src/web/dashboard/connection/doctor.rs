//! The key doctor's page: what the last look at the connection found, in plain words, and a button that looks again.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};

use super::actions::{Pressed, RETRY_AFTER, status_of};
use super::findings::{Finding, findings};
use crate::connect::check::{Outcome, PermissionResult};
use crate::connect::doctor::{self, Made, Verdict};
use crate::domain::role::Role;
use crate::store::connections::{self, Connection};
use crate::store::projects::Project;
use crate::stripe::permissions::{Need, key_page_path, key_page_path_of};
use crate::web::access::{Admin, Staff, Viewer};
use crate::web::csrf::ProtectedForm;
use crate::web::error::Result;
use crate::web::html::{self, Wanted};
use crate::web::shell::{Nav, Shell};

/// The page.
#[derive(Template)]
#[template(path = "connection/doctor.html", blocks = ["report"])]
struct Page {
    shell: Shell,
    /// Whether the person may look again.
    may_look: bool,
    /// Whether there is a key to look with.
    connected: bool,
    made: Option<Made>,
    permissions: Vec<PermissionResult>,
    findings: Vec<Finding>,
    /// Why the button did nothing.
    problem: Option<String>,
}

impl Page {
    async fn load(staff: &Staff<Project>) -> Result<Self> {
        let shell = staff.shell(Nav::Connection);
        let mut tx = staff.read().await?;
        let connection = connections::find(&mut tx, &staff.project.id).await?.filter(Connection::is_live);
        let made = match &connection {
            Some(connection) => doctor::last(&mut tx, &staff.project.id, connection).await?,
            None => None,
        };
        let report = made.as_ref().map(|made| &made.report);
        let looked = report.filter(|report| report.accepted);
        Ok(Self {
            may_look: staff.role >= Role::Admin,
            connected: connection.is_some(),
            permissions: looked.map(doctor::Report::results).unwrap_or_default(),
            findings: report.map(|report| findings(report, &shell)).unwrap_or_default(),
            made,
            shell,
            problem: None,
        })
    }

    /// Tone, icon and words of the sentence above everything.
    fn sum(&self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self.made.as_ref().map(|made| (made.report.accepted, made.report.verdict())) {
            Some((false, _)) => (
                "red",
                "plug-connected-x",
                "Stripe does not accept the key any more.",
                "Nothing is lost: events are still received and wait. Paste a current key on the page Connection, and everything goes on from where it stopped.",
            ),
            Some((true, Verdict::Broken)) => (
                "red",
                "alert-circle",
                "Something is broken.",
                "What is marked red keeps this project from being exact.",
            ),
            Some((true, Verdict::Attention)) => {
                ("", "alert-triangle", "It works, and something wants a look.", "It is marked orange below.")
            }
            Some((true, Verdict::Good)) => ("green", "circle-check", "Everything is as it should be.", ""),
            None => ("", "hourglass", "Nobody has looked yet.", "It happens each night, and after a new key."),
        }
    }

    fn lacking(&self) -> usize {
        self.permissions.iter().filter(|result| result.outcome == Outcome::Missing).count()
    }

    /// Stripe's page for a key with just what is missing.
    fn missing_page(&self) -> Option<String> {
        let report = &self.made.as_ref()?.report;
        let names = report.to_tick();
        (!names.is_empty()).then(|| key_page_path_of(report.mode(), names.iter().map(String::as_str)))
    }

    /// Stripe's page for a whole new key.
    fn whole_page(&self) -> Option<String> {
        self.made.as_ref().map(|made| key_page_path(made.report.mode()))
    }
}

/// An outcome as colour, icon and words.
fn badge_of(result: &PermissionResult) -> (&'static str, &'static str, &'static str) {
    let needed = result.permission.need == Need::Required;
    match &result.outcome {
        Outcome::Granted => ("green", "circle-check", "OK"),
        Outcome::Missing if needed => ("red", "circle-x", "Missing"),
        Outcome::Missing => ("orange", "circle-dashed", "Missing"),
        Outcome::Refused(_) if needed => ("red", "ban", "Refused"),
        Outcome::Refused(_) => ("orange", "ban", "Refused"),
        Outcome::Failed(_) => ("orange", "alert-triangle", "Not answered"),
        Outcome::Untried => ("grey", "circle-dashed", "Not tried"),
    }
}

pub(super) async fn show(viewer: Viewer) -> Result<Response> {
    html::page(&Page::load(&viewer).await?)
}

/// Looks again. That Stripe cannot be asked stands on the page; the last report stays.
pub(super) async fn examine(
    admin: Admin,
    wanted: Wanted,
    headers: HeaderMap,
    _: ProtectedForm<Pressed>,
) -> Result<Response> {
    let Err(error) = admin.scope(&headers).examine().await else {
        return Ok(wanted.redirect(&admin.shell(Nav::Connection).url("connection/doctor")));
    };
    let (status, refused) = status_of(error)?;
    let page = Page { problem: Some(refused.message), ..Page::load(&admin).await? };
    let mut answer = wanted.respond_with(status, &page, &page.as_report())?;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    Ok(answer.into_response())
}
