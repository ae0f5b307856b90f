//! The judge: what the stand-in holds against what the mirror shows, object by object.

use std::collections::BTreeMap;

use billfold::{
    db::{Db, Tx},
    domain::kind::Kind,
    standin,
};
use serde_json::Value;

use super::{Account, Tenant};

#[derive(sqlx::FromRow)]
struct MirrorRow {
    stripe_id: String,
    deleted: bool,
    raw: String,
}

/// Everything in which a project's mirror and its account differ, as sentences; empty when the mirror is exact.
pub async fn differences(db: &Db, tenant: &Tenant, account: &Account<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let mut tx = db.read(&tenant.id).await.unwrap();
        let mut mirror = rows(&mut tx, tenant, kind).await;
        for theirs in account.dump(standin::kind::Kind::named(kind.as_str()).unwrap()) {
            let id = theirs["id"].as_str().unwrap();
            compare(kind, &theirs, mirror.remove(id).as_ref(), &mut found);
        }
        let strange = mirror.values().filter(|row| !row.deleted);
        found.extend(strange.map(|row| format!("{kind} {} is not at Stripe", row.stripe_id)));
        compare_counts(&mut tx, tenant, kind, &mut found).await;
    }
    found
}

async fn rows(tx: &mut Tx, tenant: &Tenant, kind: Kind) -> BTreeMap<String, MirrorRow> {
    let sql = format!(
        "SELECT stripe_id, (deleted_at IS NOT NULL) AS deleted, raw FROM {} WHERE tenant_id = $1 AND project_id = $2",
        kind.plural()
    );
    let rows: Vec<MirrorRow> = tx.query(sql).bind(&tenant.project).fetch_all().await.unwrap();
    rows.into_iter().map(|row| (row.stripe_id.clone(), row)).collect()
}

fn compare(kind: Kind, theirs: &Value, ours: Option<&MirrorRow>, found: &mut Vec<String>) {
    let id = &theirs["id"];
    let gone = theirs["deleted"] == true;
    match ours {
        None if gone => {}
        None => found.push(format!("{kind} {id} is missing")),
        Some(row) if gone != row.deleted => {
            found.push(format!("{kind} {id}: deleted at Stripe {gone}, here {}", row.deleted));
        }
        Some(_) if gone => {}
        Some(row) => {
            let ours: Value = serde_json::from_str(&row.raw).unwrap();
            let fields = theirs.as_object().unwrap().keys();
            let different: Vec<&String> = fields.filter(|field| !same(&theirs[*field], &ours[*field])).collect();
            if let Some(first) = different.first() {
                let (theirs, ours) = (&theirs[*first], &ours[*first]);
                found.push(format!("{kind} {id} differs in {different:?}: {theirs} at Stripe, {ours} here"));
            }
        }
    }
}

/// Sub-lists are compared by their rows: the mirror holds them whole, Stripe shows the first ten.
fn same(theirs: &Value, ours: &Value) -> bool {
    if theirs["object"] == "list" && ours["object"] == "list" {
        let (shown, held) = (theirs["data"].as_array().unwrap(), ours["data"].as_array().unwrap());
        let longer = theirs["has_more"] == true && held.len() > shown.len();
        return shown.iter().zip(held).all(|(shown, held)| shown == held) && (longer || held.len() == shown.len());
    }
    theirs == ours
}

/// The kept counts are what counting would give.
async fn compare_counts(tx: &mut Tx, tenant: &Tenant, kind: Kind, found: &mut Vec<String>) {
    let sql = format!(
        "SELECT status, COUNT(*) FROM {} WHERE tenant_id = $1 AND project_id = $2 GROUP BY status ORDER BY status",
        kind.plural()
    );
    let counted: Vec<(String, i64)> = tx.query(sql).bind(&tenant.project).fetch_all().await.unwrap();
    let kept: Vec<(String, i64)> = tx
        .query("SELECT status, n FROM counts WHERE tenant_id = $1 AND project_id = $2 AND kind = $3 AND n <> 0 ORDER BY status")
        .bind(&tenant.project)
        .bind(kind.as_str())
        .fetch_all()
        .await
        .unwrap();
    if counted != kept {
        found.push(format!("{kind}: counts say {kept:?}, counting says {counted:?}"));
    }
}
