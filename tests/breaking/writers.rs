//! Fifty writers at once, half of them deliveries and half of them people who change what is known of them. Each is answered.

use std::{sync::Mutex, time::Duration};

use billfold::domain::role::Role;
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::{
    Form,
    hand::{Hand, signed_in},
    harness::{Engine, Visitor, process::Ground},
    judge::{Tally, judge, settle},
};

/// Of each half.
const LANES: usize = 25;
/// What ninety-nine of a hundred answers may take in the long form.
const LIMIT: Duration = Duration::from_millis(500);
/// All of them come from one address.
const CONNECTIONS: (&str, &str) = ("BILLFOLD_CONNECTIONS_PER_IP", "1000");

pub async fn tell(engine: Engine, form: Form) -> Tally {
    let ground = Ground::make(engine).await;
    let account = ground.connect(20).await;
    let process = ground.serve_with(&[CONNECTIONS]).await;
    settle(&ground, &account).await;
    let hand = Hand::of(&account);
    let mut people = Vec::new();
    for _ in 0..LANES {
        people.push(signed_in(&ground, &process.base, Role::Viewer).await);
    }
    let answers = Mutex::new(Vec::new());
    let end = Instant::now() + Duration::from_secs(form.of(3, 90));
    let deliver = async |lane: usize| {
        for n in 0.. {
            let began = Instant::now();
            if began >= end {
                return;
            }
            let status = hand.deliver(&format!("evt_writer{lane}x{n}"), "").await.status();
            answers.lock().unwrap().push((status.as_u16(), began.elapsed()));
        }
    };
    let rename = async |person: &Visitor| {
        let form = person.get("/account").await.expect(200).form("form[action='/account/profile']");
        for n in 0.. {
            let began = Instant::now();
            if began >= end {
                return;
            }
            let status = person.submit(&form.clone().fill("name", &format!("Number {n}"))).await.status;
            answers.lock().unwrap().push((status, began.elapsed()));
        }
    };
    tokio::join!(join_all((0..LANES).map(deliver)), join_all(people.iter().map(rename)));
    let mut answers = answers.into_inner().unwrap();
    answers.sort_unstable_by_key(|(_, took)| *took);
    let failed = answers.iter().filter(|(status, _)| !matches!(status, 200 | 303)).count();
    let p99 = answers[answers.len() * 99 / 100].1;
    let mut tally = judge(&ground, &account).await;
    tally.note = format!("{} writes by {} at once, {failed} failed, p99 {p99:?}", answers.len(), 2 * LANES);
    assert_eq!(failed, 0, "{}", tally.note);
    assert!(form == Form::Short || p99 < LIMIT, "p99 {p99:?}");
    process.kill().await;
    tally
}
