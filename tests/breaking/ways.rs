//! How a process dies.

use std::{
    ops::Range,
    os::unix::process::ExitStatusExt as _,
    time::{Duration, Instant},
};

use rand::{RngExt as _, rngs::StdRng};
use tokio::process::Command;

use crate::harness::process::{Ground, Process};

/// How long a process may take to come to the point where it dies.
const PATIENCE: Duration = Duration::from_secs(8);

/// SIGABRT: the process came to its point.
const ABORTED: i32 = 6;
const KILLED: i32 = 9;

/// A way to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// SIGKILL after so many milliseconds of the work.
    After(u64),
    /// At the n-th passage of a named point of the code.
    At(&'static str, usize),
}

/// Runs a command that is to die that way, and answers whether it did: one that came to its end before was not killed.
pub async fn dies(way: Way, command: &mut Command) -> bool {
    let child = match way {
        Way::After(milliseconds) => {
            let mut child = command.spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            child.start_kill().unwrap();
            child
        }
        Way::At(point, passage) => command.env("BILLFOLD_TEST_DIE_AT", format!("{point}:{passage}")).spawn().unwrap(),
    };
    let ended = child.wait_with_output().await.unwrap();
    let fatal = match way {
        Way::After(_) => KILLED,
        Way::At(..) => ABORTED,
    };
    assert!(
        ended.status.success() || ended.status.signal() == Some(fatal),
        "{way:?}: {}: {}",
        ended.status,
        String::from_utf8_lossy(&ended.stderr)
    );
    !ended.status.success()
}

/// Runs a command to its end, which must be a good one, and answers how many milliseconds it took.
pub async fn finishes(command: &mut Command) -> u64 {
    let began = Instant::now();
    let done = command.output().await.unwrap();
    assert!(done.status.success(), "{}: {}", done.status, String::from_utf8_lossy(&done.stderr));
    u64::try_from(began.elapsed().as_millis()).unwrap()
}

/// The ways in turn: at random instants, and at each of the points.
pub struct Ways {
    points: &'static [&'static str],
    instants: Range<u64>,
    turn: usize,
    /// The points that were tried, and those at which a process has died.
    tried: Vec<&'static str>,
    reached: Vec<&'static str>,
}

impl Ways {
    /// Every second way is a point.
    pub fn new(points: &'static [&'static str], instants: Range<u64>) -> Self {
        Self { points, instants, turn: 0, tried: Vec::new(), reached: Vec::new() }
    }

    /// The next way. A point that was tried in vain comes before the others, and then its first passage is enough.
    pub fn next(&mut self, dice: &mut StdRng) -> Way {
        self.turn += 1;
        if !self.turn.is_multiple_of(2) {
            return Way::After(dice.random_range(self.instants.clone()));
        }
        if let Some(missed) = self.tried.iter().find(|point| !self.reached.contains(point)) {
            return Way::At(missed, 1);
        }
        let point = self.points[self.tried.len() % self.points.len()];
        self.tried.push(point);
        Way::At(point, dice.random_range(1..4))
    }

    /// Whether a process has died at each of the points.
    pub fn all_reached(&self) -> bool {
        self.points.iter().all(|point| self.reached.contains(point))
    }

    /// Starts a process that will die that way.
    pub async fn serve(way: Way, ground: &Ground) -> Process {
        match way {
            Way::After(_) => ground.serve().await,
            Way::At(point, passage) => {
                ground.serve_unready(&[("BILLFOLD_TEST_DIE_AT", &format!("{point}:{passage}"))]).await
            }
        }
    }

    /// Waits until the process is dead.
    pub async fn die(&mut self, way: Way, mut process: Process) {
        match way {
            Way::After(milliseconds) => {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                process.kill().await;
            }
            Way::At(point, _) => match tokio::time::timeout(PATIENCE, process.ended()).await {
                Ok(status) if status.signal() == Some(ABORTED) => self.reached.push(point),
                Ok(status) => panic!("{point}: {status}: {}", process.output()),
                Err(_) => process.kill().await, // not often enough this time
            },
        }
    }

    /// A point that nobody came to proves nothing.
    pub fn check(&self) {
        let missed: Vec<_> = self.points.iter().filter(|point| !self.reached.contains(point)).collect();
        assert!(missed.is_empty(), "no process died at {missed:?}");
    }
}
