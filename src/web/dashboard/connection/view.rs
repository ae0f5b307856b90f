//! What the page shows.

use askama::Template;

use crate::app::App;
use crate::connect::check::{Outcome, PermissionResult, stored_results};
use crate::connect::secrets::MOST_LIVE;
use crate::db::Tx;
use crate::domain::ids::ProjectId;
use crate::domain::mode::Mode;
use crate::domain::role::Role;
use crate::store::connections::{self, Connection, state};
use crate::store::projects::Project;
use crate::store::signing_secrets::{self, SigningSecret};
use crate::stripe::events::SUBSCRIBED;
use crate::stripe::permissions::{Need, PERMISSIONS, Probe, key_page_path};
use crate::web::access::Staff;
use crate::web::error::{Error, Result};
use crate::web::shell::{Nav, Shell};

/// A form that came back, by the part of the page that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Key,
    NewKey,
    Check,
    Endpoint,
    Secret,
    Confirmation,
}

/// What is wrong with a form.
pub(super) struct Problem {
    pub(super) field: Field,
    pub(super) message: String,
    /// What the refused key may do, where that was found out.
    pub(super) results: Vec<PermissionResult>,
}

/// What was just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// In the address.
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

const NOTICES: [Notice; 10] = [
    Notice { name: "connected", text: "Connected. The import of everything that is there already has started." },
    Notice {
        name: "replaced",
        text: "The key was replaced. The old one is no longer used and can be revoked at Stripe.",
    },
    Notice { name: "checked", text: "Checked: the key works." },
    Notice { name: "endpoint", text: "The webhook endpoint was made." },
    Notice { name: "secret", text: "The signing secret was stored." },
    Notice {
        name: "address-renewed",
        text: "The webhook endpoint has a new address. The old one is answered for four days more.",
    },
    Notice {
        name: "secret-renewed",
        text: "The signing secret was renewed. What is signed with the old one is accepted for 24 hours more.",
    },
    Notice { name: "removed", text: "The signing secret was removed." },
    Notice { name: "disconnected", text: "Disconnected. The data stays, but is no longer kept up to date." },
    Notice {
        name: "disconnected-endpoint-left",
        text: "Disconnected. The data stays, but is no longer kept up to date. Stripe did not remove the webhook endpoint: delete it on its page at Stripe.",
    },
];

impl Notice {
    pub(super) fn of(name: &str) -> Option<Self> {
        NOTICES.into_iter().find(|notice| notice.name == name)
    }
}

/// The page.
#[derive(Template)]
#[template(path = "connection/index.html", blocks = ["connection"])]
pub(super) struct Page {
    pub(super) shell: Shell,
    notice: Option<Notice>,
    problem: Option<Problem>,
    may_change: bool,
    /// The password was typed a short while ago.
    confirmed: bool,
    project: String,
    connection: Option<Connection>,
    results: Vec<PermissionResult>,
    webhook: Webhook,
}

/// The webhook card.
#[derive(Default)]
struct Webhook {
    /// For those who may set it up at Stripe.
    url: Option<String>,
    secrets: Vec<SigningSecret>,
    /// The stored values do not open.
    damaged: bool,
}

impl Page {
    /// Reads the present state.
    pub(super) async fn load(staff: &Staff<Project>, confirmed: bool, notice: Option<Notice>) -> Result<Self> {
        let mut tx = staff.read().await?;
        let connection = connections::find(&mut tx, &staff.project.id).await?;
        let may_change = staff.role >= Role::Admin;
        let webhook = match &connection {
            Some(connection) if connection.is_live() => {
                Webhook::load(&staff.app, &mut tx, &staff.project.id, connection, may_change).await?
            }
            _ => Webhook::default(),
        };
        // what the banner of other pages says stands here in more words
        let shell = Shell { alert: None, ..staff.shell(Nav::Connection) };
        Ok(Self {
            shell,
            notice,
            problem: None,
            may_change,
            confirmed,
            project: staff.project.name.clone(),
            results: connection.as_ref().map(stored_results).unwrap_or_default(),
            connection,
            webhook,
        })
    }

    /// The same page with a form that came back.
    pub(super) fn with_problem(mut self, problem: Problem) -> Self {
        self.problem = Some(problem);
        self
    }

    fn live(&self) -> Option<&Connection> {
        self.connection.as_ref().filter(|connection| connection.is_live())
    }

    fn ended(&self) -> Option<&Connection> {
        self.connection.as_ref().filter(|connection| !connection.is_live())
    }

    fn problem(&self, field: Field) -> Option<&Problem> {
        self.problem.as_ref().filter(|problem| problem.field == field)
    }

    /// A problem whose form is not on the page: somebody else connected or disconnected meanwhile.
    fn stray_problem(&self) -> Option<&Problem> {
        let live = self.live().is_some();
        self.problem.as_ref().filter(|problem| match problem.field {
            Field::Key => live,
            Field::Check => true,
            Field::NewKey | Field::Endpoint | Field::Secret | Field::Confirmation => !live,
        })
    }

    fn may_add_secret(&self) -> bool {
        self.webhook.secrets.len() < MOST_LIVE
    }

    /// Stripe's page for a new live key.
    #[expect(clippy::unused_self, reason = "the template asks its page")]
    fn live_key_page(&self) -> String {
        key_page_path(Mode::Live)
    }

    /// Stripe's page for a new test key.
    #[expect(clippy::unused_self, reason = "the template asks its page")]
    fn test_key_page(&self) -> String {
        key_page_path(Mode::Test)
    }

    /// The event types to tick at Stripe, one per line.
    #[expect(clippy::unused_self, reason = "the template asks its page")]
    fn event_types(&self) -> String {
        SUBSCRIBED.join("\n")
    }

    /// Why billfold did not make the endpoint itself.
    fn endpoint_reason(&self) -> Option<String> {
        let result = self.results.iter().find(|result| result.permission.probe == Probe::CreateEndpoint)?;
        match &result.outcome {
            Outcome::Missing => Some("The key lacks the permission to make webhook endpoints".to_owned()),
            Outcome::Failed(cause) | Outcome::Refused(cause) => {
                Some(format!("Stripe did not take it: {}", cause.trim_end_matches('.')))
            }
            Outcome::Granted | Outcome::Untried => None,
        }
    }
}

impl Webhook {
    async fn load(app: &App, tx: &mut Tx, project: &ProjectId, connection: &Connection, url: bool) -> Result<Self> {
        let secrets = signing_secrets::live(tx, project, app.clock.now()).await?;
        if !url {
            return Ok(Self { secrets, ..Self::default() });
        }
        match app.webhook_url(tx, project, connection).await {
            Ok(url) => Ok(Self { url, secrets, damaged: false }),
            Err(crate::app::ConnectionError::Database(error)) => Err(Error::from(error)),
            Err(error) => {
                tracing::error!(%error, project = %project, "a sealed value does not open");
                Ok(Self { url: None, secrets, damaged: true })
            }
        }
    }
}

/// The part that turns green when the first event arrives.
#[derive(Template)]
#[template(path = "connection/_waiting.html")]
pub(super) struct WaitingFragment {
    shell: Shell,
    first_event_at: Option<i64>,
    last_event_at: Option<i64>,
}

impl WaitingFragment {
    /// Reads the present state.
    pub(super) async fn load(staff: &Staff<Project>) -> Result<Self> {
        let mut tx = staff.read().await?;
        let connection = connections::find(&mut tx, &staff.project.id).await?.filter(Connection::is_live);
        let connection = connection.ok_or(Error::NotFound)?;
        Ok(Self {
            shell: staff.shell(Nav::Connection),
            first_event_at: connection.first_event_at,
            last_event_at: connection.last_event_at,
        })
    }
}

/// An outcome as colour, icon and words.
fn outcome_badge(result: &PermissionResult) -> (&'static str, &'static str, String) {
    let needed = result.permission.need == Need::Required;
    match &result.outcome {
        Outcome::Granted => ("green", "circle-check", "Granted".to_owned()),
        Outcome::Missing if needed => ("red", "circle-x", format!("Missing: {}", result.permission.name)),
        Outcome::Missing => ("grey", "circle-dashed", "Not granted (optional)".to_owned()),
        Outcome::Refused(_) => ("orange", "ban", "Refused".to_owned()),
        Outcome::Failed(_) => ("orange", "alert-triangle", "Not answered".to_owned()),
        Outcome::Untried => ("grey", "circle-dashed", "Not tried".to_owned()),
    }
}
