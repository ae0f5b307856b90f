//! Signing in at the operator's identity provider: OpenID Connect Core 1.0, authorization code with PKCE. The only place that names
//! openidconnect.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use moka::future::Cache;
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, SignatureVerificationError,
    TokenResponse as _,
    core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreProviderMetadata},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    clock::Clock,
    config::Config,
    https,
    vault::{constant_time_eq, new_token},
};

/// Where the provider sends people back to, below the public address.
pub const CALLBACK: &str = "/login/openid/callback";
/// One exchange with the provider.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer taken: a description or a set of keys has a few KiB.
const LARGEST_ANSWER: usize = 1 << 20;
/// How long the provider's description and keys are believed.
const DESCRIPTION_LASTS: Duration = Duration::from_hours(1);
/// Seconds between two looks for new keys because of an answer that none of the known ones has signed.
const KEYS_AGAIN: i64 = 60;

/// Why the settings cannot be used. Never repeats a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Some are there, some are not.
    #[error(
        "sign-in by OpenID Connect needs BILLFOLD_OIDC_ISSUER, BILLFOLD_OIDC_CLIENT_ID and BILLFOLD_OIDC_CLIENT_SECRET together"
    )]
    Incomplete,
    /// The issuer is not an address that may be trusted.
    #[error(
        "BILLFOLD_OIDC_ISSUER must look like https://login.example.com, exactly as the provider names itself (http only on this machine)"
    )]
    Issuer,
    /// The public address is not one.
    #[error("BILLFOLD_PUBLIC_URL cannot be an address that the identity provider sends people back to")]
    PublicUrl,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up for the identity provider")]
    Tls,
    /// Without a name on the button.
    #[error("BILLFOLD_OIDC_NAME must be a name of at most 40 characters")]
    Name,
}

/// Why somebody could not be signed in. Holds nothing that may not stand in a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The provider cannot be asked, or answers nonsense.
    #[error("the identity provider cannot be asked: {0}")]
    Unreachable(String),
    /// It answers what cannot be believed.
    #[error("the identity provider's answer cannot be believed: {0}")]
    Unbelievable(String),
}

/// What the provider is asked, kept in the browser's session until the answer.
#[derive(Clone, Serialize, Deserialize)]
pub struct Question {
    state: String,
    nonce: String,
    verifier: String,
}

impl Question {
    /// Whether an answer belongs to this question.
    pub fn is_of(&self, state: &str) -> bool {
        constant_time_eq(self.state.as_bytes(), state.as_bytes())
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Question")
    }
}

/// Whom the provider has recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who says so.
    pub issuer: String,
    /// Who it is there; never changes and is never given to somebody else.
    pub subject: String,
    /// The e-mail address there; empty when it is not told. For people to read: it proves nothing.
    pub email: String,
    /// When the person last proved there who they are, in unix seconds; none when the provider does not tell.
    pub authenticated_at: Option<i64>,
}

/// The provider. Cheap to clone.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    issuer: IssuerUrl,
    client: ClientId,
    secret: SecretString,
    redirect: RedirectUrl,
    name: String,
    pool: https::Pool,
    clock: Clock,
    known: Cache<(), Arc<CoreProviderMetadata>>,
    /// When keys were last looked for again, in unix seconds.
    looked_again: AtomicI64,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Provider({})", self.0.issuer.as_str())
    }
}

impl Provider {
    /// The provider of the settings; none when they name none.
    ///
    /// # Errors
    /// [`Wrong`] says which setting.
    pub fn of(config: &Config, clock: &Clock) -> Result<Option<Self>, Wrong> {
        let (issuer, client, secret) = match (&config.oidc_issuer, &config.oidc_client_id, &config.oidc_client_secret) {
            (None, None, None) => return Ok(None),
            (Some(issuer), Some(client), Some(secret)) => (issuer, client, secret),
            _ => return Err(Wrong::Incomplete),
        };
        let host = trusted_host(issuer).ok_or(Wrong::Issuer)?;
        let name = config.oidc_name.as_deref().map_or(host.as_str(), str::trim).to_owned();
        if name.is_empty() || name.chars().count() > 40 || name.chars().any(char::is_control) {
            return Err(Wrong::Name);
        }
        let redirect = RedirectUrl::new(format!("{}{CALLBACK}", config.public_url())).map_err(|_| Wrong::PublicUrl)?;
        Ok(Some(Self(Arc::new(Inner {
            issuer: IssuerUrl::new(issuer.clone()).map_err(|_| Wrong::Issuer)?,
            client: ClientId::new(client.clone()),
            secret: secret.clone(),
            redirect,
            name,
            pool: https::pool().map_err(|_| Wrong::Tls)?,
            clock: clock.clone(),
            known: Cache::builder().max_capacity(1).time_to_live(DESCRIPTION_LASTS).build(),
            looked_again: AtomicI64::new(0),
        }))))
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// As it names itself.
    pub fn issuer(&self) -> &str {
        self.0.issuer.as_str()
    }

    /// Whether it can be asked.
    pub async fn check(&self) -> Result<(), Error> {
        self.description().await.map(drop)
    }

    /// A question, and the address that the person's browser takes it to. `anew`: whoever is signed in there already has to
    /// prove it once more.
    pub async fn ask(&self, anew: bool) -> Result<(Question, String), Error> {
        let question = Question { state: new_token(), nonce: new_token(), verifier: new_token() };
        let client = self.client(&*self.description().await?);
        let (state, nonce) = (question.state.clone(), question.nonce.clone());
        let verifier = PkceCodeVerifier::new(question.verifier.clone());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if anew {
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        }
        Ok((question, request.url().0.to_string()))
    }

    /// Takes the code that the browser has brought back.
    pub async fn answer(&self, question: &Question, code: &str) -> Result<Identity, Error> {
        let description = self.description().await?;
        let client = self.client(&description);
        let exchange = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| Error::Unreachable(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(question.verifier.clone()));
        let told = exchange.request_async(&self.sender()).await.map_err(|error| refused(&error))?;
        let token = told.id_token().ok_or_else(|| Error::Unbelievable("it holds no ID token".to_owned()))?;
        let claims = match self.claims(&description, token, question) {
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey))
                if self.may_look_again() =>
            {
                self.0.known.invalidate(&()).await;
                self.claims(&*self.description().await?, token, question)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| Error::Unbelievable(error.to_string()))?;
        Ok(Identity {
            issuer: self.issuer().to_owned(),
            subject: claims.subject().to_string(),
            email: claims.email().map(|email| email.to_string()).unwrap_or_default(),
            authenticated_at: claims.auth_time().map(|at| at.timestamp()),
        })
    }

    fn claims(
        &self,
        description: &CoreProviderMetadata,
        token: &CoreIdToken,
        question: &Question,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let (client, clock) = (self.client(description), self.0.clock.clone());
        let now = move || chrono::DateTime::from_timestamp(clock.now(), 0).unwrap_or_default();
        let verifier = client.id_token_verifier().set_time_fn(now);
        token.claims(&verifier, &Nonce::new(question.nonce.clone())).cloned()
    }

    /// Somebody who makes up answers must not have us ask the provider for each.
    fn may_look_again(&self) -> bool {
        let (now, last) = (self.0.clock.now(), self.0.looked_again.load(Ordering::Relaxed));
        now - last >= KEYS_AGAIN
            && self.0.looked_again.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// What the provider says about itself, with its keys.
    async fn description(&self) -> Result<Arc<CoreProviderMetadata>, Error> {
        let ask = async {
            let asked = CoreProviderMetadata::discover_async(self.0.issuer.clone(), &self.sender()).await;
            asked.map(Arc::new).map_err(|error| Error::Unreachable(chain(&error)))
        };
        self.0.known.try_get_with((), ask).await.map_err(|error| (*error).clone())
    }

    fn client(&self, description: &CoreProviderMetadata) -> Client {
        let secret = ClientSecret::new(self.0.secret.expose_secret().to_owned());
        CoreClient::from_provider_metadata(description.clone(), self.0.client.clone(), Some(secret))
            .set_redirect_uri(self.0.redirect.clone())
    }

    /// Carries the library's requests over our own connections.
    fn sender(&self) -> impl Fn(HttpRequest) -> Carried + use<> {
        let pool = self.0.pool.clone();
        move |request| Box::pin(carry(pool.clone(), request))
    }
}

type Carried = std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, Broken>> + Send>>;

type Client = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

/// What happened to an exchange.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(String);

async fn carry(pool: https::Pool, request: HttpRequest) -> Result<HttpResponse, Broken> {
    let exchange = async {
        let answer = pool.request(request.map(|body| Full::new(Bytes::from(body)))).await;
        let (head, body) = answer.map_err(|error| Broken(https::describe(&error)))?.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| Broken(format!("the answer broke off: {error}")))?;
        Ok(HttpResponse::from_parts(head, body.to_bytes().to_vec()))
    };
    let late = |_| Broken(format!("no answer within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, exchange).await.map_err(late)?
}

/// A refused code is somebody's doing; anything else is the provider's.
fn refused<T>(error: &openidconnect::RequestTokenError<Broken, T>) -> Error
where
    T: openidconnect::ErrorResponse + std::fmt::Display + 'static,
{
    match error {
        openidconnect::RequestTokenError::ServerResponse(_) => {
            Error::Unbelievable("it does not take the code that came back".to_owned())
        }
        other => Error::Unreachable(chain(other)),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The host of an issuer that nobody on the way can pretend to be.
fn trusted_host(issuer: &str) -> Option<String> {
    let url: http::Uri = issuer.parse().ok()?;
    let host = url.host().filter(|host| !host.is_empty())?;
    let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let safe = url.scheme_str() == Some("https") || (here && url.scheme_str() == Some("http"));
    (safe && url.query().is_none() && !issuer.contains(['@', '#'])).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::trusted_host;

    #[test]
    fn an_issuer_is_behind_tls_or_on_this_machine() {
        for (issuer, host) in [
            ("https://login.example.com/realms/acme", "login.example.com"),
            ("https://login.example.com", "login.example.com"),
            ("http://127.0.0.1:9000", "127.0.0.1"),
            ("http://localhost:9000/o", "localhost"),
        ] {
            assert_eq!(trusted_host(issuer).as_deref(), Some(host), "{issuer}");
        }
        let wrong =
            ["", "login", "http://login.example.com", "https://u:p@x.example", "https://x.example?a=1", "ftp://x"];
        for issuer in wrong {
            assert_eq!(trusted_host(issuer), None, "{issuer}");
        }
    }
}
