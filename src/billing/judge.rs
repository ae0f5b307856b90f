//! Sends a write and finds out what came of it. Repeating under the same key decides most cases; where it cannot (a fault that
//! Stripe keeps under the key, a key older than a day, a `DELETE`), a look at Stripe does. A write that was put back from a backup
//! may be done already: its key tells that, and a `DELETE`, which has none, is only looked after.

use serde_json::value::RawValue;

use super::{
    Action, Refusal,
    action::Proof,
    error::{EXPIRED, UNKNOWN},
};
use crate::{
    app::Scope,
    domain::{ids::path_segment, kind::Kind, objects::Object, raw::Raw},
    mirror::{self, Change},
    store::outbox::Entry,
    stripe::{
        self, Client,
        write::{WriteFailure, WriteRequest, Written},
    },
};

/// Seconds for which Stripe surely keeps an idempotency key: an hour less than the day that it promises. What has not happened
/// by then is not done any more.
const KEY_LIFE: i64 = 23 * 3_600;
/// New keys that a write gets after stored faults.
const MOST_GENERATIONS: i64 = 3;

/// What came of a write.
pub(super) enum Ending {
    /// Stripe has done it.
    Done {
        /// Stripe's id of the object.
        object_id: String,
        /// The object as Stripe sent it.
        raw: String,
        /// What it means for the mirror.
        changes: Vec<Change>,
    },
    /// It is not done, for good.
    Refused(Refusal),
    /// Not known yet.
    Open(stripe::Error),
}

/// What a look showed.
enum Look {
    Happened(Box<RawValue>),
    NotHappened,
    Unclear,
}

/// Sends a write. The entry's generation is raised when it needs a new key.
pub(super) async fn send(scope: &Scope, client: &Client, entry: &mut Entry) -> Ending {
    let Some(action) = Action::parse(&entry.action) else {
        return Ending::Open(stripe::Error::Unreadable("an action of a newer billfold".to_owned()));
    };
    let stripe = Stripe { scope, client };
    let request = WriteRequest { delete: entry.method == "DELETE", path: entry.path.clone(), body: entry.body.clone() };
    if scope.now() - entry.created > KEY_LIFE || (request.delete && entry.restored_at.is_some()) {
        return expire(&stripe, entry, action).await;
    }
    loop {
        let seen = stripe.seen(action.object(), &entry.target).await;
        let failure = match client.write(&request, &idempotency_key(entry)).await {
            Ok(written) => return done(&stripe, action, written, seen).await,
            Err(failure) => failure,
        };
        if !needs_a_look(&request, &failure) {
            return settle(entry, failure);
        }
        match look(client, entry, action).await {
            Err(error) => return Ending::Open(error),
            Ok(Look::Happened(raw)) => return done(&stripe, action, looked_at(raw), None).await,
            Ok(Look::Unclear) => return Ending::Refused(unclear(action)),
            Ok(Look::NotHappened) if request.delete || entry.generation + 1 >= MOST_GENERATIONS => {
                return settle(entry, WriteFailure { uncertain: false, ..failure });
            }
            Ok(Look::NotHappened) => entry.generation += 1,
        }
    }
}

/// Stable over restarts: made from nothing but the row.
fn idempotency_key(entry: &Entry) -> String {
    match entry.generation {
        0 => format!("billfold:{}", entry.id),
        generation => format!("billfold:{}:{generation}", entry.id),
    }
}

/// Stripe repeats a fault that it keeps, and knows no key for a `DELETE`: a second one finds nothing to delete.
fn needs_a_look(request: &WriteRequest, failure: &WriteFailure) -> bool {
    match &failure.error {
        stripe::Error::Faulty(_) => failure.replayed,
        stripe::Error::Answered(answer) => request.delete && matches!(answer.status, 400 | 404),
        _ => false,
    }
}

/// The end that a failure is by itself.
fn settle(entry: &Entry, failure: WriteFailure) -> Ending {
    let WriteFailure { error, uncertain, replayed } = failure;
    // A key that is no longer accepted says nothing about a try before.
    let definite = matches!(error, stripe::Error::Answered(_)) || !(uncertain || entry.attempts > 0);
    match (Refusal::of(&error), &error) {
        (Some(refusal), _) if definite => Ending::Refused(refusal),
        (None, stripe::Error::Faulty(answer)) if replayed && !uncertain => Ending::Refused(Refusal {
            code: "stripe_fault".to_owned(),
            param: None,
            message: format!("Stripe has a fault and did not do it: {}", answer.message),
        }),
        _ => Ending::Open(error),
    }
}

/// A write that has no key any more. It is not sent again: either it has happened, or it is over.
async fn expire(stripe: &Stripe<'_>, entry: &Entry, action: Action) -> Ending {
    match look(stripe.client, entry, action).await {
        Ok(Look::Happened(raw)) => done(stripe, action, looked_at(raw), None).await,
        Ok(Look::NotHappened) if action.proof() != Proof::Repeatable => Ending::Refused(Refusal {
            code: EXPIRED.to_owned(),
            param: None,
            message: match entry.restored_at {
                Some(_) => "The data was put back from a backup, and nothing at Stripe shows that this was done before. Do it again if it is still wanted.",
                None => "Stripe could not be reached for a day, so this was not done. Do it again if it is still wanted.",
            }
            .to_owned(),
        }),
        Err(error) if error.is_transient() || error.is_key_rejected() => Ending::Open(error),
        Ok(Look::NotHappened | Look::Unclear) | Err(_) => Ending::Refused(unclear(action)),
    }
}

fn unclear(action: Action) -> Refusal {
    let message = format!(
        "Stripe had a fault, and nothing shows whether this was done ({}). Look at the object in Stripe before doing it again.",
        action.as_str()
    );
    Refusal { code: UNKNOWN.to_owned(), param: None, message }
}

async fn look(client: &Client, entry: &Entry, action: Action) -> Result<Look, stripe::Error> {
    Ok(match action.proof() {
        Proof::Marked(list, event) => {
            find_made(client, entry, list, event).await?.map_or(Look::NotHappened, Look::Happened)
        }
        Proof::Repeatable => Look::NotHappened,
        Proof::None => Look::Unclear,
        Proof::Status(statuses) => match read(client, &entry.kind, &entry.target).await? {
            Some(raw) => {
                let status = Raw::parse(raw.get()).text("/status").map(ToOwned::to_owned).unwrap_or_default();
                if statuses.contains(&status.as_str()) { Look::Happened(raw) } else { Look::NotHappened }
            }
            None => Look::NotHappened,
        },
        Proof::Gone if read(client, &entry.kind, &entry.target).await?.is_some() => Look::NotHappened,
        Proof::Gone => {
            let gone = serde_json::json!({ "id": entry.target, "object": entry.kind, "deleted": true });
            Look::Happened(
                serde_json::value::to_raw_value(&gone).map_err(|e| stripe::Error::Unreadable(e.to_string()))?,
            )
        }
    })
}

/// What a write made. The list has it unless it is gone by now or has lost its mark; then Stripe's events tell of it, if the key may
/// read them.
async fn find_made(
    client: &Client,
    entry: &Entry,
    list: &str,
    event: Option<&str>,
) -> Result<Option<Box<RawValue>>, stripe::Error> {
    let listed = client.find_marked(list, entry.id.as_str(), entry.created).await?;
    match event {
        Some(event) if listed.is_none() => match client.find_told(event, entry.id.as_str(), entry.created).await {
            Err(stripe::Error::Refused { .. }) => Ok(None),
            told => told,
        },
        _ => Ok(listed),
    }
}

async fn read(client: &Client, kind: &str, stripe_id: &str) -> Result<Option<Box<RawValue>>, stripe::Error> {
    if let Some(kind) = Kind::parse(kind) {
        return Ok(client.retrieve(kind, stripe_id).await?.raw);
    }
    let folder = if kind == "checkout.session" { "checkout/sessions".to_owned() } else { format!("{kind}s") };
    client.read_path(&format!("/{folder}/{}", path_segment(stripe_id))).await
}

/// What a look found is not proven for any second that we know, so it is read once more for the mirror.
fn looked_at(raw: Box<RawValue>) -> Written {
    Written { raw, as_of: 0, replayed: true }
}

/// Stripe as one project sees it, and that project's mirror.
struct Stripe<'a> {
    scope: &'a Scope,
    client: &'a Client,
}

impl Stripe<'_> {
    /// Where the mirror's row of an object stands before Stripe is asked; see [`mirror::Source::Fetch`].
    async fn seen(&self, kind: &str, stripe_id: &str) -> Option<i64> {
        let project = &self.scope.project;
        let kind = Kind::parse(kind).filter(|_| !stripe_id.is_empty())?;
        let row = (kind, kind.derive_id(project, stripe_id));
        let mut tx = self.scope.app.db.read(&self.scope.tenant).await.ok()?;
        let versions = mirror::versions(&mut tx, project, [row.clone()]).await.ok()?;
        versions.get(&row).copied()
    }

    /// Reads an object for the mirror; where that does not work now, the job that reads objects again does it later.
    async fn reread(&self, kind: Kind, id: &str) -> Change {
        let seen = self.seen(kind.as_str(), id).await;
        let read = mirror::read_object(self.client, &self.scope.project, (kind, id), seen).await;
        read.unwrap_or_else(|_| Change::ReadAgain(kind, id.to_owned()))
    }

    /// The answer as a change. One that is repeated from an earlier try may be older than what others did since.
    async fn change(&self, (kind, id): (Kind, &str), written: Written, seen: Option<i64>) -> Change {
        if written.replayed {
            return self.reread(kind, id).await;
        }
        let object = match self.client.complete(kind, written.raw).await {
            Ok(raw) => Object::read(kind, &self.scope.project, raw.get()).ok(),
            Err(_) => None,
        };
        object.map_or_else(
            || Change::ReadAgain(kind, id.to_owned()),
            |object| Change::from_fetch(object, written.as_of, seen),
        )
    }
}

async fn done(stripe: &Stripe<'_>, action: Action, written: Written, seen: Option<i64>) -> Ending {
    let raw = Raw::parse(written.raw.get());
    let Some(object_id) = raw.text("/id").map(ToOwned::to_owned) else {
        return Ending::Open(stripe::Error::Unreadable("the answer has no id".to_owned()));
    };
    let text = written.raw.get().to_owned();
    let mut changes = Vec::new();
    if let Some(kind) = Kind::parse(action.object()) {
        changes.push(stripe.change((kind, &object_id), written, seen).await);
    }
    for (kind, id) in followers(action, &raw) {
        changes.push(stripe.reread(kind, &id).await);
    }
    Ending::Done { object_id, raw: text, changes }
}

/// Other mirrored objects that a write changes with its own.
fn followers(action: Action, answer: &Raw) -> Vec<(Kind, String)> {
    let (kind, pointer) = match action {
        Action::CreateRefund => (Kind::Charge, "/charge"),
        Action::CreateSubscription | Action::ChangeSubscription => (Kind::Invoice, "/latest_invoice"),
        _ => return Vec::new(),
    };
    answer.reference(pointer).map(|id| (kind, id.to_owned())).into_iter().collect()
}
