//! Slows down guessing without locking anybody out for good: a lock is a gift to whoever wants to annoy.
//!
//! After five failures an account waits 1, 2, 4 … up to 900 seconds between tries, which is under 100 tries an hour. One
//! address may fail 20 times a minute over all accounts.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use super::{Error, Result};
use crate::{
    db::System,
    domain::ids::UserId,
    store::login_failures::{self, Failures},
};

/// Failures of an account before it has to wait.
const FREE_FAILURES: i64 = 5;
/// Longest wait of an account, seconds.
const LONGEST_WAIT: i64 = 900;
/// Failures of an address per minute.
const ADDRESS_FAILURES: i64 = 20;
/// Seconds.
const MINUTE: i64 = 60;
/// Seconds after which a failure is forgotten.
pub const MEMORY: i64 = 24 * 60 * 60;

/// Who is trying, as stored: hashed, because a mistyped e-mail address is often half a password.
#[derive(Clone, Debug)]
pub struct Subjects {
    account: String,
    address: String,
}

impl Subjects {
    /// `address` is a network that one client holds, see `web::rate_limit::network`.
    pub fn new(email: &str, address: IpAddr) -> Self {
        let hashed = |text: String| hex::encode(Sha256::digest(text));
        Self { account: hashed(format!("account:{email}")), address: hashed(format!("ip:{address}")) }
    }

    /// Wishes for a new password, counted apart from logins: neither slows the other down.
    pub fn of_resets(email: &str, address: IpAddr) -> Self {
        let hashed = |text: String| hex::encode(Sha256::digest(text));
        Self { account: hashed(format!("reset:{email}")), address: hashed(format!("reset-ip:{address}")) }
    }

    /// Codes of a second factor, counted apart from passwords: a right password must not give new tries.
    pub fn of_codes(user: &UserId, address: IpAddr) -> Self {
        let hashed = |text: String| hex::encode(Sha256::digest(text));
        Self { account: hashed(format!("code:{user}")), address: hashed(format!("code-ip:{address}")) }
    }

    /// Lets a try pass or names the seconds to wait. A known device is spared the account's wait, never the address's.
    pub async fn check(&self, tx: &mut impl System, known_device: bool, now: i64) -> Result<()> {
        let account = if known_device { None } else { login_failures::of(tx, &self.account).await? };
        let address = login_failures::of(tx, &self.address).await?;
        let until = [account, address].into_iter().flatten().map(|failures| failures.blocked_until).max();
        match until {
            Some(until) if until > now => Err(Error::Throttled { retry_after: until - now }),
            _ => Ok(()),
        }
    }

    /// Counts a failure.
    pub async fn failed(&self, tx: &mut impl System, now: i64) -> Result<()> {
        login_failures::delete_before(tx, now - MEMORY).await?;
        let account = login_failures::of(tx, &self.account).await?;
        login_failures::put(tx, &self.account, &after_account_failure(account, now)).await?;
        let address = login_failures::of(tx, &self.address).await?;
        login_failures::put(tx, &self.address, &after_address_failure(address, now)).await?;
        Ok(())
    }

    /// Forgets the account's failures; those of the address stay.
    pub async fn succeeded(&self, tx: &mut impl System) -> Result<()> {
        Ok(login_failures::clear(tx, &self.account).await?)
    }
}

fn after_account_failure(before: Option<Failures>, now: i64) -> Failures {
    let failures = before.map_or(0, |before| before.failures) + 1;
    let beyond = failures - FREE_FAILURES;
    let wait =
        if beyond < 0 { 0 } else { 1_i64.checked_shl(u32::try_from(beyond).unwrap_or(63)).unwrap_or(LONGEST_WAIT) };
    let wait = if beyond >= 10 { LONGEST_WAIT } else { wait.min(LONGEST_WAIT) };
    Failures { failures, first_at: now, blocked_until: now + wait }
}

fn after_address_failure(before: Option<Failures>, now: i64) -> Failures {
    let current = before.filter(|before| before.first_at > now - MINUTE);
    let failures = current.map_or(0, |before| before.failures) + 1;
    let first_at = current.map_or(now, |before| before.first_at);
    let blocked_until = if failures >= ADDRESS_FAILURES { first_at + MINUTE } else { 0 };
    Failures { failures, first_at, blocked_until }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_waits_longer_each_time_but_never_for_ever() {
        let mut now = 1_000_000;
        let (mut state, mut waits) = (None, Vec::new());
        for _ in 0..20 {
            let after = after_account_failure(state, now);
            waits.push(after.blocked_until - now);
            now = after.blocked_until;
            state = Some(after);
        }
        assert_eq!(waits[..8], [0, 0, 0, 0, 1, 2, 4, 8]);
        assert!(waits[15..].iter().all(|wait| *wait == LONGEST_WAIT));
    }

    #[test]
    fn under_a_hundred_tries_an_hour() {
        let (mut now, mut tries, mut state) = (0, 0, None);
        while now < 3_600 {
            let after = after_account_failure(state, now);
            now = after.blocked_until.max(now + 1);
            state = Some(after);
            tries += 1;
        }
        assert!(tries < 100, "{tries}");
    }

    #[test]
    fn an_address_has_twenty_failures_a_minute() {
        let mut state = None;
        for _ in 0..19 {
            state = Some(after_address_failure(state, 100));
            assert_eq!(state.map(|state| state.blocked_until), Some(0));
        }
        let blocked = after_address_failure(state, 110);
        assert_eq!(blocked.blocked_until, 160);
        assert_eq!(after_address_failure(Some(blocked), 160).failures, 1);
    }
}
