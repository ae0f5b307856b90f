//! What a refused delivery gets, and how the tenant learns of it.

use std::net::IpAddr;

use super::Intake;
use crate::{
    app::Receiver,
    db,
    domain::ids::RefusalId,
    store::webhook_refusals,
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
    metrics::counter!("billfold_deliveries_total", "result" => "refused").increment(1);
    if let Err(limited) = intake.refusals.take(network(remote)).await {
        return limited;
    }
    if let Err(error) = keep(intake, receiver, refusal, remote, bytes).await {
        tracing::warn!(error = %error, "a refused delivery could not be recorded");
    }
    answer(refusal)
}

/// The answer alone.
pub(super) fn answer(refusal: Refusal) -> Error {
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
