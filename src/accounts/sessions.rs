//! How long a person stays signed in, and how the person ends that elsewhere.

use super::{
    Result,
    trail::{self, Act, Origin},
};
use crate::{app::App, domain::ids::UserId, store::sessions};

/// Seconds after the last use.
pub const IDLE: i64 = 30 * 60;
/// Seconds after the start.
pub const ABSOLUTE: i64 = 12 * 60 * 60;

/// Ends a session of the person; false when there is no such one.
pub async fn end(app: &App, user: &UserId, id_hash: &str, origin: &Origin) -> Result<bool> {
    let mut tx = app.db.system_write().await?;
    if !sessions::delete_of_user(&mut tx, user, id_hash).await? {
        return Ok(false);
    }
    trail::note_act(app, tx, user, &Act::own(user, "person.session_ended", origin)).await?;
    Ok(true)
}

/// Ends every session of the person but the one with this hash.
pub async fn end_others(app: &App, user: &UserId, kept: &str, origin: &Origin) -> Result<()> {
    let mut tx = app.db.system_write().await?;
    sessions::delete_others(&mut tx, user, kept).await?;
    Ok(trail::note_act(app, tx, user, &Act::own(user, "person.sessions_ended", origin)).await?)
}
