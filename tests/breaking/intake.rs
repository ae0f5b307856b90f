//! Deliveries come in without a break while the process dies again and again, and clients hang up in the middle of a request.

use std::time::Duration;

use rand::{RngExt as _, rngs::StdRng};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    Form,
    harness::{Account, Engine, process::Ground, verdict::acknowledged},
    judge::{Tally, judge, lapse, refused, settle},
    ways::Ways,
};

const POINTS: &[&str] =
    &["inbox.before_commit", "inbox.committed", "apply.before_commit", "apply.committed", "refetch.before_commit"];
/// Changes at Stripe between two deaths.
const BURST: usize = 60;

pub async fn tell(engine: Engine, form: Form, dice: &mut StdRng) -> Tally {
    let ground = Ground::make(engine).await;
    let account = ground.connect(60).await;
    let first = ground.serve().await;
    settle(&ground, &account).await;
    first.kill().await;

    let (least_kills, least_events) = form.of((14, 500), (200, 10_000));
    let (mut ways, mut kills) = (Ways::new(POINTS, 0..400), 0);
    // A process may come to a point less often than it was to die there, so some points are tried again.
    let patience = least_kills + 4 * POINTS.len();
    while kills < least_kills
        || acknowledged(&ground, &account).len() < least_events
        || (!ways.all_reached() && kills < patience)
    {
        let way = ways.next(dice);
        let process = Ways::serve(way, &ground).await;
        let hanging_up = tokio::spawn(hang_up(process.base.clone(), account.webhook_url(), dice.random_range(1..400)));
        account.mutate(BURST);
        for event in refused(&ground, &account).iter().take(BURST) {
            account.redeliver(event, 1);
        }
        ways.die(way, process).await;
        lapse(&ground).await;
        hanging_up.await.unwrap();
        kills += 1;
    }
    ways.check();
    let last = ground.serve().await;
    let tally = Tally { kills, ..judge(&ground, &account).await };
    last.kill().await;
    tally
}

/// Three clients that announce more than they send.
async fn hang_up(base: String, url: String, sent: usize) {
    let path = url.strip_prefix(&base).unwrap_or("/webhooks/stripe/unknown").to_owned();
    for _ in 0..3 {
        let Ok(mut client) = TcpStream::connect(base.trim_start_matches("http://")).await else { return };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: billfold\r\nstripe-signature: t=1,v1=00\r\ncontent-length: 400\r\n\r\n"
        );
        let body = "x".repeat(sent);
        let _ = client.write_all(format!("{head}{body}").as_bytes()).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The account of a story that goes on with deliveries after something has happened to the process.
pub async fn copied(ground: &Ground, customers: u64) -> Account<'_> {
    let account = ground.connect(customers).await;
    let first = ground.serve().await;
    settle(ground, &account).await;
    first.kill().await;
    account
}
