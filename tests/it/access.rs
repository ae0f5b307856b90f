//! Who may see a page, told by the arguments of its handler alone: a router with one route per argument, no page and no form.

mod ground;

use billfold::{
    accounts::sessions::IDLE,
    domain::role::Role,
    store::{connections, second_factors, tenants, users},
    vault::hash_token,
    web::{
        csrf::CsrfToken,
        error::Error,
        operating::LOOK,
        shell::{AccountNav, Alert, Choice, Mode, Nav, Theme},
    },
};
use ground::{Ground, NOW};
use http::Method;

use crate::harness::{Engine, both_engines, connection};

both_engines!(
    each_role_passes_where_it_may_and_nowhere_else,
    what_is_not_theirs_does_not_exist,
    who_is_not_signed_in_is_nobody,
    a_page_knows_its_frame,
    a_page_says_when_its_mirror_cannot_keep_up,
    a_page_says_what_keeps_billfold_from_its_work,
    a_required_second_factor_is_asked_for,
    a_suspended_business_reads_and_pays,
    an_operator_who_looks_in_is_a_visitor,
    a_look_ends,
    a_person_has_a_frame_without_a_business,
);

fn role(needs: &'static str, has: &'static str) -> Error {
    Error::Role { needs, has }
}

async fn each_role_passes_where_it_may_and_nowhere_else(engine: Engine) {
    let ground = Ground::make(engine).await;
    for has in Role::ALL {
        let person = ground.member(has).await;
        for needs in Role::ALL {
            for address in [ground.acme.in_project(needs.as_str()), ground.acme.in_tenant(needs.as_str())] {
                let passed = person.get(&address).await.map(|told| told.role);
                let right = if has >= needs { Ok(has) } else { Err(role(needs.as_str(), has.as_str())) };
                assert_eq!(passed, right, "{address}");
            }
        }
    }
}

async fn what_is_not_theirs_does_not_exist(engine: Engine) {
    let ground = Ground::make(engine).await;
    let (acme, other) = (&ground.acme, ground.business("Other").await);
    let person = ground.member(Role::Viewer).await;
    let beside = ground.project("Beside").await;
    let told = person.get(&format!("/t/{}/p/{beside}/viewer", acme.tenant)).await.expect("a page");
    assert_eq!(told.project, Some(beside));
    for address in [
        other.in_project("viewer"),
        other.in_tenant("owner"),
        format!("/t/{}/p/{}/viewer", other.tenant, acme.project),
        format!("/t/{}/p/{}/viewer", acme.tenant, other.project),
        // who could not open it anyway is told no more
        format!("/t/{}/p/{}/owner", acme.tenant, other.project),
        format!("/t/{}/p/nothing/viewer", acme.tenant),
        "/t/nothing/viewer".to_owned(),
    ] {
        assert_eq!(person.get(&address).await.err(), Some(Error::NotFound), "{address}");
    }
    // A second business of the same person opens by the role there.
    ground.join(&other, &person.user, Role::Admin).await;
    let told = person.get(&other.in_tenant("admin")).await.expect("a page");
    assert_eq!((told.tenant, told.role), (other.tenant, Role::Admin));
    assert_eq!(person.get(&acme.in_tenant("admin")).await.err(), Some(role("admin", "viewer")));
}

async fn who_is_not_signed_in_is_nobody(engine: Engine) {
    let ground = Ground::make(engine).await;
    let pages = [ground.acme.in_project("viewer"), ground.acme.in_tenant("viewer"), "/account".to_owned()];
    for address in &pages {
        for cookie in [None, Some("nobody"), Some("AAAAAAAAAAAAAAAAAAAAAA")] {
            let answer = ground.ask(Method::GET, address, cookie).await;
            assert_eq!(answer.err(), Some(Error::Unauthenticated), "{address}");
        }
    }
    // A session whose person has ended every session is nobody's.
    let person = ground.member(Role::Owner).await;
    assert!(person.get(&pages[0]).await.is_ok());
    let mut tx = ground.app.db.system_write().await.unwrap();
    users::end_sessions(&mut tx, &person.user.id).await.unwrap();
    tx.commit().await.unwrap();
    for address in &pages {
        assert_eq!(person.get(address).await.err(), Some(Error::Unauthenticated), "{address}");
    }
}

fn choice(id: &impl ToString, name: &str) -> Choice {
    Choice { id: id.to_string(), name: name.to_owned() }
}

async fn a_page_knows_its_frame(engine: Engine) {
    let ground = Ground::make(engine).await;
    let (tenant, project) = (&ground.acme.tenant, &ground.acme.project);
    let beside = ground.project("Beside").await;
    let person = ground.member(Role::Admin).await;
    let id = &person.user.id;

    let told = person.get(&ground.acme.in_project("viewer")).await.expect("a page");
    assert_eq!((&told.tenant, told.project.as_ref(), told.now), (tenant, Some(project), NOW));
    assert_eq!([&told.by.actor, &told.by.address, &told.by.request_id], [id.as_str(), "192.0.2.7", "req_1"]);
    assert_eq!(told.scoped, Some((tenant.clone(), project.clone(), id.to_string())));
    assert_eq!(told.opened, [tenant.clone(), tenant.clone()], "it reads and writes the rows of the business");
    assert!(!told.visitor);
    let shell = told.shell;
    let shop = choice(project, "Production");
    assert_eq!(shell.projects, [shop.clone(), choice(&beside, "Beside")]);
    assert_eq!((shell.project, &shell.tenant), (Some(shop), &choice(tenant, "Acme")));
    assert_eq!(shell.tenants, [choice(tenant, "Acme")]);
    assert_eq!((shell.email, shell.role, shell.theme), (person.user.email.clone(), Role::Admin, Theme::Dark));
    assert_eq!((shell.active, shell.mode, shell.alert, shell.banners), (Nav::Overview, Mode::None, None, vec![]));
    assert_eq!((shell.operator, shell.looking_until), (false, None));
    assert_eq!(shell.csrf, CsrfToken::of(&person.cookie));

    let whole = person.get(&ground.acme.in_tenant("viewer")).await.expect("a page");
    assert_eq!((whole.project, whole.shell.project, whole.shell.mode), (None, None, Mode::None));
    assert_eq!(whole.team, Some((tenant.clone(), id.clone(), "192.0.2.7".to_owned())));
}

async fn a_page_says_when_its_mirror_cannot_keep_up(engine: Engine) {
    let ground = Ground::make(engine).await;
    let (tenant, project) = (&ground.acme.tenant, &ground.acme.project);
    let beside = ground.project("Beside").await;
    let person = ground.member(Role::Viewer).await;
    let shown = async |address: &str| -> (Mode, Option<Alert>) {
        let shell = person.get(address).await.expect("a page").shell;
        (shell.mode, shell.alert)
    };
    let (of_project, of_tenant) = (ground.acme.in_project("viewer"), ground.acme.in_tenant("viewer"));
    let of_beside = format!("/t/{tenant}/p/{beside}/viewer");
    ground.connect(project, connection(NOW)).await;
    assert_eq!(shown(&of_project).await, (Mode::Test, None));

    let mut tx = ground.app.db.write(tenant).await.unwrap();
    connections::set_drift(&mut tx, project, Some(NOW)).await.unwrap();
    tx.commit().await.unwrap();
    let drift = shown(&of_project).await.1.expect("an alert");
    assert!(drift.text.starts_with("More of this project's data differed"), "{}", drift.text);
    assert_eq!((drift.path, drift.called), (ground.acme.in_project("sync/freshness"), "Open Freshness"));
    assert_eq!(shown(&of_tenant).await, (Mode::None, None), "the key works");

    let mut tx = ground.app.db.write(tenant).await.unwrap();
    assert!(connections::mark_key_rejected(&mut tx, project, 1, "Expired API key").await.unwrap());
    tx.commit().await.unwrap();
    let rejected = shown(&of_project).await.1.expect("an alert");
    assert!(rejected.text.starts_with("Stripe refuses the key of this project,"), "{}", rejected.text);
    assert_eq!((rejected.path, rejected.called), (ground.acme.in_project("connection"), "Open the connection"));
    let above = shown(&of_tenant).await.1.expect("an alert");
    assert!(above.text.starts_with("Stripe refuses the key of the project Production,"), "{}", above.text);
    assert_eq!(above.path, ground.acme.in_project("connection"));
    assert_eq!(shown(&of_beside).await, (Mode::None, None), "another project's key is its own affair");

    let live = connections::Connection { livemode: true, account_id: Some("acct_2".to_owned()), ..connection(NOW) };
    ground.connect(&beside, live).await;
    assert_eq!(shown(&of_beside).await, (Mode::Live, None));
    let mut tx = ground.app.db.write(tenant).await.unwrap();
    assert!(connections::disconnect(&mut tx, &beside, 1, NOW).await.unwrap());
    tx.commit().await.unwrap();
    let ended = shown(&of_beside).await.1.expect("an alert");
    assert!(ended.text.starts_with("This project is disconnected from Stripe"), "{}", ended.text);
}

async fn a_page_says_what_keeps_billfold_from_its_work(engine: Engine) {
    let ground = Ground::make(engine).await;
    let person = ground.member(Role::Viewer).await;
    let banners = async || -> Vec<String> {
        let shell = person.get(&ground.acme.in_tenant("viewer")).await.expect("a page").shell;
        shell.banners.into_iter().map(|banner| banner.text).collect()
    };
    ground.app.troubles.note_write(false);
    ground.app.troubles.note_clock(-301);
    let [unwritable, apart] = &banners().await[..] else { panic!("two banners") };
    assert!(unwritable.starts_with("billfold cannot write to its database"), "{unwritable}");
    assert!(apart.contains("more than five minutes apart"), "{apart}");
    ground.app.troubles.note_write(true);
    ground.app.troubles.note_clock(1);
    assert_eq!(banners().await, Vec::<String>::new());
}

async fn a_required_second_factor_is_asked_for(engine: Engine) {
    let ground = Ground::make(engine).await;
    let person = ground.member(Role::Owner).await;
    let page = ground.acme.in_project("viewer");
    let mut tx = ground.app.db.system_write().await.unwrap();
    tenants::require_two_factor(&mut tx, &ground.acme.tenant, true).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(person.get(&page).await.err(), Some(Error::SecondFactor));
    assert!(person.account().await.is_ok(), "where it is turned on");
    let beside = ground.member(Role::Owner).await;
    assert!(beside.with_passkey().await.get(&page).await.is_ok(), "a passkey is as good");
    assert_eq!(person.get(&page).await.err(), Some(Error::SecondFactor));
    let mut tx = ground.app.db.system_write().await.unwrap();
    second_factors::confirm(&mut tx, &person.user.id, NOW).await.unwrap();
    tx.commit().await.unwrap();
    assert!(person.get(&page).await.is_ok());
}

async fn a_suspended_business_reads_and_pays(engine: Engine) {
    let ground = Ground::make(engine).await;
    let (person, well) = (ground.member(Role::Owner).await, ground.business("Well").await);
    ground.join(&well, &person.user, Role::Owner).await;
    ground.suspend(&ground.acme).await;
    for page in ["viewer", "member", "admin", "owner", "unstopped"] {
        let address = ground.acme.in_project(page);
        let read = person.get(&address).await.expect("reads are never refused");
        assert!(read.shell.banners[0].text.starts_with("This business is suspended"), "{page}");
        match person.post(&address).await {
            Ok(_) => assert_eq!(page, "unstopped"),
            Err(Error::Plan { code, .. }) => assert!(code == "tenant_suspended" && page != "unstopped", "{page}"),
            Err(error) => panic!("{page}: {error}"),
        }
        assert!(person.post(&well.in_project(page)).await.is_ok(), "{page}");
    }
    let viewer = ground.member(Role::Viewer).await;
    assert_eq!(viewer.post(&ground.acme.in_project("unstopped")).await.err(), Some(role("admin", "viewer")));
}

async fn an_operator_who_looks_in_is_a_visitor(engine: Engine) {
    let ground = Ground::make(engine).await;
    let (operator, other) = (ground.person().await, ground.business("Other").await);
    ground.appoint(&operator.user, Some(NOW)).await;
    let page = ground.acme.in_project("viewer");
    assert_eq!(operator.get(&page).await.err(), Some(Error::NotFound), "before the look");
    operator.look_in(&ground.acme, Role::Viewer).await;
    let told = operator.get(&page).await.expect("a page");
    assert!(told.visitor && told.shell.operator);
    assert_eq!((told.role, told.shell.looking_until), (Role::Viewer, Some(NOW + LOOK)));
    assert_eq!((told.shell.tenant.name.as_str(), told.shell.tenants.len()), ("Acme", 0));
    assert_eq!(operator.get(&ground.acme.in_project("member")).await.err(), Some(role("member", "viewer")));
    assert_eq!(operator.get(&other.in_project("viewer")).await.err(), Some(Error::NotFound));
    // The look is over with the appointment.
    ground.appoint(&operator.user, None).await;
    assert_eq!(operator.get(&page).await.err(), Some(Error::NotFound));
    // Who belongs to the business comes as its member.
    ground.appoint(&operator.user, Some(NOW)).await;
    ground.join(&ground.acme, &operator.user, Role::Admin).await;
    let told = operator.get(&page).await.expect("a page");
    assert_eq!((told.role, told.visitor, told.shell.looking_until), (Role::Admin, false, None));
}

async fn a_look_ends(engine: Engine) {
    let ground = Ground::make(engine).await;
    let (operator, page) = (ground.person().await, ground.acme.in_tenant("admin"));
    ground.appoint(&operator.user, Some(NOW)).await;
    operator.look_in(&ground.acme, Role::Admin).await;
    // What the business asks of its people it does not ask of a visitor.
    let mut tx = ground.app.db.system_write().await.unwrap();
    tenants::require_two_factor(&mut tx, &ground.acme.tenant, true).await.unwrap();
    tx.commit().await.unwrap();
    ground.clock.advance(LOOK - 1);
    assert!(operator.get(&page).await.is_ok());
    ground.clock.advance(1);
    assert_eq!(operator.get(&page).await.err(), Some(Error::NotFound));
}

async fn a_person_has_a_frame_without_a_business(engine: Engine) {
    let ground = Ground::make(engine).await;
    let person = ground.person().await;
    let told = person.account().await.expect("a page");
    assert_eq!((&told.user, told.session_hash), (&person.user.id, hash_token(&person.cookie)));
    assert_eq!((told.origin.address.to_string(), told.origin.request_id.as_str()), ("192.0.2.7".to_owned(), "req_1"));
    let shell = told.shell;
    assert_eq!((shell.theme, shell.active, shell.now.at), (Theme::Dark, AccountNav::Profile, NOW));
    assert_eq!((shell.email, shell.csrf), (person.user.email.clone(), CsrfToken::of(&person.cookie)));
    ground.clock.advance(IDLE + 1);
    assert_eq!(person.account().await.err(), Some(Error::Unauthenticated), "unused for too long");
}
