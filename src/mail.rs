//! Mail by SMTP: one message to one address, in bounded time. The only place that names lettre.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{self, extension::ClientId},
};
use secrecy::ExposeSecret as _;
use tokio::{sync::Semaphore, time::timeout};

use crate::{clock::Clock, config::Config, vault::new_token};

/// What a page says where a button would send mail and nothing is configured.
pub const OFF: &str =
    "Mail is off: whoever runs this billfold has to set BILLFOLD_SMTP_URL and BILLFOLD_MAIL_FROM first.";

/// One answer of the mail server.
const ANSWER: Duration = Duration::from_secs(10);
/// A whole message, from the connection to the last answer.
const WHOLE: Duration = Duration::from_secs(20);
/// Connections to the mail server at once.
const AT_ONCE: usize = 4;
/// Waits before the second and the third try of what is delivered in the background.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(5), Duration::from_mins(1)];

/// Why the settings of mail cannot be used. Never repeats a value: the address of the server holds its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// The server is named, the sender is not.
    #[error(
        "BILLFOLD_MAIL_FROM is missing: mail needs a sender, such as billing@example.com or 'Acme <billing@example.com>'"
    )]
    NoSender,
    /// The sender is named, the server is not.
    #[error("BILLFOLD_SMTP_URL is missing: mail needs a server, such as smtps://user:password@mail.example.com")]
    NoServer,
    /// The sender is not one.
    #[error("BILLFOLD_MAIL_FROM must look like billing@example.com or 'Acme <billing@example.com>'")]
    Sender,
    /// The server is not one.
    #[error(
        "BILLFOLD_SMTP_URL must look like smtps://user:password@mail.example.com, or smtp://…:587?tls=required for STARTTLS; in the password, write special characters as %xx"
    )]
    Server,
    /// A user without a password.
    #[error("BILLFOLD_SMTP_URL names a user without a password: write smtps://user:password@mail.example.com")]
    NoPassword,
    /// A password that everybody on the way could read.
    #[error("BILLFOLD_SMTP_URL would send its password unencrypted: use smtps://, or add ?tls=required for STARTTLS")]
    Unencrypted,
}

/// Why a message was not sent. Names no address, so that it may stand in a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It can be sent to nobody.
    #[error("this is not an address that mail can be sent to")]
    Address,
    /// The server does not take it, now or ever.
    #[error("the mail server refused it with code {0}")]
    Refused(String),
    /// The server does not take it now.
    #[error("the mail server cannot take it at the moment: {0}")]
    Later(String),
    /// The server did not answer in time.
    #[error("the mail server did not answer in time")]
    TimedOut,
}

impl Error {
    /// Whether another try may end better.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Later(_) | Self::TimedOut)
    }
}

/// A message to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// One line; control characters become spaces.
    pub subject: String,
    /// What it says, for every program.
    pub text: String,
    /// The same as a page, when there is one. Whoever makes it escapes what people wrote.
    pub html: Option<String>,
}

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    clock: Clock,
    permits: Arc<Semaphore>,
}

impl Mailer {
    /// What the settings name; none when they name neither a server nor a sender.
    ///
    /// # Errors
    /// [`Wrong`] with the variable to change.
    pub fn of(config: &Config, clock: &Clock) -> Result<Option<Self>, Wrong> {
        let url = config.smtp_url.as_ref().map(|url| url.expose_secret().trim()).filter(|url| !url.is_empty());
        let from = config.mail_from.as_deref().map(str::trim).filter(|from| !from.is_empty());
        let (url, from) = match (url, from) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(Wrong::NoSender),
            (None, Some(_)) => return Err(Wrong::NoServer),
            (Some(url), Some(from)) => (url, from),
        };
        let from: Mailbox = from.parse().map_err(|_| Wrong::Sender)?;
        check_url(url)?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| Wrong::Server)?;
        if !has_path(url) {
            builder = builder.hello_name(own_name(&config.public_url()));
        }
        let transport = builder.timeout(Some(ANSWER)).build();
        Ok(Some(Self { transport, from, clock: clock.clone(), permits: Arc::new(Semaphore::new(AT_ONCE)) }))
    }

    /// Sends a message now and waits for the server's word, twenty seconds at most.
    ///
    /// # Errors
    /// Why it was not sent.
    pub async fn send(&self, mail: &Mail) -> Result<(), Error> {
        let message = self.message(mail)?;
        let sent = async {
            let Ok(_permit) = self.permits.acquire().await else { return Err(Error::TimedOut) };
            self.transport.send(message).await.map(drop).map_err(|error| of_smtp(&error))
        };
        timeout(WHOLE, sent).await.unwrap_or(Err(Error::TimedOut))
    }

    /// Sends a message that nobody waits for: again a little later where that may help. What fails in the end is logged.
    pub async fn deliver(&self, mail: &Mail) {
        let mut waits = AGAIN_AFTER.iter();
        loop {
            let Err(error) = self.send(mail).await else { return };
            match waits.next() {
                Some(wait) if error.may_pass() => tokio::time::sleep(*wait).await,
                _ => {
                    tracing::warn!(%error, "mail was not sent");
                    return;
                }
            }
        }
    }

    /// Whether the server lets us in.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn check(&self) -> Result<(), Error> {
        match timeout(WHOLE, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Error::Later("it closed the connection".to_owned())),
            Ok(Err(error)) => Err(of_smtp(&error)),
            Err(_) => Err(Error::TimedOut),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, Error> {
        let to = Mailbox::new(None, mail.to.parse().map_err(|_| Error::Address)?);
        let id = format!("<{}@{}>", new_token(), self.from.email.domain());
        let sent_at = UNIX_EPOCH + Duration::from_secs(u64::try_from(self.clock.now()).unwrap_or(0));
        let head = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(one_line(&mail.subject))
            .message_id(Some(id))
            .date(sent_at)
            // RFC 3834: whoever is away does not answer a machine.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let message = match &mail.html {
            Some(html) => head.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone())),
            None => head.singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(mail.text.clone())),
        };
        message.map_err(|_| Error::Address)
    }
}

/// What lettre would accept without a word, and should not.
fn check_url(url: &str) -> Result<(), Wrong> {
    let (scheme, rest) = url.split_once("://").ok_or(Wrong::Server)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, host)) = authority.rsplit_once('@') else { return Ok(()) };
    if user.split_once(':').is_none_or(|(name, password)| name.is_empty() || password.is_empty()) {
        return Err(Wrong::NoPassword);
    }
    let encrypted = scheme.eq_ignore_ascii_case("smtps") || rest.contains("tls=required");
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if encrypted || here { Ok(()) } else { Err(Wrong::Unencrypted) }
}

/// Whether the address says what to call ourselves.
fn has_path(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['?', '#']).next().is_some_and(|place| place.split_once('/').is_some_and(|(_, path)| !path.is_empty()))
}

/// What we call ourselves in front of the mail server: where people reach us.
fn own_name(public_url: &str) -> ClientId {
    let host = public_url.split_once("://").map_or(public_url, |(_, host)| host);
    let host = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    match host.parse() {
        Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
        Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
        Err(_) => ClientId::Domain(host.to_owned()),
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The server's own words are left out: many repeat the address.
fn of_smtp(error: &smtp::Error) -> Error {
    match error.status() {
        Some(code) if error.is_permanent() => Error::Refused(code.to_string()),
        Some(code) => Error::Later(format!("it answers with code {code}")),
        None if error.is_timeout() => Error::TimedOut,
        None => Error::Later(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
