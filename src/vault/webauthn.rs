//! What a browser says about a passkey (Web Authentication, level 3), judged. Nobody vouches for the authenticator: it is the
//! person's own, so an attestation would say nothing that we act on. The signature is checked by ring, which TLS uses as well.
//!
//! The crates for this either need OpenSSL (`webauthn-rs`) or a crate of RSA with an open advisory (`webauthn_rp`); what is left to
//! do for passkeys without attestation is this page.

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::constant_time_eq;

/// A finger, a face or a PIN: the person was there.
const PRESENT: u8 = 0x01;
/// And was recognised.
const VERIFIED: u8 = 0x04;
/// A new credential is described.
const ATTESTED: u8 = 0x40;
/// Hash of the site, flags, counter.
const HEAD: usize = 32 + 1 + 4;
/// Longest name of a credential, bytes.
const LONGEST_ID: usize = 1023;

/// The site that passkeys are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The host name.
    pub id: String,
    /// Scheme, host and port, as the browser says them.
    pub origin: String,
}

impl Party {
    /// The site at a public address. None for a bare network address: browsers want a name. This very machine has one.
    pub fn of(public_url: &str) -> Option<Self> {
        let (scheme, rest) = public_url.split_once("://")?;
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, format!(":{port}")),
            _ => (rest, String::new()),
        };
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        let id = match host.parse::<std::net::IpAddr>() {
            Ok(address) if address.is_loopback() => "localhost".to_owned(),
            Ok(_) => return None,
            Err(_) => host,
        };
        Some(Self { origin: format!("{scheme}://{id}{port}"), id })
    }
}

/// Why what a browser says is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    /// It cannot be read.
    #[error("it cannot be read")]
    Malformed,
    /// It answers another question, or one that was asked elsewhere.
    #[error("it is for another page or moment")]
    Misplaced,
    /// Nobody has unlocked the authenticator.
    #[error("the person was not recognised")]
    Unverified,
    /// The key is of a kind that is not taken.
    #[error("keys of this kind are not taken")]
    Kind,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
}

/// What a browser says, as bytes.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The client data, JSON.
    pub client_data: &'a [u8],
    /// The authenticator data.
    pub authenticator_data: &'a [u8],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// Judges a new passkey: `credential` is its name, `public_key` a `SubjectPublicKeyInfo`. Answers its counter.
///
/// # Errors
/// Why it is not believed.
pub fn registered(
    party: &Party,
    challenge: &str,
    statement: &Statement<'_>,
    (credential, public_key): (&[u8], &[u8]),
) -> Result<u32, Disbelief> {
    let (flags, counter) = believe(party, challenge, statement, "webauthn.create")?;
    let rest = &statement.authenticator_data[HEAD..];
    let length = rest.get(16..18).ok_or(Disbelief::Malformed)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let named = rest.get(18..18 + length).ok_or(Disbelief::Malformed)?;
    if flags & ATTESTED == 0 || length == 0 || length > LONGEST_ID || named != credential {
        return Err(Disbelief::Malformed);
    }
    read_key(public_key).map(|_| counter)
}

/// Judges a use of a passkey. Answers its counter.
///
/// # Errors
/// Why it is not believed.
pub fn used(
    party: &Party,
    challenge: &str,
    statement: &Statement<'_>,
    (public_key, signature): (&[u8], &[u8]),
) -> Result<u32, Disbelief> {
    let (_, counter) = believe(party, challenge, statement, "webauthn.get")?;
    let (algorithm, key) = read_key(public_key)?;
    let mut signed = statement.authenticator_data.to_vec();
    signed.extend_from_slice(&Sha256::digest(statement.client_data));
    UnparsedPublicKey::new(algorithm, key).verify(&signed, signature).map_err(|_| Disbelief::Signature)?;
    Ok(counter)
}

/// What new and used passkeys have in common. Answers flags and counter.
fn believe(party: &Party, challenge: &str, said: &Statement<'_>, kind: &str) -> Result<(u8, u32), Disbelief> {
    let client: ClientData = serde_json::from_slice(said.client_data).map_err(|_| Disbelief::Malformed)?;
    let asked = constant_time_eq(client.challenge.as_bytes(), challenge.as_bytes());
    if client.kind != kind || !asked || client.origin != party.origin || client.cross_origin {
        return Err(Disbelief::Misplaced);
    }
    let head = said.authenticator_data.get(..HEAD).ok_or(Disbelief::Malformed)?;
    if head[..32] != Sha256::digest(&party.id)[..] {
        return Err(Disbelief::Misplaced);
    }
    let flags = head[32];
    if flags & PRESENT == 0 || flags & VERIFIED == 0 {
        return Err(Disbelief::Unverified);
    }
    Ok((flags, u32::from_be_bytes([head[33], head[34], head[35], head[36]])))
}

/// The kinds of keys that are taken, by how their algorithm is written in a `SubjectPublicKeyInfo`.
const KINDS: [(&[u8], &dyn VerificationAlgorithm); 3] = [
    // id-ecPublicKey, prime256v1
    (
        &[
            0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
            0x07,
        ],
        &ECDSA_P256_SHA256_ASN1,
    ),
    // id-Ed25519
    (&[0x06, 0x03, 0x2b, 0x65, 0x70], &ED25519),
    // rsaEncryption, NULL
    (&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00], &RSA_PKCS1_2048_8192_SHA256),
];

/// Algorithm and key of a `SubjectPublicKeyInfo`.
fn read_key(info: &[u8]) -> Result<(&'static dyn VerificationAlgorithm, &[u8]), Disbelief> {
    let (whole, []) = element(info, 0x30)? else { return Err(Disbelief::Malformed) };
    let (algorithm, rest) = element(whole, 0x30)?;
    let ([0, key @ ..], []) = element(rest, 0x03)? else { return Err(Disbelief::Malformed) };
    let kind = KINDS.iter().find(|(written, _)| *written == algorithm).ok_or(Disbelief::Kind)?;
    Ok((kind.1, key))
}

/// The content of the first DER element, which must have this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Result<(&[u8], &[u8]), Disbelief> {
    let [first, length, rest @ ..] = bytes else { return Err(Disbelief::Malformed) };
    let (length, rest) = match (*length, rest) {
        (short @ 0..=0x7f, rest) => (usize::from(short), rest),
        (0x81, [one, rest @ ..]) => (usize::from(*one), rest),
        (0x82, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return Err(Disbelief::Malformed),
    };
    if *first != tag || rest.len() < length {
        return Err(Disbelief::Malformed);
    }
    Ok(rest.split_at(length))
}

/// Bytes as browsers write them in addresses.
pub fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// The bytes of such a text.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
    };

    use super::*;

    const CHALLENGE: &str = "Y2hhbGxlbmdl";

    struct Fixture {
        party: Party,
        pair: EcdsaKeyPair,
        info: Vec<u8>,
    }

    fn fixture() -> Fixture {
        let random = SystemRandom::new();
        let stored = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, stored.as_ref(), &random).unwrap();
        let mut info = vec![0x30, 0x59, 0x30, 0x13];
        info.extend_from_slice(KINDS[0].0);
        info.extend_from_slice(&[0x03, 0x42, 0x00]);
        info.extend_from_slice(pair.public_key().as_ref());
        Fixture { party: Party::of("https://billing.example.com").unwrap(), pair, info }
    }

    fn client(kind: &str, challenge: &str, origin: &str) -> Vec<u8> {
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#).into_bytes()
    }

    fn data(site: &str, flags: u8, counter: u32, rest: &[u8]) -> Vec<u8> {
        let mut data = Sha256::digest(site).to_vec();
        data.push(flags);
        data.extend_from_slice(&counter.to_be_bytes());
        data.extend_from_slice(rest);
        data
    }

    fn sign(f: &Fixture, client: &[u8], data: &[u8]) -> Vec<u8> {
        let mut signed = data.to_vec();
        signed.extend_from_slice(&Sha256::digest(client));
        f.pair.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec()
    }

    const ORIGIN: &str = "https://billing.example.com";
    const SITE: &str = "billing.example.com";

    #[test]
    fn a_use_is_believed_only_here_now_and_by_its_key() {
        let f = fixture();
        let judge = |client: &[u8], data: &[u8], signature: &[u8]| {
            let said = Statement { client_data: client, authenticator_data: data };
            used(&f.party, CHALLENGE, &said, (&f.info, signature))
        };
        let (right, present) = (client("webauthn.get", CHALLENGE, ORIGIN), data(SITE, 0x05, 7, &[]));
        assert_eq!(judge(&right, &present, &sign(&f, &right, &present)), Ok(7));
        for wrong in [
            client("webauthn.create", CHALLENGE, ORIGIN),
            client("webauthn.get", "b3RoZXI", ORIGIN),
            client("webauthn.get", CHALLENGE, "https://evil.example"),
            client("webauthn.get", CHALLENGE, "http://billing.example.com"),
        ] {
            assert_eq!(judge(&wrong, &present, &sign(&f, &wrong, &present)), Err(Disbelief::Misplaced));
        }
        let framed = String::from_utf8(right.clone()).unwrap().replace("false", "true").into_bytes();
        assert_eq!(judge(&framed, &present, &sign(&f, &framed, &present)), Err(Disbelief::Misplaced));
        let elsewhere = data("evil.example", 0x05, 7, &[]);
        assert_eq!(judge(&right, &elsewhere, &sign(&f, &right, &elsewhere)), Err(Disbelief::Misplaced));
        for flags in [0x00, 0x01, 0x04] {
            let unseen = data(SITE, flags, 7, &[]);
            assert_eq!(judge(&right, &unseen, &sign(&f, &right, &unseen)), Err(Disbelief::Unverified));
        }
        assert_eq!(judge(&right, &present, &sign(&fixture(), &right, &present)), Err(Disbelief::Signature));
        assert_eq!(judge(&right, &data(SITE, 0x05, 8, &[]), &sign(&f, &right, &present)), Err(Disbelief::Signature));
        assert_eq!(judge(b"{}", &present, b""), Err(Disbelief::Malformed));
        assert_eq!(judge(&right, &present[..36], b""), Err(Disbelief::Malformed));
    }

    #[test]
    fn a_new_key_is_named_in_what_the_authenticator_says() {
        let f = fixture();
        let mut rest = vec![0; 16];
        rest.extend_from_slice(&[0, 3, b'a', b'b', b'c']);
        let (client, data) = (client("webauthn.create", CHALLENGE, ORIGIN), data(SITE, 0x45, 0, &rest));
        let said = Statement { client_data: &client, authenticator_data: &data };
        assert_eq!(registered(&f.party, CHALLENGE, &said, (b"abc", &f.info)), Ok(0));
        assert_eq!(registered(&f.party, CHALLENGE, &said, (b"abd", &f.info)), Err(Disbelief::Malformed));
        assert_eq!(registered(&f.party, CHALLENGE, &said, (b"abc", b"0")), Err(Disbelief::Malformed));
        let mut other = f.info.clone();
        other[22] = 0x08; // another curve
        assert_eq!(registered(&f.party, CHALLENGE, &said, (b"abc", &other)), Err(Disbelief::Kind));
        let cut = Statement { authenticator_data: &data[..40], ..said };
        assert_eq!(registered(&f.party, CHALLENGE, &cut, (b"abc", &f.info)), Err(Disbelief::Malformed));
    }

    #[test]
    fn a_new_key_needs_a_name_of_a_fair_length_and_the_flag_that_says_so() {
        let f = fixture();
        let client = client("webauthn.create", CHALLENGE, ORIGIN);
        let judge = |flags: u8, length: u16| {
            let name = vec![b'x'; length.into()];
            let rest = [&[0; 16][..], &length.to_be_bytes(), &name].concat();
            let data = data(SITE, flags, 0, &rest);
            let said = Statement { client_data: &client, authenticator_data: &data };
            registered(&f.party, CHALLENGE, &said, (&name, &f.info))
        };
        for (flags, length, good) in [(0x45, 1023, true), (0x45, 1024, false), (0x45, 0, false), (0x05, 3, false)] {
            assert_eq!(judge(flags, length).is_ok(), good, "{flags} {length}");
        }
    }

    #[test]
    fn an_element_has_its_tag_and_its_length() {
        let long = |head: &[u8], length: usize| [head, &vec![7; length]].concat();
        for (bytes, inside, behind) in [
            (vec![0x30, 1, 9], 1, 0),
            (vec![0x30, 1, 9, 8, 8], 1, 2),
            (long(&[0x30, 0x81, 0x80], 128), 128, 0),
            (long(&[0x30, 0x82, 0x01, 0x02], 259), 258, 1),
        ] {
            let (content, rest) = element(&bytes, 0x30).unwrap();
            assert_eq!((content.len(), rest.len()), (inside, behind), "{bytes:?}");
        }
        for bytes in [&[0x31, 1, 9][..], &[0x30, 2, 9], &[0x30, 0x83, 0, 0, 1, 9], &[0x30]] {
            assert_eq!(element(bytes, 0x30), Err(Disbelief::Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn bytes_travel_as_browsers_write_them() {
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
        assert_eq!(from_base64url("-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(from_base64url("+/8"), None);
    }

    #[test]
    fn passkeys_are_for_names() {
        let of = |url: &str| Party::of(url).map(|party| (party.id, party.origin));
        let party = |id: &str, origin: &str| Some((id.to_owned(), origin.to_owned()));
        assert_eq!(of("https://b.example"), party("b.example", "https://b.example"));
        assert_eq!(of("https://b.example:8443"), party("b.example", "https://b.example:8443"));
        assert_eq!(of("http://127.0.0.1:3000"), party("localhost", "http://localhost:3000"));
        assert_eq!(of("http://[::1]:3000"), party("localhost", "http://localhost:3000"));
        assert_eq!(of("http://[::1]"), party("localhost", "http://localhost"));
        assert_eq!(of("https://192.0.2.1"), None);
    }

    proptest! {
        #[test]
        fn garbage_is_never_believed_and_never_panics(client in any::<Vec<u8>>(), data in any::<Vec<u8>>(), key in any::<Vec<u8>>()) {
            let party = Party::of(ORIGIN).unwrap();
            let said = Statement { client_data: &client, authenticator_data: &data };
            prop_assert!(used(&party, CHALLENGE, &said, (&key, &data)).is_err());
            let asked = super::tests::client("webauthn.create", CHALLENGE, ORIGIN);
            let mut long = super::tests::data(SITE, 0x45, 0, &data);
            long.truncate(200);
            let said = Statement { client_data: &asked, authenticator_data: &long };
            prop_assert!(registered(&party, CHALLENGE, &said, (b"x", &key)).is_err());
        }
    }
}
