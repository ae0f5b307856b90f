//! The change of the master key dies half-way, again and again; afterwards everything opens with the new key alone.

use std::{process::Stdio, time::Duration};

use billfold::vault::{ExposeSecret as _, Keyring};
use rand::{RngExt as _, rngs::StdRng};

use crate::{
    Form,
    harness::{
        Engine, new_tenant,
        process::{Ground, billfold},
    },
    judge::Tally,
};

const POINTS: [&str; 2] = ["master_keys.before_commit", "master_keys.committed"];

pub async fn tell(engine: Engine, form: Form, dice: &mut StdRng) -> Tally {
    let ground = Ground::make(engine).await;
    for number in 0..40 {
        new_tenant(&ground.app, &format!("Tenant {number}")).await;
    }
    let mut keys = ground.settings[2].1.clone();
    let (most, mut tally) = (form.of(6, 20), Tally::default());
    while tally.kills < most {
        let old = keys.split(',').next().unwrap().to_owned();
        keys = format!("{},{old}", Keyring::generate_entry().expose_secret());
        for _ in 0..2 {
            let point = format!("{}:1", POINTS[tally.kills % POINTS.len()]);
            let mut rotation = rotate(&ground, &keys, (!tally.kills.is_multiple_of(3)).then_some(&point));
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..200))).await;
            if tally.kills.is_multiple_of(3) {
                rotation.kill().await.unwrap();
            } else {
                rotation.wait().await.unwrap();
            }
            tally.kills += 1;
        }
        let done = rotate(&ground, &keys, None).wait_with_output().await.unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        // with the new key alone: what was still sealed by another one would be refused at the start
        let new = keys.split(',').next().unwrap();
        ground.serve_with(&[("BILLFOLD_MASTER_KEYS", new)]).await.kill().await;
    }
    tally
}

fn rotate(ground: &Ground, keys: &str, point: Option<&String>) -> tokio::process::Child {
    let mut command = billfold(&["keys", "rotate"]);
    command.env("DATABASE_URL", &ground.database.url).env("BILLFOLD_MASTER_KEYS", keys);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(point) = point {
        command.env("BILLFOLD_TEST_DIE_AT", point);
    }
    command.spawn().unwrap()
}
