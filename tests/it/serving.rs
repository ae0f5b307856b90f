//! A running site, seen by whoever watches it.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use billfold::{
    clock::Clock,
    domain::job::{JobKind, NEVER, Reach},
    standin::kind::Kind,
    store::{
        jobs::{self, Ending},
        reconciliations,
    },
    sync::inbox::{self, Delivery, Inbox},
    telemetry,
    vault::new_id,
    worker,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::Method;
use serde_json::json;

use crate::{
    events::event,
    harness::{
        Engine, Site, Visitor, both_engines,
        process::{Ground, Process},
        scope,
    },
};

both_engines!(
    a_site_answers_its_probes,
    the_queue_can_be_watched,
    what_needs_somebody_is_counted_and_said,
    a_mirror_that_drifts_is_counted,
);

/// What a process, or a recorder of the story's own, tells of itself.
pub struct Metrics(String);

impl Metrics {
    /// As it stands now.
    pub async fn of(process: &Process) -> Self {
        Self(Visitor::new(&process.base).get("/metrics").await.expect(200).body)
    }

    /// The value of a series, by its name with its labels.
    pub fn value(&self, series: &str) -> Option<f64> {
        let values = self.0.lines().filter_map(|line| line.rsplit_once(' '));
        values.filter(|(name, _)| *name == series).find_map(|(_, value)| value.parse().ok())
    }
}

async fn a_site_answers_its_probes(engine: Engine) {
    let site = Site::start(engine).await;
    let probe = site.anonymous();
    probe.get("/healthz").await.expect(200);
    probe.get("/readyz").await.expect(200);
    let missing = probe.get("/nothing-here").await.expect(404);
    assert_eq!(missing.one("h1"), "Not found");
    assert!(missing.header("content-security-policy").starts_with("default-src 'none'"));
}

#[test]
fn every_metric_is_described() {
    let mut used = BTreeSet::new();
    look_for_names(Path::new("src"), &mut used);
    let described: BTreeSet<String> = telemetry::METRICS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(used, described);
}

/// The names in the code below a folder.
fn look_for_names(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look_for_names(&path, names);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        for found in ["counter!(", "gauge!(", "histogram!("] {
            let calls = text.split(found).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
            names.extend(calls.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
}

#[tokio::test]
async fn samples_do_not_pile_up_where_nobody_asks_for_them() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let record = || metrics::with_local_recorder(&recorder, || metrics::histogram!("story_seconds").record(0.1));
    record();
    // Only what stands outside of the buckets can be seen without emptying them, and only here.
    let untouched = || format!("{handle:?}").contains("distributions: RwLock { data: {}");
    assert!(untouched(), "{handle:?}");
    let upkeep = tokio::spawn(telemetry::keep_up(handle.clone(), Duration::from_millis(1)));
    while untouched() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    upkeep.abort();
}

async fn the_queue_can_be_watched(engine: Engine) {
    let site = Site::start_at(engine, Clock::manual(1_790_000_000)).await;
    let (tenant, now) = (site.tenant().await, site.app.clock.now());
    let wake = async |kind, at| {
        let mut tx = site.app.db.system_write().await.unwrap();
        jobs::wake(&mut tx, kind, &tenant.id, &tenant.project, at).await.unwrap();
        tx.commit().await.unwrap();
    };
    let run = async |ending: Ending| {
        let mut tx = site.app.db.system_write().await.unwrap();
        let claim =
            jobs::claim(&mut tx, ("story", Reach::Everything), now, now + worker::LEASE).await.unwrap().unwrap();
        jobs::finish(&mut tx, &claim, now, &ending).await.unwrap();
        tx.commit().await.unwrap();
    };
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let look = async || {
        worker::measure(&site.app).await.unwrap();
        let told = Metrics(recorder.handle().render());
        let [refetch, apply] = ["refetch", "apply"].map(|kind| format!("billfold_jobs_failing{{kind=\"{kind}\"}}"));
        ["billfold_jobs_due", "billfold_jobs_oldest_due_seconds", &refetch, &apply].map(|name| told.value(name))
    };
    assert_eq!(look().await, [0.0, 0.0, 0.0, 0.0].map(Some));
    wake(JobKind::Refetch, now).await;
    run(Ending::Failed { run_at: now + 2, error: "an outage".to_owned() }).await;
    wake(JobKind::Apply, now - 90).await;
    wake(JobKind::Poll, now).await;
    assert_eq!(look().await, [2.0, 90.0, 1.0, 0.0].map(Some));
    run(Ending::Rest(NEVER)).await;
    assert_eq!(look().await, [1.0, 0.0, 1.0, 0.0].map(Some));
    run(Ending::Rest(NEVER)).await;
    wake(JobKind::Refetch, now).await;
    run(Ending::Rest(NEVER)).await;
    assert_eq!(look().await, [0.0, 0.0, 0.0, 0.0].map(Some));
}

async fn what_needs_somebody_is_counted_and_said(engine: Engine) {
    let ground = Ground::make(engine).await;
    let account = ground.connect(0).await;
    store_an_event_before_its_last_try(&ground, &account.keys.account).await;
    wake(&ground, JobKind::Poll).await;
    let mut process = ground.serve().await;
    ground.wait_until_idle().await;
    let dead = process.line("an event was given up").await;
    assert!(dead.contains("WARN") && dead.contains("evt_poison") && dead.contains(ground.tenant.project.as_str()));
    let odd = "not json";
    let stripe = Visitor::new(&process.base);
    let signature = account.sign(odd, ground.app.clock.now());
    let request = stripe.request(Method::POST, &account.webhook_url()).header("stripe-signature", signature);
    stripe.send(request.body(odd)).await.expect(200);

    let before = Metrics::of(&process).await;
    assert_eq!(before.value("billfold_events_dead_total"), Some(1.0));
    assert_eq!(before.value("billfold_events_quarantined_total"), Some(1.0));
    assert_eq!(before.value("billfold_stripe_keys_rejected_total"), Some(0.0), "known before it happens");
    assert_eq!(before.value("billfold_drift_alarms_total"), Some(0.0));
    assert!(before.value("billfold_polls_total{result=\"done\"}") >= Some(1.0));
    assert!(before.value("billfold_jobs_due").is_some(), "a process that starts looks at once");
    let ahead = before.value("billfold_stripe_clock_offset_seconds").unwrap();
    assert!(ahead.abs() <= 2.0, "{ahead}");
    let lines: Vec<&str> = before.0.lines().collect();
    for pair in lines.windows(2) {
        let described = pair[1].strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').next());
        let help = described.map(|name| format!("# HELP {name} "));
        assert!(help.is_none_or(|help| pair[0].starts_with(&help)), "{} says nothing", pair[1]);
    }

    ground.stripe.control().keys.revoke(&account.keys.restricted_key);
    wake(&ground, JobKind::Poll).await;
    let rejected = process.line("does not accept a project's key").await;
    assert!(rejected.contains("WARN") && rejected.contains(ground.tenant.project.as_str()), "{rejected}");
    let after = Metrics::of(&process).await;
    assert_eq!(after.value("billfold_stripe_keys_rejected_total"), Some(1.0));
    assert!(after.value("billfold_polls_total{result=\"failed\"}") >= Some(1.0));
}

/// On one thread, where everything counts into the story's recorder. How it counts knows no engine.
#[tokio::test]
async fn a_key_that_a_person_finds_refused_is_counted_once() {
    let ground = Ground::make(Engine::Sqlite).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let counted = || Metrics(recorder.handle().render()).value("billfold_stripe_keys_rejected_total");
    for (nth, name) in [(1, "looks again"), (2, "has the doctor look")] {
        let tenant = ground.new_tenant(name).await;
        let account = ground.connect_of(&tenant, 0).await;
        ground.stripe.control().keys.revoke(&account.keys.restricted_key);
        for _ in 0..2 {
            let scope = scope(&ground.app, &tenant);
            if nth == 1 {
                scope.check_again().await.unwrap_err();
            } else {
                scope.examine().await.unwrap();
            }
            assert_eq!(counted(), Some(f64::from(nth)), "{name}");
        }
    }
}

/// Stores an event that the database refuses to apply, as if it had been tried for three days.
async fn store_an_event_before_its_last_try(ground: &Ground, account: &str) {
    let poison = match ground.database.engine {
        Engine::Sqlite => {
            "CREATE TRIGGER poison BEFORE INSERT ON customers WHEN NEW.stripe_id = 'cus_poison'
             BEGIN SELECT RAISE(ABORT, 'poison'); END"
        }
        Engine::Postgres => "ALTER TABLE customers ADD CONSTRAINT poison CHECK (stripe_id <> 'cus_poison')",
    };
    ground.database.run_as_owner(poison).await;
    let customer = json!({ "id": "cus_poison", "object": "customer", "created": 1_790_000_000, "name": "Ada" });
    let body = event("evt_poison", "customer.created", &customer).to_string();
    let (tenant, project) = (ground.tenant.id.clone(), ground.tenant.project.clone());
    let event = inbox::read_event(body.as_bytes(), &project, Some(account), false, ground.app.clock.now());
    Inbox::start(ground.app.clone()).store(Delivery { tenant, project, event }).await.unwrap();
    ground.database.run_as_owner("UPDATE webhook_events SET attempts = 11 WHERE id = 'evt_poison'").await;
}

async fn wake(ground: &Ground, kind: JobKind) {
    let mut tx = ground.app.db.system_write().await.unwrap();
    jobs::wake(&mut tx, kind, &ground.tenant.id, &ground.tenant.project, 0).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_mirror_that_drifts_is_counted(engine: Engine) {
    let ground = Ground::make(engine).await;
    let account = ground.connect(5).await;
    let mut process = ground.serve_with(&[("BILLFOLD_DRIFT_ALARM", "0")]).await;
    ground.wait_until_idle().await;
    let customer = account.ids(Kind::Customer).remove(0);
    account.change_silently(&customer, json!({ "name": "Ada Lovelace" }));
    let project = &ground.tenant.project;
    let mut tx = ground.app.db.write(&ground.tenant.id).await.unwrap();
    let comparison = (&new_id(), reconciliations::Scope::Full);
    reconciliations::start(&mut tx, project, comparison, "story", ground.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    wake(&ground, JobKind::Reconcile).await;
    process.line("the mirror was compared with Stripe").await;
    ground.wait_until_idle().await;
    let metrics = Metrics::of(&process).await;
    assert_eq!(metrics.value("billfold_drift_alarms_total"), Some(1.0));
    assert_eq!(metrics.value("billfold_drift_objects_total"), Some(1.0));
}
