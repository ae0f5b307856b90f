//! Lists: newest first, by cursor, over the seed's ordered lanes and what was made since.

use std::ops::Range;

use super::errors::{ApiError, invalid_param, no_such_param};
use super::form::{Form, Node};
use super::kind::Kind;
use super::space::{Key, Space};
use super::versions::Version;

/// Which page of a list is wanted.
#[derive(Clone, Debug)]
pub struct Page {
    /// 1 to 100.
    pub limit: usize,
    /// Keys on the page, the end excluded.
    pub keys: Range<Key>,
    /// From the old end, for `ending_before`.
    pub ascending: bool,
}

/// Parameters every list takes.
pub const PARAMS: [&str; 4] = ["limit", "starting_after", "ending_before", "expand"];

impl Page {
    /// Everything.
    pub fn all() -> Self {
        Self { limit: usize::MAX - 1, keys: (i64::MIN, 0)..(i64::MAX, u64::MAX), ascending: false }
    }

    /// The page a request asks for; `key_of` finds the key of a cursor.
    pub fn read(form: &Form, what: &str, key_of: impl Fn(&str) -> Option<Key>) -> Result<Self, ApiError> {
        let mut page = Self::all();
        page.limit = limit(form)?;
        page.keys = created(form)?;
        let (after, before) = (form.text("starting_after")?, form.text("ending_before")?);
        if after.is_some() && before.is_some() {
            return Err(invalid_param(
                "ending_before",
                "You cannot parameterize both starting_after and ending_before.",
            ));
        }
        if let Some(id) = after {
            let key = key_of(id).ok_or_else(|| no_such_param(what, id, "starting_after"))?;
            page.keys.end = page.keys.end.min(key);
        }
        if let Some(id) = before {
            let (created, n) = key_of(id).ok_or_else(|| no_such_param(what, id, "ending_before"))?;
            page.keys.start = page.keys.start.max((created, n + 1));
            page.ascending = true;
        }
        Ok(page)
    }

    /// Takes a page from keys that come in the page's direction; newest first either way.
    pub fn take(&self, keys: impl Iterator<Item = Key>) -> (Vec<u64>, bool) {
        let mut numbers: Vec<u64> = keys.take(self.limit.saturating_add(1)).map(|key| key.1).collect();
        let more = numbers.len() > self.limit;
        numbers.truncate(self.limit);
        if self.ascending {
            numbers.reverse();
        }
        (numbers, more)
    }

    /// Takes a page from a few keys in any order.
    pub fn sort_and_take(&self, mut keys: Vec<Key>) -> (Vec<u64>, bool) {
        keys.retain(|key| self.keys.contains(key));
        keys.sort_unstable();
        if !self.ascending {
            keys.reverse();
        }
        self.take(keys.into_iter())
    }
}

fn limit(form: &Form) -> Result<usize, ApiError> {
    match form.int("limit")? {
        None => Ok(10),
        Some(limit @ 1..=100) => Ok(usize::try_from(limit).unwrap_or(10)),
        Some(limit) if limit > 100 => {
            Err(invalid_param("limit", "Invalid integer: must be at most 100").code("parameter_invalid_integer"))
        }
        Some(_) => Err(invalid_param("limit", "Invalid integer: must be at least 1").code("parameter_invalid_integer")),
    }
}

/// `created=…` and `created[gt|gte|lt|lte]=…` as a range of keys.
fn created(form: &Form) -> Result<Range<Key>, ApiError> {
    let mut keys = Page::all().keys;
    match form.get("created") {
        None => {}
        Some(Node::Text(_)) => {
            let at = form.int("created")?.unwrap_or(0);
            keys = (at, 0)..(at.saturating_add(1), 0);
        }
        Some(Node::Parts(bounds)) => {
            bounds.only(&["gt", "gte", "lt", "lte"])?;
            for (name, start, plus) in [("gt", true, 1), ("gte", true, 0), ("lt", false, 0), ("lte", false, 1)] {
                match bounds.int(name)? {
                    Some(at) if start => keys.start = keys.start.max((at.saturating_add(plus), 0)),
                    Some(at) => keys.end = keys.end.min((at.saturating_add(plus), 0)),
                    None => {}
                }
            }
        }
    }
    Ok(keys)
}

/// The part of one ordered lane that is still to come.
struct Lane {
    kind: Kind,
    index: u64,
    places: Range<u64>,
}

impl Lane {
    fn new(space: &Space, kind: Kind, lane: u64, keys: &Range<Key>) -> Option<Self> {
        let seed = space.seed.as_ref()?;
        let len = seed.lane_len(kind);
        let find = |key: Key| {
            let (mut low, mut high) = (0, len);
            while low < high {
                let middle = low + (high - low) / 2;
                if seed.place(kind, lane, middle) < key {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        };
        Some(Self { kind, index: lane, places: find(keys.start)..find(keys.end) })
    }

    fn next(&mut self, space: &Space, ascending: bool) -> Option<Key> {
        let seed = space.seed.as_ref()?;
        loop {
            let at = if ascending { self.places.next() } else { self.places.next_back() }?;
            let key = seed.place(self.kind, self.index, at);
            if seed.exists(self.kind, key.1) {
                return Some(key);
            }
        }
    }
}

/// Every key of a kind within a range, in order, deleted objects left out.
pub fn keys(space: &Space, kind: Kind, page: &Page) -> impl Iterator<Item = Key> {
    all_keys(space, kind, page).filter(move |key| !space.is_deleted(kind, key.1))
}

/// Every key of a kind within a range, in order, deleted objects included.
pub fn all_keys(space: &Space, kind: Kind, page: &Page) -> impl Iterator<Item = Key> {
    let lanes = space.seed.as_ref().map_or(0, |seed| seed.lanes(kind));
    let ascending = page.ascending;
    let mut lanes: Vec<Lane> = (0..lanes).filter_map(|lane| Lane::new(space, kind, lane, &page.keys)).collect();
    let mut heads: Vec<Option<Key>> = lanes.iter_mut().map(|lane| lane.next(space, ascending)).collect();
    let range = if page.keys.start < page.keys.end { page.keys.clone() } else { page.keys.end..page.keys.end };
    let mut made = space.made(kind).range(range);
    let mut next_made = move || if ascending { made.next() } else { made.next_back() }.copied();
    heads.push(next_made());
    std::iter::from_fn(move || {
        let found = heads.iter().enumerate().filter_map(|(i, head)| Some((head.as_ref()?, i)));
        let (_, i) = if ascending { found.min() } else { found.max() }?;
        let key = heads[i];
        heads[i] = match lanes.get_mut(i) {
            Some(lane) => lane.next(space, ascending),
            None => next_made(),
        };
        key
    })
}

/// The body of a list of objects.
pub fn body(space: &Space, kind: Kind, numbers: &[u64], more: bool, url: &str, version: Version) -> Vec<u8> {
    let mut out = Vec::with_capacity(numbers.len() * 2048 + 128);
    out.extend_from_slice(b"{\"object\":\"list\",\"data\":[");
    let mut first = true;
    for n in numbers {
        let before = out.len();
        if !first {
            out.push(b',');
        }
        if space.write(kind, *n, version, &mut out) {
            first = false;
        } else {
            out.truncate(before);
        }
    }
    close(&mut out, more, url);
    out
}

/// The body of a list of values.
pub fn body_of(rows: &[Vec<u8>], more: bool, url: &str) -> Vec<u8> {
    let mut out = b"{\"object\":\"list\",\"data\":[".to_vec();
    out.extend_from_slice(&rows.join(&b','));
    close(&mut out, more, url);
    out
}

fn close(out: &mut Vec<u8>, more: bool, url: &str) {
    out.extend_from_slice(format!("],\"has_more\":{more},\"url\":\"{url}\"}}").as_bytes());
}
