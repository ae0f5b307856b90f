//! The list, newest first, and the badge that says whether the chain holds.

use askama::Template;
use axum::response::Response;
use serde_json::Value;

use super::super::actors::Actors;
use super::filter::Params;
use crate::accounts::audit::{Verdict, verify};
use crate::app::ConnectionError;
use crate::app::audit::{Detail, open_detail};
use crate::db::Tx;
use crate::domain::money::grouped;
use crate::domain::status;
use crate::store::audit_log::list::{self, Stored};
use crate::store::users;
use crate::web::access::{Admin, Staff, WholeTenant};
use crate::web::error::{Error, Result};
use crate::web::extract::Query;
use crate::web::html::{self, Wanted};
use crate::web::shell::{Nav, Shell};

/// Rows per page.
const ROWS: usize = 50;
/// Characters of a value that are shown.
const LONGEST: usize = 160;
/// Microseconds in a second.
const MICROS: i64 = 1_000_000;
/// What can be narrowed to: the first words of actions, with what they are called.
const GROUPS: [(&str, &str); 23] = [
    ("connection", "Connection"),
    ("api_key", "API keys"),
    ("person", "Sign-ins"),
    ("member", "Members"),
    ("invitation", "Invitations"),
    ("tenant", "Business"),
    ("project", "Projects"),
    ("portal_link", "Portal links"),
    ("portal", "Portal settings"),
    ("customer", "Customers"),
    ("product", "Products"),
    ("price", "Prices"),
    ("subscription", "Subscriptions"),
    ("invoice", "Invoices"),
    ("refund", "Refunds"),
    ("coupon", "Coupons"),
    ("promotion_code", "Promotion codes"),
    ("checkout_session", "Checkout"),
    ("backfill", "Import"),
    ("mirror", "Comparisons"),
    ("event", "Events"),
    ("audit", "Audit log"),
    ("operator", "Operators"),
];

#[derive(Template)]
#[template(path = "audit/index.html", blocks = ["list"])]
struct Page {
    shell: Shell,
    params: Params,
    rows: Vec<Row>,
    groups: &'static [(&'static str, &'static str)],
    shown: String,
    first: String,
    next: String,
}

/// An entry in the list.
struct Row {
    entry: Stored,
    /// What was done, in words.
    what: String,
    who: String,
    /// The page of who did it, if there is one.
    by: Option<String>,
    /// The project's name.
    project: Option<String>,
    address: String,
    /// What changed, as field, before and after, or as field and value.
    changes: Vec<Change>,
    /// Unix seconds.
    at: i64,
}

struct Change {
    field: String,
    before: Option<String>,
    after: String,
}

#[derive(Template)]
#[template(path = "audit/_check.html")]
struct Check {
    verdict: Verdict,
}

pub(super) async fn show(admin: Admin<WholeTenant>, wanted: Wanted, Query(params): Query<Params>) -> Result<Response> {
    let params = params.cleaned();
    let shell = admin.shell(Nav::Audit);
    let mut tx = admin.read().await?;
    let actor = actor_of(&mut tx, &params.who).await?;
    let limit = i64::try_from(ROWS + 1).unwrap_or(i64::MAX);
    let mut entries = list::page(&mut tx, &params.filter(&actor), params.before, limit).await?;
    let more = entries.len() > ROWS;
    entries.truncate(ROWS);
    let home = shell.tenant_url("audit");
    let next =
        entries.last().filter(|_| more).map(|last| Params { before: Some(last.seq), ..params.clone() }.href(&home));
    let first = params.before.map(|_| Params { before: None, ..params.clone() }.href(&home));
    let rows = rows(&admin, &mut tx, entries, &shell).await?;
    let page = Page {
        shown: format!("{} entries", grouped(i64::try_from(rows.len()).unwrap_or(0))),
        rows,
        groups: &GROUPS,
        next: next.unwrap_or_default(),
        first: first.unwrap_or_default(),
        params,
        shell,
    };
    wanted.respond(&page, &page.as_list())
}

/// Asked for by the page once it is there, because it reads the whole log.
pub(super) async fn check(admin: Admin<WholeTenant>) -> Result<Response> {
    let verdict = verify(&admin.app, &admin.tenant, None).await?;
    if let Verdict::Broken { seq, how } = &verdict {
        tracing::error!(tenant.id = %admin.tenant, audit.seq = seq, "an entry of the audit log {how}");
    }
    html::page(&Check { verdict })
}

/// The actor that somebody's address stands for; anything else stands for itself.
pub(super) async fn actor_of(tx: &mut Tx, who: &str) -> Result<String> {
    if !who.contains('@') {
        return Ok(who.to_owned());
    }
    let user = users::by_email(tx, &who.to_lowercase()).await?;
    Ok(user.map_or_else(|| who.to_owned(), |user| user.id.to_string()))
}

/// What an entry tells in detail. One that does not open tells nothing, and the badge says why.
pub(super) async fn details(
    staff: &Staff<WholeTenant>,
    tx: &mut Tx,
    entries: &[Stored],
) -> Result<Vec<Option<Detail>>> {
    let key = staff.app.data_key(tx).await.map_err(|error| match error {
        ConnectionError::Database(error) => Error::from(error),
        other => Error::internal(other),
    })?;
    Ok(entries.iter().map(|entry| open_detail(tx, &key, entry).unwrap_or_default()).collect())
}

async fn rows(staff: &Staff<WholeTenant>, tx: &mut Tx, entries: Vec<Stored>, shell: &Shell) -> Result<Vec<Row>> {
    let actors = Actors::load(tx, entries.iter().map(|entry| entry.actor.as_str())).await?;
    let details = details(staff, tx, &entries).await?;
    let project_name =
        |id: &str| shell.projects.iter().find(|project| project.id == id).map(|project| project.name.clone());
    let row = |(entry, detail): (Stored, Option<Detail>)| {
        let project = entry.project_id.as_deref();
        let (who, by) = actors.name(&entry.actor, project, shell);
        let Detail { detail, address } = detail.unwrap_or_default();
        Row {
            what: status::words(&entry.action),
            who,
            by,
            project: project.and_then(project_name),
            address,
            changes: changes(&detail),
            at: entry.at / MICROS,
            entry,
        }
    };
    Ok(entries.into_iter().zip(details).map(row).collect())
}

/// `{"before": {…}, "after": {…}}` as what changed; anything else as it is.
fn changes(detail: &Value) -> Vec<Change> {
    let (before, after) = (&detail["before"], &detail["after"]);
    let fields = match (before, after) {
        (_, Value::Object(after)) if !before.is_array() => after,
        _ => match detail {
            Value::Object(fields) => fields,
            _ => return Vec::new(),
        },
    };
    let compared = detail["after"].is_object();
    let told = fields.iter().map(|(field, after)| Change {
        field: field.replace('_', " "),
        before: before.get(field).filter(|before| compared && *before != after).map(text),
        after: text(after),
    });
    told.filter(|change| !compared || change.before.is_some() || before.is_null()).collect()
}

/// A value on the page; the export has the whole of a long one.
fn text(value: &Value) -> String {
    let whole = match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    };
    match whole.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{GROUPS, changes};
    use crate::billing::Action;

    #[test]
    fn every_change_at_stripe_can_be_narrowed_to() {
        for action in Action::all() {
            let group = action.as_str().split('.').next().unwrap();
            assert!(GROUPS.iter().any(|(name, _)| *name == group), "{group} is not offered");
        }
    }

    #[test]
    fn what_changed_is_told_and_what_did_not_is_left_out() {
        let told = |detail| -> Vec<(String, Option<String>, String)> {
            changes(&detail).into_iter().map(|change| (change.field, change.before, change.after)).collect()
        };
        let row = |field: &str, before: Option<&str>, after: &str| {
            (field.to_owned(), before.map(str::to_owned), after.to_owned())
        };
        assert_eq!(
            told(json!({ "before": { "name": "Ada", "plan_id": 1 }, "after": { "name": "Ada", "plan_id": 2 } })),
            [row("plan id", Some("1"), "2")]
        );
        assert_eq!(told(json!({ "key_last4": "1234" })), [row("key last4", None, "1234")]);
        assert_eq!(told(json!(null)), []);
    }
}
