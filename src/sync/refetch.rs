//! Reads single objects again from Stripe: after several events of one second, cut sub-lists, and events that only name an
//! object. The answer counts, unless an event has changed the row while it was on its way.

use futures_util::{StreamExt as _, stream};

use crate::{
    app::{App, Stopped},
    db::Result,
    domain::{
        event::Outcome,
        ids::ProjectId,
        kind::Kind,
        part::{self, Part},
        retry,
    },
    mirror::{self, Asked, Change},
    store::{
        jobs::{self, Claim},
        mirror as rows,
        refetches::{self, Refetch},
    },
    stripe,
};

/// Objects per transaction.
const BATCH: i64 = 64;
/// Calls at once; the account's token bucket sets the pace.
const AT_ONCE: usize = 8;

/// An object of a kind that the key may not read is asked for again after so many seconds; a new key, or a check, asks at once.
const REFUSED: i64 = 6 * 60 * 60;

/// What a fetch brought.
enum Fetched {
    Change(Box<Change>),
    /// Nothing to be read: not a kind that is mirrored any more, or a part that leads nowhere.
    Nothing,
    Failed(stripe::Error),
}

/// Reads the next batch again. Answers how many wishes it took; 0 means that nothing is due.
///
/// Fails only with what stops the whole connection (the database, the lease, a rejected key); an object that cannot be read
/// is put off alone.
pub async fn run_batch(
    app: &App,
    client: &stripe::Client,
    claim: &Claim,
    lease_seconds: i64,
) -> Result<usize, Stopped> {
    let (tenant, project) = (&claim.tenant_id, &claim.project_id);
    let mut tx = app.db.read(tenant).await?;
    let wishes = refetches::due(&mut tx, project, app.clock.now(), BATCH).await?;
    if wishes.is_empty() {
        return Ok(0);
    }
    let row = |wish: &Refetch| Kind::parse(&wish.kind).map(|kind| (kind, kind.derive_id(project, &wish.stripe_id)));
    let seen = mirror::versions(&mut tx, project, wishes.iter().filter_map(row)).await?;
    drop(tx);
    let fetched: Vec<(Refetch, Fetched)> = stream::iter(wishes)
        .map(|wish| (row(&wish).and_then(|row| seen.get(&row).copied()), wish))
        .map(|(seen, wish)| async move {
            let fetched = fetch(client, project, &wish, seen).await;
            (wish, fetched)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let taken = fetched.len();
    let rejected = store(app, claim, fetched, lease_seconds).await?;
    rejected.map_or(Ok(taken), |error| Err(Stopped::Stripe(error)))
}

async fn fetch(client: &stripe::Client, project: &ProjectId, wish: &Refetch, seen: Option<i64>) -> Fetched {
    let whole = match (Kind::parse(&wish.kind), Part::parse(&wish.kind)) {
        (Some(kind), _) => Ok(Some((kind, wish.stripe_id.clone()))),
        (None, Some(part)) => whole_of(client, part, &wish.stripe_id).await,
        (None, None) => Ok(None),
    };
    let read = match whole {
        Ok(Some((kind, id))) => mirror::read_object(client, project, (kind, &id), seen).await,
        Ok(None) => return Fetched::Nothing,
        Err(error) => Err(error),
    };
    read.map_or_else(Fetched::Failed, |change| Fetched::Change(Box::new(change)))
}

/// What a part belongs to. A key that may not read it ends the wish: the comparisons find what this would have told.
async fn whole_of(client: &stripe::Client, part: Part, id: &str) -> Result<Option<(Kind, String)>, stripe::Error> {
    match client.retrieve_part(part, id).await {
        Ok(answer) => Ok(answer.raw.and_then(|raw| part::whole_of(part.as_str(), raw.get()))),
        Err(stripe::Error::Refused { .. }) => {
            tracing::info!(stripe.object = part.as_str(), "the key may not read what an event names");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Writes what was fetched; answers the error that concerns the whole connection, if there was one.
async fn store(
    app: &App,
    claim: &Claim,
    fetched: Vec<(Refetch, Fetched)>,
    lease_seconds: i64,
) -> Result<Option<stripe::Error>> {
    let (project, now) = (&claim.project_id, app.clock.now());
    let mut tx = app.db.write_relaxed(&claim.tenant_id).await?;
    rows::lock(&mut tx, project).await?; // before the wishes, as whoever applies events takes both
    let mut rejected = None;
    let (mut wishes, mut changes) = (Vec::new(), Vec::new());
    for (wish, fetched) in fetched {
        match fetched {
            Fetched::Change(change) => {
                wishes.push(wish);
                changes.push(*change);
            }
            Fetched::Nothing => refetches::remove(&mut tx, project, &wish).await?,
            Fetched::Failed(error) => {
                // What the key may not read it may not read in a minute either.
                let is_refused = matches!(error, stripe::Error::Refused { .. });
                let next_at = now + if is_refused { REFUSED } else { retry::outage_delay(wish.attempts) };
                refetches::postpone(&mut tx, project, &wish, next_at, &error.to_string()).await?;
                if error.is_key_rejected() {
                    rejected = Some(error);
                }
            }
        }
    }
    let outcomes = mirror::apply_told(&mut tx, project, &changes, Asked::ReadAgain, now).await?;
    for (wish, outcome) in wishes.iter().zip(outcomes) {
        if outcome == Outcome::Older {
            // An event has come meanwhile that the answer may not hold, or Stripe's copy lags: ask once more.
            refetches::postpone(&mut tx, project, wish, now + 1, "the answer was older than the mirror").await?;
        } else {
            refetches::remove(&mut tx, project, wish).await?;
        }
    }
    jobs::hold(&mut tx, claim, now + lease_seconds).await?;
    fail::fail_point!("refetch.before_commit");
    tx.commit().await?;
    Ok(rejected)
}
