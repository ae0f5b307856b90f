//! What a refused delivery gets, and how the tenant and whoever runs billfold learn of it.

use std::net::IpAddr;

use super::Intake;
use crate::{
    app::Receiver,
    db,
    domain::{ids::RefusalId, job::JobKind},
    store::{jobs, webhook_refusals},
    stripe::signature::Refusal,
    vault,
    web::{error::Error, rate_limit::network},
};

/// Answers a refusal and keeps it for the tenant to see. A network that causes many is turned away with 429; good deliveries
/// of the same network are not touched by that.
pub(super) async fn refuse(
    intake: &Intake,
    receiver: &Receiver,
    refusal: Refusal,
    remote: IpAddr,
    bytes: usize,
) -> Error {
    note(intake, Some(receiver), refusal).await;
    if let Err(limited) = intake.refusals.take(network(remote)).await {
        return limited;
    }
    if let Err(error) = keep(intake, receiver, refusal, remote, bytes).await {
        tracing::warn!(error = %error, "a refused delivery could not be recorded");
    }
    answer(refusal)
}

/// The same for a Connect platform's; there is no tenant that it could be shown to.
pub(super) async fn refuse_of_platform(intake: &Intake, refusal: Refusal, remote: IpAddr) -> Error {
    note(intake, None, refusal).await;
    match intake.refusals.take(network(remote)).await {
        Ok(_) => answer(refusal),
        Err(limited) => limited,
    }
}

/// What a delivery gets whose address leads nowhere.
pub(super) fn of_nobody() -> Error {
    count("unknown_token");
    Error::NotFound
}

/// Counts a refusal and its reason.
pub(super) fn count(reason: &'static str) {
    metrics::counter!("billfold_deliveries_total", "result" => "refused").increment(1);
    metrics::counter!("billfold_deliveries_refused_total", "reason" => reason).increment(1);
}

/// Counts a refusal. With a wrong clock all deliveries are refused for their time, so once a minute for each project that is told in the
/// log, and Stripe is asked for the events that could not be delivered; its answer says what time it is there.
async fn note(intake: &Intake, receiver: Option<&Receiver>, refusal: Refusal) {
    count(refusal.code());
    let project = receiver.map(|receiver| receiver.project.clone());
    if refusal == Refusal::OutOfTolerance && intake.clock_lines.take(project).await.is_ok() {
        tracing::warn!(
            tenant.id = receiver.map(|receiver| tracing::field::display(&receiver.tenant)),
            project.id = receiver.map(|receiver| tracing::field::display(&receiver.project)),
            "a delivery was signed too long ago or in the future: this machine's clock is wrong, or somebody repeats an old one"
        );
        let asked = async {
            let Some(receiver) = receiver else { return Ok(()) };
            let mut tx = intake.app.db.system_write().await?;
            jobs::wake(&mut tx, JobKind::Poll, &receiver.tenant, &receiver.project, intake.app.clock.now()).await?;
            tx.commit().await
        };
        if let Err(error) = asked.await {
            tracing::warn!(%error, "Stripe could not be asked what time it is");
        }
    }
}

/// The answer alone.
fn answer(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotReady => Error::Unavailable { retry_after: 60, message: refusal.to_string() },
        _ => Error::BadRequest { code: refusal.code(), message: refusal.to_string() },
    }
}

async fn keep(intake: &Intake, receiver: &Receiver, refusal: Refusal, remote: IpAddr, bytes: usize) -> db::Result<()> {
    let row = webhook_refusals::Refusal {
        id: vault::new_id::<RefusalId>(),
        at: intake.app.clock.now(),
        reason: refusal.code().to_owned(),
        remote: remote.to_string(),
        bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
    };
    let mut tx = intake.app.db.write(&receiver.tenant).await?;
    webhook_refusals::insert(&mut tx, &receiver.project, &row).await?;
    tx.commit().await
}
