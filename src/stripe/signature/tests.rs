//! The rows B1–B12 of the intake, and any header at all.

use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use secrecy::SecretString;
use sha2::Sha256;

use super::{Refusal, TOLERANCE, verify};

const NOW: i64 = 1_800_000_000;
const BODY: &[u8] = br#"{"id":"evt_1"}"#;

fn sign(secret: &str, time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

fn check(header: &str) -> Result<i64, Refusal> {
    let secrets = ["whsec_one", "whsec_two"].map(SecretString::from);
    verify(&secrets, header.as_bytes(), BODY, NOW)
}

#[test]
fn any_of_our_secrets_and_any_v1_counts() {
    let time = NOW.to_string();
    for secret in ["whsec_one", "whsec_two"] {
        let good = sign(secret, &time, BODY);
        let other = sign("whsec_other", &time, BODY);
        for header in [
            format!("t={time},v1={good}"),
            format!("t={time},v1=bad,v1={good},v0={other}"),
            format!("t={time},v1={good},v1={other}"),
            format!("v1={good},t={time}"),
        ] {
            assert_eq!(check(&header), Ok(NOW), "{header}");
        }
    }
}

#[test]
fn malformed_headers_are_refused() {
    let good = sign("whsec_one", &NOW.to_string(), BODY);
    assert_eq!(check(""), Err(Refusal::Malformed));
    let many = format!("t={NOW}{}", format!(",v1={good}").repeat(9));
    let commas = ",".repeat(8_000);
    for header in [
        "t=".to_owned(),
        format!("v1={good}"),
        format!("t={NOW}"),
        format!("t={NOW},v0={good}"),
        format!("t={NOW},v1={good},nonsense"),
        format!("t={NOW},t={NOW},v1={good}"),
        format!("t= {NOW},v1={good}"),
        format!("t=+{NOW},v1={good}"),
        format!("t=1e9,v1={good}"),
        format!("t=-9223372036854775808,v1={good}"),
        format!("t=99999999999999999999,v1={good}"),
        many,
        commas,
    ] {
        assert_eq!(check(&header), Err(Refusal::Malformed), "{header}");
    }
}

#[test]
fn a_header_has_a_length() {
    let good = sign("whsec_one", &NOW.to_string(), BODY);
    let header = format!("t={NOW},v1={good},v0=");
    let fill = |length: usize| format!("{header}{}", "x".repeat(length - header.len()));
    assert_eq!((check(&fill(2_048)), check(&fill(2_049))), (Ok(NOW), Err(Refusal::Malformed)));
}

#[test]
fn a_refusal_has_a_code_of_its_own() {
    let all = [Refusal::Missing, Refusal::Malformed, Refusal::Invalid, Refusal::OutOfTolerance, Refusal::NotReady];
    assert_eq!(
        all.map(Refusal::code),
        [
            "signature_missing",
            "signature_malformed",
            "signature_invalid",
            "timestamp_out_of_tolerance",
            "endpoint_not_ready"
        ]
    );
}

#[test]
fn foreign_signatures_and_changed_bodies_are_refused() {
    let time = NOW.to_string();
    assert_eq!(check(&format!("t={time},v1={}", sign("whsec_other", &time, BODY))), Err(Refusal::Invalid));
    assert_eq!(check(&format!("t={time},v1={}", sign("whsec_one", &time, b"{}"))), Err(Refusal::Invalid));
    assert_eq!(check(&format!("t={time},v1={}", "0".repeat(64))), Err(Refusal::Invalid));
    assert_eq!(check(&format!("t={time},v1=bad")), Err(Refusal::Invalid));
}

#[test]
fn the_time_must_be_near() {
    for (offset, good) in
        [(0, true), (TOLERANCE, true), (-TOLERANCE, true), (TOLERANCE + 1, false), (-TOLERANCE - 1, false)]
    {
        let time = (NOW + offset).to_string();
        let answer = check(&format!("t={time},v1={}", sign("whsec_one", &time, BODY)));
        assert_eq!(answer, if good { Ok(NOW + offset) } else { Err(Refusal::OutOfTolerance) }, "{offset}");
    }
    let far = i64::MAX.to_string();
    assert_eq!(check(&format!("t={far},v1={}", sign("whsec_one", &far, BODY))), Err(Refusal::OutOfTolerance));
}

#[test]
fn without_a_secret_nothing_is_accepted() {
    let time = NOW.to_string();
    let header = format!("t={time},v1={}", sign("", &time, BODY));
    assert_eq!(verify(&[], header.as_bytes(), BODY, NOW), Err(Refusal::NotReady));
    assert_eq!(verify(&[SecretString::from("")], header.as_bytes(), BODY, NOW), Err(Refusal::NotReady));
}

proptest! {
    #[test]
    fn no_header_panics_and_none_is_accepted_by_chance(header in proptest::collection::vec(any::<u8>(), 0..200)) {
        let secrets = [SecretString::from("whsec_one")];
        prop_assert!(verify(&secrets, &header, BODY, NOW).is_err());
    }

    #[test]
    fn whatever_is_signed_is_accepted(body in proptest::collection::vec(any::<u8>(), 0..500), offset in -TOLERANCE..=TOLERANCE) {
        let time = (NOW + offset).to_string();
        let header = format!("t={time},v1={}", sign("whsec_one", &time, &body));
        prop_assert_eq!(verify(&[SecretString::from("whsec_one")], header.as_bytes(), &body, NOW), Ok(NOW + offset));
    }

    #[test]
    fn header_like_text_never_panics(time in "[-+ 0-9e]{0,22}", signature in "[0-9a-fg]{0,66}", tail in "[,=tv01]{0,20}") {
        let header = format!("t={time},v1={signature}{tail}");
        prop_assert!(check(&header).is_err());
    }
}
