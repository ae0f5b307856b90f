//! One account in one mode: the seed, what was changed over it, and what was made since.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::deliveries::Job;
use super::events::Event;
use super::ids::Ids;
use super::kind::{KINDS, Kind};
use super::objects::checkout::Terms;
use super::objects::invoice::Seller;
use super::objects::usage::Usage;
use super::seed::Seed;
use super::versions::{self, Version};

/// Numbers from here on belong to objects made after the seed.
const FIRST_NEW: u64 = 1 << 48;
/// A sub-list inside an object shows so many rows.
pub const ROWS: usize = 10;

/// The order of lists: creation time, then number.
pub type Key = (i64, u64);

#[derive(Debug)]
struct Entry {
    created: i64,
    doc: Arc<Value>,
    deleted: bool,
}

/// What was changed or made, of one kind.
#[derive(Debug, Default)]
struct Shelf {
    docs: BTreeMap<u64, Entry>,
    made: BTreeSet<Key>,
    /// The same numbers in the order of making, to pick one by chance.
    made_list: Vec<u64>,
}

/// A signing secret, valid until a time when it is being replaced.
#[derive(Clone, Debug)]
pub struct Secret {
    /// `whsec_…`
    pub value: String,
    /// Unix seconds; none for the current one.
    pub expires: Option<i64>,
}

/// One account in one mode.
#[derive(Debug)]
pub struct Space {
    /// Whose it is.
    pub account: Arc<Seller>,
    /// Live or test.
    pub live: bool,
    /// Its identifiers.
    pub ids: Ids,
    /// Its past, if it was seeded.
    pub seed: Option<Seed>,
    /// Everything that happened, oldest first.
    pub events: BTreeMap<Key, Arc<Event>>,
    /// The creation time of events by number.
    pub event_times: HashMap<u64, i64>,
    /// Signing secrets by endpoint number.
    pub secrets: HashMap<u64, Vec<Secret>>,
    /// The version of events that no endpoint asked for.
    pub default_version: Version,
    /// The latest charge by the number of its payment intent, which for an invoice is the number of the invoice.
    pub charge_of: HashMap<u64, u64>,
    /// What was reported, by meter and customer.
    pub usage: HashMap<(String, String), Vec<Usage>>,
    /// When each report was made, by its name, for as long as the name may not be used again.
    pub reported: HashMap<String, i64>,
    /// What is behind each checkout session, by number.
    pub checkouts: HashMap<u64, Terms>,
    /// Coupons that were deleted; what was given of them stays.
    pub gone_coupons: HashMap<String, Value>,
    /// Payment methods that were taken from their customer and cannot be used again.
    pub detached: HashSet<String>,
    /// Subscription numbers by item number, for items made since the seed.
    pub item_owner: HashMap<u64, u64>,
    shelves: [Shelf; KINDS],
    next: u64,
    named: HashMap<(Kind, String), u64>,
    outbox: UnboundedSender<Job>,
    under_way: Arc<()>,
}

impl Space {
    /// An empty account in one mode, whose deliveries go to `outbox`.
    pub fn new(account: Arc<Seller>, live: bool, outbox: UnboundedSender<Job>) -> Self {
        Self {
            ids: Ids::new(&account.id, live),
            account,
            live,
            seed: None,
            events: BTreeMap::new(),
            event_times: HashMap::new(),
            secrets: HashMap::new(),
            default_version: versions::DEFAULT,
            charge_of: HashMap::new(),
            usage: HashMap::new(),
            reported: HashMap::new(),
            checkouts: HashMap::new(),
            gone_coupons: HashMap::new(),
            detached: HashSet::new(),
            item_owner: HashMap::new(),
            shelves: Default::default(),
            next: FIRST_NEW,
            named: HashMap::new(),
            outbox,
            under_way: Arc::default(),
        }
    }

    /// The number and identifier of the next object.
    pub fn reserve(&mut self, kind: Kind) -> (u64, String) {
        let n = self.next;
        self.next += 1;
        (n, self.ids.id(kind, n))
    }

    /// Puts a new object on its shelf.
    pub fn insert(&mut self, kind: Kind, n: u64, created: i64, doc: Value) {
        if let Some(id) = doc["id"].as_str().filter(|id| self.ids.number(kind, id) != Some(n)) {
            self.named.insert((kind, id.to_owned()), n);
        }
        let rack = &mut self.shelves[kind as usize];
        rack.made.insert((created, n));
        rack.made_list.push(n);
        rack.docs.insert(n, Entry { created, doc: Arc::new(doc), deleted: false });
    }

    /// The number behind an identifier of an object that exists or existed.
    pub fn find(&self, kind: Kind, id: &str) -> Option<u64> {
        if let Some(n) = self.named.get(&(kind, id.to_owned())) {
            return Some(*n);
        }
        let n = self.ids.number(kind, id)?;
        self.created(kind, n).map(|_| n)
    }

    /// The number behind an identifier of an object that exists.
    pub fn find_alive(&self, kind: Kind, id: &str) -> Option<u64> {
        self.find(kind, id).filter(|n| !self.is_deleted(kind, *n))
    }

    /// When object `n` was created, deleted or not.
    pub fn created(&self, kind: Kind, n: u64) -> Option<i64> {
        match self.shelves[kind as usize].docs.get(&n) {
            Some(entry) => Some(entry.created),
            None => self.seed.as_ref()?.created(kind, n),
        }
    }

    /// Whether object `n` was deleted.
    pub fn is_deleted(&self, kind: Kind, n: u64) -> bool {
        self.shelves[kind as usize].docs.get(&n).is_some_and(|entry| entry.deleted)
    }

    /// Object `n` with everything in it, in the current shape; nothing when it does not exist.
    pub fn value(&self, kind: Kind, n: u64) -> Option<Value> {
        if let Some(entry) = self.shelves[kind as usize].docs.get(&n) {
            return (!entry.deleted).then(|| (*entry.doc).clone());
        }
        let mut out = Vec::with_capacity(4096);
        self.seed.as_ref()?.write(kind, n, usize::MAX, &mut out).then(|| serde_json::from_slice(&out).ok())?
    }

    /// Replaces object `n`.
    pub fn replace(&mut self, kind: Kind, n: u64, doc: Value) {
        if let Some(created) = self.created(kind, n) {
            let entry = Entry { created, doc: Arc::new(doc), deleted: false };
            self.shelves[kind as usize].docs.insert(n, entry);
        }
    }

    /// Deletes object `n` and returns what it was.
    pub fn remove(&mut self, kind: Kind, n: u64) -> Option<Value> {
        let last = self.value(kind, n)?;
        let created = self.created(kind, n)?;
        let entry = Entry { created, doc: Arc::new(last.clone()), deleted: true };
        self.shelves[kind as usize].docs.insert(n, entry);
        Some(last)
    }

    /// Appends object `n` as an answer in `version` shows it; false when there is no such object.
    pub fn write(&self, kind: Kind, n: u64, version: Version, out: &mut Vec<u8>) -> bool {
        let changed = self.shelves[kind as usize].docs.get(&n);
        if changed.is_none() && !version.is_old() {
            return self.seed.as_ref().is_some_and(|seed| seed.write(kind, n, ROWS, out));
        }
        if changed.is_some_and(|entry| entry.deleted) {
            return false;
        }
        let Some(value) = self.value(kind, n) else {
            return false;
        };
        let shown = versions::present(self, kind, value, version);
        // Writing to memory cannot fail.
        serde_json::to_writer(out, &shown).is_ok()
    }

    /// A top-level text of object `n`, for filters.
    pub fn attribute(&self, kind: Kind, n: u64, name: &str) -> Option<String> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        if let Some(entry) = self.shelves[kind as usize].docs.get(&n) {
            return text(&entry.doc[name]);
        }
        let seeded = self.seed.as_ref()?.attribute(kind, n, name);
        seeded.or_else(|| text(&self.value(kind, n)?[name]))
    }

    /// The keys of objects made since the seed, deleted ones included.
    pub fn made(&self, kind: Kind) -> &BTreeSet<Key> {
        &self.shelves[kind as usize].made
    }

    /// The numbers of objects made since the seed, in the order of making, deleted ones included.
    pub fn made_list(&self, kind: Kind) -> &[u64] {
        &self.shelves[kind as usize].made_list
    }

    /// The objects made since the seed whose `field` is `id`, and that exist.
    pub fn made_with(&self, kind: Kind, matches: impl Fn(&Value) -> bool) -> Vec<u64> {
        let rack = &self.shelves[kind as usize];
        rack.made
            .iter()
            .filter_map(|(_, n)| Some((*n, rack.docs.get(n)?)))
            .filter(|(_, entry)| !entry.deleted && matches(&entry.doc))
            .map(|(n, _)| n)
            .collect()
    }

    /// A mark that each delivery carries until it is made or given up.
    pub fn delivery_mark(&self) -> Arc<()> {
        Arc::clone(&self.under_way)
    }

    /// Deliveries that are neither made nor given up.
    pub fn deliveries_under_way(&self) -> usize {
        Arc::strong_count(&self.under_way) - 1
    }

    /// Hands a delivery to the task that makes it.
    pub fn dispatch(&self, job: Job) {
        // The receiver is gone only when the stand-in stops.
        let _ = self.outbox.send(job);
    }
}
