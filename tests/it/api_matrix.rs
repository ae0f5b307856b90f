//! The table of operations against keys of every scope, keys of other businesses, and the description that is published.

use std::collections::BTreeSet;

use billfold::{
    clock::Clock,
    domain::{
        api_key::{ApiScope, ApiScopes, Preset},
        kind::Kind,
    },
    web::api::{
        openapi,
        parameters::Takes,
        table::{Operation, Verb, operations},
    },
};
use reqwest::Method;
use serde_json::Value;

use crate::harness::{Answer, Engine, Program, Site, Tenant, both_engines};

both_engines!(
    each_scope_opens_its_operations_and_no_other,
    another_businesss_ids_answer_like_unknown_ones_on_every_operation,
);

/// An address of the operation that names `id` wherever an id may stand.
fn address(operation: &Operation, id: &str) -> String {
    operation.path.replace("{id}", id)
}

/// Flags under which no limit of requests is met.
const UNHURRIED: [&str; 4] = ["--api-rate", "100000", "--api-tenant-rate", "100000"];

async fn ask(program: &Program, operation: &Operation, path: &str) -> Answer {
    ask_with(program, operation, path, operation.body.map(|body| body.example.to_owned())).await
}

async fn ask_with(program: &Program, operation: &Operation, path: &str, body: Option<String>) -> Answer {
    let method = if operation.verb == Verb::Get { Method::GET } else { Method::POST };
    let request = program.request(method, path);
    program
        .send(match body {
            Some(body) => request.header("content-type", "application/json").body(body),
            None => request,
        })
        .await
}

/// Ids of Stripe's documentation, which stand in the examples of bodies.
const EXAMPLES: [&str; 5] = [
    "cus_NffrFeUfNV2Hib",
    "price_1MoBy5LkdIwHu7ixZhnattbh",
    "prod_NWjs8kKbJWmuuc",
    "ch_3MmlLrLkdIwHu7ix0snN0B15",
    "Z4OV52SU",
];

/// The example of an operation's body with `id` in place of each id in turn.
fn bodies(operation: &Operation, id: &str) -> Vec<String> {
    let Some(body) = operation.body else { return Vec::new() };
    let named = EXAMPLES.iter().filter(|example| body.example.contains(*example));
    named.map(|example| body.example.replace(example, id)).collect()
}

async fn each_scope_opens_its_operations_and_no_other(engine: Engine) {
    let site = Site::start_with(engine, Clock::system(), &UNHURRIED).await;
    let tenant = site.tenant().await.clone();
    let programs =
        [ApiScopes::default()].into_iter().chain(ApiScope::ALL.iter().map(|scope| [*scope].into_iter().collect()));
    for scopes in programs {
        // The empty set can only be made by hand: the forms refuse it.
        let program = if scopes.is_empty() {
            without_scopes(&site, &tenant).await
        } else {
            site.program_of(&tenant, scopes).await
        };
        for operation in operations() {
            let answer = ask(&program, operation, &address(operation, "nobody")).await;
            let refused = answer.status == 403;
            assert_eq!(
                refused,
                !scopes.allows(operation.scope),
                "{} with {}: {}",
                operation.id,
                scopes.to_stored(),
                answer.status
            );
            if refused {
                let error = answer.json()["error"].clone();
                assert_eq!(
                    (error["type"].as_str(), error["code"].as_str()),
                    (Some("permission_error"), Some("insufficient_scope"))
                );
                assert!(error["message"].as_str().unwrap().contains(operation.scope.as_str()));
            }
        }
    }
    let nobody = Program::new(&site.base, None);
    for operation in operations() {
        ask(&nobody, operation, &address(operation, "nobody")).await.expect(401);
    }
}

async fn without_scopes(site: &Site, tenant: &Tenant) -> Program {
    let made = crate::harness::new_key(&site.app, tenant, Preset::ReadOnly.scopes()).await;
    let mut tx = site.app.db.system_write().await.unwrap();
    tx.query("UPDATE api_keys SET scopes = '' WHERE id = $1").bind(&made.id).execute().await.unwrap();
    tx.commit().await.unwrap();
    Program::new(&site.base, Some(made.key.expose()))
}

async fn another_businesss_ids_answer_like_unknown_ones_on_every_operation(engine: Engine) {
    let site = Site::start_with(engine, Clock::system(), &UNHURRIED).await;
    let (ours, theirs) = (site.new_tenant("Acme Coffee").await, site.new_tenant("Bolt Tea").await);
    for tenant in [&ours, &theirs] {
        let account = site.connect_project(&tenant.id, &tenant.project, 12).await;
        account.mutate(5);
    }
    site.wait_until_idle().await;
    let everything = Preset::Everything.scopes();
    let (own, stranger) = (site.program_of(&ours, everything).await, site.program_of(&theirs, everything).await);
    let mut ids = Vec::new();
    for operation in operations().filter(|operation| operation.id.starts_with("list_")) {
        let object = own.get(operation.path).await.expect(200).json()["data"][0].clone();
        for id in [object["id"].as_str(), object["stripe_id"].as_str()].into_iter().flatten() {
            ids.push(id.to_owned());
        }
    }
    assert!(ids.len() > Kind::ALL.len() * 2);
    let before = made(&site, &theirs).await;
    let mut tried = 0;
    for operation in operations() {
        for id in &ids {
            let unknown = reversed(id);
            let in_path =
                operation.path.contains("{id}").then(|| (address(operation, id), address(operation, &unknown)));
            let taking_ids = operation.query.iter().filter(|parameter| matches!(parameter.takes, Takes::Id));
            let in_query = taking_ids.map(|parameter| {
                let with = |id: &str| format!("{}?{}={id}", address(operation, "x"), parameter.name);
                (with(id), with(&unknown))
            });
            for (foreign, invented) in in_path.into_iter().chain(in_query) {
                let (foreign, invented) =
                    (ask(&stranger, operation, &foreign).await, ask(&stranger, operation, &invented).await);
                assert_eq!(plain(&foreign), plain(&invented), "{}", foreign.request);
                if operation.path.contains("{id}") {
                    assert_eq!(foreign.status, 404, "{}: {}", foreign.request, foreign.body);
                }
                tried += 1;
            }
            for (foreign, invented) in bodies(operation, id).into_iter().zip(bodies(operation, &unknown)) {
                let foreign = ask_with(&stranger, operation, operation.path, Some(foreign)).await.expect(422);
                let invented = ask_with(&stranger, operation, operation.path, Some(invented)).await;
                assert_eq!(plain(&foreign), plain(&invented), "{}", foreign.request);
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "only {tried} addresses were tried");
    assert_eq!(made(&site, &theirs).await, before, "something was asked of Stripe");
}

/// How many writes a business has sent to Stripe.
async fn made(site: &Site, tenant: &Tenant) -> i64 {
    let mut tx = site.app.db.read(&tenant.id).await.unwrap();
    tx.query("SELECT COUNT(*) FROM outbox WHERE tenant_id = $1").fetch_value().await.unwrap()
}

/// An id of the same kind and length that was never given.
fn reversed(id: &str) -> String {
    let (prefix, rest) = id.split_once('_').unwrap();
    format!("{prefix}_{}", rest.chars().rev().collect::<String>())
}

/// Status and body without what differs between any two requests.
fn plain(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    if let Some(error) = body.get_mut("error") {
        error["request_id"] = Value::Null;
    }
    (answer.status, body)
}

#[tokio::test]
async fn the_description_is_the_table_and_needs_no_key() {
    let site = Site::start(Engine::Sqlite).await;
    let nobody = Program::new(&site.base, None);
    let answer = nobody.get("/v1/openapi.json").await.expect(200);
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], site.base);
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let listed: BTreeSet<String> =
        operations().map(|operation| format!("{} {}", operation.verb.as_str(), operation.path)).collect();
    assert_eq!(described, listed);
    let missing: Vec<String> = references(&document)
        .into_iter()
        .filter(|name| document["components"]["schemas"].get(name).is_none())
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "schemas that are named and not there");
    assert_eq!(openapi::document(&site.base).to_json().unwrap(), answer.body);

    let page = nobody.get("/docs/api").await.expect(200);
    for operation in operations() {
        assert!(page.has(&format!("#{}", operation.id)), "{} is not on the page", operation.id);
    }
    assert!(page.text().contains(&format!("curl '{}/v1/customers'", site.base)), "the examples name this installation");
    let outside = page.attributes("[src], link[href]", "src").into_iter().chain(page.attributes("link[href]", "href"));
    assert!(outside.into_iter().all(|url| url.starts_with("/assets/")), "the page asks somebody else");
    let broken: Vec<String> = page
        .attributes("a[href^='#']", "href")
        .into_iter()
        .filter(|target| target.len() < 2 || !page.has(&format!("[id='{}']", &target[1..])))
        .collect();
    assert_eq!(broken, Vec::<String>::new(), "links that lead nowhere");
}

/// The names of every `$ref`.
fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str).map(|at| at.rsplit('/').next().unwrap().to_owned());
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}
