//! A second factor at sign-in: a code of an authenticator app (TOTP, RFC 6238), or one of ten recovery codes. The app's secret
//! is sealed; no code works twice; wrong codes are slowed down like wrong passwords, and apart from them, so that knowing the
//! password gives no more tries.

use data_encoding::BASE32_NOPAD;
use secrecy::{ExposeSecret as _, SecretString};
use totp_rs::{Builder, Totp};

use super::{
    Error, Result, email, invalid, login,
    people_key::people_key,
    throttle::Subjects,
    trail::{self, Act, Origin},
};
use crate::{
    app::App,
    db::System,
    domain::ids::{UserId, base32, path_segment},
    store::{
        second_factors, sessions,
        users::{self, User},
    },
    vault::{PersonPlace, hash_token, random_bytes},
};

/// The field of the sealed secret, see [`PersonPlace`].
const FIELD: &str = "second_factors.sealed_secret";
/// Bytes of a secret, as the RFC advises.
const SECRET: usize = 20;
/// Digits of a code.
const DIGITS: usize = 6;
/// Recovery codes of a person.
const CODES: usize = 10;
/// Random bytes of a recovery code: too many to be found from its hash.
const CODE_BYTES: usize = 10;

/// A secret that waits for the app's first code.
#[derive(Debug)]
pub struct Enrolment {
    /// To be typed where no picture can be taken, in groups of four.
    pub typed: SecretString,
    /// What the picture says.
    pub url: SecretString,
}

/// What came of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right, and used up.
    Right,
    /// It is wrong, too old, or was used before.
    Wrong,
    /// It cannot be a code at all.
    Malformed,
}

/// Makes a new secret, unless one waits already.
///
/// # Errors
/// [`Error::Conflict`] when a second factor counts already.
pub async fn begin(app: &App, user: &User) -> Result<()> {
    let mut tx = app.db.system_write().await?;
    match second_factors::find(&mut tx, &user.id).await? {
        Some(known) if known.confirmed_at.is_some() => {
            return Err(Error::Conflict("Two-factor sign-in is on already."));
        }
        Some(_) => return Ok(()),
        None => {}
    }
    let secret = SecretString::from(BASE32_NOPAD.encode(&random_bytes::<SECRET>()));
    let sealed = people_key(app, &mut tx).await?.seal_for(&place(&user.id, 1), &secret)?;
    second_factors::begin(&mut tx, &user.id, (&sealed, 1), app.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// The secret that waits for the app's first code.
pub async fn waiting(app: &App, user: &User) -> Result<Option<Enrolment>> {
    let mut tx = app.db.system_write().await?;
    let known = second_factors::find(&mut tx, &user.id).await?;
    let Some(known) = known.filter(|known| known.confirmed_at.is_none()) else { return Ok(None) };
    let secret = people_key(app, &mut tx).await?.open_for(&place(&user.id, known.version), &known.sealed_secret)?;
    let text = secret.expose_secret();
    let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let label = path_segment(&user.email).into_owned();
    let url = format!("otpauth://totp/billfold:{label}?secret={text}&issuer=billfold");
    Ok(Some(Enrolment { typed: groups.join(" ").into(), url: url.into() }))
}

/// Makes the second factor count, once the app shows a right code. Every other session of the person ends. Answers the recovery
/// codes: this is the only time at which they can be shown.
///
/// # Errors
/// [`Error::Invalid`] for a wrong code, [`Error::Conflict`] when a second factor counts already, [`Error::Throttled`].
pub async fn confirm(app: &App, user: &User, code: &str, session: &str, origin: &Origin) -> Result<Vec<String>> {
    let now = app.clock.now();
    let subjects = Subjects::of_codes(&user.id, origin.address);
    let mut tx = app.db.system_write().await?;
    subjects.check(&mut tx, false, now).await?;
    let Some(step) = matching_step(app, &mut tx, &user.id, code).await? else {
        subjects.failed(&mut tx, now).await?;
        tx.commit().await?;
        return invalid("code", "This is not the code that the app shows now. Is the phone's clock right?");
    };
    if !second_factors::take_step(&mut tx, &user.id, step).await?
        || !second_factors::confirm(&mut tx, &user.id, now).await?
    {
        return Err(Error::Conflict("Two-factor sign-in is on already."));
    }
    let (codes, hashes) = new_codes(&user.id);
    second_factors::replace_codes(&mut tx, &user.id, &hashes).await?;
    sessions::delete_others(&mut tx, &user.id, session).await?;
    subjects.succeeded(&mut tx).await?;
    trail::note_act(app, tx, &user.id, &Act::own(&user.id, "person.two_factor_on", origin)).await?;
    Ok(codes)
}

/// Judges a code at sign-in. A right one is used up and lets the person in.
///
/// # Errors
/// [`Error::Throttled`] after too many wrong ones.
pub async fn judge(app: &App, user: &User, code: &str, origin: &Origin) -> Result<Verdict> {
    let code = code.trim().replace(' ', "").to_ascii_lowercase();
    let recovery = recovery_code(&code);
    let plain = code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit());
    if recovery.is_none() && !plain {
        return Ok(Verdict::Malformed);
    }
    let now = app.clock.now();
    let subjects = Subjects::of_codes(&user.id, origin.address);
    let mut tx = app.db.system_write().await?;
    subjects.check(&mut tx, false, now).await?;
    let right = match &recovery {
        Some(code) => second_factors::take_code(&mut tx, &user.id, &hash(&user.id, code)).await?,
        None => match matching_step(app, &mut tx, &user.id, &code).await? {
            Some(step) => second_factors::take_step(&mut tx, &user.id, step).await?,
            None => false,
        },
    };
    if !right {
        subjects.failed(&mut tx, now).await?;
        trail::note_act(app, tx, &user.id, &Act::own(&user.id, "person.code_refused", origin)).await?;
        return Ok(Verdict::Wrong);
    }
    subjects.succeeded(&mut tx).await?;
    if recovery.is_some() {
        trail::note_act(app, tx, &user.id, &Act::own(&user.id, "person.recovery_code_used", origin)).await?;
    } else {
        tx.commit().await?;
    }
    login::entered(app, &user.id, origin).await?;
    Ok(Verdict::Right)
}

/// Makes new recovery codes; those before open nothing any more.
///
/// # Errors
/// [`Error::Conflict`] without a second factor.
pub async fn renew_codes(app: &App, user: &User, origin: &Origin) -> Result<Vec<String>> {
    let mut tx = app.db.system_write().await?;
    let known = second_factors::find(&mut tx, &user.id).await?;
    if known.is_none_or(|known| known.confirmed_at.is_none()) {
        return Err(Error::Conflict("Two-factor sign-in is off."));
    }
    let (codes, hashes) = new_codes(&user.id);
    second_factors::replace_codes(&mut tx, &user.id, &hashes).await?;
    trail::note_act(app, tx, &user.id, &Act::own(&user.id, "person.recovery_codes_renewed", origin)).await?;
    Ok(codes)
}

/// Turns the second factor off, as the person.
pub async fn turn_off(app: &App, user: &UserId, origin: &Origin) -> Result<()> {
    let mut tx = app.db.system_write().await?;
    second_factors::remove(&mut tx, user).await?;
    Ok(trail::note_act(app, tx, user, &Act::own(user, "person.two_factor_off", origin)).await?)
}

/// Turns the second factor off in the operator's name, and ends every session of the person.
///
/// # Errors
/// [`Error::Invalid`] when nobody has the address, or the person has no second factor.
pub async fn turn_off_by_operator(app: &App, address: &str) -> Result<UserId> {
    let address = email::normalise(address)?;
    let mut tx = app.db.system_write().await?;
    let Some(user) = users::by_email(&mut tx, &address).await? else {
        return invalid("email", "Nobody has this e-mail address.");
    };
    if !second_factors::remove(&mut tx, &user.id).await? {
        return invalid("email", "This person has no second factor.");
    }
    users::end_sessions(&mut tx, &user.id).await?;
    trail::note_act(app, tx, &user.id, &Act::of_operator("person.two_factor_off")).await?;
    Ok(user.id)
}

fn place(user: &UserId, version: i64) -> PersonPlace<'_> {
    PersonPlace { user, field: FIELD, version }
}

/// The step whose code this is: the present one or a neighbour. None for a wrong code.
async fn matching_step(app: &App, tx: &mut impl System, user: &UserId, code: &str) -> Result<Option<i64>> {
    let Some(known) = second_factors::find(tx, user).await? else { return Ok(None) };
    let secret = people_key(app, tx).await?.open_for(&place(user, known.version), &known.sealed_secret)?;
    let now = u64::try_from(app.clock.now()).unwrap_or(0);
    let step = totp(&secret).and_then(|totp| totp.check(code, now));
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

fn totp(secret: &SecretString) -> Option<Totp> {
    let bytes = BASE32_NOPAD.decode(secret.expose_secret().as_bytes()).ok()?;
    Builder::new().with_secret(bytes).build().ok()
}

/// What an app with this secret shows at `now` (unix seconds); for the suite and the demo.
pub fn code_at(secret: &SecretString, now: i64) -> Option<String> {
    let plain: SecretString = secret.expose_secret().replace(' ', "").into();
    totp(&plain).map(|totp| totp.generate(u64::try_from(now).unwrap_or(0)).to_string())
}

/// New codes and what is stored of them.
fn new_codes(user: &UserId) -> (Vec<String>, Vec<String>) {
    let codes: Vec<String> = (0..CODES).map(|_| base32(&random_bytes::<CODE_BYTES>())).collect();
    let hashes = codes.iter().map(|code| hash(user, code)).collect();
    let shown = |code: &String| [&code[..4], &code[4..8], &code[8..12], &code[12..]].join("-");
    (codes.iter().map(shown).collect(), hashes)
}

fn hash(user: &UserId, code: &str) -> String {
    hash_token(&format!("{user}:{code}"))
}

/// What was typed as a recovery code, without its dashes; none when it cannot be one.
fn recovery_code(typed: &str) -> Option<String> {
    let code = typed.replace('-', "");
    let fits = code.len() == CODE_BYTES * 8 / 5 && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    fits.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::new_id;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, SHA-1, the last six digits
        let secret = SecretString::from(BASE32_NOPAD.encode(b"12345678901234567890"));
        for (at, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(code_at(&secret, at).as_deref(), Some(code));
        }
    }

    #[test]
    fn recovery_codes_are_typed_with_and_without_dashes() {
        let (codes, hashes) = new_codes(&new_id());
        assert_eq!((codes.len(), hashes.len()), (CODES, CODES));
        for code in &codes {
            let plain = recovery_code(code).expect("a code");
            assert_eq!(recovery_code(&plain).as_deref(), Some(plain.as_str()));
        }
        for wrong in ["", "123456", "aaaa-bbbb-cccc", "aaaa-bbbb-cccc-ddd1", "aaaa-bbbb-cccc-dddd-eeee"] {
            assert_eq!(recovery_code(wrong), None, "{wrong}");
        }
    }
}
