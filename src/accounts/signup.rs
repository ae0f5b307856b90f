//! Makes people and tenants: for the set-up page, `billfold user create` and the demo.

use secrecy::SecretString;
use serde_json::json;

use super::{Error, Result, email, name, operators::note_both, passwords, trail::Origin};
use crate::{
    app::App,
    db::{self, SystemTx, Tx},
    domain::{
        ids::{ProjectId, TenantId, UserId},
        plan::TenantState,
        role::Role,
    },
    store::{
        instance, members, projects,
        standings::{self, Change, by},
        tenants, users,
    },
    vault::new_id,
};

/// The project that every tenant starts with.
pub const FIRST_PROJECT: &str = "Production";

/// A person to be made; values as typed.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The e-mail address.
    pub email: String,
    /// What the person is called; may be empty.
    pub name: String,
    /// The password.
    pub password: SecretString,
}

/// A person whose values were checked and whose password is hashed, ready to be stored.
#[derive(Clone, Debug)]
pub struct Prepared(users::User);

impl Prepared {
    /// The normalised e-mail address.
    pub fn email(&self) -> &str {
        &self.0.email
    }
}

/// Checks the values and hashes the password, outside of any transaction because it takes long.
///
/// # Errors
/// [`Error::Invalid`] names the field, [`Error::Password`] when too many passwords are being hashed.
pub async fn prepare(app: &App, new: NewUser) -> Result<Prepared> {
    let email = email::normalise(&new.email)?;
    let called = if new.name.trim().is_empty() { String::new() } else { name("name", &new.name)? };
    passwords::check(&new.password, &email)?;
    let password_hash = app.passwords.hash(new.password).await?;
    Ok(Prepared(users::User::new(new_id(), email, called, password_hash)))
}

/// Stores the person and closes the set-up: it is for an installation without anybody.
pub async fn create_user(tx: &mut SystemTx, prepared: &Prepared, now: i64) -> Result<UserId> {
    let Prepared(user) = prepared;
    if users::by_email(tx, &user.email).await?.is_some() {
        return Err(Error::Invalid { field: "email", message: "A person with this e-mail address exists already." });
    }
    users::insert(tx, user, now).await?;
    instance::finish_setup(tx, now).await?;
    Ok(user.id.clone())
}

/// Stores a tenant with its data key and its first project. Goes on in the tenant's transaction.
pub async fn create_tenant(app: &App, mut tx: SystemTx, tenant: &str) -> Result<(Tx, ProjectId)> {
    let tenant_name = name("tenant", tenant)?;
    let (id, now) = (new_id::<TenantId>(), app.clock.now());
    let key = app.keyring.new_data_key(&id)?;
    tenants::insert(&mut tx, &id, &tenant_name, &key, now).await?;
    let mut tx = tx.into_tenant(&id).await?;
    let project = new_id::<ProjectId>();
    projects::insert(&mut tx, &project, FIRST_PROJECT, now).await?;
    Ok((tx, project))
}

/// The same with an owner.
pub async fn create_tenant_with_owner(
    app: &App,
    tx: SystemTx,
    tenant: &str,
    owner: &UserId,
) -> Result<(Tx, ProjectId)> {
    let (mut tx, project) = create_tenant(app, tx, tenant).await?;
    let id = tx.tenant().clone();
    members::insert(&mut tx, &id, owner, Role::Owner.as_str(), app.clock.now()).await?;
    Ok((tx, project))
}

/// Who signs up.
#[derive(Clone, Debug)]
pub enum Newcomer {
    /// Somebody without an account.
    New(NewUser),
    /// Somebody who is signed in.
    Known(UserId),
}

/// A business that signs up by itself: it can do nothing until it has chosen a plan and paid.
///
/// # Errors
/// [`Error::Invalid`] names the field; [`Error::Unknown`] when the person is gone.
pub async fn sign_up(app: &App, newcomer: Newcomer, tenant: &str, origin: &Origin) -> Result<(users::User, TenantId)> {
    let called = name("tenant", tenant)?;
    let prepared = match newcomer {
        Newcomer::New(new) => Ok(prepare(app, new).await?),
        Newcomer::Known(user) => Err(user),
    };
    let now = app.clock.now();
    let mut tx = app.db.system_write().await?;
    let user = match prepared {
        Ok(prepared) => create_user(&mut tx, &prepared, now).await?,
        Err(known) => known,
    };
    let user = users::by_id(&mut tx, &user).await?.ok_or(Error::Unknown)?;
    let (mut tx, _) = create_tenant_with_owner(app, tx, &called, &user.id).await?;
    let tenant = tx.tenant().clone();
    let change = Change {
        state: TenantState::Suspended,
        since: now,
        by: by::BILLING,
        note: "Choose a plan to begin.",
        due_at: None,
    };
    standings::set_state(&mut tx, &tenant, &change).await?;
    note_both(app, &mut tx, &origin.by(&user.id), "tenant.created", &json!({ "name": called })).await?;
    tx.commit().await?;
    Ok((user, tenant))
}

/// What a sign-up made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedUp {
    /// The person.
    pub user: UserId,
    /// The tenant.
    pub tenant: TenantId,
    /// Its first project; none when the person joined a tenant that existed.
    pub project: Option<ProjectId>,
}

/// A person with a tenant of that name: joins it in `role` when it exists, else makes it and owns it.
/// For the command line, which needs nobody's permission.
///
/// # Errors
/// [`Error::Invalid`] names the field: wrong values, a known e-mail address, or a first member who is not the owner.
pub async fn signup(app: &App, new: NewUser, tenant: &str, role: Role) -> Result<SignedUp> {
    let tenant = name("tenant", tenant)?;
    let prepared = prepare(app, new).await?;
    let now = app.clock.now();
    let mut tx = app.db.system_write().await?;
    let user = create_user(&mut tx, &prepared, now).await?;
    if let Some(known) = tenants::by_name(&mut tx, &tenant).await? {
        members::insert(&mut tx, &known, &user, role.as_str(), now).await?;
        tx.commit().await?;
        return Ok(SignedUp { user, tenant: known, project: None });
    }
    if role != Role::Owner {
        return Err(Error::Invalid { field: "role", message: "The first person of a tenant is its owner." });
    }
    let (tx, project) = create_tenant_with_owner(app, tx, &tenant, &user).await?;
    let tenant = tx.tenant().clone();
    tx.commit().await?;
    Ok(SignedUp { user, tenant, project: Some(project) })
}

/// As an answer to a form: who signed up twice at the same moment learns it like everybody else.
impl Error {
    /// The field and the sentence for a form; none for what is not the person's doing.
    pub fn field(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Invalid { field, message } => Some((field, message)),
            Self::Db(db::Error::Conflict(_)) => Some(("email", "This exists already.")),
            _ => None,
        }
    }
}
