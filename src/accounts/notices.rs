//! What the owners of a business are told by mail about keys. After the commit and in the background: a mail server that is
//! down never fails a request. A mail never holds a key.

use crate::{
    app::Scope,
    db,
    domain::{
        api_key::{ApiScope, ApiScopes},
        ids::KeyId,
        time,
    },
    mail::Mail,
    store::{members, projects, users},
};

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It was made.
    Made,
    /// It was made in place of another one.
    Rolled,
    /// Somebody found it in public, and it was revoked.
    Leaked,
    /// A program sent it in an address.
    InAddress,
}

impl News {
    const fn subject(self) -> &'static str {
        match self {
            Self::Made => "New API key",
            Self::Rolled => "API key rolled",
            Self::Leaked => "API key leaked and revoked",
            Self::InAddress => "API key sent in an address",
        }
    }

    fn sentence(self, who: &str, place: &str) -> String {
        match self {
            Self::Made => format!("{who} made an API key in {place}."),
            Self::Rolled => format!("{who} rolled an API key in {place}. This is its successor."),
            Self::Leaked => format!("An API key of {place} was reported as leaked. It was revoked at once."),
            Self::InAddress => format!(
                "A program sent an API key of {place} in the address of a request. The request was refused, but addresses \
                 are kept in logs and histories."
            ),
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Made | Self::Rolled => "If nobody of yours meant to do this, revoke the key on its page:",
            Self::Leaked => {
                "The program that used it is refused from now on. Make it a new key; what the old one did is here:"
            }
            Self::InAddress => "Roll the key on its page, and have the program send it as `Authorization: Bearer`:",
        }
    }
}

/// A key that there is news of.
pub(super) struct Subject {
    pub(super) id: KeyId,
    pub(super) name: String,
    pub(super) shown: String,
    pub(super) scopes: ApiScopes,
    /// Unix seconds.
    pub(super) expires_at: i64,
    /// Who is told besides the owners: a user's id, or nobody's.
    pub(super) also: String,
    /// What else is known, in lines.
    pub(super) more: Vec<(&'static str, String)>,
}

impl Scope {
    /// Tells the owners, and one person more, what happened to a key.
    pub(super) fn tell_of_key(&self, news: News, subject: Subject) {
        let Some(mailer) = self.app.mail.clone() else { return };
        let scope = self.clone();
        self.app.background.spawn(async move {
            match scope.mails(news, &subject).await {
                Ok(mails) => {
                    for mail in mails {
                        mailer.deliver(&mail).await;
                    }
                }
                Err(error) => tracing::warn!(%error, "who is to be told about a key could not be read"),
            }
        });
    }

    /// One message for each reader: nobody learns who else reads it.
    async fn mails(&self, news: News, subject: &Subject) -> db::Result<Vec<Mail>> {
        let mut tx = self.app.db.read(&self.tenant).await?;
        let Some((tenant, project)) = projects::names(&mut tx, &self.project).await? else { return Ok(Vec::new()) };
        let who = users::emails(&mut tx, [self.by.actor.as_str()]).await?.into_iter().next().map(|(_, email)| email);
        let readers = members::to_tell(&mut tx, &self.tenant, &subject.also).await?;
        drop(tx);
        let who = who.unwrap_or_else(|| format!("billfold ({})", self.by.actor));
        let sentence = news.sentence(&who, &format!("{project} of {tenant}"));
        let may = subject.scopes.iter().map(ApiScope::as_str).collect::<Vec<_>>().join(", ");
        let facts = [
            ("Name", subject.name.clone()),
            ("Key", subject.shown.clone()),
            ("May", may),
            ("Until", time::day(subject.expires_at)),
        ];
        let facts = facts.iter().chain(&subject.more);
        let lines: Vec<String> = facts.map(|(label, value)| format!("  {label:<6} {value}")).collect();
        let (lines, advice) = (lines.join("\n"), news.advice());
        let url = self.app.config.public_url();
        let page = format!("{url}/t/{}/p/{}/api-keys/{}", self.tenant, self.project, subject.id);
        let text = format!("{sentence}\n\n{lines}\n\n{advice}\n{page}\n");
        let subject = format!("{}: {} ({tenant}, {project})", news.subject(), subject.name);
        let mail = |to| Mail { to, subject: subject.clone(), text: text.clone(), html: None };
        Ok(readers.into_iter().map(mail).collect())
    }
}
