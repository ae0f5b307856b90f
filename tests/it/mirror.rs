//! Newest wins, row by row: what a change leaves in the mirror, its counts, its search words, its items and its wishes to read again.

use std::time::Duration;

use billfold::{
    db::Db,
    domain::{
        event::Outcome,
        ids::{ProjectId, TenantId},
        kind::Kind,
        objects::Object,
    },
    mirror::{self, Asked, Change, Source},
    store::{
        counts, customers,
        mirror::{self as rows, Mirrored, compare},
        object_versions::{self, Version},
        projects, refetches, search, subscriptions,
    },
    vault::new_id,
};
use serde_json::{Value, json};

use crate::harness::{Engine, TestDatabase, both_engines};

both_engines!(
    counts_follow_every_change,
    what_an_object_is_found_by_follows_it,
    the_items_of_a_subscription_follow_it,
    a_deletion_keeps_what_was_told_last,
    an_end_is_not_taken_back_by_an_event,
    what_an_event_leaves_open_is_read_again,
    an_answer_that_changes_something_is_kept_beside_the_row,
    an_import_keeps_only_what_it_overwrites,
    one_at_a_time_changes_a_mirror,
    what_is_here_can_be_compared,
);

const NOW: i64 = 1_000;

/// A migrated database with a project, and nothing around it.
struct Ground {
    db: Db,
    tenant: TenantId,
    project: ProjectId,
    _database: TestDatabase,
}

impl Ground {
    async fn make(engine: Engine) -> Self {
        let database = TestDatabase::create(engine).await;
        let ground = Self { db: database.open().await, tenant: new_id(), project: new_id(), _database: database };
        let mut tx = ground.db.write(&ground.tenant).await.unwrap();
        projects::insert(&mut tx, &ground.project, "Shop", 0).await.unwrap();
        tx.commit().await.unwrap();
        ground
    }

    fn read(&self, kind: Kind, object: &Value) -> Box<Object> {
        Box::new(Object::read(kind, &self.project, &object.to_string()).unwrap())
    }

    fn event(&self, kind: Kind, object: &Value, at: i64) -> Change {
        Change::State(self.read(kind, object), Source::Event(at))
    }

    fn answer(&self, kind: Kind, object: &Value, as_of: i64, seen: Option<i64>) -> Change {
        Change::from_fetch(*self.read(kind, object), as_of, seen)
    }

    fn gone(&self, kind: Kind, object: &Value, at: i64) -> Change {
        Change::Gone { last: self.read(kind, object), at }
    }

    /// What became of one change.
    async fn apply(&self, change: Change) -> Outcome {
        let mut tx = self.db.write(&self.tenant).await.unwrap();
        let outcomes = mirror::apply(&mut tx, &self.project, &[change], NOW).await.unwrap();
        tx.commit().await.unwrap();
        let [outcome] = outcomes[..] else { panic!("{outcomes:?}") };
        outcome
    }

    /// The same for an answer of Stripe's.
    async fn told(&self, change: Change, asked: Asked) -> Outcome {
        let mut tx = self.db.write(&self.tenant).await.unwrap();
        let outcomes = mirror::apply_told(&mut tx, &self.project, &[change], asked, NOW).await.unwrap();
        tx.commit().await.unwrap();
        outcomes[0]
    }

    async fn counts(&self, kind: Kind) -> Vec<(String, i64)> {
        let mut tx = self.db.read(&self.tenant).await.unwrap();
        counts::by_status(&mut tx, &self.project, kind).await.unwrap()
    }

    async fn row(&self, kind: Kind, stripe_id: &str) -> Mirrored {
        let mut tx = self.db.read(&self.tenant).await.unwrap();
        let id = kind.derive_id(&self.project, stripe_id);
        rows::find(&mut tx, &self.project, kind, &id).await.unwrap().unwrap()
    }

    /// Stripe's ids of what is to be read again, and how often that was wished for.
    async fn wishes(&self) -> Vec<(String, i64)> {
        let mut tx = self.db.read(&self.tenant).await.unwrap();
        let due = refetches::due(&mut tx, &self.project, NOW, 10).await.unwrap();
        due.into_iter().map(|wish| (wish.stripe_id, wish.asked)).collect()
    }

    async fn found(&self, word: &str) -> Vec<String> {
        let mut tx = self.db.read(&self.tenant).await.unwrap();
        search::ids(&mut tx, &self.project, Kind::Customer, &[word.to_owned()], 10).await.unwrap()
    }

    /// The second that a row is proven for.
    async fn version_at(&self, kind: Kind, stripe_id: &str) -> Option<i64> {
        let mut tx = self.db.read(&self.tenant).await.unwrap();
        let key = (kind, kind.derive_id(&self.project, stripe_id));
        let versions = mirror::versions(&mut tx, &self.project, [key.clone()]).await.unwrap();
        versions.get(&key).copied()
    }

    async fn kept(&self, kind: Kind, stripe_id: &str) -> Vec<Version> {
        let mut tx = self.db.read(&self.tenant).await.unwrap();
        object_versions::of_object(&mut tx, &self.project, &kind.derive_id(&self.project, stripe_id), 10).await.unwrap()
    }
}

fn n(status: &str, n: i64) -> (String, i64) {
    (status.to_owned(), n)
}

async fn counts_follow_every_change(engine: Engine) {
    let ground = Ground::make(engine).await;
    let invoice = |id: &str, status: &str| json!({ "id": id, "created": 1, "status": status, "number": "A-1" });
    for id in ["in_1", "in_2", "in_3"] {
        assert_eq!(ground.apply(ground.event(Kind::Invoice, &invoice(id, "open"), 10)).await, Outcome::Applied);
    }
    assert_eq!(ground.counts(Kind::Invoice).await, [n("open", 3)]);
    ground.apply(ground.event(Kind::Invoice, &invoice("in_1", "paid"), 11)).await;
    ground.apply(ground.event(Kind::Invoice, &invoice("in_2", "draft"), 9)).await;
    assert_eq!(ground.counts(Kind::Invoice).await, [n("open", 2), n("paid", 1)]);
    assert_eq!(ground.row(Kind::Invoice, "in_1").await.status, "paid");
    ground.apply(ground.gone(Kind::Invoice, &invoice("in_2", "open"), 12)).await;
    ground.apply(ground.gone(Kind::Invoice, &json!({ "id": "in_3", "deleted": true }), 12)).await;
    assert_eq!(ground.counts(Kind::Invoice).await, [n("deleted", 2), n("paid", 1)]);
    let never_seen = json!({ "id": "in_4", "deleted": true });
    assert_eq!(ground.apply(ground.gone(Kind::Invoice, &never_seen, 12)).await, Outcome::Deleted);
    assert_eq!(ground.counts(Kind::Invoice).await, [n("deleted", 3), n("paid", 1)]);
    assert_eq!(ground.row(Kind::Invoice, "in_4").await.status, "deleted");
    assert!(ground.counts(Kind::Customer).await.is_empty());
}

async fn what_an_object_is_found_by_follows_it(engine: Engine) {
    let ground = Ground::make(engine).await;
    let customer = |name: &str, email: &str| json!({ "id": "cus_1", "created": 1, "name": name, "email": email });
    let id = Kind::Customer.derive_id(&ground.project, "cus_1");
    ground.apply(ground.event(Kind::Customer, &customer("Ada", "ada@example.com"), 10)).await;
    assert_eq!(ground.found("ada").await, [id.as_str()]);
    ground.apply(ground.event(Kind::Customer, &customer("Grace", "ada@example.com"), 11)).await;
    assert_eq!(ground.found("grace").await, [id.as_str()]);
    ground.apply(ground.event(Kind::Customer, &customer("Grace", "grace@example.org"), 12)).await;
    assert_eq!(ground.found("ada").await, Vec::<String>::new());
    let mut tx = ground.db.read(&ground.tenant).await.unwrap();
    assert_eq!(customers::with_email(&mut tx, &ground.project, "grace@example.org", 9).await.unwrap(), [id]);
}

async fn the_items_of_a_subscription_follow_it(engine: Engine) {
    let ground = Ground::make(engine).await;
    let subscription = |prices: &[&str]| {
        let item = |price: &&str| json!({ "id": format!("si_{price}"), "quantity": 1, "price": { "id": price } });
        json!({ "id": "sub_1", "created": 1, "status": "active", "customer": "cus_1",
            "items": { "data": prices.iter().map(item).collect::<Value>(), "has_more": false } })
    };
    let id = Kind::Subscription.derive_id(&ground.project, "sub_1");
    for (at, prices) in [(10, &["price_1"][..]), (11, &["price_2", "price_3"]), (12, &["price_2", "price_3"])] {
        ground.apply(ground.event(Kind::Subscription, &subscription(prices), at)).await;
        let mut tx = ground.db.read(&ground.tenant).await.unwrap();
        let items = subscriptions::items(&mut tx, &ground.project, &id).await.unwrap();
        let mut found: Vec<String> = items.into_iter().map(|item| item.price_id).collect();
        let mut wanted: Vec<String> = prices.iter().map(|id| Kind::Price.derive_id(&ground.project, id)).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{at}");
    }
}

async fn a_deletion_keeps_what_was_told_last(engine: Engine) {
    let ground = Ground::make(engine).await;
    let customer = |id: &str, name: &str| json!({ "id": id, "created": 1, "name": name });
    for id in ["cus_1", "cus_2"] {
        ground.apply(ground.event(Kind::Customer, &customer(id, "Ada"), 10)).await;
    }
    let bare = json!({ "id": "cus_1", "deleted": true });
    assert_eq!(ground.apply(ground.answer(Kind::Customer, &bare, 11, None)).await, Outcome::Deleted);
    assert!(ground.row(Kind::Customer, "cus_1").await.raw.contains("Ada"));
    ground.apply(ground.gone(Kind::Customer, &customer("cus_2", "Grace"), 9)).await;
    assert!(ground.row(Kind::Customer, "cus_2").await.raw.contains("Grace"));
    assert_eq!(ground.version_at(Kind::Customer, "cus_1").await, Some(10));
    for change in [
        ground.event(Kind::Customer, &customer("cus_1", "Back"), 20),
        ground.gone(Kind::Customer, &customer("cus_1", "Back"), 20),
        ground.answer(Kind::Customer, &customer("cus_1", "Back"), 20, None),
    ] {
        assert_eq!(ground.apply(change).await, Outcome::AlreadyDeleted);
    }
    assert_eq!(ground.counts(Kind::Customer).await, [n("deleted", 2)]);
    assert!(ground.wishes().await.is_empty());
}

async fn an_end_is_not_taken_back_by_an_event(engine: Engine) {
    let ground = Ground::make(engine).await;
    let subscription = |status: &str| json!({ "id": "sub_1", "created": 1, "status": status, "items": { "data": [] } });
    let event = |status: &str, at: i64| ground.event(Kind::Subscription, &subscription(status), at);
    for (status, at) in [("active", 10), ("canceled", 11), ("canceled", 12)] {
        assert_eq!(ground.apply(event(status, at)).await, Outcome::Applied, "{status} {at}");
    }
    assert!(ground.wishes().await.is_empty());
    assert_eq!(ground.apply(event("active", 13)).await, Outcome::AlreadyEnded);
    assert_eq!(ground.wishes().await, [n("sub_1", 1)]);
    assert_eq!(ground.row(Kind::Subscription, "sub_1").await.status, "canceled");
    // Stripe itself is believed.
    let answer = ground.answer(Kind::Subscription, &subscription("active"), 20, None);
    assert_eq!(ground.apply(answer).await, Outcome::Applied);
    assert_eq!(ground.row(Kind::Subscription, "sub_1").await.status, "active");
}

async fn what_an_event_leaves_open_is_read_again(engine: Engine) {
    let ground = Ground::make(engine).await;
    let cut = |id: &str, has_more: bool| json!({ "id": id, "lines": { "data": [], "has_more": has_more } });
    assert_eq!(ground.version_at(Kind::Invoice, "in_1").await, None);
    for (change, outcome, wishes) in [
        (ground.event(Kind::Invoice, &cut("in_1", false), 10), Outcome::Applied, vec![]),
        (ground.answer(Kind::Invoice, &cut("in_1", true), 20, Some(10)), Outcome::Applied, vec![]),
        (ground.event(Kind::Invoice, &cut("in_1", true), 30), Outcome::Applied, vec![n("in_1", 1)]),
        (ground.event(Kind::Invoice, &cut("in_1", true), 30), Outcome::SameSecond, vec![n("in_1", 2)]),
        (ground.event(Kind::Invoice, &cut("in_1", true), 29), Outcome::Older, vec![n("in_1", 2)]),
        (Change::ReadAgain(Kind::Invoice, "in_1".to_owned()), Outcome::ReadAgain, vec![n("in_1", 3)]),
    ] {
        assert_eq!((ground.apply(change.clone()).await, ground.wishes().await), (outcome, wishes), "{change:?}");
    }
    assert_eq!(ground.version_at(Kind::Invoice, "in_1").await, Some(30));
}

async fn an_answer_that_changes_something_is_kept_beside_the_row(engine: Engine) {
    let ground = Ground::make(engine).await;
    let customer = |name: &str| json!({ "id": "cus_1", "created": 1, "name": name });
    let answer = |name: &str, as_of: i64| ground.answer(Kind::Customer, &customer(name), as_of, None);
    assert_eq!(ground.told(answer("Ada", 10), Asked::ReadAgain).await, Outcome::Applied);
    let version = |source: &str, version_at: i64, deleted: bool, raw: &Value| Version {
        source: source.to_owned(),
        version_at,
        written_at: NOW,
        deleted,
        raw: raw.to_string(),
    };
    let first = version("read_again", 9, false, &customer("Ada"));
    assert_eq!(ground.kept(Kind::Customer, "cus_1").await, std::slice::from_ref(&first));
    let newer_shape = json!({ "id": "cus_1", "created": 1, "name": "Ada", "not_in_older_versions": null });
    for same in [customer("Ada"), newer_shape] {
        let same = ground.answer(Kind::Customer, &same, 20, None);
        assert_eq!(ground.told(same, Asked::Comparison).await, Outcome::Applied);
        let kept = ground.kept(Kind::Customer, "cus_1").await;
        assert_eq!(kept, std::slice::from_ref(&first), "the same again is nothing new");
    }
    assert_eq!(ground.told(answer("Old", 15), Asked::Comparison).await, Outcome::Older);
    assert_eq!(ground.told(answer("Grace", 30), Asked::Comparison).await, Outcome::Applied);
    let second = version("comparison", 29, false, &customer("Grace"));
    assert_eq!(ground.kept(Kind::Customer, "cus_1").await, [second.clone(), first.clone()]);
    let gone = json!({ "id": "cus_1", "deleted": true });
    assert_eq!(ground.told(ground.answer(Kind::Customer, &gone, 40, None), Asked::Change).await, Outcome::Deleted);
    assert_eq!(ground.kept(Kind::Customer, "cus_1").await, [version("change", 40, true, &gone), second, first]);
}

async fn an_import_keeps_only_what_it_overwrites(engine: Engine) {
    let ground = Ground::make(engine).await;
    let answer = |name: &str, as_of: i64| {
        ground.answer(Kind::Customer, &json!({ "id": "cus_1", "created": 1, "name": name }), as_of, None)
    };
    let kept = async || {
        let versions = ground.kept(Kind::Customer, "cus_1").await.into_iter();
        versions.map(|version| (version.source, version.version_at, version.raw)).collect::<Vec<_>>()
    };
    for as_of in [10, 20] {
        assert_eq!(ground.told(answer("Ada", as_of), Asked::Import).await, Outcome::Applied);
        assert_eq!(kept().await, [], "what is new or the same costs nothing");
    }
    let mut tx = ground.db.write(&ground.tenant).await.unwrap();
    let twice = [answer("Grace", 30), answer("Grace", 30)];
    mirror::apply_told(&mut tx, &ground.project, &twice, Asked::Import, NOW).await.unwrap();
    tx.commit().await.unwrap();
    let [(source, version_at, raw)] = &kept().await[..] else { panic!("one state") };
    assert_eq!((source.as_str(), *version_at), ("import", 29));
    assert!(raw.contains("Grace"), "{raw}");
    assert_eq!(ground.told(answer("Ada", 15), Asked::Import).await, Outcome::Older);
    assert_eq!(kept().await.len(), 1);
}

async fn one_at_a_time_changes_a_mirror(engine: Engine) {
    let ground = Ground::make(engine).await;
    let lock = async || {
        let mut tx = ground.db.write(&ground.tenant).await.unwrap();
        rows::lock(&mut tx, &ground.project).await.unwrap();
        tx
    };
    let first = lock().await;
    let mut second = Box::pin(lock());
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut second).await.is_err(), "it waits");
    first.commit().await.unwrap();
    second.await.commit().await.unwrap();
}

async fn what_is_here_can_be_compared(engine: Engine) {
    let ground = Ground::make(engine).await;
    let customer = |id: &str, created: i64| json!({ "id": id, "created": created });
    for (id, created) in [("cus_1", 10), ("cus_2", 20), ("cus_3", 30), ("cus_4", 30), ("cus_5", 40)] {
        ground.apply(ground.event(Kind::Customer, &customer(id, created), 50)).await;
    }
    ground.apply(ground.gone(Kind::Customer, &customer("cus_5", 40), 60)).await;
    let id_of = |stripe_id: &str| Kind::Customer.derive_id(&ground.project, stripe_id);
    let mut tx = ground.db.read(&ground.tenant).await.unwrap();

    // By our ids: the tombstone too, and nothing that is not here.
    let ids = ["cus_2", "cus_5", "cus_9"].map(id_of);
    let mut standing =
        compare::of_ids(&mut tx, &ground.project, Kind::Customer, ids.iter().map(String::as_str)).await.unwrap();
    standing.sort_by_key(|row| row.created);
    let told: Vec<_> = standing.iter().map(|row| (row.stripe_id.as_str(), row.version_at, row.deleted)).collect();
    assert_eq!(told, [("cus_2", 50, false), ("cus_5", 60, true)]);
    assert_eq!((standing[0].id.as_str(), standing[0].created), (id_of("cus_2").as_str(), 20));
    assert_eq!(serde_json::from_str::<Value>(&standing[0].raw).unwrap(), customer("cus_2", 20));

    // In the order of our ids, from one of them on.
    let mut there = ["cus_1", "cus_2", "cus_3", "cus_4"].map(id_of);
    there.sort();
    let from = compare::from_id(&mut tx, &ground.project, Kind::Customer, &there[1], 2).await.unwrap();
    assert_eq!(from.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), [there[1].as_str(), there[2].as_str()]);

    // By when they were made, page after page.
    let mut last: Option<(i64, String)> = None;
    let mut pages = Vec::new();
    loop {
        let after = last.as_ref().map(|(created, id)| (*created, id.as_str()));
        let here =
            compare::created_between(&mut tx, &ground.project, Kind::Customer, (10, 100), after, 2).await.unwrap();
        let Some(end) = here.last() else { break };
        last = Some((end.created, end.id.clone()));
        pages.push(here.into_iter().map(|row| (row.created, row.version_at)).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec![(20, 50), (30, 50)], vec![(30, 50)]]);
    let until = compare::created_between(&mut tx, &ground.project, Kind::Customer, (0, 20), None, 9).await.unwrap();
    assert_eq!(until.iter().map(|row| row.stripe_id.as_str()).collect::<Vec<_>>(), ["cus_1"]);

    let newest = rows::newest_stripe_id(&mut tx, &ground.project, Kind::Customer).await.unwrap().unwrap();
    assert!(["cus_3", "cus_4"].contains(&newest.as_str()), "{newest}");
    assert_eq!(rows::newest_stripe_id(&mut tx, &ground.project, Kind::Product).await.unwrap(), None);
}
