//! Every setting. Flags, environment and an optional TOML file say the same things; `--help` lists them all.

use std::{net::SocketAddr, path::PathBuf};

use secrecy::SecretString;

use crate::telemetry::LogFormat;

/// What billfold can be told. The defaults run on a laptop without any of it.
#[derive(Clone, clap::Args)]
pub struct Config {
    /// Where the data lives: `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://billfold.db", hide_env_values = true)]
    pub database_url: String,
    /// Most database connections (readers on SQLite)
    #[arg(long, env = "BILLFOLD_DATABASE_CONNECTIONS", default_value_t = 12)]
    pub database_connections: u32,
    /// Listen address
    #[arg(long, env = "BILLFOLD_BIND", default_value = "127.0.0.1:3000")]
    pub bind: SocketAddr,
    /// What links and webhook URLs begin with; https turns Secure cookies on; without it http and the listen address
    #[arg(long, env = "BILLFOLD_PUBLIC_URL", value_parser = parse_origin)]
    pub public_url: Option<String>,
    /// Master keys id:base64,… (the first seals, all open); without it the key file is used
    #[arg(long, env = "BILLFOLD_MASTER_KEYS", hide_env_values = true)]
    pub master_keys: Option<SecretString>,
    /// File with the master keys, made on the first run with mode 0600
    #[arg(long, env = "BILLFOLD_KEY_FILE", default_value = "billfold.key")]
    pub key_file: PathBuf,
    /// Seconds between two looks at Stripe's list of events, where no webhook delivery comes
    #[arg(long, env = "BILLFOLD_POLL_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(5..=86_400))]
    pub poll_seconds: u32,
    /// The same where deliveries come, to find what one of them missed
    #[arg(long, env = "BILLFOLD_POLL_DELIVERED_SECONDS", default_value_t = 1_800, value_parser = clap::value_parser!(u32).range(5..=86_400))]
    pub poll_delivered_seconds: u32,
    /// Objects of each type that chance picks for the comparison of a night; 0 turns it off
    #[arg(long, env = "BILLFOLD_RECONCILE_SAMPLE", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub reconcile_sample: u32,
    /// Differences that one comparison may find before the alarm is raised
    #[arg(long, env = "BILLFOLD_DRIFT_ALARM", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub drift_alarm: u32,
    /// Where Stripe calls go
    #[arg(long, env = "BILLFOLD_STRIPE_API_BASE", default_value = "https://api.stripe.com", value_parser = parse_origin)]
    pub stripe_api_base: String,
    /// Stripe calls per second and account in live mode; the tenant's own programs share Stripe's limit
    #[arg(long, env = "BILLFOLD_STRIPE_LIVE_RATE", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub stripe_live_rate: u32,
    /// Stripe calls per second and account in test mode
    #[arg(long, env = "BILLFOLD_STRIPE_TEST_RATE", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub stripe_test_rate: u32,
    /// Signing secret (whsec_…) of a Connect platform's endpoint at /webhooks/stripe; without it that address is closed
    #[arg(long, env = "BILLFOLD_CONNECT_WEBHOOK_SECRET", hide_env_values = true)]
    pub connect_webhook_secret: Option<SecretString>,
    /// Mail server: `smtps://USER:PASSWORD@HOST`, or `smtp://USER:PASSWORD@HOST:587?tls=required` for STARTTLS
    #[arg(long, env = "BILLFOLD_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<SecretString>,
    /// Sender of mail: billing@example.com or 'Acme <billing@example.com>'
    #[arg(long, env = "BILLFOLD_MAIL_FROM")]
    pub mail_from: Option<String>,
    /// Identity provider (OpenID Connect) that people may sign in with, such as `https://login.example.com/realms/acme`
    #[arg(long, env = "BILLFOLD_OIDC_ISSUER")]
    pub oidc_issuer: Option<String>,
    /// What billfold is called at the identity provider
    #[arg(long, env = "BILLFOLD_OIDC_CLIENT_ID")]
    pub oidc_client_id: Option<String>,
    /// Secret of that client
    #[arg(long, env = "BILLFOLD_OIDC_CLIENT_SECRET", hide_env_values = true)]
    pub oidc_client_secret: Option<SecretString>,
    /// What people call the identity provider, for the button "Sign in with …"; without it the host of the issuer
    #[arg(long, env = "BILLFOLD_OIDC_NAME")]
    pub oidc_name: Option<String>,
    /// Jobs that run at once in this process
    #[arg(long, env = "BILLFOLD_WORKERS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub workers: u32,
    /// Open connections accepted from one address
    #[arg(long, env = "BILLFOLD_CONNECTIONS_PER_IP", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub connections_per_ip: u32,
    /// Requests per second that one API key may make
    #[arg(long, env = "BILLFOLD_API_RATE", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub api_rate: u32,
    /// Requests per second that all API keys of one tenant may make together
    #[arg(long, env = "BILLFOLD_API_TENANT_RATE", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub api_tenant_rate: u32,
    /// Webhook deliveries per second that are stored for one tenant; Stripe delivers the others again
    #[arg(long, env = "BILLFOLD_INTAKE_TENANT_RATE", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub intake_tenant_rate: u32,
    /// Addresses of reverse proxies whose X-Forwarded-For is believed
    #[arg(long, env = "BILLFOLD_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// What is logged: a level, or a filter such as `info,billfold::sync=debug`
    #[arg(long, env = "BILLFOLD_LOG", default_value = "info")]
    pub log: String,
    /// How log lines look
    #[arg(long, env = "BILLFOLD_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}

impl Config {
    /// What links and webhook URLs begin with, without a slash at the end.
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.bind))
    }

    /// Whether people reach billfold by https, so that cookies are Secure.
    pub fn is_https(&self) -> bool {
        self.public_url().starts_with("https://")
    }
}

/// `http(s)://host[:port]`, without path, query or credentials.
fn parse_origin(text: &str) -> Result<String, String> {
    let trimmed = text.trim_end_matches('/');
    let parsed: http::Uri = trimmed.parse().map_err(|_| "must look like https://billing.example.com".to_owned())?;
    let plain = matches!(parsed.scheme_str(), Some("http" | "https"))
        && parsed.host().is_some_and(|host| !host.is_empty())
        && !trimmed.contains('@')
        && matches!(parsed.path(), "" | "/")
        && parsed.query().is_none();
    if plain {
        Ok(trimmed.to_owned())
    } else {
        Err("must look like https://billing.example.com, without path, query or credentials".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::parse_origin;

    #[test]
    fn origins_only() {
        assert_eq!(parse_origin("https://b.example/").as_deref(), Ok("https://b.example"));
        assert_eq!(parse_origin("http://127.0.0.1:3000").as_deref(), Ok("http://127.0.0.1:3000"));
        for wrong in
            ["", "b.example", "ftp://b.example", "https://u:p@b.example", "https://b.example/x", "https://b.example?x"]
        {
            assert!(parse_origin(wrong).is_err(), "{wrong}");
        }
    }
}
