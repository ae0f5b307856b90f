//! What the owners of a business are told by mail about its payment and its state. After the commit and in the background: a mail
//! server that is down never fails a request.

use crate::{
    app::App,
    db,
    domain::{ids::TenantId, plan::TenantState, time},
    mail::Mail,
    store::{members, tenants},
};

/// Tells the owners how their business stands since a moment ago. `due_at` (unix seconds) is when that changes by itself.
pub(super) fn tell(app: &App, tenant: &TenantId, state: TenantState, due_at: Option<i64>) {
    let Some(mailer) = app.mail.clone() else { return };
    let (app, tenant) = (app.clone(), tenant.clone());
    app.clone().background.spawn(async move {
        match mails(&app, &tenant, state, due_at).await {
            Ok(mails) => {
                for mail in mails {
                    mailer.deliver(&mail).await;
                }
            }
            Err(error) => tracing::warn!(%error, "who is to be told about a business could not be read"),
        }
    });
}

/// One message for each owner: nobody learns who else reads it.
async fn mails(app: &App, tenant: &TenantId, state: TenantState, due_at: Option<i64>) -> db::Result<Vec<Mail>> {
    let mut tx = app.db.system_read().await?;
    let name = tenants::name(&mut tx, tenant).await?.unwrap_or_default();
    let readers = members::to_tell(&mut tx, tenant, "").await?;
    drop(tx);
    let Some((subject, text)) = words(&name, state, due_at) else { return Ok(Vec::new()) };
    let page = format!("{}/t/{tenant}/plan", app.config.public_url());
    let text = format!("{text}\n\nPlan, use and payment:\n{page}\n");
    let mail = |to| Mail { to, subject: subject.clone(), text: text.clone(), html: None };
    Ok(readers.into_iter().map(mail).collect())
}

/// Subject and text; none for what the owners cannot read any more.
fn words(name: &str, state: TenantState, due_at: Option<i64>) -> Option<(String, String)> {
    let day = due_at.map(time::day).unwrap_or_default();
    let (subject, text) = match state {
        TenantState::Active => ("is restored", "Everything works again.".to_owned()),
        TenantState::PastDue => (
            "has a late payment",
            format!("The last payment is late. Everything works until {day}; after that pages can be read, but nothing can be changed."),
        ),
        TenantState::Suspended => (
            "is suspended",
            "Pages can be read and exported, but nothing can be changed. What Stripe sends is still stored, and end customers still reach their portal.".to_owned(),
        ),
        TenantState::Ending => (
            "will be deleted",
            format!("On {day} all its data is erased for good. Until then whoever runs this billfold can take that back."),
        ),
        TenantState::Erasing => return None,
    };
    Some((format!("{name} {subject}"), format!("{name} {subject}. {text}")))
}
