//! The database server stops at once under load and comes back. Of Postgres alone: SQLite has no server.

use std::time::Duration;

use tokio::process::Command;

use crate::{
    Form,
    harness::{Engine, process::Ground, verdict::acknowledged},
    intake::copied,
    judge::{Tally, judge, refused},
};

/// A command that stops and starts the server, and makes folders its own; `tests/crash` makes it.
const CONTROL: &str = "BILLFOLD_TEST_POSTGRES_CONTROL";

pub async fn tell(engine: Engine, form: Form) -> Tally {
    if engine == Engine::Sqlite {
        return Tally::default();
    }
    let ground = Ground::make(engine).await;
    let account = copied(&ground, 40).await;
    let mut process = ground.serve().await;
    for _ in 0..form.of(2, 6) {
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
        assert!(process.is_running(), "{}", process.output());
    }
    let tally = judge(&ground, &account).await;
    process.kill().await;
    tally
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
