//! A router with a route for each argument that a page may take, and the people who ask it.

use axum::{
    Extension, Router,
    body::Body,
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use billfold::{
    accounts::{signup::create_tenant, trail::Origin},
    app::{App, By},
    clock::Clock,
    domain::{
        ids::{ProjectId, TenantId, UserId},
        plan::TenantState,
        role::Role,
    },
    store::{
        connections::{self, Connection},
        members,
        projects::{self, Project},
        standings::{self, Change},
        users::{self, User},
    },
    vault::new_id,
    web::{
        access::{Admin, Member, Owner, SignedIn, Staff, UnstoppedAdmin, Viewer, Visitor, WholeTenant},
        error::Error,
        extract::Path,
        middleware::ClientAddress,
        operating,
        session::{self, Login, Proof},
        shell::{AccountNav, AccountShell, Nav, Shell},
    },
};
use http::{HeaderMap, Method, Request, header};
use tower::ServiceExt as _;

use crate::harness::{Engine, TestDatabase, parts};

/// The second in which every story begins.
pub const NOW: i64 = 1_790_000_000;

/// What the arguments of a page handed over.
#[derive(Clone)]
pub struct Told {
    pub role: Role,
    pub tenant: TenantId,
    /// The project of the path; none on a page of the tenant.
    pub project: Option<ProjectId>,
    pub shell: Shell,
    pub now: i64,
    pub by: By,
    /// Whose rows a transaction reads, and whose it writes.
    pub opened: [TenantId; 2],
    pub visitor: bool,
    /// For a use case of the project: tenant, project, actor.
    pub scoped: Option<(TenantId, ProjectId, String)>,
    /// For a use case about people: tenant, actor, address.
    pub team: Option<(TenantId, UserId, String)>,
}

/// What a page about the person itself was handed.
#[derive(Clone)]
pub struct Account {
    pub user: UserId,
    pub session_hash: String,
    pub origin: Origin,
    pub shell: AccountShell,
}

/// A business with its first project.
pub struct Business {
    pub tenant: TenantId,
    pub project: ProjectId,
}

impl Business {
    pub fn in_project(&self, page: &str) -> String {
        format!("/t/{}/p/{}/{page}", self.tenant, self.project)
    }

    pub fn in_tenant(&self, page: &str) -> String {
        format!("/t/{}/{page}", self.tenant)
    }
}

/// The router, and the business "Acme" with its project "Production".
pub struct Ground {
    pub app: App,
    pub clock: Clock,
    pub acme: Business,
    router: Router,
    _database: TestDatabase,
}

/// Somebody with a session.
pub struct Person<'g> {
    ground: &'g Ground,
    pub user: User,
    pub cookie: String,
}

impl Ground {
    pub async fn make(engine: Engine) -> Self {
        let database = TestDatabase::create(engine).await;
        let clock = Clock::manual(NOW);
        let app = parts(&database, clock.clone()).await;
        let acme = business(&app, "Acme").await;
        Self { router: router(&app), app, clock, acme, _database: database }
    }

    pub async fn business(&self, name: &str) -> Business {
        business(&self.app, name).await
    }

    /// Another project of Acme's.
    pub async fn project(&self, name: &str) -> ProjectId {
        let mut tx = self.app.db.write(&self.acme.tenant).await.unwrap();
        let id = new_id();
        projects::insert(&mut tx, &id, name, NOW + 1).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    pub async fn connect(&self, project: &ProjectId, connection: Connection) {
        let mut tx = self.app.db.write(&self.acme.tenant).await.unwrap();
        assert!(connections::connect(&mut tx, project, &connection).await.unwrap());
        tx.commit().await.unwrap();
    }

    /// Somebody who belongs to Acme and is signed in.
    pub async fn member(&self, role: Role) -> Person<'_> {
        let person = self.person().await;
        self.join(&self.acme, &person.user, role).await;
        person
    }

    pub async fn join(&self, business: &Business, user: &User, role: Role) {
        let mut tx = self.app.db.system_write().await.unwrap();
        members::insert(&mut tx, &business.tenant, &user.id, role.as_str(), NOW).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Somebody who belongs to nobody and is signed in.
    pub async fn person(&self) -> Person<'_> {
        let id = new_id::<UserId>();
        let user = User::new(id.clone(), format!("{id}@example.com"), String::new(), "no hash".to_owned());
        let mut tx = self.app.db.system_write().await.unwrap();
        users::insert(&mut tx, &user, NOW).await.unwrap();
        tx.commit().await.unwrap();
        let cookie = session::begin(&self.app, &user).await.unwrap();
        Person { ground: self, user, cookie }
    }

    /// Makes somebody an operator, or ends it.
    pub async fn appoint(&self, user: &User, since: Option<i64>) {
        let mut tx = self.app.db.system_write().await.unwrap();
        users::set_operator(&mut tx, &user.id, since).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn suspend(&self, business: &Business) {
        let mut tx = self.app.db.system_write().await.unwrap();
        let change = Change { state: TenantState::Suspended, since: NOW, by: "", note: "", due_at: None };
        standings::set_state(&mut tx, &business.tenant, &change).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Sends a request from 192.0.2.7 under the id `req_1`, by a browser that wants dark pages.
    pub async fn send(&self, method: Method, address: &str, cookie: Option<&str>) -> Response {
        let session = cookie.map(|cookie| format!("; billfold={cookie}")).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(address)
            .header(header::COOKIE, format!("billfold-theme=dark{session}"))
            .header("request-id", "req_1")
            .extension(ClientAddress([192, 0, 2, 7].into()));
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// The same; what a page was told, or why it was not.
    pub async fn ask(&self, method: Method, address: &str, cookie: Option<&str>) -> Result<Told, Error> {
        let mut answer = self.send(method, address, cookie).await;
        let told = answer.extensions_mut().remove::<Told>();
        told.ok_or_else(|| answer.extensions_mut().remove::<Error>().expect("a page or an error"))
    }
}

impl Person<'_> {
    pub async fn get(&self, address: &str) -> Result<Told, Error> {
        self.ground.ask(Method::GET, address, Some(&self.cookie)).await
    }

    pub async fn post(&self, address: &str) -> Result<Told, Error> {
        self.ground.ask(Method::POST, address, Some(&self.cookie)).await
    }

    pub async fn account(&self) -> Result<Account, Error> {
        let mut answer = self.ground.send(Method::GET, "/account", Some(&self.cookie)).await;
        let told = answer.extensions_mut().remove::<Account>();
        told.ok_or_else(|| answer.extensions_mut().remove::<Error>().expect("a page or an error"))
    }

    /// Looks at the pages of a business for half an hour.
    pub async fn look_in(&self, business: &Business, role: Role) {
        let address = format!("/look-in/{}/{role}", business.tenant);
        assert!(self.ground.send(Method::POST, &address, Some(&self.cookie)).await.status().is_success());
    }

    /// The same person in a session that began with a passkey.
    pub async fn with_passkey(&self) -> Person<'_> {
        let answer = self.ground.send(Method::POST, "/passkey", Some(&self.cookie)).await;
        let set = answer.headers()[header::SET_COOKIE].to_str().unwrap();
        let cookie = set.split(['=', ';']).nth(1).unwrap().to_owned();
        assert_ne!(cookie, self.cookie);
        Person { ground: self.ground, user: self.user.clone(), cookie }
    }
}

async fn business(app: &App, name: &str) -> Business {
    let tx = app.db.system_write().await.unwrap();
    let (tx, project) = create_tenant(app, tx, name).await.unwrap();
    let tenant = tx.tenant().clone();
    tx.commit().await.unwrap();
    Business { tenant, project }
}

fn router(app: &App) -> Router {
    macro_rules! page {
        ($who:ty, $tell:ident) => {
            any(|who: $who, headers: HeaderMap, visitor: Option<Extension<Visitor>>| async move {
                $tell(&who, &headers, visitor.is_some()).await
            })
        };
    }
    let pages = Router::new()
        .route("/t/{tenant}/p/{project}/viewer", page!(Viewer, tell_in_project))
        .route("/t/{tenant}/p/{project}/member", page!(Member, tell_in_project))
        .route("/t/{tenant}/p/{project}/admin", page!(Admin, tell_in_project))
        .route("/t/{tenant}/p/{project}/owner", page!(Owner, tell_in_project))
        .route("/t/{tenant}/p/{project}/unstopped", page!(UnstoppedAdmin, tell_in_project))
        .route("/t/{tenant}/viewer", page!(Viewer<WholeTenant>, tell_in_tenant))
        .route("/t/{tenant}/member", page!(Member<WholeTenant>, tell_in_tenant))
        .route("/t/{tenant}/admin", page!(Admin<WholeTenant>, tell_in_tenant))
        .route("/t/{tenant}/owner", page!(Owner<WholeTenant>, tell_in_tenant))
        .route("/account", get(tell_about_oneself))
        .route("/look-in/{tenant}/{role}", post(look_in))
        .route("/passkey", post(sign_in_by_passkey));
    session::layer(pages, app).with_state(app.clone())
}

async fn tell_in_project(who: &Staff<Project>, headers: &HeaderMap, visitor: bool) -> Response {
    let scope = who.scope(headers);
    let scoped = Some((scope.tenant, scope.project, scope.by.actor));
    Extension(Told { scoped, project: Some(who.project.id.clone()), ..tell(who, headers, visitor).await })
        .into_response()
}

async fn tell_in_tenant(who: &Staff<WholeTenant>, headers: &HeaderMap, visitor: bool) -> Response {
    let team = who.team(session::origin([192, 0, 2, 7].into(), headers));
    let team = Some((team.tenant, team.actor, team.origin.address.to_string()));
    Extension(Told { team, ..tell(who, headers, visitor).await }).into_response()
}

async fn tell<P>(who: &Staff<P>, headers: &HeaderMap, visitor: bool) -> Told {
    let (reads, writes) = (who.read().await.unwrap(), who.write().await.unwrap());
    Told {
        role: who.role,
        tenant: who.tenant.clone(),
        project: None,
        shell: who.shell(Nav::Overview),
        now: who.now(),
        by: who.by(headers),
        opened: [reads.tenant().clone(), writes.tenant().clone()],
        visitor,
        scoped: None,
        team: None,
    }
}

async fn tell_about_oneself(who: SignedIn) -> Response {
    Extension(Account {
        user: who.user.id.clone(),
        session_hash: who.session_hash(),
        origin: who.origin.clone(),
        shell: who.shell(AccountNav::Profile),
    })
    .into_response()
}

async fn look_in(login: Login, Path((tenant, role)): Path<(TenantId, String)>) -> Result<(), Error> {
    let role = Role::parse(&role).ok_or(Error::NotFound)?;
    operating::look_in(&login, &tenant, role, NOW).await
}

async fn sign_in_by_passkey(login: Login, headers: HeaderMap) -> Result<(), Error> {
    let user = login.user.as_ref().ok_or(Error::Unauthenticated)?.user.clone();
    session::sign_in_with(Proof::Passkey, login, user, (&headers, [192, 0, 2, 7].into())).await
}
