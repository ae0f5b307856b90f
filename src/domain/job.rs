//! The kinds of work the queue knows. A project has at most one job of each kind, a tenant one of those that belong to no project,
//! and the installation one of those that belong to nobody.

use sha2::{Digest as _, Sha256};

use super::{
    ids::{Id as _, ProjectId, RANDOM_BYTES, TenantId},
    time::DAY_SECONDS,
};

/// What a job does for its project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Applies the events of the inbox to the mirror.
    Apply,
    /// Reads single objects again from Stripe.
    Refetch,
    /// Fetches the events that no delivery has brought from Stripe's list.
    Poll,
    /// Copies the whole account.
    Backfill,
    /// Compares the mirror with Stripe: a sample every night, everything when somebody asks.
    Reconcile,
    /// Finishes writes whose answer is missing.
    Outbox,
    /// Looks whether key, webhook endpoint and clock are as they should be: every night, and after a new key.
    Doctor,
    /// Lets the payments to the operator decide how the tenants stand. Of the operator's own project alone.
    Standings,
    /// Erases a tenant whose time is over. It belongs to no project.
    Erase,
    /// Forgets what is over, in the whole installation. It belongs to nobody.
    Sweep,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Apply,
        Self::Refetch,
        Self::Poll,
        Self::Backfill,
        Self::Reconcile,
        Self::Outbox,
        Self::Doctor,
        Self::Standings,
        Self::Erase,
        Self::Sweep,
    ];

    /// What a project's key is needed for, so that a new key wakes it.
    pub const BY_KEY: [Self; 7] =
        [Self::Apply, Self::Refetch, Self::Poll, Self::Backfill, Self::Reconcile, Self::Outbox, Self::Doctor];

    /// Whether the project's people see it among what keeps their data fresh.
    pub const fn is_sync(self) -> bool {
        matches!(self, Self::Apply | Self::Refetch | Self::Poll | Self::Backfill | Self::Reconcile | Self::Outbox)
    }

    /// Whether it may last for hours: the size of an account, or of a tenant, decides.
    pub const fn lasts(self) -> bool {
        matches!(self, Self::Backfill | Self::Reconcile | Self::Erase)
    }

    /// Whether it waits for nobody but the database.
    pub const fn is_local(self) -> bool {
        matches!(self, Self::Apply | Self::Standings | Self::Sweep)
    }

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Refetch => "refetch",
            Self::Poll => "poll",
            Self::Backfill => "backfill",
            Self::Reconcile => "reconcile",
            Self::Outbox => "outbox",
            Self::Doctor => "doctor",
            Self::Standings => "standings",
            Self::Erase => "erase",
            Self::Sweep => "sweep",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Apply => "Apply events",
            Self::Refetch => "Read objects again",
            Self::Poll => "Fetch missed events",
            Self::Backfill => "Import",
            Self::Reconcile => "Compare with Stripe",
            Self::Outbox => "Finish changes at Stripe",
            Self::Doctor => "Check the key",
            Self::Standings => "Follow the tenants' payments",
            Self::Erase => "Erase the tenant",
            Self::Sweep => "Forget what is over",
        }
    }

    /// From its stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Which jobs a worker takes: work that lasts, or that waits for a slow Stripe, never has all workers of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every kind.
    Everything,
    /// All but what lasts.
    Short,
    /// What waits for nobody but the database: events are applied whatever Stripe does.
    Local,
}

impl Reach {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Everything, Self::Short, Self::Local];

    /// That of one of `workers`, counted from 0.
    pub const fn of_worker(worker: usize, workers: usize) -> Self {
        match (workers - worker, workers) {
            (1, 3..) => Self::Local,
            (1, 2) | (2, 3..) => Self::Short,
            _ => Self::Everything,
        }
    }

    /// Whether a job of this kind is among them.
    pub const fn takes(self, kind: JobKind) -> bool {
        match self {
            Self::Everything => true,
            Self::Short => !kind.lasts(),
            Self::Local => kind.is_local(),
        }
    }
}

/// A time that never comes: the job sleeps until it is woken.
pub const NEVER: i64 = 253_402_300_799; // the end of the year 9999

/// When the night begins, in seconds after midnight UTC.
const NIGHT_BEGINS: i64 = 3_600;
/// How long it lasts, in seconds.
const NIGHT_LASTS: i64 = 4 * 3_600;

/// When a project's nightly work is due next after `now`, both in unix seconds: between one and five o'clock UTC, each project at a
/// second of its own, so that not all of them ask at once.
pub fn next_night(project: &ProjectId, now: i64) -> i64 {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(project.as_str()));
    let own = NIGHT_BEGINS + i64::from(u32::from_be_bytes([a, b, c, d])) % NIGHT_LASTS;
    let today = now.div_euclid(DAY_SECONDS) * DAY_SECONDS + own;
    if today > now { today } else { today + DAY_SECONDS }
}

/// What stands for the project of a job that belongs to the tenant as a whole.
pub fn no_project() -> ProjectId {
    ProjectId::from_random([0; RANDOM_BYTES])
}

/// What stands for the tenant of a job that belongs to the whole installation.
pub fn no_tenant() -> TenantId {
    TenantId::from_random([0; RANDOM_BYTES])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{DAY_SECONDS, JobKind, ProjectId, Reach, next_night};

    #[test]
    fn what_lasts_never_has_all_workers() {
        let reach = |workers: usize| (0..workers).map(|worker| Reach::of_worker(worker, workers)).collect::<Vec<_>>();
        assert_eq!(reach(1), [Reach::Everything]);
        assert_eq!(reach(2), [Reach::Everything, Reach::Short]);
        assert_eq!(reach(3), [Reach::Everything, Reach::Short, Reach::Local]);
        assert_eq!(reach(4), [Reach::Everything, Reach::Everything, Reach::Short, Reach::Local]);
        for kind in JobKind::ALL {
            assert!(Reach::Everything.takes(kind));
            assert!(!Reach::Short.takes(kind) || !kind.lasts());
            assert!(!Reach::Local.takes(kind) || Reach::Short.takes(kind), "{kind:?}");
        }
        assert!(Reach::Local.takes(JobKind::Apply));
    }

    #[test]
    fn each_project_has_its_second_of_the_night() {
        let project = |n: u32| ProjectId::parse(&format!("prj_{n:a>24}")).unwrap();
        let now = 1_790_000_000;
        let mut seconds = BTreeSet::new();
        for n in 0..200 {
            let first = next_night(&project(n), now);
            assert!(first > now && first <= now + DAY_SECONDS);
            assert!((3_600..5 * 3_600).contains(&(first % DAY_SECONDS)));
            assert_eq!(next_night(&project(n), first), first + DAY_SECONDS, "once a night");
            assert_eq!(next_night(&project(n), first - 1), first);
            seconds.insert(first);
        }
        assert!(seconds.len() > 150, "only {} different times", seconds.len());
    }
}
