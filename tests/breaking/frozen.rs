//! A process stands still in the middle of its work and goes on later. On Postgres another one works meanwhile and, in the long
//! form, has taken its jobs over by then.

use std::time::Duration;

use rand::{RngExt as _, rngs::StdRng};

use crate::{
    Form,
    harness::{
        Engine,
        process::{Ground, free_port},
    },
    intake::copied,
    judge::{Tally, judge},
};

pub async fn tell(engine: Engine, form: Form, dice: &mut StdRng) -> Tally {
    let ground = Ground::make(engine).await;
    let account = copied(&ground, 40).await;
    let process = ground.serve().await;
    let bind = format!("127.0.0.1:{}", free_port());
    let other = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(ground.serve_with(&[("BILLFOLD_BIND", &bind)]).await),
    };
    for round in 0..form.of(2, 4) {
        account.mutate(150);
        tokio::time::sleep(Duration::from_millis(dice.random_range(5..150))).await;
        process.signal("STOP").await;
        account.mutate(50);
        // a lease lasts 30 seconds
        let beyond_the_lease = form == Form::Long && round == 0 && other.is_some();
        let frozen = if beyond_the_lease { 40_000 } else { dice.random_range(500..2_500) };
        tokio::time::sleep(Duration::from_millis(frozen)).await;
        process.signal("CONT").await;
    }
    let tally = judge(&ground, &account).await;
    process.kill().await;
    if let Some(other) = other {
        other.kill().await;
    }
    tally
}
