//! The making of the schema dies half-way, again and again; in the end it is whole.

use std::time::Duration;

use rand::{RngExt as _, rngs::StdRng};

use crate::{
    Form,
    harness::{
        Engine, TestDatabase,
        process::{Ground, billfold},
    },
    judge::{Tally, judge},
};

pub async fn tell(engine: Engine, form: Form, dice: &mut StdRng) -> Tally {
    let database = TestDatabase::empty(engine).await;
    let migrate = || {
        let mut command = billfold(&["migrate"]);
        command.env("DATABASE_URL", &database.url).spawn().unwrap()
    };
    let mut kills = 0;
    while kills < form.of(6, 20) {
        let mut migration = migrate();
        tokio::time::sleep(Duration::from_millis(dice.random_range(5..150))).await;
        migration.kill().await.unwrap();
        kills += 1;
    }
    let done = migrate().wait_with_output().await.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let ground = Ground::make_on(database).await;
    let account = ground.connect(20).await;
    let process = ground.serve().await;
    account.mutate(20);
    let tally = Tally { kills, ..judge(&ground, &account).await };
    process.kill().await;
    tally
}
