//! An older program and this one at work on one database: beside each other on Postgres, as in an upgrade without a pause, and by turns
//! on SQLite, as in an upgrade and the way back. Events come in all the while, and a person goes on who has signed in at either.
//!
//! `BILLFOLD_TEST_OLDER_PROGRAM` is the older one, which `tests/crash` builds from the commit before the newest migration.

use std::time::Duration;

use billfold::domain::role::Role;
use rand::{RngExt as _, rngs::StdRng};

use crate::{
    hand::signed_in,
    harness::{
        Engine, Visitor,
        fleet::Fleet,
        process::{Ground, PROGRAM, Process},
    },
    intake::copied,
    judge::{Tally, judge, lapse},
};

/// How often a program ends, each in its turn: every second time asked to, otherwise killed.
const ENDS: usize = 16;
/// Changes at Stripe before and after each end.
const BURST: usize = 40;

pub async fn tell(engine: Engine, dice: &mut StdRng) -> Tally {
    let older = std::env::var("BILLFOLD_TEST_OLDER_PROGRAM").expect("the older program, which tests/crash builds");
    let ground = Ground::make(engine).await;
    let base = format!("http://{}", ground.settings[1].1);
    let programs = [older, PROGRAM.to_owned()];
    match engine {
        Engine::Postgres => beside(&ground, &base, programs, dice).await,
        Engine::Sqlite => by_turns(&ground, &base, &programs, dice).await,
    }
}

async fn beside(ground: &Ground, base: &str, programs: [String; 2], dice: &mut StdRng) -> Tally {
    let account = ground.connect(60).await;
    let mut fleet = Fleet::of(ground, programs.to_vec(), 5).await;
    let mut people = Vec::new();
    for other in [1, 0] {
        fleet.stop(other).await; // so that it is known which program signs somebody in
        people.push(signed_in(ground, base, Role::Admin).await);
        fleet.restart(other).await;
    }
    let mut kills = 0;
    for round in 0..ENDS {
        account.mutate(BURST);
        pause(dice).await;
        let (position, person) = (round / 2 % 2, &people[round % 2]);
        if round % 2 == 0 {
            fleet.stop(position).await;
        } else {
            fleet.kill(position).await;
            kills += 1;
        }
        account.mutate(BURST);
        pause(dice).await; // a browser has noticed that its connection is gone
        work_of(person, round).await;
        fleet.restart(position).await;
    }
    Tally { kills, ..judge(ground, &account).await }
}

async fn by_turns(ground: &Ground, base: &str, programs: &[String; 2], dice: &mut StdRng) -> Tally {
    let account = copied(ground, 60).await;
    let (mut people, mut kills) = (Vec::new(), 0);
    let end = async |mut process: Process, asked: bool| {
        if asked {
            process.signal("TERM").await;
            assert!(process.ended().await.success(), "{}", process.output());
        } else {
            process.kill().await;
        }
    };
    for round in 0..ENDS {
        let process = ground.serve_by(&programs[round % 2], &[]).await;
        if people.len() < programs.len() {
            people.push(signed_in(ground, base, Role::Admin).await);
        }
        account.mutate(BURST);
        for person in &people {
            work_of(person, round).await;
        }
        pause(dice).await;
        let asked = round / 2 % 2 == 0;
        end(process, asked).await;
        kills += usize::from(!asked);
        lapse(ground).await;
    }
    let last = ground.serve_by(&programs[0], &[]).await;
    let tally = Tally { kills, ..judge(ground, &account).await };
    last.kill().await;
    tally
}

/// What a person does on a working day, whichever program answers.
async fn work_of(person: &Visitor, round: usize) {
    for page in ["", "customers", "subscriptions", "invoices", "events"] {
        person.get(page).await.expect(200);
    }
    let name = format!("Name {round}");
    let form = person.get("/account").await.expect(200).form("form[action='/account/profile']");
    person.submit(&form.fill("name", &name)).await.expect(303);
    assert_eq!(person.get("/account").await.expect(200).attributes("input[name=name]", "value"), [name]);
}

async fn pause(dice: &mut StdRng) {
    tokio::time::sleep(Duration::from_millis(dice.random_range(20..600))).await;
}
