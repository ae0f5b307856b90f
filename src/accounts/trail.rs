//! Who came in and went, in the audit log of every tenant of the person.

use std::net::IpAddr;

use serde_json::Value;

use super::Result;
use crate::{
    app::{App, By, audit::Note},
    db::{self, SystemTx},
    domain::ids::UserId,
    store::members,
};

/// What happened at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// The password was right.
    LoggedIn,
    /// The address was known, the password wrong.
    Failed,
    /// The session was ended by the person.
    LoggedOut,
}

impl Passage {
    /// As stored.
    pub const fn action(self) -> &'static str {
        match self {
            Self::LoggedIn => "person.logged_in",
            Self::Failed => "person.login_failed",
            Self::LoggedOut => "person.logged_out",
        }
    }
}

/// Where a request came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's network.
    pub address: IpAddr,
    /// Names the request in answers and logs.
    pub request_id: String,
}

impl Origin {
    /// The person who acts from here.
    pub(super) fn by(&self, user: &UserId) -> By {
        By { actor: user.to_string(), address: self.address.to_string(), request_id: self.request_id.clone() }
    }
}

/// Notes that the person ended the session.
pub async fn logged_out(app: &App, user: &UserId, origin: &Origin) -> Result<()> {
    let tx = app.db.system_write().await?;
    Ok(note(app, tx, user, Passage::LoggedOut, origin).await?)
}

/// Notes a passage together with what `tx` has changed, and commits.
pub(super) async fn note(app: &App, tx: SystemTx, user: &UserId, passage: Passage, origin: &Origin) -> db::Result<()> {
    note_act(app, tx, user, &Act::own(user, passage.action(), origin)).await
}

/// Something that was done to a person, in the audit log.
#[derive(Clone, Debug)]
pub(super) struct Act<'a> {
    /// Who did it.
    by: By,
    /// What, such as `person.password_changed`.
    action: &'a str,
}

impl<'a> Act<'a> {
    /// What people do to themselves.
    pub(super) fn own(user: &UserId, action: &'a str, origin: &Origin) -> Self {
        Self { by: origin.by(user), action }
    }

    /// What the operator does on the command line.
    pub(super) fn of_operator(action: &'a str) -> Self {
        Self { by: By::part("operator"), action }
    }
}

/// Notes an act in every tenant of the person, together with what `tx` has changed, and commits.
pub(super) async fn note_act(app: &App, mut tx: SystemTx, user: &UserId, act: &Act<'_>) -> db::Result<()> {
    let mut tenants = members::of_user(&mut tx, user).await?;
    tenants.sort_unstable_by(|one, other| one.tenant_id.cmp(&other.tenant_id)); // the heads of their logs are held in one order
    let Some((first, others)) = tenants.split_first() else { return tx.commit().await };
    let mut tx = tx.into_tenant(&first.tenant_id).await?;
    for membership in std::iter::once(first).chain(others) {
        tx.enter(&membership.tenant_id).await?;
        let note = Note { project: None, action: act.action, target: user.as_str(), detail: &Value::Null };
        app.audit(&mut tx, &act.by, note).await?;
    }
    tx.commit().await
}
