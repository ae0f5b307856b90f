//! The audit log as evidence: whatever somebody with the database alone does to it is found and named.

use billfold::{
    accounts::audit::{Anchor, Tampering, Verdict, verify},
    app::{By, audit::Note},
    db::{Db, Tx},
    domain::role::Role,
    store::audit_log,
};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::harness::{
    Engine, Form, Site, Tenant, audit_log as entries, both_engines,
    process::{Ground, billfold},
};

/// Writes an entry; the caller commits.
async fn note(site: &Site, tx: &mut Tx, by: &By, target: &str, detail: &Value) {
    let note = Note { project: None, action: "story.told", target, detail };
    site.app.audit(tx, by, note).await.unwrap();
}

both_engines!(
    each_kind_of_tampering_is_found_and_named,
    an_entry_is_written_with_its_change_or_not_at_all,
    details_are_erased_without_a_break,
    the_table_refuses_to_be_changed,
    entries_written_at_once_stay_in_one_chain,
    an_operator_verifies_by_command,
    admins_read_narrow_check_and_export_the_log,
);

/// A business with five entries.
async fn business(site: &Site, name: &str) -> Tenant {
    let tenant = site.new_tenant(name).await;
    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    let before = audit_log::head(&mut tx).await.unwrap().seq;
    let by = By { actor: "usr_story".to_owned(), address: "203.0.113.7".to_owned(), request_id: "req_1".to_owned() };
    for n in before..5 {
        let detail = json!({ "before": n, "after": n + 1 });
        note(site, &mut tx, &by, &format!("obj_{n}"), &detail).await;
    }
    tx.commit().await.unwrap();
    tenant
}

/// Statements of somebody who owns the database, past triggers and policies.
async fn as_owner(site: &Site, statements: &str) {
    match &site.app.db {
        Db::Sqlite { writer, .. } => {
            let open = "DROP TRIGGER IF EXISTS audit_log_stays; DROP TRIGGER IF EXISTS audit_log_keeps; DROP TRIGGER IF EXISTS audit_details_stay; DROP TRIGGER IF EXISTS audit_heads_keep;";
            sqlx::raw_sql(AssertSqlSafe(format!("{open} {statements}"))).execute(writer.pool()).await.unwrap();
        }
        Db::Postgres(pool) => {
            let open = "ALTER TABLE audit_log DISABLE TRIGGER ALL; ALTER TABLE audit_details DISABLE TRIGGER ALL; ALTER TABLE audit_heads DISABLE TRIGGER ALL;";
            sqlx::raw_sql(AssertSqlSafe(format!("{open} {statements}"))).execute(pool).await.unwrap();
        }
    }
}

async fn verdict(site: &Site, tenant: &Tenant) -> Verdict {
    verify(&site.app, &tenant.id, None).await.unwrap()
}

fn broken(seq: i64, how: Tampering) -> Verdict {
    Verdict::Broken { seq, how }
}

async fn anchor(site: &Site, tenant: &Tenant) -> Anchor {
    match verdict(site, tenant).await {
        Verdict::Intact { head, .. } => head,
        broken @ Verdict::Broken { .. } => panic!("{broken:?}"),
    }
}

async fn each_kind_of_tampering_is_found_and_named(engine: Engine) {
    let site = Site::start(engine).await;
    // Entry 2 and what stands around it; `T` is the business's id.
    let shift = "UPDATE audit_log SET seq = seq + 100 WHERE tenant_id = 'T' AND seq > 2; UPDATE audit_log SET seq = seq - 99 WHERE tenant_id = 'T' AND seq > 100;";
    let insert = "INSERT INTO audit_log SELECT tenant_id, 3, 'aud_new', project_id, at, actor, 'story.invented', target, request_id, detail_hash, mac, 'f00d' FROM audit_log WHERE tenant_id = 'T' AND seq = 2;";
    let cases = [
        ("changed", "UPDATE audit_log SET action = 'story.other' WHERE tenant_id = 'T' AND seq = 3;".to_owned(), broken(3, Tampering::Changed)),
        ("detail", "UPDATE audit_details SET sealed = 'other' WHERE tenant_id = 'T' AND seq = 3;".to_owned(), broken(3, Tampering::Changed)),
        ("removed", "DELETE FROM audit_log WHERE tenant_id = 'T' AND seq = 3;".to_owned(), broken(3, Tampering::Removed)),
        ("cut off", "DELETE FROM audit_log WHERE tenant_id = 'T' AND seq > 3;".to_owned(), broken(4, Tampering::CutOff)),
        (
            "moved",
            "UPDATE audit_log SET seq = 100 WHERE tenant_id = 'T' AND seq = 3; UPDATE audit_log SET seq = 3 WHERE tenant_id = 'T' AND seq = 4; UPDATE audit_log SET seq = 4 WHERE tenant_id = 'T' AND seq = 100;".to_owned(),
            broken(3, Tampering::Moved),
        ),
        ("added", format!("{shift} {insert}"), broken(3, Tampering::Added)),
        (
            "rewritten",
            "UPDATE audit_log SET mac = 'x' || seq, prev = 'x' || (seq - 1) WHERE tenant_id = 'T' AND seq > 3; UPDATE audit_log SET mac = 'x3' WHERE tenant_id = 'T' AND seq = 3;".to_owned(),
            broken(3, Tampering::Rewritten),
        ),
        (
            "head",
            "DELETE FROM audit_log WHERE tenant_id = 'T' AND seq = 5; UPDATE audit_heads SET seq = 4, mac = (SELECT mac FROM audit_log WHERE tenant_id = 'T' AND seq = 4) WHERE tenant_id = 'T';".to_owned(),
            broken(4, Tampering::HeadMoved),
        ),
    ];
    for (name, statements, expected) in cases {
        let tenant = business(&site, name).await;
        assert!(matches!(verdict(&site, &tenant).await, Verdict::Intact { entries: 5, unproven: 0, .. }), "{name}");
        as_owner(&site, &statements.replace("'T'", &format!("'{}'", tenant.id))).await;
        assert_eq!(verdict(&site, &tenant).await, expected, "{name}");
    }
    // A whole state put back is genuine by itself; what was noted elsewhere shows it.
    let tenant = business(&site, "put back").await;
    let early = anchor(&site, &tenant).await;
    let save = format!("CREATE TABLE kept AS SELECT * FROM audit_heads WHERE tenant_id = '{}'", tenant.id);
    as_owner(&site, &save).await;
    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    note(&site, &mut tx, &By::part("story"), "obj", &json!({})).await;
    tx.commit().await.unwrap();
    let late = anchor(&site, &tenant).await;
    let back = "DELETE FROM audit_log WHERE tenant_id = 'T' AND seq = 6; DELETE FROM audit_heads WHERE tenant_id = 'T'; INSERT INTO audit_heads SELECT * FROM kept;";
    as_owner(&site, &back.replace("'T'", &format!("'{}'", tenant.id))).await;
    assert_eq!(anchor(&site, &tenant).await, early);
    let checked = verify(&site.app, &tenant.id, Some(&late)).await.unwrap();
    assert_eq!(checked, broken(6, Tampering::CutOff));
}

async fn an_entry_is_written_with_its_change_or_not_at_all(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = business(&site, "Acme").await;
    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    note(&site, &mut tx, &By::part("story"), "obj", &json!({})).await;
    drop(tx);
    let told = entries(&site, &tenant).await;
    assert_eq!(told.len(), 5);
    let (entry, detail) = &told[4];
    assert_eq!((entry.seq, entry.actor.as_str(), entry.request_id.as_str()), (5, "usr_story", "req_1"));
    assert_eq!((&detail.detail, detail.address.as_str()), (&json!({ "before": 4, "after": 5 }), "203.0.113.7"));
    let sealed = entry.sealed.as_deref().unwrap();
    assert!(sealed.starts_with("bf1.") && !sealed.contains("203.0.113.7"));
}

async fn details_are_erased_without_a_break(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = business(&site, "Acme").await;
    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    assert_eq!(audit_log::erase_details(&mut tx, &["obj_3", "obj_4"]).await.unwrap(), 2);
    tx.commit().await.unwrap();
    assert!(matches!(verdict(&site, &tenant).await, Verdict::Intact { entries: 5, .. }));
    assert!(entries(&site, &tenant).await[4].0.sealed.is_none());
}

async fn the_table_refuses_to_be_changed(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = business(&site, "Acme").await;
    for statement in [
        "UPDATE audit_log SET action = 'nothing' WHERE tenant_id = $1",
        "DELETE FROM audit_log WHERE tenant_id = $1",
        "UPDATE audit_details SET sealed = 'nothing' WHERE tenant_id = $1",
    ] {
        let mut tx = site.app.db.write(&tenant.id).await.unwrap();
        assert!(tx.query(statement).execute().await.is_err(), "{statement}");
    }
    assert!(matches!(verdict(&site, &tenant).await, Verdict::Intact { entries: 5, .. }));
}

async fn entries_written_at_once_stay_in_one_chain(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = business(&site, "Acme").await;
    let writers = (0..8).map(|writer| {
        let (app, id) = (site.app.clone(), tenant.id.clone());
        tokio::spawn(async move {
            for n in 0..10 {
                let mut tx = app.db.write(&id).await.unwrap();
                let target = format!("obj_{writer}_{n}");
                let note = Note { project: None, action: "story.told", target: &target, detail: &Value::Null };
                app.audit(&mut tx, &By::part("story"), note).await.unwrap();
                tx.commit().await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert!(matches!(verdict(&site, &tenant).await, Verdict::Intact { entries: 85, .. }));
}

async fn an_operator_verifies_by_command(engine: Engine) {
    let ground = Ground::make(engine).await;
    let mut tx = ground.app.db.write(&ground.tenant.id).await.unwrap();
    let note = Note { project: None, action: "story.told", target: "obj", detail: &Value::Null };
    ground.app.audit(&mut tx, &By::part("story"), note).await.unwrap();
    tx.commit().await.unwrap();
    let verify = |arguments: &'static [&'static str]| billfold(arguments).envs(ground.settings.clone()).output();
    let output = verify(&["audit", "verify"]).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("Acme Coffee") && text.contains("intact"), "{text}");
    let output = verify(&["audit", "verify", "--tenant", "Acme Coffee", "--head", "99:f00d"]).await.unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success() && text.contains("cut off"), "{text}");
    let output = verify(&["audit", "verify", "--tenant", "Acme Coffee", "--head", "nonsense"]).await.unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// The form as its button of a format sends it.
fn in_format(form: &Form, format: &str) -> Form {
    let fields = form.fields.iter().cloned().chain([("format".to_owned(), format.to_owned())]).collect();
    Form { action: form.action.clone(), fields }
}

async fn admins_read_narrow_check_and_export_the_log(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let tenant = site.tenant().await;
    let by = By { actor: "demo".to_owned(), address: "203.0.113.7".to_owned(), request_id: "req_9".to_owned() };
    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    for n in 0..60 {
        let (target, detail) =
            (format!("obj_{n}"), json!({ "before": { "name": "=Ada" }, "after": { "name": format!("=Bea {n}") } }));
        let note =
            Note { project: Some(&tenant.project), action: "customer.updated", target: &target, detail: &detail };
        site.app.audit(&mut tx, &by, note).await.unwrap();
    }
    tx.commit().await.unwrap();

    let home = format!("/t/{}/audit", tenant.id);
    let page = owner.get(&home).await.expect(200);
    let text = page.text();
    assert!(text.contains("Customer updated") && text.contains("=Bea 59") && text.contains("203.0.113.7"), "{text}");
    assert!(!text.contains("=Bea 5 "), "fifty to a page");
    let older = owner.get(&page.attributes("a[rel=next]", "href")[0]).await.expect(200);
    assert!(older.text().contains("Person logged in"), "{}", older.text());
    let sign_ins = owner.get(&format!("{home}?action=person")).await.expect(200);
    assert!(sign_ins.text().contains("Person logged in") && !sign_ins.text().contains("Customer updated"));
    let one = owner.get(&format!("{home}?target=obj_7")).await.expect(200);
    assert!(one.text().contains("=Bea 7") && !one.text().contains("=Bea 8"));
    let nothing = owner.get(&format!("{home}?who=nobody@acme.example&from=nonsense&before=x")).await.expect(200);
    assert!(nothing.text().contains("No entries here"));
    let check = owner.get(&format!("{home}/check")).await.expect(200);
    assert!(check.text().contains("The log is as it was written"), "{}", check.text());

    let export = page.form("form[action$='/audit/export']");
    let table = owner.submit(&in_format(&export, "csv")).await.expect(200);
    assert!(table.body.starts_with("number,time,actor,name,action,target,project,address,request_id,detail,code\r\n"));
    assert!(table.body.contains("obj_0") && table.body.contains("203.0.113.7"));
    let list = owner.submit(&in_format(&export, "json")).await.expect(200);
    let list: Vec<Value> = serde_json::from_str(&list.body).unwrap();
    assert!(list.len() > 60);
    assert_eq!(list[0]["action"], "audit.exported");
    assert_eq!(list[2]["detail"]["after"]["name"], "=Bea 59");

    as_owner(&site, &format!("DELETE FROM audit_log WHERE tenant_id = '{}' AND target = 'obj_30';", tenant.id)).await;
    let check = owner.get(&format!("{home}/check")).await.expect(200);
    assert!(check.text().contains("was removed"), "{}", check.text());
    site.user(Role::Member).await.get(&home).await.expect(403);
}
