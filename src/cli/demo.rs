//! `billfold demo`: everything on one machine. The app, an imitation of Stripe with a year of history, a business with a
//! login, connected through the code that a real business uses, and a life that goes on.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use billfold::{
    accounts::{
        api_keys::KeyWish,
        operators, projects,
        signup::{NewUser, SignedUp, signup},
    },
    app::By,
    config::Config,
    connect::Scope,
    domain::{
        api_key::{ApiKey, DEFAULT_DAYS, Preset},
        brand::PortalDraft,
        ids::{ProjectId, TenantId},
        portal::{LONGEST, LinkDraft},
        role::Role,
    },
    standin::{
        self, StandIn,
        control::accounts::{AccountSpec, NewKeys},
        kind::Kind,
    },
    store::{
        customers,
        list::{Filter, Slice},
        prices::{self, Price},
        subscriptions,
    },
    telemetry,
    vault::{ExposeSecret as _, SecretString, new_token},
};
use clap::Parser as _;
use serde::{Deserialize, Serialize};

use super::{
    people::new_password,
    serve::{Running, stopped},
};

/// Changes per minute at "Stripe".
const PACE: f64 = 20.0;
const EMAIL: &str = "demo@billfold.example";
const BUSINESS: &str = "Acme Coffee";
/// Plans that the demo's portal offers.
const PLANS: i64 = 50;
/// How often the demo looks for a customer whom it can hand a portal link, and how many times.
const LOOK_AGAIN: (Duration, u32) = (Duration::from_millis(50), 600);

/// How to run the demo.
#[derive(clap::Args)]
pub struct Demo {
    /// Print one line of JSON for programs, instead of text for a person
    #[arg(long)]
    json: bool,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Customers of the made-up Stripe account
    #[arg(long, default_value_t = 1000)]
    customers: u64,
    /// Keep the data in this folder; a later demo in it adds a project beside what is there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// What is logged
    #[arg(long, default_value = "warn")]
    log: String,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    url: &'a str,
    email: &'a str,
    password: &'a str,
    tenant: &'a TenantId,
    project: &'a ProjectId,
    stripe_api_base: &'a str,
    secret_key: &'a str,
    webhook_url: &'a str,
    webhook_secret: &'a str,
    api_key: &'a str,
    openapi_url: &'a str,
    /// Works once, for a day; none when no customer with a subscription was copied in time.
    portal_url: Option<&'a str>,
}

/// What a kept folder remembers, so that the login stays.
#[derive(Serialize, Deserialize)]
struct Kept {
    tenant: TenantId,
    password: String,
}

impl Demo {
    /// Runs until it is interrupted.
    pub async fn run(self) -> anyhow::Result<()> {
        telemetry::start_logs(&self.log, telemetry::LogFormat::Text).context("--log")?;
        let folder = Folder::open(self.keep.clone())?;
        let stripe = self.start_stripe().await?;
        let running = Running::start(self.config(&folder.path, &stripe)?).await?;
        let (kept, project) = self.people(&running, &folder.path).await?;
        let keys = stripe.account(AccountSpec {
            name: Some(BUSINESS.to_owned()),
            customers: self.customers,
            seed: u64::from(rand::random::<u32>()),
            ..AccountSpec::default()
        });
        let scope = Scope {
            app: running.app.clone(),
            tenant: kept.tenant.clone(),
            project: project.clone(),
            by: By::part("demo"),
        };
        scope.clone().connect(SecretString::from(keys.restricted_key.clone())).await?;
        let wish = KeyWish { name: "Demo".to_owned(), scopes: Preset::Everything.scopes(), days: DEFAULT_DAYS };
        let api_key = scope.create_api_key(&wish).await?.key;
        let portal = if self.customers > 0 { portal_link(&scope).await? } else { None };
        standin::state::lock(&stripe.control().pace).insert((keys.account.clone(), false), PACE);
        self.print(&running, (&stripe, &keys), (&kept, &project), (&api_key, portal.as_deref()), &folder)?;
        stopped().await;
        running.stop().await;
        stripe.stop().await;
        Ok(())
    }

    /// The limits of the real Stripe would make a large account a long wait.
    async fn start_stripe(&self) -> anyhow::Result<StandIn> {
        let options = standin::Options { unlimited_rate: true, ..standin::Options::default() };
        StandIn::start(options).await.context("the imitation of Stripe")
    }

    /// Settings of its own: the demo must not touch what the environment of this shell points to.
    fn config(&self, folder: &Path, stripe: &StandIn) -> anyhow::Result<Config> {
        #[derive(clap::Parser)]
        struct Settings {
            #[command(flatten)]
            config: Config,
        }
        let file = |name: &str| folder.join(name).display().to_string();
        let bind = free_address(self.port)?.to_string();
        let public = format!("http://{bind}");
        let (database, key_file) = (format!("sqlite://{}", file("billfold.db")), file("billfold.key"));
        let (base, rate) = (stripe.url(), (self.customers / 40).clamp(25, 10_000).to_string());
        let flags = [
            ["--bind", &bind],
            ["--public-url", &public],
            ["--database-url", &database],
            ["--key-file", &key_file],
            ["--stripe-api-base", &base],
            ["--stripe-test-rate", &rate],
        ];
        let settings = Settings::try_parse_from(["billfold"].into_iter().chain(flags.into_iter().flatten()))?;
        let config = settings.config;
        Ok(Config { master_keys: None, trusted_proxies: Vec::new(), smtp_url: None, mail_from: None, ..config })
    }

    /// The owner and a project: new ones, or in a kept folder the known owner with one project more.
    async fn people(&self, running: &Running, folder: &Path) -> anyhow::Result<(Kept, ProjectId)> {
        let file = folder.join("demo.json");
        if let Ok(text) = std::fs::read(&file) {
            let kept: Kept = serde_json::from_slice(&text).with_context(|| file.display().to_string())?;
            let name = format!("Demo {}", &new_token()[..6]);
            let by = By::part("demo");
            let project = projects::create(&running.app, &kept.tenant, &name, &by).await?;
            return Ok((kept, project));
        }
        let password = new_password();
        let owner = NewUser { email: EMAIL.to_owned(), name: String::new(), password: password.clone() };
        let SignedUp { tenant, project, .. } = signup(&running.app, owner, BUSINESS, Role::Owner).await?;
        operators::appoint(&running.app, EMAIL, true).await?;
        let project = project.ok_or_else(|| anyhow!("{} holds data that no demo made", folder.display()))?;
        let kept = Kept { tenant, password: password.expose_secret().to_owned() };
        std::fs::write(&file, serde_json::to_vec(&kept)?).with_context(|| file.display().to_string())?;
        Ok((kept, project))
    }

    fn print(
        &self,
        running: &Running,
        (stripe, keys): (&StandIn, &NewKeys),
        (kept, project): (&Kept, &ProjectId),
        (api_key, portal): (&ApiKey, Option<&str>),
        folder: &Folder,
    ) -> anyhow::Result<()> {
        let (url, base) = (running.app.config.public_url(), stripe.url());
        let endpoint = Endpoint::of(stripe, &keys.account).context("the webhook endpoint")?;
        if self.json {
            let printed = Printed {
                url: &url,
                email: EMAIL,
                password: &kept.password,
                tenant: &kept.tenant,
                project,
                stripe_api_base: &base,
                secret_key: &keys.secret_key,
                webhook_url: &endpoint.url,
                webhook_secret: &endpoint.secret,
                api_key: api_key.expose(),
                openapi_url: &format!("{url}/v1/openapi.json"),
                portal_url: portal,
            };
            println!("{}", serde_json::to_string(&printed)?);
            return Ok(());
        }
        let home = format!("{url}/t/{}/p/{project}", kept.tenant);
        println!("billfold demo: {BUSINESS}, {} customers, one year of history", self.customers);
        println!();
        println!("  open      {home}/");
        println!("  e-mail    {EMAIL}");
        println!("  password  {}", kept.password);
        if let Some(portal) = portal {
            println!("  customer  {portal}  (what a customer sees; works once)");
        }
        println!();
        println!("The copy of the Stripe account has just begun; watch it at {home}/sync");
        println!("Changes keep arriving. Make one of your own at \"Stripe\" and see it appear under Customers:");
        println!("  curl -u {}: {base}/v1/customers -d name='Ada Lovelace' -d email=ada@example.com", keys.secret_key);
        println!();
        println!("Your programs ask with an API key; {url}/docs/api says what they can ask for:");
        println!("  curl '{url}/v1/customers?limit=3' -H 'Authorization: Bearer {}'", api_key.expose());
        println!();
        println!("Ctrl-C ends it. The data is in {}{}.", folder.path.display(), folder.fate());
        Ok(())
    }
}

/// A portal link of a customer whose subscription renews, as soon as both are copied.
async fn portal_link(scope: &Scope) -> anyhow::Result<Option<String>> {
    let active = Filter { status: Some("active".to_owned()), ..Filter::default() };
    let (pause, times) = LOOK_AGAIN;
    for _ in 0..times {
        let mut tx = scope.app.db.read(&scope.tenant).await?;
        let found = subscriptions::list(&mut tx, &scope.project, &active, &Slice::newest(20)).await?.rows;
        let mut customer = None;
        for subscription in found.into_iter().filter(|subscription| !subscription.cancel_at_period_end) {
            let known = customers::find(&mut tx, &scope.project, &subscription.customer_id).await?;
            customer = customer.or(known.filter(|known| known.deleted_at.is_none()));
        }
        drop(tx);
        if let Some(customer) = customer {
            offer_plans(scope).await?;
            let draft = LinkDraft { life: LONGEST, ..LinkDraft::new(customer.customer.id) };
            let made = scope.create_portal_link(&draft).await?;
            return Ok(Some(made.url.expose_secret().to_owned()));
        }
        tokio::time::sleep(pause).await;
    }
    Ok(None)
}

/// What the demo's portal looks like. It offers the products that are sold at several prices: those are its plans.
async fn offer_plans(scope: &Scope) -> anyhow::Result<()> {
    let mut tx = scope.app.db.read(&scope.tenant).await?;
    let prices = prices::active(&mut tx, &scope.project, Some(true), PLANS).await?;
    drop(tx);
    let is_plan = |price: &Price| prices.iter().filter(|other| other.product_id == price.product_id).count() > 1;
    let draft = PortalDraft {
        colour: "#6f3c1e".to_owned(),
        support: "help@acme-coffee.example".to_owned(),
        prices: prices.iter().filter(|price| is_plan(price)).map(|price| price.id.clone()).collect(),
        ..PortalDraft::default()
    };
    Ok(scope.save_portal(&draft).await?)
}

/// Where billfold receives from the made-up account.
struct Endpoint {
    url: String,
    secret: String,
}

impl Endpoint {
    fn of(stripe: &StandIn, account: &str) -> Option<Self> {
        let account = stripe.control().account(account)?;
        let space = account.read(false);
        let number = *space.made_with(Kind::WebhookEndpoint, |_| true).first()?;
        let url = space.value(Kind::WebhookEndpoint, number)?["url"].as_str()?.to_owned();
        let secret = space.secrets.get(&number)?.first()?.value.clone();
        Some(Self { url, secret })
    }
}

/// The folder with the demo's data; removed at the end unless it is to be kept.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn open(keep: Option<PathBuf>) -> anyhow::Result<Self> {
        let (path, keep) = match keep {
            Some(path) => (std::path::absolute(path)?, true),
            None => (std::env::temp_dir().join(format!("billfold-demo-{}", &new_token()[..12])), false),
        };
        std::fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path, keep })
    }

    fn fate(&self) -> &'static str {
        if self.keep { "" } else { " and is removed then" }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// The address before the server takes it, because links and the webhook URL are made from it.
fn free_address(port: u16) -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = listener.with_context(|| format!("port {port}; choose another one with --port"))?;
    Ok(listener.local_addr()?)
}
