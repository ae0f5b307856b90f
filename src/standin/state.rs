//! What the stand-in holds: accounts, keys, switches, and a record of what it saw.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

use super::chaos::Switches;
use super::clock::Clock;
use super::deliveries::{Job, Ledger};
use super::dice::Dice;
use super::idempotency::Answers;
use super::keys::{Key, Keys};
use super::limits::Limits;
use super::objects::invoice::Seller;
use super::seed::Seed;
use super::seed::calendar::Calendar;
use super::seed::catalog;
use super::space::Space;

/// How many requests the record keeps.
const LOG_LEN: usize = 200_000;

/// One Stripe account.
#[derive(Debug)]
pub struct Account {
    /// Identity.
    pub seller: Arc<Seller>,
    /// Unix seconds.
    pub created: i64,
    test: RwLock<Space>,
    live: RwLock<Space>,
}

impl Account {
    /// The account's objects in one mode, for reading.
    pub fn read(&self, live: bool) -> RwLockReadGuard<'_, Space> {
        self.mode(live).read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account's objects in one mode, for changing.
    pub fn write(&self, live: bool) -> RwLockWriteGuard<'_, Space> {
        self.mode(live).write().unwrap_or_else(PoisonError::into_inner)
    }

    fn mode(&self, live: bool) -> &RwLock<Space> {
        if live { &self.live } else { &self.test }
    }
}

/// One request as it was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// `acct_…`, when the key was known.
    pub account: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// The last four characters of the key.
    pub key_last4: String,
    /// HTTP status of the answer; 0 when the connection was cut or left hanging.
    pub status: u16,
    /// Milliseconds since the stand-in started.
    pub time_ms: u64,
    /// `req_…`
    pub request_id: String,
}

/// Everything the stand-in holds.
pub struct Shared {
    /// Its time.
    pub clock: Clock,
    /// Where it listens: `http://127.0.0.1:4242`.
    pub base: String,
    /// When it started, for rates.
    pub started: std::time::Instant,
    /// Seconds of a real retry schedule are multiplied by this.
    pub retry_scale: f64,
    /// Keys of all accounts.
    pub keys: Keys,
    /// Rate limits.
    pub limits: Limits,
    /// Kept answers.
    pub answers: Answers,
    /// Chaos.
    pub switches: Switches,
    /// What became of deliveries.
    pub ledger: Ledger,
    /// Chance, repeatable by seed.
    pub dice: Mutex<Dice>,
    /// Events per minute of accounts whose life goes on by itself.
    pub pace: Mutex<HashMap<(String, bool), f64>>,
    log: Mutex<VecDeque<Seen>>,
    accounts: RwLock<HashMap<String, Arc<Account>>>,
    outbox: UnboundedSender<Job>,
}

/// A new account.
#[derive(Debug, Default)]
pub struct NewAccount {
    /// Name of the business.
    pub name: Option<String>,
    /// `acct_…`; made up when missing.
    pub id: Option<String>,
    /// How many customers the seed has; none leaves the account empty.
    pub customers: u64,
    /// The mode that is seeded.
    pub live: bool,
    /// Chooses the seeded world.
    pub seed: u64,
}

/// Locks without caring whether another holder panicked: the data is replaced as a whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// An empty stand-in that listens at `base`.
    pub fn new(base: String, clock: Clock, seed: u64, retry_scale: f64, outbox: UnboundedSender<Job>) -> Self {
        Self {
            clock,
            base,
            started: std::time::Instant::now(),
            retry_scale,
            keys: Keys::default(),
            limits: Limits::default(),
            answers: Answers::default(),
            switches: Switches::default(),
            ledger: Ledger::default(),
            dice: Mutex::new(Dice::of(seed, 20, 0)),
            pace: Mutex::default(),
            log: Mutex::default(),
            accounts: RwLock::default(),
            outbox,
        }
    }

    /// The account of that identifier.
    pub fn account(&self, id: &str) -> Option<Arc<Account>> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.get(id).cloned()
    }

    /// Deliveries of all accounts that are neither made nor given up.
    pub fn deliveries_under_way(&self) -> usize {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts
            .values()
            .map(|account| account.read(false).deliveries_under_way() + account.read(true).deliveries_under_way())
            .sum()
    }

    /// `len` random letters and digits.
    pub fn letters(&self, len: usize) -> String {
        lock(&self.dice).letters(len)
    }

    /// Makes an account, seeded when it has customers.
    pub fn add_account(&self, new: NewAccount) -> Arc<Account> {
        let id = new.id.unwrap_or_else(|| format!("acct_1{}", self.letters(15)));
        let seller = Arc::new(Seller {
            name: new.name.unwrap_or_else(|| "Northwind Software".to_owned()),
            country: "US".to_owned(),
            base: self.base.clone(),
            id: id.clone(),
        });
        let now = self.clock.now();
        let space = |live: bool| {
            let mut space = Space::new(Arc::clone(&seller), live, self.outbox.clone());
            if new.customers > 0 && live == new.live {
                let calendar = Calendar { seed: new.seed, customers: new.customers, now };
                let prices = catalog::stock(&mut space, calendar.start());
                let seed = Seed::new(calendar, space.ids, live, Arc::clone(&seller), &prices);
                space.seed = Some(seed);
            }
            RwLock::new(space)
        };
        let account = Arc::new(Account { created: now - 40_000_000, test: space(false), live: space(true), seller });
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(id, Arc::clone(&account));
        account
    }

    /// Makes a key for an account.
    pub fn add_key(&self, key: Key) -> String {
        let mode = if key.live { "live" } else { "test" };
        let prefix = if key.permissions.is_some() { "rk" } else { "sk" };
        let text = format!("{prefix}_{mode}_51{}", self.letters(97));
        self.keys.add(text.clone(), key);
        text
    }

    /// Remembers a request.
    pub fn saw(&self, seen: Seen) {
        let mut log = lock(&self.log);
        if log.len() == LOG_LEN {
            log.pop_front();
        }
        log.push_back(seen);
    }

    /// The requests seen, of one account or of all.
    pub fn log(&self, account: Option<&str>) -> Vec<Seen> {
        let log = lock(&self.log);
        log.iter().filter(|seen| account.is_none() || seen.account.as_deref() == account).cloned().collect()
    }

    /// Milliseconds since the start.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
