//! One object read from Stripe, as the change that its answer means for the mirror.

use super::Change;
use crate::{
    domain::{ids::ProjectId, kind::Kind, objects::Object},
    stripe,
};

/// Reads one object, whole, from Stripe. An object that Stripe does not know is gone. `seen`: see [`super::Source::Fetch`].
pub async fn read_object(
    client: &stripe::Client,
    project: &ProjectId,
    (kind, stripe_id): (Kind, &str),
    seen: Option<i64>,
) -> Result<Change, stripe::Error> {
    let answer = client.retrieve(kind, stripe_id).await?;
    let raw = match answer.raw {
        Some(raw) => client.complete(kind, raw).await?.get().to_owned(),
        None => serde_json::json!({ "id": stripe_id, "object": kind.as_str(), "deleted": true }).to_string(),
    };
    let object = Object::read(kind, project, &raw).map_err(|error| stripe::Error::Unreadable(error.to_string()))?;
    Ok(Change::from_fetch(object, answer.as_of, seen))
}
