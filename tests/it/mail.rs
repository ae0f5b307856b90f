//! Mail over a real socket: what arrives, what cannot be smuggled in, what a bad mail server does to the rest; and what people
//! are told about API keys.

use std::time::{Duration, Instant};

use billfold::{
    accounts::api_keys::KeyWish,
    clock::Clock,
    config::Config,
    domain::{
        api_key::{ApiScope, Grace},
        role::Role,
    },
    mail::{Error, Mail, Mailer},
    store::{members, users},
};
use clap::Parser as _;

use crate::harness::{
    Engine, Site, both_engines,
    post_office::{Manner, PostOffice},
    scope,
};

both_engines!(owners_and_the_maker_are_told_of_a_key, a_mail_server_that_is_gone_fails_nothing,);

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

fn mailer(office: &PostOffice) -> Mailer {
    let arguments = std::iter::once("billfold".to_owned()).chain(office.flags());
    let config = Settings::parse_from(arguments).config;
    Mailer::of(&config, &Clock::manual(1_800_000_000)).unwrap().unwrap()
}

fn mail(to: &str, subject: &str, text: &str) -> Mail {
    Mail { to: to.to_owned(), subject: subject.to_owned(), text: text.to_owned(), html: None }
}

#[tokio::test]
async fn a_message_arrives_as_it_was_written() {
    let office = PostOffice::open(Manner::Takes).await;
    let mailer = mailer(&office);
    mailer.check().await.unwrap();
    mailer.send(&mail("ada@example.com", "Zahlung fällig", "Grüße\n.\nDie Rechnung … 5 €\n")).await.unwrap();
    let page = Mail { html: Some("<p>Hello &amp; welcome</p>".to_owned()), ..mail("bob@example.com", "Hi", "Hello") };
    mailer.send(&page).await.unwrap();
    let [first, second] = &office.letters()[..] else { panic!("{:?}", office.letters()) };
    assert_eq!((first.from.as_str(), &first.to[..]), ("billing@example.com", &["ada@example.com".to_owned()][..]));
    assert_eq!(first.text().replace("\r\n", "\n").trim_end(), "Grüße\n.\nDie Rechnung … 5 €");
    assert_eq!(first.header("From").unwrap(), "Acme <billing@example.com>");
    assert!(first.header("Subject").unwrap().contains("=?utf-8?"));
    assert_eq!(first.header("Date").unwrap(), "Fri, 15 Jan 2027 08:00:00 +0000");
    assert_eq!(first.header("Auto-Submitted").unwrap(), "auto-generated");
    assert!(first.header("Message-ID").unwrap().ends_with("@example.com>"));
    assert!(second.header("Content-Type").unwrap().starts_with("multipart/alternative"));
    assert!(second.raw.contains("Hello") && second.raw.contains("<p>Hello &amp; welcome</p>"));
}

#[tokio::test]
async fn nobody_smuggles_a_header_or_a_reader_in() {
    let office = PostOffice::open(Manner::Takes).await;
    let mailer = mailer(&office);
    for subject in ["x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com\n\nbody", "ü\r\nBcc: eve@example.com"] {
        mailer.send(&mail("ada@example.com", subject, "text")).await.unwrap();
    }
    for letter in office.letters() {
        assert_eq!(letter.to, ["ada@example.com"]);
        assert_eq!((letter.header("Bcc"), letter.text().trim_end()), (None, "text"), "{}", letter.raw);
    }
    for to in
        ["", "ada", "ada@example.com\r\nRCPT TO:<eve@example.com>", "a@b.c, eve@example.com", "<a@b.c>", "a b@c.d"]
    {
        assert_eq!(mailer.send(&mail(to, "x", "text")).await, Err(Error::Address), "{to:?}");
    }
    assert_eq!(office.letters().len(), 3);
}

#[tokio::test]
async fn a_bad_server_is_an_error_in_bounded_time() {
    let message = mail("ada@example.com", "x", "text");
    let nobody_here = PostOffice::open(Manner::Refuses).await;
    let refused = mailer(&nobody_here).send(&message).await.unwrap_err();
    assert_eq!(refused, Error::Refused("550".to_owned()));
    assert!(!refused.may_pass());
    let busy = PostOffice::open(Manner::Busy).await;
    let later = mailer(&busy).send(&message).await.unwrap_err();
    assert!(matches!(&later, Error::Later(why) if why.contains("451")) && later.may_pass(), "{later}");
    let silent = PostOffice::open(Manner::Silent).await;
    let began = Instant::now();
    assert_eq!(mailer(&silent).send(&message).await, Err(Error::TimedOut));
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    let gone = PostOffice::burnt_down();
    let unreachable = mailer(&gone).send(&message).await.unwrap_err();
    assert!(matches!(unreachable, Error::Later(_)), "{unreachable}");
}

async fn owners_and_the_maker_are_told_of_a_key(engine: Engine) {
    let office = PostOffice::open(Manner::Takes).await;
    let flags = office.flags();
    let site = Site::start_with(engine, Clock::system(), &flags.each_ref().map(String::as_str)).await;
    let tenant = site.tenant().await;
    let second_owner = site.new_member(tenant, Role::Owner).await;
    let bystander = site.new_member(tenant, Role::Admin).await;
    let stranger = site.new_member(&site.new_tenant("Other").await, Role::Owner).await;
    let admin = site.user(Role::Admin).await;
    admin.get("api-keys/new").await.expect(200);
    let form = [("name", "Shop <&>"), ("preset", "read-only"), ("days", "7")];
    let key = admin.post("api-keys", &form).await.expect(200).one("#new-key");

    let letters = office.wait_for(3).await;
    let readers: Vec<_> = letters.iter().flat_map(|letter| letter.to.clone()).collect();
    let mut tx = site.app.db.system_read().await.unwrap();
    let maker = users::by_email(&mut tx, letters[0].text().split(' ').next().unwrap()).await.unwrap().unwrap();
    let to_tell = members::to_tell(&mut tx, &tenant.id, maker.id.as_str()).await.unwrap();
    assert_eq!(readers, to_tell, "each once, and nobody else");
    assert!(readers.contains(&second_owner) && readers.contains(&maker.email), "{readers:?}");
    assert!(!readers.contains(&bystander) && !readers.contains(&stranger), "{readers:?}");
    for letter in &letters {
        let text = letter.text();
        for part in ["made an API key in Production of Acme Coffee.", "Shop <&>", "customers:read", "/api-keys/key_"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains(&format!("{}…{}", &key[..7], &key[47..])), "{text}");
        assert!(!letter.raw.contains(&key[8..46]), "the key itself went out");
    }
}

async fn a_mail_server_that_is_gone_fails_nothing(engine: Engine) {
    let flags = PostOffice::burnt_down().flags();
    let site = Site::start_with(engine, Clock::system(), &flags.each_ref().map(String::as_str)).await;
    let scope = scope(&site.app, site.tenant().await);
    let scopes = [ApiScope::CustomersRead].into_iter().collect();
    let wish = KeyWish { name: "Shop".to_owned(), scopes, days: 7 };
    let made = scope.create_api_key(&wish).await.unwrap();
    scope.roll_api_key(&made.id, Grace::None).await.unwrap();
}
