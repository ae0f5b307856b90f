//! Keys as people handle them: made on a page and shown once, looked after, rolled and revoked; and the same by command.

use billfold::{
    clock::Clock,
    domain::{
        api_key::{ApiScope, MOST_KEYS, Preset},
        role::Role,
        time::DAY_SECONDS,
    },
    store::audit_log,
};

use crate::harness::{
    Answer, Engine, PASSWORD, Program, Site, Visitor, audit_log as audit_entries, both_engines, new_key,
    process::{Ground, billfold},
};

both_engines!(
    a_key_is_made_shown_once_used_and_revoked,
    only_what_is_ticked_may_be_done,
    a_rolled_key_says_so_on_its_page,
    the_password_is_asked_for_again,
    a_business_has_fifty_keys_at_most,
    an_unused_scope_is_pointed_out,
    an_operator_makes_lists_and_revokes_keys,
);

/// The key that a page shows.
fn shown_key(page: &Answer) -> String {
    let key = page.one("#new-key");
    assert!(billfold::domain::api_key::ApiKey::parse(&key).is_some(), "{key}");
    assert_eq!(page.header("cache-control"), "no-store");
    key
}

async fn make(owner: &Visitor, preset: &str) -> Answer {
    let form = owner.get("api-keys/new").await.expect(200).form("form[action$='/api-keys']");
    let fields: Vec<_> = form.fields.into_iter().filter(|(name, _)| name != "preset").collect();
    let form = crate::harness::Form { action: form.action, fields }.fill("name", "Shop");
    let mut fields = form.fields;
    fields.push(("preset".to_owned(), preset.to_owned()));
    owner.submit(&crate::harness::Form { action: form.action, fields }).await
}

async fn a_key_is_made_shown_once_used_and_revoked(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let empty = owner.get("api-keys").await.expect(200);
    assert!(empty.text().contains("No keys yet") && empty.text().contains("curl"), "{}", empty.text());
    let made = make(&owner, "read-only").await.expect(200);
    let key = shown_key(&made);
    assert!(made.one("#try-it").contains(&format!("curl '{}/v1/project'", site.base)));
    let program = Program::new(&site.base, Some(&key));
    program.get("/v1/project").await.expect(200);

    let list = owner.get("api-keys").await.expect(200);
    assert!(!list.body.contains(&key), "the key is shown again");
    let text = list.text();
    for part in ["Shop", &format!("{}…{}", &key[..7], &key[47..]), "Read only", "Active"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let detail = owner.get(&list.attributes("a.row-link", "href")[0]).await.expect(200);
    assert!(detail.text().contains("customers:read") && !detail.text().contains("customers:write"));
    let form = detail.form("form[action$='/revoke']");
    let done = owner.submit(&form).await.expect(303);
    assert!(owner.follow(done).await.text().contains("The key was revoked"));
    program.get("/v1/project").await.expect(401);
    let again = owner.submit(&form).await.expect(409);
    assert!(again.text().contains("This key has ended already"));

    let mut tx = site.app.db.read(&site.tenant().await.id).await.unwrap();
    let actions = audit_log::list::actions(&mut tx, &site.tenant().await.project).await.unwrap();
    assert_eq!(actions, ["api_key.created", "api_key.revoked"]);
    let told = audit_entries(&site, site.tenant().await).await;
    assert!(told.iter().all(|(_, told)| !told.detail.to_string().contains(&key[8..47])), "the audit log holds a key");
}

async fn only_what_is_ticked_may_be_done(engine: Engine) {
    let site = Site::start(engine).await;
    let admin = site.user(Role::Admin).await;
    let page = admin.get("api-keys/new").await.expect(200);
    for scope in ApiScope::ALL {
        assert!(page.has(&format!("input[name='{scope}']")), "{scope} cannot be ticked");
    }
    let nothing = admin.post("api-keys", &[("name", "x"), ("preset", "chosen"), ("days", "90")]).await.expect(422);
    assert!(nothing.one("#scopes-error").contains("Choose what the key may do"));
    for (days, name) in [("0", "x"), ("366", "x"), ("abc", "x"), ("90", " ")] {
        admin.post("api-keys", &[("name", name), ("preset", "read-only"), ("days", days)]).await.expect(422);
    }
    let fields = [("name", "x"), ("preset", "chosen"), ("days", "7"), ("events:read", "on"), ("keys:write", "on")];
    let key = shown_key(&admin.post("api-keys", &fields).await.expect(200));
    let program = Program::new(&site.base, Some(&key));
    program.get("/v1/events").await.expect(200);
    program.get("/v1/customers").await.expect(403);
    let member = site.user(Role::Member).await;
    member.get("api-keys").await.expect(200);
    member.get("api-keys/new").await.expect(403);
}

async fn a_rolled_key_says_so_on_its_page(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let made = new_key(&site.app, site.tenant().await, Preset::ReadOnly.scopes()).await;
    let owner = site.user(Role::Owner).await;
    let path = format!("api-keys/{}", made.id);
    let form = owner.get(&path).await.expect(200).form("form[action$='/roll']");
    assert_eq!(form.value("grace"), "24h");
    let rolled = owner.submit(&form.clone().fill("grace", "7d")).await.expect(200);
    let new = shown_key(&rolled);
    assert!(rolled.text().contains("The key before it ends after 7 days"), "{}", rolled.text());
    let page = owner.get(&path).await.expect(200);
    assert!(page.text().contains("Being replaced") && page.text().contains("its successor"), "{}", page.text());
    assert!(!page.has("form[action$='/roll']") && page.has("form[action$='/revoke']"));
    owner.submit(&form).await.expect(409);
    owner.post(&format!("{path}/roll"), &[("grace", "1y")]).await.expect(422);
    for key in [made.key.expose(), &new] {
        Program::new(&site.base, Some(key)).get("/v1/project").await.expect(200);
    }
    // Nobody stays signed in for a week.
    clock.advance(7 * DAY_SECONDS);
    let owner = site.user(Role::Owner).await;
    let page = owner.get(&path).await.expect(200);
    assert!(page.text().contains("Replaced") && !page.has("form[action$='/revoke']"), "{}", page.text());
    Program::new(&site.base, Some(made.key.expose())).get("/v1/project").await.expect(401);
    Program::new(&site.base, Some(&new)).get("/v1/project").await.expect(200);
}

async fn the_password_is_asked_for_again(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let made = new_key(&site.app, site.tenant().await, Preset::ReadOnly.scopes()).await;
    let owner = site.user(Role::Owner).await;
    clock.advance(11 * 60);
    owner.get("api-keys").await.expect(200);
    owner.post(&format!("api-keys/{}/revoke", made.id), &[]).await.expect(401);
    owner.post("api-keys", &[("name", "x"), ("preset", "everything"), ("days", "90")]).await.expect(401);
    Program::new(&site.base, Some(made.key.expose())).get("/v1/project").await.expect(200);
    let asked = owner.get("api-keys/new").await.expect(401);
    let form = asked.form("form[action='/confirm']");
    let wrong = owner.submit(&form.clone().fill("password", "not the password")).await.expect(422);
    assert!(wrong.text().contains("This is not your password"));
    let away = owner.submit(&form.clone().fill("password", PASSWORD).fill("next", "//evil.example/")).await.expect(303);
    assert_eq!(away.header("location"), "/");
    clock.advance(11 * 60);
    let form = owner.get("api-keys/new").await.expect(401).form("form[action='/confirm']");
    let confirmed = owner.submit(&form.fill("password", PASSWORD)).await.expect(303);
    assert!(owner.follow(confirmed).await.has("input[name=preset]"));
}

async fn a_business_has_fifty_keys_at_most(engine: Engine) {
    let site = Site::start(engine).await;
    let tenant = site.tenant().await.clone();
    let mut last = None;
    for _ in 0..MOST_KEYS {
        last = Some(new_key(&site.app, &tenant, Preset::ReadOnly.scopes()).await);
    }
    let owner = site.user(Role::Owner).await;
    let full = make(&owner, "read-only").await.expect(422);
    assert!(full.text().contains("There are 50 keys already"), "{}", full.text());
    let last = last.unwrap();
    owner.post(&format!("api-keys/{}/roll", last.id), &[("grace", "1h")]).await.expect(200);
    owner.post(&format!("api-keys/{}/revoke", last.id), &[]).await.expect(303);
    make(&owner, "read-only").await.expect(422);
    let stranger = site.new_tenant("Bolt Tea").await;
    new_key(&site.app, &stranger, Preset::ReadOnly.scopes()).await;
}

async fn an_unused_scope_is_pointed_out(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let tenant = site.tenant().await.clone();
    let scopes = [ApiScope::ProjectRead, ApiScope::EventsRead].into_iter().collect();
    let made = new_key(&site.app, &tenant, scopes).await;
    clock.advance(61 * DAY_SECONDS);
    Program::new(&site.base, Some(made.key.expose())).get("/v1/project").await.expect(200);
    let owner = site.user(Role::Owner).await;
    for _ in 0..100 {
        let page = owner.get(&format!("api-keys/{}", made.id)).await.expect(200);
        if page.text().contains("GET /v1/project") {
            let hints = page.all(".app-checklist li");
            assert_eq!(
                hints.iter().map(|hint| hint.contains("Not used in 60 days")).collect::<Vec<_>>(),
                [true, false],
                "{hints:?}"
            );
            assert!(page.text().contains("127.0.0.1"));
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the log was never written");
}

async fn an_operator_makes_lists_and_revokes_keys(engine: Engine) {
    let ground = Ground::make(engine).await;
    let process = ground.serve().await;
    let run = async |arguments: &[&str]| {
        let settings = ground.settings.iter().map(|(name, value)| (*name, value.as_str()));
        let output = billfold(arguments).envs(settings).output().await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), said)
    };
    let place = ["--tenant", "Acme Coffee", "--project", "Production"];
    let (code, said) = run(&[
        &["api-key", "create", "--name", "Shop", "--scope", "project:read", "--days", "30"][..],
        &place,
    ]
    .concat())
    .await;
    assert_eq!(code, Some(0), "{said}");
    let key = said.split_whitespace().find(|word| word.starts_with("bs_")).expect("the key").to_owned();
    let program = Program::new(&process.base, Some(&key));
    program.get("/v1/project").await.expect(200);
    program.get("/v1/customers").await.expect(403);
    let (code, said) = run(&[&["api-key", "list"][..], &place].concat()).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Shop") && said.contains("project:read") && !said.contains(&key), "{said}");
    let id = said.split_whitespace().find(|word| word.starts_with("key_")).expect("the id").to_owned();
    let (code, said) = run(&["api-key", "revoke", &id]).await;
    assert_eq!(code, Some(0), "{said}");
    // Another process made the change; this one remembers a key for less than a second.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    program.get("/v1/project").await.expect(401);
    for wrong in [
        &["api-key", "create", "--name", "x", "--scope", "keys:write"][..],
        &["api-key", "create", "--name", "x"],
        &["api-key", "create", "--name", "x", "--preset", "odd"],
    ] {
        let (code, said) = run(&[wrong, &place].concat()).await;
        assert_eq!(code, Some(2), "{said}");
    }
    let (code, said) = run(&[
        "api-key",
        "create",
        "--name",
        "x",
        "--preset",
        "read-only",
        "--tenant",
        "Nobody",
        "--project",
        "Production",
    ])
    .await;
    assert_eq!((code, said.contains("there is no business")), (Some(1), true), "{said}");
    assert_eq!(run(&["api-key", "revoke", &id]).await.0, Some(1));
}
