//! Secrets of every class, each one unique, go through a whole life of the program at its most talkative. Afterwards they are
//! looked for in everything that somebody might read later: the database, its files, the log, every page and answer.

use std::collections::BTreeMap;

use billfold::{clock::Clock, domain::role::Role, standin::kind::Kind, vault::random_bytes};
use reqwest::Method;
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::harness::{
    Engine, PASSWORD, Program, Visitor, both_engines,
    crawl::crawl,
    identity_provider::{CLIENT, IdentityProvider},
    process::{Ground, Process},
};

both_engines!(no_secret_is_left_anywhere);

/// The secrets by name, and the places where one may stand after all.
struct Canaries {
    planted: BTreeMap<&'static str, String>,
}

impl Canaries {
    /// What `text` gives away, besides `allowed`.
    fn found_in(&self, text: &str, allowed: &[&str]) -> Vec<&'static str> {
        let found =
            self.planted.iter().filter(|(name, value)| !allowed.contains(name) && text.contains(value.as_str()));
        found.map(|(name, _)| *name).collect()
    }
}

async fn no_secret_is_left_anywhere(engine: Engine) {
    let ground = Ground::make(engine).await;
    let provider = IdentityProvider::start(&Clock::system()).await;
    let client_secret = format!("oidc-{}", hex::encode(random_bytes::<16>()));
    let settings = [
        ("BILLFOLD_LOG", "trace"),
        ("BILLFOLD_OIDC_ISSUER", provider.issuer()),
        ("BILLFOLD_OIDC_CLIENT_ID", CLIENT),
        ("BILLFOLD_OIDC_CLIENT_SECRET", &client_secret),
    ];
    let process = ground.serve_with(&settings).await;
    let account = ground
        .stripe
        .account(billfold::standin::control::accounts::AccountSpec { customers: 20, ..Default::default() });
    let email = ground.new_member(Role::Owner).await;
    let owner = Visitor::new(&process.base).at_home(ground.tenant.home());
    let session = sign_in(&owner, &email).await;

    let (refused, typed) = connect(&owner, (&account.restricted_key, &account.secret_key)).await;
    let fields = [("name", "Canary"), ("preset", "everything"), ("days", "7")];
    let api_key = owner.post("api-keys", &fields).await.expect(200).one("#new-key");
    let program = Program::new(&process.base, Some(&api_key));
    program.get("/v1/project").await.expect(200);
    program.get(&format!("/v1/project?api_key={api_key}")).await.expect(400);

    let (invitation, totp_key) = plant_of_people(&ground, &owner).await;
    fail_at_the_provider(&Visitor::new(&process.base)).await;

    let planted = BTreeMap::from([
        ("invitation", invitation),
        ("key of a second factor", totp_key),
        ("secret at the identity provider", client_secret),
        ("API key", api_key),
        ("refused key", refused),
        ("restricted key", account.restricted_key.clone()),
        ("secret key", account.secret_key.clone()),
        ("typed signing secret", typed),
        ("signing secret", signing_secret(&ground, &account.account)),
        ("webhook token", webhook_token(&ground, &account.account)),
        ("session", session),
        ("password", PASSWORD.to_owned()),
        ("master key", ground.settings[2].1.split_once(':').unwrap().1.to_owned()),
    ]);
    let canaries = Canaries { planted };
    live(&ground, &process, &account.account).await;

    // The page of the connection shows the webhook URL to people who may change it; nothing else shows anything.
    for (path, answer) in crawl(&owner, owner.home()).await.pages {
        let allowed: &[&str] = match path.as_str() {
            path if path.ends_with("/connection") => &["webhook token"],
            "/account/two-factor/new" => &["key of a second factor"], // waits for its first code
            _ => &[],
        };
        assert_eq!(canaries.found_in(&answer.body, allowed), Vec::<&str>::new(), "on {path}");
    }
    let viewer = Visitor::new(&process.base).at_home(ground.tenant.home());
    sign_in(&viewer, &ground.new_member(Role::Viewer).await).await;
    for page in [viewer.get("connection").await, owner.get("/metrics").await] {
        assert_eq!(canaries.found_in(&page.expect(200).body, &[]), Vec::<&str>::new());
    }

    let log = process.output();
    assert!(log.contains("DEBUG") && log.len() > 5_000, "the log is not talkative: {} bytes", log.len());
    let telling: Vec<&str> = log.lines().filter(|line| !canaries.found_in(line, &[]).is_empty()).take(3).collect();
    assert!(telling.is_empty(), "the log gives away {:?}: {telling:#?}", canaries.found_in(&log, &[]));
    assert_eq!(canaries.found_in(&dump(&ground).await, &[]), Vec::<&str>::new(), "the database");
    process.kill().await; // the write-ahead log stays as it is
    for (name, bytes) in files(&ground) {
        assert_eq!(canaries.found_in(&bytes, &[]), Vec::<&str>::new(), "{name}");
    }
}

/// A pasted key that is refused, one that is taken, its successor, and a signing secret typed by hand; answers the first and the last.
async fn connect(owner: &Visitor, (first, second): (&str, &str)) -> (String, String) {
    let refused = format!("sk_test_{}", hex::encode(random_bytes::<24>()));
    let typed = format!("whsec_{}", hex::encode(random_bytes::<16>()));
    let page = owner.get("connection").await.expect(200);
    let form = page.form("#connection form");
    assert_eq!(owner.submit(&form.clone().fill("secret_key", &refused)).await.status, 422);
    owner.submit(&form.fill("secret_key", first)).await.expect(303);
    owner.post("connection/key", &[("secret_key", second)]).await;
    owner.post("connection/secrets", &[("webhook_secret", &typed)]).await;
    (refused, typed)
}

/// The token of an invitation that waits, and the key of a second factor that is half way.
async fn plant_of_people(ground: &Ground, owner: &Visitor) -> (String, String) {
    let invited = [("email", "new@example.com"), ("role", "viewer")];
    let page = owner.post(&format!("/t/{}/invitations", ground.tenant.id), &invited).await.expect(200);
    let invitation = page.one("#new-link").rsplit('/').next().unwrap().to_owned();
    let begun = owner.post("/account/two-factor/begin", &[]).await.expect(303);
    (invitation, owner.follow(begun).await.expect(200).one("#totp-key"))
}

/// Goes to the identity provider and back; it does not take the secret that billfold has for it.
async fn fail_at_the_provider(visitor: &Visitor) {
    let page = visitor.get("/login").await.expect(200);
    let leave = visitor.submit(&page.form("form[action='/login/openid']")).await.expect(200);
    let back = Visitor::new("").get(&leave.attributes("main a", "href").remove(0)).await.expect(303);
    visitor.get(back.header("location")).await.expect(401);
}

/// Signs in and answers the cookie's value.
async fn sign_in(visitor: &Visitor, email: &str) -> String {
    let form = visitor.get("/login").await.expect(200).form("form[action='/login']");
    let done = visitor.submit(&form.fill("email", email).fill("password", PASSWORD)).await.expect(303);
    let cookies = done.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let session = { cookies }.find_map(|cookie| cookie.strip_prefix("billfold=")).expect("a session");
    session.split(';').next().unwrap().to_owned()
}

/// Events, bad deliveries, bad logins, a key that Stripe stops accepting.
async fn live(ground: &Ground, process: &Process, account: &str) {
    let owner = Visitor::new(&process.base);
    let spec = billfold::standin::control::steer::MutateSpec {
        livemode: false,
        count: 15,
        kinds: Vec::new(),
        same_second: true,
        rng_seed: Some(1),
    };
    ground.stripe.control().mutate(account, &spec).unwrap();
    let url = format!("/webhooks/stripe/{}", webhook_token(ground, account));
    for signature in ["", "t=1,v1=00", "t=9223372036854775807,v1=00"] {
        owner
            .send(owner.request(Method::POST, &url).header("stripe-signature", signature).body("{}"))
            .await
            .expect(400);
    }
    let form = owner.get("/login").await.expect(200).form("form[action='/login']");
    owner.submit(&form.fill("email", "nobody@example.com").fill("password", PASSWORD)).await.expect(401);
    ground.wait_until_idle().await;
    ground.stripe.control().switches.change(None, json!({ "server_error": 1.0 })).unwrap();
    ground.stripe.control().mutate(account, &spec).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    ground.stripe.control().switches.reset();
}

fn signing_secret(ground: &Ground, account: &str) -> String {
    let account = ground.stripe.control().account(account).unwrap();
    let space = account.read(false);
    space.secrets.values().next().expect("an endpoint").first().unwrap().value.clone()
}

fn webhook_token(ground: &Ground, account: &str) -> String {
    let account = ground.stripe.control().account(account).unwrap();
    let space = account.read(false);
    let endpoint = *space.made_with(Kind::WebhookEndpoint, |_| true).first().unwrap();
    let url = space.value(Kind::WebhookEndpoint, endpoint).unwrap()["url"].as_str().unwrap().to_owned();
    url.rsplit('/').next().unwrap().to_owned()
}

/// Every row of every table as text: what a dump would hold.
async fn dump(ground: &Ground) -> String {
    let mut text = String::new();
    match ground.database.engine {
        Engine::Sqlite => {
            let pool = sqlx::SqlitePool::connect(&ground.database.url).await.unwrap();
            let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'search_index%'
                 AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'";
            let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&pool).await.unwrap();
            for table in tables {
                let columns = format!(
                    "SELECT group_concat('COALESCE(\"' || name || '\", '''')', ' || '' '' || ') FROM pragma_table_info('{table}')"
                );
                let columns: String = sqlx::query_scalar(AssertSqlSafe(columns)).fetch_one(&pool).await.unwrap();
                let rows = format!("SELECT CAST({columns} AS TEXT) FROM \"{table}\"");
                let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&pool).await.unwrap();
                text.push_str(&rows.join("\n"));
            }
        }
        Engine::Postgres => {
            let pool = sqlx::PgPool::connect(&ground.database.url).await.unwrap();
            let tables =
                "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
            let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&pool).await.unwrap();
            for table in tables {
                let rows = format!("SELECT t::text FROM \"{table}\" t");
                let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&pool).await.unwrap();
                text.push_str(&rows.join("\n"));
            }
        }
    }
    assert!(text.contains("evt_") && text.contains(ground.tenant.id.as_str()), "the dump is empty");
    text
}

/// The database's files, on SQLite: the data and its write-ahead log, with what was deleted or overwritten in them.
fn files(ground: &Ground) -> Vec<(String, String)> {
    let Some(file) = ground.database.file() else { return Vec::new() };
    let folder = std::fs::read_dir(file.parent().unwrap()).unwrap();
    let files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    assert!(files.iter().any(|path| path.to_string_lossy().ends_with("-wal")), "no write-ahead log: {files:?}");
    let text = |path: &std::path::Path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    files.iter().map(|path| (path.display().to_string(), text(path))).collect()
}
