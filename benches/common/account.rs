//! A Stripe account of the stand-in, connected through the code that people use.

use billfold::{
    accounts::signup::{NewUser, signup},
    app::{App, By},
    connect::Scope,
    domain::{
        ids::{ProjectId, TenantId},
        role::Role,
    },
    standin::{
        Options, StandIn,
        control::accounts::{AccountSpec, NewKeys},
    },
    store,
    vault::{ExposeSecret, SecretString},
};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

/// A stand-in with one account.
pub struct Account {
    standin: StandIn,
    keys: NewKeys,
}

/// What a connected project's deliveries need.
pub struct Connection {
    pub tenant: TenantId,
    pub project: ProjectId,
    /// Path of the webhook URL.
    pub path: String,
    pub secret: String,
}

impl Account {
    /// Starts a stand-in in this process with an account of so many customers, and no rate limit.
    pub async fn start(customers: u64) -> Self {
        let standin = StandIn::start(Options { unlimited_rate: true, seed: 7, ..Options::default() }).await.unwrap();
        let keys = standin.account(AccountSpec { customers, seed: 7, ..AccountSpec::default() });
        Self { standin, keys }
    }

    /// Where Stripe calls go.
    pub fn url(&self) -> String {
        self.standin.url()
    }

    /// Connects a new tenant's project to the account.
    pub async fn connect(&self, app: &App) -> Connection {
        connect(app, &self.keys.secret_key).await
    }

    /// Connects a project to the account, unless it is connected.
    pub async fn connect_project(&self, app: &App, tenant: TenantId, project: ProjectId) -> Connection {
        connect_project(app, tenant, project, &self.keys.secret_key).await
    }

    /// The JSON of the account's first object of a kind, compact.
    pub async fn object(&self, kind: &str) -> String {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
        let request = http::Request::get(format!("{}/v1/{kind}s?limit=1", self.url()))
            .header("authorization", format!("Bearer {}", self.keys.secret_key))
            .body(Full::default())
            .unwrap();
        let body = client.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let list: serde_json::Value = serde_json::from_slice(&body).unwrap();
        list["data"][0].to_string()
    }
}

/// Connects a new tenant's project with a key.
pub async fn connect(app: &App, key: &str) -> Connection {
    let person = NewUser {
        email: "bench@example.com".to_owned(),
        name: "Bench".to_owned(),
        password: SecretString::from("a long enough password"),
    };
    let signed_up = signup(app, person, "Bench", Role::Owner).await.unwrap();
    connect_project(app, signed_up.tenant, signed_up.project.unwrap(), key).await
}

async fn connect_project(app: &App, tenant: TenantId, project: ProjectId, key: &str) -> Connection {
    let mut tx = app.db.read(&tenant).await.unwrap();
    let known = store::connections::find(&mut tx, &project).await.unwrap();
    drop(tx);
    if known.is_none() {
        let scope = Scope { app: app.clone(), tenant: tenant.clone(), project: project.clone(), by: By::part("bench") };
        scope.connect(SecretString::from(key)).await.unwrap();
    }
    let mut tx = app.db.read(&tenant).await.unwrap();
    let connection = store::connections::find(&mut tx, &project).await.unwrap().unwrap();
    let secret = app.signing_secrets(&mut tx, &project, app.clock.now()).await.unwrap().remove(0);
    let url = app.webhook_url(&mut tx, &project, &connection).await.unwrap().unwrap();
    let path = url.split_at(url.find("/webhooks/").unwrap()).1.to_owned();
    drop(tx);
    Connection { path, secret: secret.expose_secret().to_owned(), tenant, project }
}
