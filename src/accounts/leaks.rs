//! Keys that got out. Whoever holds a key may end it, because holding it is all the proof there is that it leaked: a scanner
//! that finds one in a repository needs no account here.

use serde_json::json;

use super::{
    Result,
    notices::{News, Subject},
};
use crate::{
    app::{App, By, KnownKey, Scope},
    domain::api_key::{ApiKey, ApiScopes},
    store::api_keys,
    vault::hash_token,
};

/// Characters kept of the place where a key was found.
const PLACE: usize = 500;
/// Who acts, in the audit log.
const ACTOR: &str = "leak report";

/// Where and by whom a key was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The address of a page, as the finder says.
    pub at: Option<&'a str>,
    /// The network address of the finder.
    pub by: std::net::IpAddr,
    /// The request that reported it.
    pub request_id: &'a str,
}

/// Ends a key that was found in public, and tells its owners. A key that is unknown, or has ended, is passed over without a word.
pub async fn revoke_leaked(app: &App, key: &ApiKey, found: &Found<'_>) -> Result<()> {
    let mut tx = app.db.system_read().await?;
    let Some(grant) = api_keys::by_hash(&mut tx, &hash_token(key.expose())).await? else { return Ok(()) };
    drop(tx);
    let scope = Scope {
        app: app.clone(),
        tenant: grant.tenant_id,
        project: grant.project_id,
        by: By { actor: ACTOR.to_owned(), address: found.by.to_string(), request_id: found.request_id.to_owned() },
    };
    let mut tx = app.db.write(&scope.tenant).await?;
    let Some(known) = api_keys::find(&mut tx, &scope.tenant, &scope.project, &grant.id).await? else { return Ok(()) };
    let revoked = api_keys::revoke(&mut tx, &scope.tenant, &scope.project, &grant.id, scope.now()).await?;
    let Some(hash) = revoked else { return Ok(()) };
    let place = found.at.map(one_line);
    let by = found.by.to_string();
    let detail = json!({ "name": known.name, "key": known.shown, "found_at": place, "reported_from": by });
    scope.audit(&mut tx, "api_key.leaked", grant.id.as_str(), &detail).await?;
    tx.commit().await?;
    app.known_keys.forget(&hash).await;
    metrics::counter!("billfold_api_keys_leaked_total").increment(1);
    tracing::warn!(api_key.id = %grant.id, "an API key was reported as leaked and is revoked");
    let more = place.map(|place| ("Found", place)).into_iter().chain([("By", by)]).collect();
    scope.tell_of_key(News::Leaked, subject(known, more));
    Ok(())
}

/// Notes that a program sent a key in an address, and tells its owners. The key goes on working: the program may be the
/// business's whole shop.
pub async fn note_key_in_address(app: &App, known: &KnownKey, by: std::net::IpAddr, request_id: &str) -> Result<()> {
    let scope = Scope {
        app: app.clone(),
        tenant: known.tenant.clone(),
        project: known.project.clone(),
        by: By { actor: known.id.to_string(), address: by.to_string(), request_id: request_id.to_owned() },
    };
    let mut tx = app.db.write(&scope.tenant).await?;
    let Some(key) = api_keys::find(&mut tx, &scope.tenant, &scope.project, &known.id).await? else { return Ok(()) };
    let by = by.to_string();
    let detail = json!({ "name": key.name, "key": key.shown, "from": by });
    scope.audit(&mut tx, "api_key.in_address", known.id.as_str(), &detail).await?;
    tx.commit().await?;
    scope.tell_of_key(News::InAddress, subject(key, vec![("From", by)]));
    Ok(())
}

/// Whoever made the key is told as well: most know which program holds it.
fn subject(key: api_keys::ApiKey, more: Vec<(&'static str, String)>) -> Subject {
    Subject {
        id: key.id,
        name: key.name,
        shown: key.shown,
        scopes: ApiScopes::from_stored(&key.scopes),
        expires_at: key.expires_at,
        also: key.created_by,
        more,
    }
}

fn one_line(text: &str) -> String {
    text.chars().take(PLACE).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
