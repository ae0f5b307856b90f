//! From an intention to its end: stored, sent, recorded.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{Action, Error, Nonce, Refusal, Result, judge, record};
use crate::{
    app::Scope,
    db::{self, Tx},
    domain::{ids::OutboxId, job::JobKind, kind::Kind, raw::Raw},
    store::{
        connections, jobs,
        mirror::{self, Mirrored},
        outbox::{self, Entry, state},
    },
    stripe::{Client, Patience, write::WriteRequest},
    vault::new_id,
};

/// Seconds that a request has for itself before the job takes its write up: longer than [`Patience::WRITE`] can take.
const GRACE: i64 = 30;
/// How often a second click looks whether the first has ended, and how many times.
const LOOK_AGAIN: (Duration, u32) = (Duration::from_millis(150), 120);

/// What a use case wants.
pub(super) struct Intent {
    /// What is to be done.
    pub(super) action: Action,
    /// What it is done to; none when something is made.
    pub(super) target: Option<Target>,
    /// How Stripe is asked.
    pub(super) request: WriteRequest,
}

/// The object that a write is about.
pub(super) struct Target {
    /// Stripe's id.
    pub(super) stripe_id: String,
    /// As the mirror holds it; none for kinds that it does not keep.
    pub(super) raw: Option<String>,
}

impl From<Mirrored> for Target {
    fn from(mirrored: Mirrored) -> Self {
        Self { stripe_id: mirrored.stripe_id, raw: Some(mirrored.raw) }
    }
}

/// How a write stands when the one who asked is answered.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Stripe has done it, and the mirror shows it.
    Done(Done),
    /// No answer of Stripe's arrived. billfold goes on trying until it knows.
    Waiting(OutboxId),
}

/// A write that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Our id of the write.
    pub write: OutboxId,
    /// Stripe's id of the object that was made or changed.
    pub stripe_id: String,
    /// Our id of it, when the mirror keeps its kind.
    pub id: Option<String>,
    answer: Option<String>,
}

impl Done {
    /// The object as Stripe sent it, of a kind that the mirror does not keep; empty otherwise.
    pub fn answer(&self) -> Raw {
        self.answer.as_deref().map(Raw::parse).unwrap_or_default()
    }
}

enum Begun {
    New(Client, Box<Entry>),
    Known(Box<Entry>),
}

impl Scope {
    /// Stores an intention, carries it out, and records what came of it; all that once, however often it is called with one
    /// nonce. It runs to its end even when the one who asked goes away.
    pub(super) async fn carry_out(&self, nonce: &Nonce, intent: Intent) -> Result<Outcome> {
        use tracing::Instrument as _;
        let (scope, nonce) = (self.clone(), nonce.clone());
        let work = async move {
            match scope.begin(&nonce, intent).await? {
                Begun::New(client, entry) => scope.pursue(&client, *entry).await,
                Begun::Known(entry) => scope.wait_for(*entry).await,
            }
        };
        match tokio::spawn(work.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(stopped) => Err(db::Error::from(stopped).into()),
        }
    }

    async fn begin(&self, nonce: &Nonce, intent: Intent) -> Result<Begun> {
        let now = self.now();
        let Intent { action, target, request } = intent;
        let (target, before_raw) = target.map(|target| (target.stripe_id, target.raw)).unwrap_or_default();
        let asked = format!("{} {target} {}", action.as_str(), request.fingerprint());
        let fingerprint = hex::encode(Sha256::digest(asked));
        let mut tx = self.app.db.write(&self.tenant).await?;
        mirror::lock(&mut tx, &self.project).await?; // of two clicks at once, the second finds the first
        if let Some(known) = outbox::by_nonce(&mut tx, &self.project, nonce.as_str()).await? {
            return if known.fingerprint == fingerprint {
                Ok(Begun::Known(Box::new(known)))
            } else {
                Err(Error::Mismatch)
            };
        }
        let client = self.writer(&mut tx).await?;
        if !target.is_empty() && outbox::is_waiting_for(&mut tx, &self.project, &target).await? {
            let text = "An earlier change here is not confirmed by Stripe yet. Try again in a moment.";
            return Err(Error::Conflict(text.to_owned()));
        }
        let id: OutboxId = new_id();
        let request = if action.makes() { request.marked(id.as_str()) } else { request };
        let entry = Entry {
            created: now,
            actor: self.by.actor.clone(),
            request_id: self.by.request_id.clone(),
            nonce: nonce.as_str().to_owned(),
            fingerprint,
            action: action.as_str().to_owned(),
            kind: action.object().to_owned(),
            target,
            method: if request.delete { "DELETE" } else { "POST" }.to_owned(),
            path: request.path,
            body: request.body,
            state: state::WAITING.to_owned(),
            attempts: 0,
            generation: 0,
            next_at: now + GRACE,
            restored_at: None,
            before_raw,
            object_id: None,
            answer: None,
            error_code: None,
            error_param: None,
            error_message: None,
            id,
        };
        outbox::insert(&mut tx, &self.project, &entry).await?;
        jobs::wake(&mut tx, JobKind::Outbox, &self.tenant, &self.project, entry.next_at).await?;
        tx.commit().await?;
        Ok(Begun::New(client, Box::new(entry)))
    }

    /// The client that writes for this project.
    async fn writer(&self, tx: &mut Tx) -> Result<Client> {
        let connection = connections::find(tx, &self.project).await?;
        let refuse = |text: &str| Err(Error::Conflict(text.to_owned()));
        match connection {
            Some(connection) if connection.state == connections::state::CONNECTED => {
                let client = self.app.client_of(tx, &self.project, &connection).await?;
                client.map_or_else(|| refuse(NOT_CONNECTED), Ok)
            }
            Some(connection) if connection.is_live() => refuse(
                "Stripe does not accept the key of this project any more, so nothing can be changed. Replace it on the page Connection.",
            ),
            _ => refuse(NOT_CONNECTED),
        }
    }

    async fn pursue(&self, client: &Client, mut entry: Entry) -> Result<Outcome> {
        let client = client.with_patience(Patience::WRITE);
        let ending = judge::send(self, &client, &mut entry).await;
        record::end(self, &entry, ending, None).await
    }

    /// Waits for the end of a write that somebody else carries out at this moment.
    async fn wait_for(&self, mut entry: Entry) -> Result<Outcome> {
        let (pause, times) = LOOK_AGAIN;
        for _ in 0..times {
            if entry.state != state::WAITING || entry.attempts > 0 {
                break;
            }
            tokio::time::sleep(pause).await;
            let mut tx = self.app.db.read(&self.tenant).await?;
            if let Some(found) = outbox::find(&mut tx, &self.project, &entry.id).await? {
                entry = found;
            }
        }
        self.outcome_of(entry)
    }

    /// What a stored write says to the one who asked for it.
    pub(super) fn outcome_of(&self, entry: Entry) -> Result<Outcome> {
        match entry.state.as_str() {
            state::DONE => {
                let stripe_id = entry.object_id.unwrap_or_default();
                let id = Kind::parse(&entry.kind).map(|kind| kind.derive_id(&self.project, &stripe_id));
                Ok(Outcome::Done(Done { write: entry.id, id, stripe_id, answer: entry.answer }))
            }
            state::REFUSED => Err(Error::Refused(Refusal {
                code: entry.error_code.unwrap_or_default(),
                param: entry.error_param,
                message: entry.error_message.unwrap_or_default(),
            })),
            _ => Ok(Outcome::Waiting(entry.id)),
        }
    }

    /// How a write stands now; `None` when there is none by this id.
    pub async fn outcome(&self, write: &OutboxId) -> Result<Option<Outcome>> {
        let mut tx = self.app.db.read(&self.tenant).await?;
        let entry = outbox::find(&mut tx, &self.project, write).await?;
        entry.map(|entry| self.outcome_of(entry)).transpose()
    }

    /// The client for looking at Stripe while a person waits.
    pub(super) async fn reader(&self) -> Result<Client> {
        let mut tx = self.app.db.read(&self.tenant).await?;
        Ok(self.writer(&mut tx).await?.with_patience(Patience::INTERACTIVE))
    }

    /// Whether a nonce was used before. What was right at the first click is not judged again at the second.
    pub(super) async fn known(&self, nonce: &Nonce) -> Result<bool> {
        let mut tx = self.app.db.read(&self.tenant).await?;
        Ok(outbox::by_nonce(&mut tx, &self.project, nonce.as_str()).await?.is_some())
    }

    /// The object of this project by either id. One that was deleted cannot be changed.
    pub(super) async fn object(&self, kind: Kind, id: &str) -> Result<Mirrored> {
        let mut tx = self.app.db.read(&self.tenant).await?;
        let id = kind.resolve_id(&self.project, id);
        let found = mirror::find(&mut tx, &self.project, kind, &id).await?.ok_or(Error::NotFound(kind.as_str()))?;
        if found.status == "deleted" {
            return Err(Error::Conflict(format!("This {kind} was deleted in Stripe and cannot be changed any more.")));
        }
        Ok(found)
    }
}

const NOT_CONNECTED: &str = "This project is not connected to Stripe.";
