//! The change of the master key dies half-way, again and again; afterwards everything opens with the new key alone.

use std::collections::BTreeSet;

use billfold::vault::{ExposeSecret as _, Keyring};
use rand::{RngExt as _, rngs::StdRng};
use tokio::process::Command;

use crate::{
    Form,
    harness::{
        Engine, new_tenant,
        process::{Ground, billfold},
    },
    judge::Tally,
    ways::{Way, dies, finishes},
};

/// In this order: behind the second one nothing is left that could pass the first.
const POINTS: [&str; 2] = ["master_keys.before_commit", "master_keys.committed"];

pub async fn tell(engine: Engine, form: Form, dice: &mut StdRng) -> Tally {
    let ground = Ground::make(engine).await;
    for number in 0..40 {
        new_tenant(&ground.app, &format!("Tenant {number}")).await;
    }
    let mut keys = ground.settings[2].1.clone();
    let mut takes = finishes(&mut rotate(&ground, &keys)).await;
    let (most, mut kills, mut rounds, mut reached) = (form.of(6, 20), 0, 0, BTreeSet::new());
    while kills < most || reached.len() < POINTS.len() {
        rounds += 1;
        assert!(rounds <= 2 * most, "only {kills} have died in {rounds} rounds, at {reached:?}");
        let old = keys.split(',').next().unwrap().to_owned();
        keys = format!("{},{old}", Keyring::generate_entry().expose_secret());
        for point in POINTS {
            for way in [Way::After(dice.random_range(0..takes)), Way::At(point, 1)] {
                if dies(way, &mut rotate(&ground, &keys)).await {
                    kills += 1;
                    reached.extend(matches!(way, Way::At(..)).then_some(point));
                }
            }
        }
        takes = finishes(&mut rotate(&ground, &keys)).await;
        // with the new key alone: what was still sealed by another one would be refused at the start
        let new = keys.split(',').next().unwrap();
        ground.serve_with(&[("BILLFOLD_MASTER_KEYS", new)]).await.kill().await;
    }
    Tally { kills, note: format!("the key changed {rounds} times"), ..Tally::default() }
}

fn rotate(ground: &Ground, keys: &str) -> Command {
    let mut command = billfold(&["keys", "rotate"]);
    command.env("DATABASE_URL", &ground.database.url).env("BILLFOLD_MASTER_KEYS", keys);
    command
}
