//! Breaks billfold on purpose, in every way that a machine breaks, and counts what is lost, done twice or different afterwards.
//! `tests/crash short` and `tests/crash long` run it; both engines, each story on a database of its own, the real program as a
//! process, the stand-in over real HTTP.
//!
//! What must hold after each story: what was acknowledged is stored and done; every event took effect once; the mirror is what the
//! stand-in holds, object by object.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells"
)]

#[path = "../it/harness/mod.rs"]
#[expect(dead_code, unused_imports, unused_macros, reason = "the suite of the router uses more of it")]
mod harness;

mod chaos;
mod copy;
mod disk;
mod flood;
mod frozen;
mod hand;
mod intake;
mod judge;
mod keys;
mod migrations;
mod outage;
mod poison;
mod soak;
mod synced;
mod versions;
mod ways;
mod writers;

use std::{process::ExitCode, time::Instant};

use clap::{Parser, ValueEnum};
use rand::{SeedableRng as _, rngs::StdRng};

use harness::{Engine, process::PROGRAM};
use judge::Tally;

/// How much is broken.
#[derive(Parser)]
struct Order {
    /// How long it goes on
    form: Form,
    /// What the dice begin with; printed at the start, so that a run can be made again (but for the machine's own timing)
    #[arg(long)]
    seed: Option<u64>,
    /// How long `soak` goes on
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// What `soak` runs, such as a release build of this program
    #[arg(long, default_value = PROGRAM)]
    program: String,
    /// One engine alone
    #[arg(long)]
    engine: Option<Which>,
    /// One story alone
    #[arg(long)]
    only: Option<Story>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    Sqlite,
    Postgres,
}

/// Short is for every change, long for every release.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Under four minutes.
    Short,
    /// 10,000 events and 200 kills on each engine.
    Long,
    /// Nothing is broken: a steady load, for --minutes on each engine.
    Soak,
}

impl Form {
    fn of<T>(self, short: T, long: T) -> T {
        match self {
            Self::Short => short,
            Self::Long | Self::Soak => long,
        }
    }
}

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Story {
    /// Kills while deliveries come in.
    Intake,
    /// Kills while the account is copied.
    Copy,
    /// Kills while the master key is changed.
    Keys,
    /// Kills while the schema is made.
    Migrations,
    /// A process that stands still for a while and goes on.
    Frozen,
    /// The database server stops at once and comes back.
    Outage,
    /// The disk is full, and has room again.
    Disk,
    /// Everything that goes wrong between two programs.
    Chaos,
    /// One business is flooded, another one is not held up.
    Flood,
    /// An event whose application panics.
    Poison,
    /// Fifty who write at once.
    Writers,
    /// A disk sync lies between a delivery and its 200.
    Synced,
    /// An older program and this one at work on one database; of the long form alone.
    Versions,
}

impl Story {
    fn is_part_of(self, form: Form) -> bool {
        self != Self::Versions || form == Form::Long
    }
}

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let order = Order::parse();
    let seed = order.seed.unwrap_or_else(rand::random);
    println!("seed={seed}");
    let engines = [(Which::Sqlite, Engine::Sqlite), (Which::Postgres, Engine::Postgres)];
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut sound = true;
    for (_, engine) in engines.into_iter().filter(|(which, _)| order.engine.is_none_or(|wanted| wanted == *which)) {
        let mut all = Tally::default();
        if order.form == Form::Soak {
            let tally = runtime.block_on(soak::tell(engine, order.minutes, &order.program));
            sound &= tally.is_sound();
            println!("{engine:?} {tally}");
            continue;
        }
        let wanted = |story: &&Story| order.only.map_or(story.is_part_of(order.form), |only| only == **story);
        for story in Story::value_variants().iter().filter(wanted) {
            let (began, mut dice) = (Instant::now(), StdRng::seed_from_u64(seed));
            let tally = runtime.block_on(tell(*story, engine, order.form, &mut dice));
            println!("{engine:?} {story:?}: {tally} ({} s)", began.elapsed().as_secs());
            all += tally;
        }
        sound &= all.is_sound();
        println!("{engine:?} {all}");
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn tell(story: Story, engine: Engine, form: Form, dice: &mut StdRng) -> Tally {
    match story {
        Story::Intake => intake::tell(engine, form, dice).await,
        Story::Copy => copy::tell(engine, form, dice).await,
        Story::Keys => keys::tell(engine, form, dice).await,
        Story::Migrations => migrations::tell(engine, form, dice).await,
        Story::Frozen => frozen::tell(engine, form, dice).await,
        Story::Outage => outage::tell(engine, form).await,
        Story::Disk => disk::tell(engine).await,
        Story::Chaos => chaos::tell(engine, form).await,
        Story::Flood => flood::tell(engine, form).await,
        Story::Poison => poison::tell(engine).await,
        Story::Writers => writers::tell(engine, form).await,
        Story::Synced => synced::tell(engine, form).await,
        Story::Versions => versions::tell(engine, dice).await,
    }
}
