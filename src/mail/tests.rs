//! What the settings of mail may be, and that no error repeats them.

use clap::Parser as _;

use super::{Mailer, Wrong, own_name};
use crate::{clock::Clock, config::Config};
use lettre::transport::smtp::extension::ClientId;

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

fn of(url: &str, from: &str) -> Result<bool, Wrong> {
    let arguments = ["billfold", "--smtp-url", url, "--mail-from", from];
    let config = Settings::parse_from(arguments).config;
    Mailer::of(&config, &Clock::manual(0)).map(|mailer| mailer.is_some())
}

const FROM: &str = "Acme <billing@example.com>";

#[test]
fn both_settings_or_none() {
    assert_eq!(of("", " "), Ok(false));
    assert_eq!(of("smtps://mail.example.com", ""), Err(Wrong::NoSender));
    assert_eq!(of("", FROM), Err(Wrong::NoServer));
    assert_eq!(of("smtps://mail.example.com", FROM), Ok(true));
    assert_eq!(of("smtps://mail.example.com", "billing@example.com"), Ok(true));
}

#[test]
fn servers_with_a_password_are_encrypted_or_here() {
    for fine in [
        "smtps://ada:pw@mail.example.com",
        "smtps://ada%40example.com:p%2Fw@mail.example.com:465",
        "smtp://ada:pw@mail.example.com:587?tls=required",
        "smtp://ada:pw@127.0.0.1:1025",
        "smtp://ada:pw@[::1]:1025",
        "smtp://ada:pw@localhost",
        "smtp://mail.internal:25",
        "smtp://mail.internal:25/billfold.internal",
    ] {
        assert_eq!(of(fine, FROM), Ok(true), "{fine}");
    }
    for (wrong, why) in [
        ("mail.example.com", Wrong::Server),
        ("http://mail.example.com", Wrong::Server),
        ("smtp://mail.example.com?tls=maybe", Wrong::Server),
        ("smtps://", Wrong::Server),
        ("smtp://ada:pw@mail.example.com", Wrong::Unencrypted),
        ("smtp://ada:pw@mail.example.com?tls=opportunistic", Wrong::Unencrypted),
        ("smtps://ada@mail.example.com", Wrong::NoPassword),
        ("smtps://ada:@mail.example.com", Wrong::NoPassword),
    ] {
        assert_eq!(of(wrong, FROM), Err(why), "{wrong}");
        assert!(why.to_string().contains("BILLFOLD_SMTP_URL"));
    }
    for wrong in ["Acme", "Acme <billing>", "@example.com", "a b@example.com"] {
        assert_eq!(of("smtps://mail.example.com", wrong), Err(Wrong::Sender), "{wrong}");
    }
}

#[test]
fn we_are_called_what_people_call_us() {
    let domain = |name: &str| ClientId::Domain(name.to_owned());
    assert_eq!(own_name("https://billing.example.com"), domain("billing.example.com"));
    assert_eq!(own_name("http://localhost:3000"), domain("localhost"));
    assert!(matches!(own_name("http://127.0.0.1:3000"), ClientId::Ipv4(_)));
    assert!(matches!(own_name("http://[::1]:3000"), ClientId::Ipv6(_)));
}
