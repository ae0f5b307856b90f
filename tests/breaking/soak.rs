//! A steady load for as long as somebody wants: fifty deliveries a second for twenty businesses, and a person who looks at pages. Memory,
//! open files and answers must stay where they are.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use billfold::domain::role::Role;
use futures_util::future::join_all;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    hand::{Hand, signed_in},
    harness::{
        Account, Engine, Tenant,
        oracle::differences,
        process::{Ground, Process},
    },
    judge::Tally,
};

const TENANTS: usize = 20;
/// Deliveries per second of each business.
const RATE: f64 = 2.5;
/// How often it is looked how things are.
const SAMPLES: usize = 40;
/// What may be kept for good while everything is met for the first time, in MiB …
const SETTLING: f64 = 16.0;
/// … and what may be added in an hour.
const SLOPE: f64 = 1.0;
/// How long the last deliveries may take to be applied.
const PATIENCE: Duration = Duration::from_mins(2);
const PAGES: [&str; 4] = ["", "customers", "events", "search?q=a"];

/// How things are.
#[derive(Clone, Copy)]
struct Sample {
    /// Resident memory, MiB.
    memory: f64,
    files: usize,
    deliveries: Duration,
    pages: Duration,
}

/// What the answers since the last sample took.
#[derive(Default)]
struct Answers {
    deliveries: Mutex<Vec<Duration>>,
    pages: Mutex<Vec<Duration>>,
}

pub async fn tell(engine: Engine, minutes: u64, program: &str) -> Tally {
    let ground = Ground::make(engine).await;
    let mut tenants = vec![ground.tenant.clone()];
    for n in 1..TENANTS {
        tenants.push(ground.new_tenant(&format!("Business {n}")).await);
    }
    let mut accounts = Vec::new();
    for tenant in &tenants {
        accounts.push(ground.connect_of(tenant, 20).await);
    }
    let process = ground.serve_by(program, &[]).await;
    ground.wait_until_idle_within(PATIENCE).await;
    let lasts = Duration::from_secs(60 * minutes);
    let (answers, end) = (Answers::default(), Instant::now() + lasts);
    let deliveries = join_all(accounts.iter().enumerate().map(|(n, account)| deliver(account, n, end, &answers)));
    let (sent, (), samples) = tokio::join!(
        deliveries,
        look_around(&ground, &process, end, &answers),
        watch(&process, lasts / u32::try_from(SAMPLES).unwrap(), &answers)
    );
    ground.wait_until_idle_within(PATIENCE).await;
    let mut tally = Tally::default();
    for ((tenant, account), sent) in tenants.iter().zip(&accounts).zip(sent) {
        tally.events += sent;
        tally.lost += sent - done(&ground, tenant).await;
        tally.differing += differences(&ground.app.db, tenant, account).await.len();
    }
    let quarter = samples.len() / 4;
    let median = |of: &[Sample]| {
        let mut memory: Vec<f64> = of.iter().map(|sample| sample.memory).collect();
        memory.sort_by(f64::total_cmp);
        memory[memory.len() / 2]
    };
    let (early, late) = (&samples[quarter..2 * quarter], &samples[3 * quarter..]);
    let hours = lasts.as_secs_f64() / 3_600.0 / 2.0; // from the middle of the one to the middle of the other
    let grown = median(late) - median(early);
    let most = |of: &[Sample]| of.iter().map(|sample| sample.files).max().unwrap();
    tally.note = format!(
        "{minutes} minutes, memory {:.1} and {:.1} MiB ({:+.2} MiB an hour), files {} and {}",
        median(early),
        median(late),
        grown / hours,
        most(early),
        most(late)
    );
    assert!(grown < SLOPE * hours + SETTLING / (1.0 + hours), "{}", tally.note);
    assert!(most(late) <= most(early) + 8, "{}", tally.note);
    process.kill().await;
    tally
}

/// Tells of one customer after the other that it has another name, and in the end which one each has at Stripe. Answers how often.
async fn deliver(account: &Account<'_>, n: usize, end: Instant, answers: &Answers) -> usize {
    let hands = Hand::of_each(account);
    let mut beat = interval(Duration::from_secs_f64(1.0 / RATE));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut sent, mut left) = (0, hands.len());
    for hand in hands.iter().cycle() {
        beat.tick().await;
        let began = Instant::now();
        let is_last = began >= end;
        let name = (!is_last).then(|| format!("Number {sent}"));
        let answer = hand.deliver_name(&format!("evt_soak{n}x{sent}"), name.as_deref()).await;
        assert_eq!(answer.status(), 200);
        answers.deliveries.lock().unwrap().push(began.elapsed());
        (sent, left) = (sent + 1, left - usize::from(is_last));
        if left == 0 {
            break;
        }
    }
    sent
}

/// Somebody opens a page every second.
async fn look_around(ground: &Ground, process: &Process, end: Instant, answers: &Answers) {
    let visitor = signed_in(ground, &process.base, Role::Viewer).await;
    let mut beat = interval(Duration::from_secs(1));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for page in PAGES.iter().cycle() {
        beat.tick().await;
        let began = Instant::now();
        if began >= end {
            return;
        }
        visitor.get(&format!("{}{page}", ground.tenant.home())).await.expect(200);
        answers.pages.lock().unwrap().push(began.elapsed());
    }
}

async fn watch(process: &Process, every: Duration, answers: &Answers) -> Vec<Sample> {
    let mut samples = Vec::new();
    for n in 1..=SAMPLES {
        tokio::time::sleep(every).await;
        let sample = Sample {
            memory: memory(process.id()),
            files: std::fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count(),
            deliveries: p99(&answers.deliveries),
            pages: p99(&answers.pages),
        };
        println!(
            "{:.1} minutes: {:.1} MiB, {} files, p99 of deliveries {:?}, of pages {:?}",
            every.as_secs_f64() * n as f64 / 60.0,
            sample.memory,
            sample.files,
            sample.deliveries,
            sample.pages
        );
        samples.push(sample);
    }
    samples
}

/// Resident memory in MiB, proc(5).
fn memory(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
}

fn p99(of: &Mutex<Vec<Duration>>) -> Duration {
    let mut taken = std::mem::take(&mut *of.lock().unwrap());
    taken.sort_unstable();
    taken.get(taken.len() * 99 / 100).copied().unwrap_or_default()
}

/// How many of the load's events were applied.
async fn done(ground: &Ground, tenant: &Tenant) -> usize {
    let mut tx = ground.app.db.read(&tenant.id).await.unwrap();
    let text = "SELECT COUNT(*) FROM webhook_events WHERE tenant_id = $1 AND id LIKE 'evt_soak%'
                AND status IN ('done', 'ignored')";
    let done: i64 = tx.query(text).fetch_value().await.unwrap();
    usize::try_from(done).unwrap()
}
