//! Two businesses on one installation. Whatever address of the other one somebody tries, on every page and form that the
//! crawl finds, the answer is the one for something that does not exist, and nothing changes.

use std::collections::BTreeMap;

use billfold::{
    accounts::projects,
    app::By,
    db::Error,
    domain::{api_key::Preset, role::Role},
};

use crate::harness::{
    Answer, Engine, Form, Site, Tenant, Visitor, both_engines,
    crawl::{crawl, is_id},
    new_key,
};

both_engines!(another_tenants_addresses_answer_like_unknown_ones, another_projects_objects_are_not_there_either);

async fn another_tenants_addresses_answer_like_unknown_ones(engine: Engine) {
    let site = Site::start(engine).await;
    let (ours, owner, _) = connected(&site, "Acme Coffee").await;
    let (theirs, stranger, _) = connected(&site, "Bolt Tea").await;
    let reach = crawl(&owner, &ours.home()).await;
    assert!(reach.pages.len() > 12, "the crawl found only {:?}", reach.paths());
    let before = rows(&site, &ours).await.unwrap();
    let mut differing = Vec::new();
    for path in reach.paths().into_iter().filter(|path| path.starts_with("/t/")) {
        // The whole address of the other business, and its objects inside one's own.
        for foreign in [path.to_owned(), moved(path, &ours, &theirs)] {
            let unknown = unknown(&foreign, &theirs);
            if unknown == foreign {
                continue; // names nothing of the other business
            }
            let (tried, invented) = (stranger.get(&foreign).await, stranger.get(&unknown).await);
            differing.extend(compare(&tried, &invented));
            assert!(matches!(tried.status, 404 | 200), "GET {foreign}: {}", tried.status);
        }
    }
    for form in reach.forms.values().filter(|form| form.action.starts_with("/t/")) {
        for foreign in [form.action.clone(), moved(&form.action, &ours, &theirs)] {
            let unknown = unknown(&foreign, &theirs);
            if unknown != foreign {
                let tried = stranger.submit(&form_to(form, &foreign, &stranger)).await;
                let invented = stranger.submit(&form_to(form, &unknown, &stranger)).await;
                differing.extend(compare(&tried, &invented));
                assert_eq!(tried.status, 404, "POST {foreign}");
            }
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
    assert_eq!(rows(&site, &ours).await.unwrap(), before, "something of the other business changed");
}

async fn another_projects_objects_are_not_there_either(engine: Engine) {
    let site = Site::start(engine).await;
    let (tenant, owner, customer) = connected(&site, "Acme Coffee").await;
    let by = By::part("test");
    let project = projects::create(&site.app, &tenant.id, "Test", &by).await.unwrap();
    let other = Tenant { id: tenant.id.clone(), project };
    let tried = owner.get(&format!("{}customers/{customer}", other.home())).await.expect(404);
    let invented = owner.get(&format!("{}customers/{}", other.home(), reversed(&customer))).await.expect(404);
    assert_eq!(compare(&tried, &invented), None);
    let search = owner.get(&format!("{}search?q={customer}", other.home())).await;
    assert!(!search.body.contains(&format!("customers/{customer}")), "the search crosses projects");
}

/// A business with an owner and a copied account; also the id of one of its customers.
async fn connected(site: &Site, name: &str) -> (Tenant, Visitor, String) {
    let tenant = site.new_tenant(name).await;
    let account = site.connect_project(&tenant.id, &tenant.project, 12).await;
    account.mutate(5);
    new_key(&site.app, &tenant, Preset::ReadOnly.scopes()).await;
    site.wait_until_idle().await;
    let customer = account.ids(billfold::standin::kind::Kind::Customer).remove(0);
    let owner = site.user_of(&tenant, Role::Owner).await;
    (tenant, owner, customer)
}

/// The address inside the stranger's own business and project.
fn moved(path: &str, from: &Tenant, to: &Tenant) -> String {
    path.replace(from.id.as_str(), to.id.as_str()).replace(from.project.as_str(), to.project.as_str())
}

/// The same address with every id turned into one that nobody has; the stranger's own stay.
fn unknown(path: &str, own: &Tenant) -> String {
    let turn = |part: &str| {
        if is_id(part) && part != own.id.as_str() && part != own.project.as_str() {
            reversed(part)
        } else {
            part.to_owned()
        }
    };
    let (path, query) = path.split_once('?').map_or((path, String::new()), |(path, query)| (path, format!("?{query}")));
    path.split('/').map(turn).collect::<Vec<_>>().join("/") + &query
}

/// An id of the same kind and length that was never given: letters and digits backwards.
fn reversed(id: &str) -> String {
    let (prefix, rest) = id.split_once('_').unwrap();
    format!("{prefix}_{}", rest.chars().rev().collect::<String>())
}

/// The form sent elsewhere, with the token of the stranger's own session.
fn form_to(form: &Form, action: &str, stranger: &Visitor) -> Form {
    Form { action: action.to_owned(), fields: form.fields.clone() }.fill("csrf", &stranger.token())
}

/// In what two answers differ, besides the id of the request and the ids that were asked for.
fn compare(tried: &Answer, invented: &Answer) -> Option<String> {
    let same =
        tried.status == invented.status && plain(tried) == plain(invented) && headers(tried) == headers(invented);
    (!same).then(|| format!("{}: {} {}", tried.request, tried.status, tried.text()))
}

fn plain(answer: &Answer) -> String {
    let words = answer.body.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| !is_id(word) && !word.starts_with("req_")).collect::<Vec<_>>().join(" ")
}

fn headers(answer: &Answer) -> BTreeMap<String, String> {
    let own = |name: &str| matches!(name, "date" | "request-id" | "content-length" | "set-cookie");
    let all = answer.headers.iter().filter(|(name, _)| !own(name.as_str()));
    all.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}

/// How many rows a business has in each table, and what its connection looks like.
async fn rows(site: &Site, tenant: &Tenant) -> Result<Vec<(String, i64)>, Error> {
    let mut tx = site.app.db.read(&tenant.id).await?;
    let mut rows = Vec::new();
    for table in ["projects", "connections", "signing_secrets", "audit_log", "customers", "webhook_events", "sync_runs"]
    {
        let count = tx.query(format!("SELECT COUNT(*) FROM {table} WHERE tenant_id = $1")).fetch_value().await?;
        rows.push((table.to_owned(), count));
    }
    let version = "SELECT credential_version FROM connections WHERE tenant_id = $1";
    rows.push(("credential_version".to_owned(), tx.query(version).fetch_value().await?));
    Ok(rows)
}
