//! Stripe's way in: `POST /webhooks/stripe/{token}`, and `POST /webhooks/stripe` for an operator's Connect platform.
//!
//! Size cap → route by token → verify the raw bytes → inbox → 200. Nothing of a body is looked at before its signature
//! is right, and what is for a project is not acknowledged before it is on disk.

mod refusal;

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, body::Bytes, extract::State, routing::post};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{
    error::{Error, Result},
    extract::{ClientIp, Path, RawBody},
    rate_limit::RateLimit,
};
use crate::{
    app::{App, ConnectionError, Receiver},
    domain::{
        event::Envelope,
        ids::{ProjectId, TenantId},
    },
    stripe::signature::{self, Refusal},
    sync::inbox::{self, Delivery, Inbox, NotStored},
    vault::SecretString,
};

/// Stripe's own limit is far below.
const MAX_BODY: usize = 1 << 20;
/// Refused deliveries that one network may cause in a minute before it is turned away without being looked at.
const REFUSALS_PER_MINUTE: u32 = 120;

/// What the intake needs.
pub struct Intake {
    app: App,
    inbox: Inbox,
    refusals: RateLimit<std::net::IpAddr>,
    /// Lines of the log about the time of a project's deliveries; without a project about a platform's.
    clock_lines: RateLimit<Option<ProjectId>>,
    /// Verified deliveries, so that a flood for one tenant leaves the queue to the others.
    tenants: RateLimit<TenantId>,
}

impl Intake {
    /// Puts the intake together.
    pub fn new(app: App, inbox: Inbox) -> Self {
        Self {
            refusals: RateLimit::new(REFUSALS_PER_MINUTE, Duration::from_mins(1)),
            clock_lines: RateLimit::new(1, Duration::from_mins(1)),
            tenants: RateLimit::new(app.config.intake_tenant_rate, Duration::from_secs(1)),
            app,
            inbox,
        }
    }
}

/// The routes of the intake.
pub fn router(intake: Intake) -> Router {
    let intake = Arc::new(intake); // a request clones its state several times
    Router::new()
        .route("/webhooks/stripe/{token}", post(by_token))
        .route("/webhooks/stripe", post(by_account))
        .with_state(intake)
}

/// A delivery for the connection that the token in the URL belongs to.
async fn by_token(
    State(intake): State<Arc<Intake>>,
    Path(token): Path<String>,
    ClientIp(remote): ClientIp,
    headers: HeaderMap,
    body: Result<RawBody<MAX_BODY>>,
) -> Result<Json<Value>> {
    let body = whole(&headers, body)?;
    let Some(receiver) = intake.app.receiver(&token).await.map_err(failed)? else {
        // As long as a known token would take, so that tokens cannot be told apart by time.
        let _ = signature::verify(&[decoy()], &signature_header(&headers).unwrap_or_default(), &body, 0);
        return Err(refusal::of_nobody());
    };
    let now = intake.app.clock.now();
    let verified = signature_header(&headers)
        .and_then(|header| signature::verify(&receiver.secrets, &header, &body, now).map(|_| ()));
    let verified = match verified {
        // The secret may have been rolled a moment ago by another process. A refusal is written down, so a look costs little more.
        Err(Refusal::Invalid | Refusal::NotReady) => {
            let fresh = intake.app.fresh_receiver(&token).await.map_err(failed)?.ok_or_else(refusal::of_nobody)?;
            signature_header(&headers)
                .and_then(|header| signature::verify(&fresh.secrets, &header, &body, now).map(|_| ()))
        }
        verified => verified,
    };
    if let Err(refusal) = verified {
        return Err(refusal::refuse(&intake, &receiver, refusal, remote, body.len()).await);
    }
    store(&intake, &receiver, &body, now).await
}

/// A delivery for a Connect platform: verified with the platform's secret, routed by account and mode after that.
///
/// An account that no project has connected is no failure: there is no tenant to keep its event for, and what Stripe would try
/// again for three days is not missed, since connecting an account copies its state of that moment.
async fn by_account(
    State(intake): State<Arc<Intake>>,
    ClientIp(remote): ClientIp,
    headers: HeaderMap,
    body: Result<RawBody<MAX_BODY>>,
) -> Result<Json<Value>> {
    let body = whole(&headers, body)?;
    let Some(secret) = intake.app.config.connect_webhook_secret.clone() else {
        return Err(refusal::of_nobody());
    };
    let now = intake.app.clock.now();
    let verified = signature_header(&headers).and_then(|header| signature::verify(&[secret], &header, &body, now));
    if let Err(refusal) = verified {
        return Err(refusal::refuse_of_platform(&intake, refusal, remote).await);
    }
    if let Some(receiver) = receiver_of(&intake.app, &body).await.map_err(failed)? {
        return store(&intake, &receiver, &body, now).await;
    }
    metrics::counter!("billfold_deliveries_total", "result" => "nobodys").increment(1);
    Ok(Json(json!({ "received": false })))
}

/// The connection that a verified event of a Connect platform names.
async fn receiver_of(app: &App, body: &[u8]) -> Result<Option<Receiver>, ConnectionError> {
    let text = String::from_utf8_lossy(body);
    let Ok(event) = Envelope::parse(&text) else { return Ok(None) };
    let (Some(account), Some(livemode)) = (&event.account, event.livemode) else { return Ok(None) };
    app.receiver_of_account(account, livemode).await
}

/// The receiver could not be read, so nothing is stored: for now when it is the database, for good when its secrets do not open.
fn failed(error: ConnectionError) -> Error {
    count_not_stored();
    match error {
        ConnectionError::Database(error) => error.into(),
        other => Error::internal(other),
    }
}

/// What an unknown token's delivery is checked against.
fn decoy() -> SecretString {
    SecretString::from("whsec_of_nobody")
}

async fn store(intake: &Intake, receiver: &Receiver, body: &[u8], now: i64) -> Result<Json<Value>> {
    intake.tenants.take(receiver.tenant.clone()).await.inspect_err(|_| refusal::count("too_many"))?;
    let event = inbox::read_event(body, &receiver.project, receiver.account.as_deref(), receiver.livemode, now);
    let delivery = Delivery { tenant: receiver.tenant.clone(), project: receiver.project.clone(), event };
    match intake.inbox.store(delivery).await {
        Ok(stored) => {
            metrics::counter!("billfold_deliveries_total", "result" => match stored {
                inbox::Stored::New => "stored",
                inbox::Stored::Repeated => "repeated",
            })
            .increment(1);
            Ok(Json(json!({ "received": true })))
        }
        Err(not_stored) => {
            count_not_stored();
            Err(Error::Unavailable {
                retry_after: retry_after(&not_stored),
                message: "Not stored. Deliver it again.".to_owned(),
            })
        }
    }
}

/// Seconds after which a delivery may work again.
fn retry_after(not_stored: &NotStored) -> u64 {
    match not_stored {
        NotStored::Full => 1,
        NotStored::Unavailable(_) => 10,
    }
}

/// Counts a delivery that is not on disk for a reason of ours; Stripe makes it again.
fn count_not_stored() {
    metrics::counter!("billfold_deliveries_total", "result" => "not_stored").increment(1);
}

/// The body, when it came whole. Stripe never compresses; a small body that unpacks to a huge one has no business here.
fn whole(headers: &HeaderMap, body: Result<RawBody<MAX_BODY>>) -> Result<Bytes> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        refusal::count("compressed");
        return Err(Error::UnsupportedMediaType);
    }
    let body = body.inspect_err(|error| {
        refusal::count(if matches!(error, Error::TooLarge) { "too_large" } else { "incomplete" });
    });
    body.map(|RawBody(body)| body)
}

/// The one `Stripe-Signature`; two of them are ambiguous.
fn signature_header(headers: &HeaderMap) -> Result<Vec<u8>, Refusal> {
    let mut values = headers.get_all("stripe-signature").iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Refusal::Missing),
        (Some(value), None) => Ok(value.as_bytes().to_vec()),
        (Some(_), Some(_)) => Err(Refusal::Malformed),
    }
}
