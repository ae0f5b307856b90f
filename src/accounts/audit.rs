//! Whether a tenant's audit log is as it was written.

use std::fmt;

use super::Result;
use crate::{
    app::{
        App,
        audit::{detail_fits, is_genuine, is_head_genuine},
    },
    domain::ids::TenantId,
    store::audit_log::{
        self, Head,
        list::{self, Stored},
    },
    vault::ChainKey,
};

/// Entries read at once.
const PAGE: i64 = 1_000;

/// What a check of a chain has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry is where it was written, as it was written.
    Intact {
        /// How many entries there are.
        entries: i64,
        /// How many of them are older than the chain, so that nothing proves them.
        unproven: i64,
        /// The newest entry, as it can be noted elsewhere.
        head: Anchor,
    },
    /// Something was done to it.
    Broken {
        /// The number of the first bad entry.
        seq: i64,
        /// What was done.
        how: Tampering,
    },
}

/// What was done to a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    /// What the entry says is not what was written.
    Changed,
    /// The entry is gone, and others follow.
    Removed,
    /// The entry stood elsewhere.
    Moved,
    /// The entry was put between two others.
    Added,
    /// This entry and all after it were made anew by somebody who does not have the key.
    Rewritten,
    /// The entry and all after it are gone.
    CutOff,
    /// Nobody but billfold can say which entry is the newest, and this one is not it.
    HeadMoved,
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "was changed after it was written",
            Self::Removed => "was removed",
            Self::Moved => "does not stand where it was written",
            Self::Added => "was put in later",
            Self::Rewritten => "and what follows was not written by billfold",
            Self::CutOff => "and what followed it was cut off",
            Self::HeadMoved => "is not the newest: the record of the newest entry was changed",
        })
    }
}

/// The newest entry at some time, noted outside of the database: what a chain cannot prove by itself is that its end, together with
/// the record of its end, was not put back to an older state. Written as `number:code`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The entry's number.
    pub seq: i64,
    /// The entry's code.
    pub mac: String,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.mac)
    }
}

impl std::str::FromStr for Anchor {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let parsed = text.split_once(':').and_then(|(seq, mac)| Some((seq.parse().ok()?, mac)));
        let (seq, mac) = parsed.ok_or("an anchor looks like 120:0f3c…, as `billfold audit verify` prints it")?;
        Ok(Self { seq, mac: mac.to_owned() })
    }
}

/// Reads a tenant's whole log and checks each entry, the order and the end; with an anchor also that the entry which was the newest
/// then is still there. Holds a page of it in memory at a time.
///
/// # Errors
/// The database's; the tenant's data key does not open.
pub async fn verify(app: &App, tenant: &TenantId, anchor: Option<&Anchor>) -> Result<Verdict> {
    let mut tx = app.db.read(tenant).await?; // one consistent picture, however long it takes
    let chain = app.chain_key(&mut tx).await?;
    let head = audit_log::head(&mut tx).await?;
    let mut walk = Walk { chain, anchor, seq: 0, mac: String::new(), unproven: 0 };
    let mut waiting: Option<Stored> = None;
    loop {
        let after = walk.seq + i64::from(waiting.is_some());
        let page = list::after(&mut tx, after, PAGE).await?;
        let last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        for entry in page {
            if let Some(before) = waiting.replace(entry)
                && let Err(broken) = walk.step(&before, waiting.as_ref())
            {
                return Ok(broken);
            }
        }
        if last {
            break;
        }
    }
    if let Some(entry) = waiting
        && let Err(broken) = walk.step(&entry, None)
    {
        return Ok(broken);
    }
    Ok(walk.end(&head))
}

/// How far a check has come.
struct Walk<'a> {
    chain: ChainKey,
    anchor: Option<&'a Anchor>,
    seq: i64,
    mac: String,
    unproven: i64,
}

impl Walk<'_> {
    /// Checks one entry, with the one after it to tell one kind of tampering from another.
    fn step(&mut self, entry: &Stored, next: Option<&Stored>) -> Result<(), Verdict> {
        let expected = self.seq + 1;
        let broken = |how| Err(Verdict::Broken { seq: expected, how });
        if entry.seq != expected {
            return broken(Tampering::Removed);
        }
        let is_older_than_chain = entry.mac.is_empty() && entry.prev.is_empty() && self.mac.is_empty();
        if is_older_than_chain {
            self.unproven += 1;
        } else {
            let genuine = is_genuine(&self.chain, entry);
            if entry.prev != self.mac {
                return broken(if genuine { Tampering::Moved } else { Tampering::Added });
            }
            if !genuine {
                return broken(match next {
                    Some(next) if next.prev == entry.prev => Tampering::Added,
                    Some(next) if next.prev == entry.mac && !is_genuine(&self.chain, next) => Tampering::Rewritten,
                    _ => Tampering::Changed,
                });
            }
            if !detail_fits(entry) {
                return broken(Tampering::Changed);
            }
        }
        if let Some(anchor) = self.anchor
            && anchor.seq == entry.seq
            && anchor.mac != entry.mac
        {
            return broken(Tampering::Rewritten);
        }
        self.seq = entry.seq;
        self.mac.clone_from(&entry.mac);
        Ok(())
    }

    fn end(self, head: &Head) -> Verdict {
        let (seq, mac) = (self.seq, self.mac);
        let newest = head.seq.max(self.anchor.map_or(0, |anchor| anchor.seq));
        if !is_head_genuine(&self.chain, head) || head.seq < seq || (head.seq == seq && head.mac != mac) {
            return Verdict::Broken { seq: head.seq, how: Tampering::HeadMoved };
        }
        if seq < newest {
            return Verdict::Broken { seq: seq + 1, how: Tampering::CutOff };
        }
        Verdict::Intact { entries: seq, unproven: self.unproven, head: Anchor { seq, mac } }
    }
}
