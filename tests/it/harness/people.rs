//! Businesses and the people in them.

use billfold::{
    accounts::signup::create_tenant_with_owner,
    app::App,
    domain::{
        ids::{ProjectId, TenantId, UserId},
        role::Role,
    },
    store::{members, users},
    vault::{SecretString, new_id},
};
use tokio::sync::OnceCell;

use super::visitor::Visitor;

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// A business with its first project.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// The project "Production".
    pub project: ProjectId,
}

impl Tenant {
    /// Where its pages begin, with a slash at the end.
    pub fn home(&self) -> String {
        format!("/t/{}/p/{}/", self.id, self.project)
    }
}

/// Makes a business and its owner.
pub async fn new_tenant(app: &App, name: &str) -> Tenant {
    let owner = new_user(app).await;
    let tx = app.db.system_write().await.unwrap();
    let (tx, project) = create_tenant_with_owner(app, tx, name, &owner.id).await.unwrap();
    let id = tx.tenant().clone();
    tx.commit().await.unwrap();
    Tenant { id, project }
}

/// Makes a person with a role in a business; answers the e-mail address.
pub async fn new_member(app: &App, tenant: &TenantId, role: Role) -> String {
    let user = new_user(app).await;
    let mut tx = app.db.system_write().await.unwrap();
    members::insert(&mut tx, tenant, &user.id, role.as_str(), app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    user.email
}

/// Signs in through the form.
pub async fn sign_in(visitor: Visitor, email: &str) -> Visitor {
    let form = visitor.get("/login").await.expect(200).form("form[action='/login']");
    visitor.submit(&form.fill("email", email).fill("password", PASSWORD)).await.expect(303);
    visitor
}

async fn new_user(app: &App) -> users::User {
    /// Hashing takes long on purpose; one hash serves everybody in a test.
    static HASH: OnceCell<String> = OnceCell::const_new();
    let hash = HASH.get_or_init(|| async { app.passwords.hash(SecretString::from(PASSWORD)).await.unwrap() }).await;
    let id = new_id::<UserId>();
    let email = format!("{id}@example.com");
    let user = users::User::new(id, email, String::new(), hash.clone());
    let mut tx = app.db.system_write().await.unwrap();
    users::insert(&mut tx, &user, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    user
}
