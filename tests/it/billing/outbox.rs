//! Whatever happens to a write on its way, Stripe does it once, and everybody is told what came of it.

use billfold::{
    billing::{Error, Nonce, Outcome, error},
    clock::Clock,
    domain::{
        drafts::{Cancellation, CustomerDraft, Moment},
        role::Role,
    },
    standin::kind::Kind,
};
use futures_util::future::join_all;
use serde_json::json;

use super::{audit, done, scope, scope_of, wait_until_written, writes};
use crate::{
    harness::{Account, Engine, Site, both_engines, oracle::differences},
    poll::connect_without,
};

both_engines!(
    a_write_is_shown_at_once_and_written_down,
    two_clicks_are_one_write,
    lost_answers_and_faults_double_and_lose_nothing,
    a_repeated_answer_is_not_taken_for_a_new_one,
    after_a_day_a_look_decides,
    without_the_right_to_read_events_the_list_decides,
    what_stripe_refuses_is_said_and_stays_said,
    objects_of_others_are_not_there,
);

const NOTHING: Vec<String> = Vec::new();

fn named(name: &str) -> CustomerDraft {
    CustomerDraft {
        name: Some(name.to_owned()),
        email: Some(format!("{}@example.com", name.to_lowercase())),
        ..CustomerDraft::default()
    }
}

/// How often each name stands among the customers at Stripe.
fn count(account: &Account<'_>, name: &str) -> usize {
    account.dump(Kind::Customer).iter().filter(|customer| customer["name"] == name).count()
}

async fn a_write_is_shown_at_once_and_written_down(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let scope = scope(&site).await;
    let viewer = site.user(Role::Viewer).await;
    let id = done(scope.create_customer(&Nonce::fresh(), &named("Ada")).await.unwrap());
    // No worker runs: what is shown comes from the answer alone.
    let page = viewer.get(&format!("customers/{id}")).await.expect(200);
    assert!(page.text().contains("Ada") && page.text().contains("ada@example.com"), "{}", page.text());
    let draft = CustomerDraft { name: Some("Ada Lovelace".to_owned()), ..CustomerDraft::default() };
    done(scope.update_customer(&Nonce::fresh(), &id, &draft).await.unwrap());
    let page = viewer.get(&format!("customers/{id}")).await.expect(200);
    assert!(page.text().contains("Ada Lovelace"), "{}", page.text());
    assert!(page.text().contains("ada@example.com"), "what was not set has changed");

    let log = audit(&site).await;
    let actions: Vec<&str> = log.iter().map(|(action, ..)| action.as_str()).collect();
    assert_eq!(actions, ["customer.created", "customer.updated"]);
    assert_eq!((log[1].1.as_str(), &log[1].2["sent"]["name"]), (id.as_str(), &json!("Ada Lovelace")));
    let change = json!({ "path": "name", "before": "Ada", "after": "Ada Lovelace" });
    assert!(log[1].2["changes"].as_array().unwrap().contains(&change), "{}", log[1].2);
    assert!(writes(&site).await.iter().all(|(state, ..)| state == "done"));
    site.wait_until_idle().await;
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn two_clicks_are_one_write(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let scope = scope(&site).await;
    site.chaos(json!({ "latency_ms": 300 }));
    let nonce = Nonce::form(&Nonce::token()).unwrap();
    let draft = named("Grace");
    let clicks = join_all((0..5).map(|_| scope.create_customer(&nonce, &draft))).await;
    let ids: Vec<String> = clicks.into_iter().map(|outcome| done(outcome.unwrap())).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(count(&account, "Grace"), 1);
    assert_eq!(audit(&site).await.len(), 1);
    let other = scope.create_customer(&nonce, &named("Heidi")).await;
    assert!(matches!(other, Err(Error::Mismatch)), "{other:?}");
    assert_eq!(count(&account, "Heidi"), 0);
}

async fn lost_answers_and_faults_double_and_lose_nothing(engine: Engine) {
    const MANY: usize = 40;
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let scope = scope(&site).await;
    site.start_workers();
    // Three of ten answers are lost, and three of ten requests end in a fault, half of these after the work was done; a repetition
    // under the same key gets that fault again.
    site.chaos(json!({ "cut_body": 0.3, "server_error": 0.3 }));
    let names: Vec<String> = (0..MANY).map(|n| format!("Number{n}")).collect();
    let outcomes = join_all(names.iter().map(|name| {
        let scope = scope.clone();
        async move { scope.create_customer(&Nonce::fresh(), &named(name)).await }
    }))
    .await;
    let waiting = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Waiting(_)))).count();
    site.chaos(json!({ "cut_body": 0.0, "server_error": 0.0 }));
    wait_until_written(&site).await;
    let states = writes(&site).await;
    assert!(states.iter().all(|(state, ..)| state == "done"), "{states:?}");
    for name in &names {
        assert_eq!(count(&account, name), 1, "{name}; {waiting} waited");
    }
    assert_eq!(audit(&site).await.len(), MANY);
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn a_repeated_answer_is_not_taken_for_a_new_one(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let scope = scope(&site).await;
    let customer = account.ids(Kind::Customer).remove(0);
    site.chaos(json!({ "cut_body": 1.0 }));
    let outcome = scope.update_customer(&Nonce::fresh(), &customer, &named("Old")).await.unwrap();
    assert!(matches!(outcome, Outcome::Waiting(_)), "{outcome:?}");
    // While the first is not known to have ended, a second would overtake it.
    let second = scope.update_customer(&Nonce::fresh(), &customer, &named("Second")).await;
    assert!(matches!(second, Err(Error::Conflict(_))), "{second:?}");
    site.chaos(json!({ "cut_body": 0.0 }));
    account.change(&customer, json!({ "name": "Newer" }));
    site.start_workers();
    wait_until_written(&site).await;
    let page = site.user(Role::Viewer).await.get(&format!("customers/{customer}")).await.expect(200);
    assert!(page.one("h1").contains("Newer"), "{}", page.text());
    assert_eq!(differences(&site.app.db, site.tenant().await, &account).await, NOTHING);
}

async fn after_a_day_a_look_decides(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.connect(3).await;
    let scope = scope(&site).await;
    site.chaos(json!({ "cut_body": 1.0 }));
    let made = scope.create_customer(&Nonce::fresh(), &named("Made")).await.unwrap();
    let gone = scope.create_customer(&Nonce::fresh(), &named("Gone")).await.unwrap();
    let bare = scope.create_customer(&Nonce::fresh(), &named("Bare")).await.unwrap();
    site.chaos(json!({ "cut_body": 0.0, "rate_limited": 1.0 }));
    let never = scope.create_customer(&Nonce::fresh(), &named("Never")).await.unwrap();
    assert!([&made, &gone, &bare, &never].iter().all(|outcome| matches!(outcome, Outcome::Waiting(_))));
    let customers = account.dump(Kind::Customer);
    let at_stripe = |name: &str| {
        let named = customers.iter().find(|customer| customer["name"] == name).expect("it was made");
        named["id"].as_str().unwrap().to_owned()
    };
    account.delete(&at_stripe("Gone"));
    account.change_silently(&at_stripe("Bare"), json!({ "metadata": {} })); // somebody took the mark away
    clock.advance(86_400 + 60); // Stripe has forgotten the keys
    site.chaos(json!({ "rate_limited": 0.0 }));
    site.wait_until_idle().await;
    let mut ends = writes(&site).await;
    ends.sort();
    let end = |state: &str, code: Option<&str>| (state.to_owned(), "customer.created".to_owned(), code.map(Into::into));
    let done_once = || end("done", None);
    assert_eq!(ends, [done_once(), done_once(), done_once(), end("refused", Some(error::EXPIRED))]);
    assert_eq!(["Made", "Gone", "Bare", "Never"].map(|name| count(&account, name)), [1, 0, 1, 0]);
    for (outcome, name) in [(gone, "Gone"), (bare, "Bare")] {
        let Outcome::Waiting(write) = outcome else { panic!() };
        assert_eq!(done(scope.outcome(&write).await.unwrap().unwrap()), at_stripe(name));
    }
    let Outcome::Waiting(write) = never else { panic!() };
    assert!(matches!(scope.outcome(&write).await, Err(Error::Refused(refusal)) if refusal.code == error::EXPIRED));
}

async fn without_the_right_to_read_events_the_list_decides(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let (account, _) = connect_without(&site, &["rak_event_read"]).await;
    let scope = scope(&site).await;
    site.chaos(json!({ "rate_limited": 1.0 }));
    let Outcome::Waiting(write) = scope.create_customer(&Nonce::fresh(), &named("Never")).await.unwrap() else {
        panic!()
    };
    clock.advance(86_400 + 60);
    site.chaos(json!({ "rate_limited": 0.0 }));
    site.wait_until_idle().await;
    assert!(matches!(scope.outcome(&write).await, Err(Error::Refused(refusal)) if refusal.code == error::EXPIRED));
    assert_eq!(count(&account, "Never"), 0);
}

async fn what_stripe_refuses_is_said_and_stays_said(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(8).await;
    let scope = scope(&site).await;
    let subscriptions = account.dump(Kind::Subscription);
    let active = subscriptions.iter().find(|subscription| subscription["status"] == "active").unwrap();
    let id = active["id"].as_str().unwrap();
    let now = Cancellation { moment: Moment::Now, feedback: Some("unused".to_owned()), ..Cancellation::default() };
    done(scope.cancel_subscription(&Nonce::fresh(), id, &now).await.unwrap());
    // Doing what is done already is no error: that is how a lost answer of a DELETE looks.
    done(scope.cancel_subscription(&Nonce::fresh(), id, &now).await.unwrap());
    let nonce = Nonce::form(&Nonce::token()).unwrap();
    for _ in 0..2 {
        let refused = scope.resume_subscription(&nonce, id).await;
        let Err(Error::Refused(refusal)) = refused else { panic!("{refused:?}") };
        assert!(!refusal.message.is_empty() && !refusal.code.is_empty(), "{refusal:?}");
    }
    let states: Vec<String> = writes(&site).await.into_iter().map(|(state, ..)| state).collect();
    assert_eq!(states.iter().filter(|state| *state == "refused").count(), 1, "{states:?}");
    let wrong = CustomerDraft { email: Some("nobody".to_owned()), ..CustomerDraft::default() };
    let refused = scope.create_customer(&Nonce::fresh(), &wrong).await.unwrap_err();
    assert_eq!(refused.flaws()[0].param, "email");
    assert_eq!(writes(&site).await.len(), 3, "what cannot be right is not even stored");
}

async fn objects_of_others_are_not_there(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let stranger = site.new_tenant("Bolt Tea").await;
    site.connect_project(&stranger.id, &stranger.project, 3).await;
    let theirs = scope_of(&site, &stranger);
    let customer = account.ids(Kind::Customer).remove(0);
    let subscription = account.ids(Kind::Subscription).remove(0);
    let foreign = theirs.update_customer(&Nonce::fresh(), &customer, &named("Mine")).await;
    assert!(matches!(foreign, Err(Error::NotFound("customer"))), "{foreign:?}");
    let foreign = theirs.cancel_subscription(&Nonce::fresh(), &subscription, &Cancellation::default()).await;
    assert!(matches!(foreign, Err(Error::NotFound("subscription"))), "{foreign:?}");
    let unconnected = site.new_tenant("Cafe Corto").await;
    let refused = scope_of(&site, &unconnected).create_customer(&Nonce::fresh(), &named("Nobody")).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
}
