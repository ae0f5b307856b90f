//! The database server stops at once under load and comes back. Of Postgres alone: SQLite has no server.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;

use crate::{
    Form,
    harness::{Engine, process::Ground, verdict::acknowledged},
    intake::copied,
    judge::{Tally, judge, refused},
};

/// How soon a process takes traffic again, once the server does.
const BACK: Duration = Duration::from_secs(5);
/// A command that stops and starts the server, and makes folders its own; `tests/crash` makes it.
const CONTROL: &str = "BILLFOLD_TEST_POSTGRES_CONTROL";

pub async fn tell(engine: Engine, form: Form) -> Tally {
    if engine == Engine::Sqlite {
        return Tally::default();
    }
    let ground = Ground::make(engine).await;
    let account = copied(&ground, 40).await;
    let mut process = ground.serve().await;
    let mut back = Duration::ZERO;
    for _ in 0..form.of(2, 20) {
        account.mutate(100);
        let before = acknowledged(&ground, &account).len();
        while acknowledged(&ground, &account).len() < before + 20 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        control(&["stop"]).await;
        account.mutate(30);
        let live = reqwest::get(format!("{}/healthz", process.base)).await.unwrap();
        assert_eq!(live.status(), 200, "the process itself is well");
        let ready = reqwest::get(format!("{}/readyz", process.base)).await.unwrap();
        assert_eq!(ready.status(), 503, "and says that it wants no traffic");
        while refused(&ground, &account).is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        control(&["start"]).await;
        let began = Instant::now();
        while reqwest::get(format!("{}/readyz", process.base)).await.unwrap().status() != 200 {
            assert!(began.elapsed() < BACK, "not back {BACK:?} after the server");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        back = back.max(began.elapsed());
        assert!(process.is_running(), "{}", process.output());
    }
    let mut tally = judge(&ground, &account).await;
    let stuck = stuck(&ground).await;
    tally.note = format!("back within {:.1} s, {stuck} connections stuck", back.as_secs_f64());
    assert_eq!(stuck, 0);
    process.kill().await;
    tally
}

/// Connections that hold a transaction open though nothing is done any more.
async fn stuck(ground: &Ground) -> i64 {
    let text = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                AND backend_type = 'client backend' AND xact_start < now() - INTERVAL '5 seconds'";
    let mut conn = PgConnection::connect(&ground.database.url).await.unwrap();
    sqlx::query_scalar(text).fetch_one(&mut conn).await.unwrap()
}

/// Tells the server's owner what to do.
pub async fn control(arguments: &[&str]) {
    control_says(arguments).await;
}

/// [`control`], and what it answers.
pub async fn control_says(arguments: &[&str]) -> String {
    let command = std::env::var(CONTROL).unwrap_or_else(|_| panic!("{CONTROL} is not set: run tests/crash"));
    let done = Command::new(command).args(arguments).output().await.unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}
