//! A client speaks for one key. It is cheap to clone; the connections, and the rate of each account, are shared by all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use moka::future::Cache;
use serde::de::DeserializeOwned;
use stripe_client_core::{CustomizedStripeRequest, RequestBuilder, RequestStrategy, StripeClient, StripeMethod};

use super::{
    error::Error,
    key::Key,
    limit::{Bucket, Buckets, Budget, Rates},
    retry::{self, Patience},
    transport::{Credentials, Http},
    turns::Share,
    write::WriteFailure,
};
use crate::{
    clock::Clock,
    domain::ids::{ProjectId, TenantId},
    vault::{hash_token, new_token},
};

/// Makes clients and keeps one per connection. Cheap to clone.
#[derive(Clone)]
pub struct Clients {
    http: Http,
    base: Arc<str>,
    clock: Clock,
    buckets: Buckets,
    kept: Cache<(TenantId, ProjectId), Kept>,
}

/// A kept client, and the version of the key that it speaks for.
#[derive(Clone)]
struct Kept {
    credential_version: i64,
    client: Client,
}

/// Connections whose clients are kept in memory.
const MOST_KEPT: u64 = 1_000;

impl Clients {
    /// Makes the shared parts. `base` is where Stripe is, without a path.
    pub fn new(base: &str, rates: Rates, clock: Clock) -> Result<Self, rustls::Error> {
        let kept = Cache::builder().max_capacity(MOST_KEPT).time_to_idle(std::time::Duration::from_mins(10)).build();
        Ok(Self { http: Http::new()?, base: base.into(), clock, buckets: Buckets::new(rates), kept })
    }

    /// The same, for a process that shares the accounts' rates with others.
    #[must_use]
    pub fn sharing(self, share: Arc<dyn Share>) -> Self {
        Self { buckets: self.buckets.shared(share), ..self }
    }

    /// The kept client of a connection, when it speaks for this version of the key.
    pub async fn kept(&self, tenant: &TenantId, project: &ProjectId, credential_version: i64) -> Option<Client> {
        let kept = self.kept.get(&(tenant.clone(), project.clone())).await?;
        (kept.credential_version == credential_version).then_some(kept.client)
    }

    /// Makes and keeps the client of a connection. It takes its permits from the bucket of `account`.
    pub async fn keep(
        &self,
        (tenant, project): (&TenantId, &ProjectId),
        credential_version: i64,
        key: Key,
        account: Option<&str>,
    ) -> Client {
        let bucket = self.buckets.of(account.unwrap_or(project.as_str()), key.mode()).await;
        let client = self.client(key, bucket, Patience::BACKGROUND);
        let kept = Kept { credential_version, client: client.clone() };
        self.kept.insert((tenant.clone(), project.clone()), kept).await;
        client
    }

    /// Drops a connection's client: its key was replaced or destroyed.
    pub async fn forget(&self, tenant: &TenantId, project: &ProjectId) {
        self.kept.invalidate(&(tenant.clone(), project.clone())).await;
    }

    /// A client for a key that a person just pasted and whose account is not known yet.
    pub async fn candidate(&self, key: Key) -> Client {
        let unknown_account = hash_token(secrecy::ExposeSecret::expose_secret(key.secret()));
        let bucket = self.buckets.of_unknown(&unknown_account, key.mode()).await;
        self.client(key, bucket, Patience::INTERACTIVE)
    }

    fn client(&self, key: Key, bucket: Bucket, patience: Patience) -> Client {
        let shared = Shared {
            http: self.http.clone(),
            base: Arc::clone(&self.base),
            clock: self.clock.clone(),
            key,
            bucket,
            ahead: AtomicI64::new(UNKNOWN),
        };
        Client { shared: Arc::new(shared), patience, sparing: false }
    }
}

/// Speaks for one key.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    patience: Patience,
    /// Whether people and imports go first.
    sparing: bool,
}

struct Shared {
    http: Http,
    base: Arc<str>,
    clock: Clock,
    key: Key,
    bucket: Bucket,
    /// How far Stripe's clock is ahead of ours, by the last answer; [`UNKNOWN`] before the first.
    ahead: AtomicI64,
}

const UNKNOWN: i64 = i64::MIN;

/// A decoded answer.
#[derive(Debug)]
pub struct Answered<T> {
    /// What Stripe sent.
    pub value: T,
    /// Everything that happened at Stripe before this unix second is in the answer: its `Date`, which is written last, less
    /// the time that the answer took.
    pub as_of: i64,
    /// Stripe repeats the answer that it gave to this idempotency key before.
    pub replayed: bool,
}

impl Client {
    /// The same client with another patience.
    #[must_use]
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The same client for work that can wait: it takes a quarter of the account's rate at most.
    #[must_use]
    pub fn sparing(&self) -> Self {
        Self { sparing: true, ..self.clone() }
    }

    /// How patient it is.
    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    /// The key that the client speaks for.
    pub fn key(&self) -> &Key {
        &self.shared.key
    }

    /// How many seconds Stripe's clock is ahead of ours, by the `Date` of the last answer, whatever it said; exact to a second
    /// and the time that the answer took. None before the first answer.
    pub fn stripe_is_ahead(&self) -> Option<i64> {
        Some(self.shared.ahead.load(Ordering::Relaxed)).filter(|ahead| *ahead != UNKNOWN)
    }

    /// How much of the account's rate this process has used in the last hour.
    pub fn budget(&self) -> Budget {
        self.shared.bucket.budget()
    }

    /// Unix seconds, for answers that carry no date of their own.
    pub(super) fn now(&self) -> i64 {
        self.shared.clock.now()
    }

    /// Sends a request, with retries, and decodes its answer as JSON. An answer that does not decode counts as broken on
    /// its way and is asked for again.
    pub(super) async fn call<T: DeserializeOwned>(&self, request: &RequestBuilder) -> Result<Answered<T>, Error> {
        self.call_with(request, None, |body| serde_json::from_slice(body)).await
    }

    /// [`Client::call`] with an own idempotency key and an own way to decode.
    async fn call_with<T>(
        &self,
        request: &RequestBuilder,
        idempotency_key: Option<String>,
        decode: impl Fn(&Bytes) -> serde_json::Result<T>,
    ) -> Result<Answered<T>, Error> {
        let key = match request.method {
            StripeMethod::Post => Some(idempotency_key.unwrap_or_else(new_token)),
            StripeMethod::Get | StripeMethod::Delete => None,
        };
        self.call_once(request, key.as_deref(), decode).await.map_err(|failure| failure.error)
    }

    /// Sends a request with one key for all tries: Stripe does a write once, however often its answer is lost.
    pub(super) async fn call_once<T>(
        &self,
        request: &RequestBuilder,
        key: Option<&str>,
        decode: impl Fn(&Bytes) -> serde_json::Result<T>,
    ) -> Result<Answered<T>, WriteFailure> {
        let (mut attempt, mut uncertain) = (0, false);
        loop {
            if self.sparing {
                self.shared.bucket.spare_permit().await;
            } else {
                self.shared.bucket.permit().await;
            }
            let failure = match self.attempt(request, key, &decode).await {
                Ok(answered) => return Ok(answered),
                Err(failure) => failure,
            };
            attempt += 1;
            uncertain |= matches!(failure.error, Error::Unreachable(_) | Error::Unreadable(_) | Error::Faulty(_));
            let wait = if failure.retry { self.patience.wait(attempt, failure.retry_after) } else { None };
            let Some(wait) = wait else {
                return Err(WriteFailure { error: failure.error, uncertain, replayed: failure.replayed });
            };
            tracing::debug!(attempt, error = %failure.error, path = request.path, "calling Stripe again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt<T>(
        &self,
        request: &RequestBuilder,
        idempotency_key: Option<&str>,
        decode: &impl Fn(&Bytes) -> serde_json::Result<T>,
    ) -> Result<Answered<T>, Failure> {
        let Shared { http, base, clock, key, bucket, ahead } = &*self.shared;
        let (asked_at, asked) = (clock.now(), Instant::now());
        let credentials = Credentials { base, key: key.secret(), idempotency_key };
        let answer = http.exchange(request, &credentials, &self.patience).await.map_err(Failure::connection)?;
        let replayed = answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true");
        let date = answer.headers.get(http::header::DATE).and_then(unix_seconds);
        if let Some(date) = date {
            ahead.store(date.saturating_sub(clock.now()), Ordering::Relaxed);
        }
        if answer.status.is_success() {
            // Without a Date the answer is at least as new as the question.
            let as_of = date.map_or(asked_at, |date| second_asked(date, asked.elapsed()));
            return match decode(&answer.body) {
                Ok(value) => Ok(Answered { value, as_of, replayed }),
                Err(error) => Err(Failure::unreadable(&error)),
            };
        }
        if answer.status == http::StatusCode::TOO_MANY_REQUESTS {
            bucket.slowed();
        }
        let request_id = answer.headers.get("request-id").and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
        Err(Failure {
            error: Error::from_answer(answer.status.as_u16(), &answer.body, request_id),
            // A fault that Stripe keeps under the key comes again however often it is asked for.
            retry: !replayed && retry::is_worth_retrying(answer.status, &answer.headers),
            replayed,
            retry_after: retry::retry_after(&answer.headers),
        })
    }
}

/// A failed try.
struct Failure {
    error: Error,
    retry: bool,
    replayed: bool,
    retry_after: Option<std::time::Duration>,
}

impl Failure {
    fn connection(text: String) -> Self {
        Self { error: Error::Unreachable(text), retry: true, replayed: false, retry_after: None }
    }

    fn unreadable(error: &serde_json::Error) -> Self {
        Self { error: Error::Unreadable(error.to_string()), retry: true, replayed: false, retry_after: None }
    }
}

/// Every typed request of async-stripe goes through the same transport: `.send(&client)`.
impl StripeClient for Client {
    type Err = Error;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, Error> {
        let (request, overrides) = request.into_pieces();
        let idempotency_key = match overrides.request_strategy {
            Some(RequestStrategy::Idempotent(key)) => Some(key.into_inner()),
            _ => None,
        };
        let answered = self
            .call_with(&request, idempotency_key, |body| {
                serde_json::from_slice::<serde::de::IgnoredAny>(body).map(|_| body.clone())
            })
            .await?;
        Ok(answered.value)
    }
}

/// The second, by Stripe's clock, in or before which a question was asked whose answer took so long and is dated `date`.
fn second_asked(date: i64, took: Duration) -> i64 {
    let whole = i64::try_from(took.as_secs()).unwrap_or(i64::MAX);
    date.saturating_sub(whole).saturating_sub(i64::from(took.subsec_nanos() > 0))
}

/// Unix seconds of an HTTP date (RFC 9110: `Sun, 06 Nov 1994 08:49:37 GMT`).
fn unix_seconds(date: &http::HeaderValue) -> Option<i64> {
    use time::format_description::well_known::Rfc2822;
    Some(time::OffsetDateTime::parse(date.to_str().ok()?, &Rfc2822).ok()?.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{second_asked, unix_seconds};

    #[test]
    fn an_answer_holds_what_happened_before_it_was_asked_for() {
        assert_eq!(second_asked(100, Duration::from_millis(40)), 99);
        assert_eq!(second_asked(100, Duration::from_millis(2_300)), 97);
    }

    #[test]
    fn the_date_header_reads_as_unix_seconds() {
        let date = http::HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(unix_seconds(&date), Some(784_111_777));
        assert_eq!(unix_seconds(&http::HeaderValue::from_static("yesterday")), None);
    }
}
