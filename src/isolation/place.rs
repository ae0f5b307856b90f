//! A throw-away business with something of everything: people, a connected account with its copy, keys, links, an event.

use serde_json::{Value, json};

use super::{Error, Result};
use crate::{
    accounts::signup::create_tenant_with_owner,
    app::{App, KEY_FIELD, TOKEN_FIELD},
    db::Tx,
    domain::{
        api_key::{ApiKey, Preset, RANDOM_BYTES},
        event::EventStatus,
        ids::{ConnectionId, InvitationId, KeyId, PortalLinkId, ProjectId, SecretId, TenantId, UserId},
        kind::Kind,
        objects::Object,
        portal::{Flow, Permit, VISIT},
        role::Role,
        time::DAY_SECONDS,
    },
    mirror::{self, Change},
    standin::{self, StandIn, control::accounts::AccountSpec, lists::Page},
    store::{
        api_keys::{self, NewKey},
        connections::{self, Connection, state},
        invitations::{self, Invitation},
        members,
        portal_links::{self, NewLink},
        portal_sessions,
        signing_secrets::{self, SigningSecret},
        users::{self, User},
        webhook_events::{self, NewEvent},
    },
    stripe::endpoints::api_version,
    vault::{Place as SealedPlace, SecretString, hash_token, new_id, new_token, random_bytes},
    web::session,
};

/// What the names of throw-away businesses begin with.
pub(super) const NAME: &str = "Isolation self-test";
/// Where their people have their mail: nowhere, by RFC 2606.
pub(super) const DOMAIN: &str = "@isolation-self-test.billfold.invalid";
/// Customers of each; enough for lists of more than one page.
const CUSTOMERS: u64 = 30;

/// A business and the ways into it.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) tenant: TenantId,
    pub(super) project: ProjectId,
    /// The account at the imitation of Stripe.
    pub(super) account: String,
    /// The cookie of its owner.
    pub(super) staff: String,
    /// The key of its program.
    pub(super) key: String,
    /// The secret of its customer's visit to the portal.
    pub(super) visit: String,
    /// Ids of its rows and of its objects at Stripe, one or two of each kind.
    pub(super) ids: Vec<String>,
}

/// Makes one.
pub(super) async fn make(app: &App, stripe: &StandIn, name: &str) -> Result<Place> {
    let (owner, member) = (new_user(app).await?, new_user(app).await?);
    let tx = app.db.system_write().await?;
    let made = create_tenant_with_owner(app, tx, &format!("{NAME} {name} {}", &new_token()[..8]), &owner.id).await;
    let (mut tx, project) = made.map_err(|error| Error::Place(error.to_string()))?;
    let tenant = tx.tenant().clone();
    members::insert(&mut tx, &tenant, &member.id, Role::Viewer.as_str(), app.clock.now()).await?;
    tx.commit().await?;

    let keys = stripe.account(AccountSpec { customers: CUSTOMERS, ..AccountSpec::default() });
    let mut place = Place {
        tenant,
        project,
        account: keys.account.clone(),
        staff: String::new(),
        key: String::new(),
        visit: String::new(),
        ids: vec![member.id.to_string()],
    };
    let mut tx = app.db.write(&place.tenant).await?;
    connect(app, &mut tx, &mut place, keys.secret_key).await?;
    let customer = copy(app, &mut tx, stripe, &mut place).await?;
    insert_event(app, &mut tx, &mut place, &customer).await?;
    hand_out(app, &mut tx, &mut place, &owner, &customer).await?;
    tx.commit().await?;
    place.ids.extend(at_stripe_alone(stripe, &place.account));
    place.staff = session::begin(app, &owner).await.map_err(|error| Error::Place(format!("{error:?}")))?;
    Ok(place)
}

async fn new_user(app: &App) -> Result<User> {
    let id = new_id::<UserId>();
    // No password fits a hash that is none, so nobody signs in as one of them.
    let user = User::new(id.clone(), format!("{id}{DOMAIN}"), String::new(), String::new());
    let mut tx = app.db.system_write().await?;
    users::insert(&mut tx, &user, app.clock.now()).await?;
    tx.commit().await?;
    Ok(user)
}

/// As a connected project has it, but for jobs: nobody is to work for it.
async fn connect(app: &App, tx: &mut Tx, place: &mut Place, key: String) -> Result<()> {
    let now = app.clock.now();
    let data_key = app.data_key(tx).await?;
    let (tenant, project) = (place.tenant.clone(), place.project.clone());
    let seal = |field: &str, version: i64, secret: String| {
        let sealed_place = SealedPlace { tenant: &tenant, project: Some(&project), field, version };
        data_key.seal(&sealed_place, &SecretString::from(secret)).map_err(|error| Error::Place(error.to_string()))
    };
    let connection = Connection {
        id: new_id::<ConnectionId>(),
        state: state::CONNECTED.to_owned(),
        account_id: Some(place.account.clone()),
        account_name: None,
        livemode: false,
        key_kind: "secret".to_owned(),
        key_last4: key[key.len() - 4..].to_owned(),
        sealed_key: Some(seal(KEY_FIELD, 1, key)?),
        credential_version: 1,
        sealed_token: Some(seal(TOKEN_FIELD, now, new_token())?),
        endpoint_id: None,
        api_version: api_version().to_owned(),
        permissions: "[]".to_owned(),
        connected_at: now,
        checked_at: now,
        disconnected_at: None,
        first_event_at: None,
        last_event_at: None,
        last_error: None,
        drift_at: None,
    };
    connections::connect(tx, &place.project, &connection).await?;
    place.ids.push(connection.id.to_string());
    for _ in 0..2 {
        let id = new_id::<SecretId>();
        let sealed = seal(&signing_secrets::field(&id), 1, format!("whsec_{}", new_token()))?;
        let secret = SigningSecret { id: id.clone(), sealed, version: 1, created: now, expires_at: None };
        signing_secrets::insert(tx, &place.project, &secret).await?;
        place.ids.push(id.to_string());
    }
    Ok(())
}

/// A customer of the copy.
struct Customer {
    id: String,
    email: String,
}

/// Copies the account as a backfill does, and notes an id or two of each kind; answers a customer that has an address.
async fn copy(app: &App, tx: &mut Tx, stripe: &StandIn, place: &mut Place) -> Result<Customer> {
    let now = app.clock.now();
    let mut customer = None;
    for kind in Kind::ALL {
        let mut changes = Vec::new();
        for raw in dump(stripe, &place.account, kind.as_str()) {
            let object = Object::read(kind, &place.project, &raw).map_err(|error| Error::Place(error.to_string()))?;
            if changes.is_empty() {
                place.ids.extend([object.id.clone(), object.stripe_id.clone()]);
            }
            let email =
                serde_json::from_str::<Value>(&raw).ok().and_then(|value| Some(value["email"].as_str()?.to_owned()));
            if let (Kind::Customer, None, Some(email)) = (kind, &customer, email) {
                customer = Some(Customer { id: object.id.clone(), email });
            }
            changes.push(Change::from_fetch(object, now, None));
        }
        mirror::apply(tx, &place.project, &changes, now).await?;
    }
    customer.ok_or_else(|| Error::Place("the imitation of Stripe made no customer".to_owned()))
}

/// The JSON of every object of a kind, newest first.
fn dump(stripe: &StandIn, account: &str, kind: &str) -> Vec<String> {
    let Some(kind) = standin::kind::Kind::named(kind) else { return Vec::new() };
    let (mut objects, mut before) = (Vec::new(), Some(Page::all().keys.end));
    while let Some(key) = before {
        let Ok((piece, next)) = stripe.control().dump_piece(account, false, kind, key) else { break };
        let lines = piece.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        objects.extend(lines.map(|line| String::from_utf8_lossy(line).into_owned()));
        before = next;
    }
    objects
}

/// Ids of what the copy does not keep.
fn at_stripe_alone(stripe: &StandIn, account: &str) -> Vec<String> {
    let kinds = ["coupon", "promotion_code", "refund", "billing.meter", "payment_method"];
    let first = |kind| dump(stripe, account, kind).into_iter().next();
    let id = |raw: String| Some(serde_json::from_str::<Value>(&raw).ok()?["id"].as_str()?.to_owned());
    kinds.into_iter().filter_map(first).filter_map(id).collect()
}

async fn insert_event(app: &App, tx: &mut Tx, place: &mut Place, customer: &Customer) -> Result<()> {
    let id = format!("evt_{}", &new_token()[..24]);
    let event = NewEvent {
        id: id.clone(),
        arrival: app.clock.micros(),
        event_type: "customer.updated".to_owned(),
        api_version: Some(api_version().to_owned()),
        created: app.clock.now(),
        object_kind: "customer".to_owned(),
        object_id: String::new(),
        subject_id: customer.id.clone(),
        status: EventStatus::Quarantined,
        cause: Some("made by the isolation self-test".to_owned()),
        payload: json!({ "id": id, "object": "event" }).to_string(),
    };
    webhook_events::insert_new(tx, &place.project, &[&event]).await?;
    place.ids.push(id);
    Ok(())
}

/// A key, an invitation, and a link that somebody has opened.
async fn hand_out(app: &App, tx: &mut Tx, place: &mut Place, owner: &User, customer: &Customer) -> Result<()> {
    let (now, end) = (app.clock.now(), app.clock.now() + DAY_SECONDS);
    let (id, key) = (new_id::<KeyId>(), ApiKey::from_random(random_bytes::<RANDOM_BYTES>()));
    let row = NewKey {
        id: &id,
        hash: &hash_token(key.expose()),
        tenant: &place.tenant,
        project: &place.project,
        shown: &key.shown(),
        name: NAME,
        scopes: &Preset::Everything.scopes().to_stored(),
        created: now,
        created_by: owner.id.as_str(),
        expires_at: end,
        replaces: None,
    };
    api_keys::insert(tx, &row).await?;
    let invitation = Invitation {
        id: new_id::<InvitationId>(),
        tenant_id: place.tenant.clone(),
        email: format!("guest-{}{DOMAIN}", &new_token()[..8]),
        role: Role::Viewer.as_str().to_owned(),
        created: now,
        created_by: owner.id.clone(),
        expires_at: end,
    };
    invitations::insert(tx, &invitation, &hash_token(&new_token())).await?;
    let (link, token, visit) = (new_id::<PortalLinkId>(), hash_token(&new_token()), new_token());
    let row = NewLink {
        token_hash: &token,
        id: &link,
        place: (&place.tenant, &place.project),
        customer_id: &customer.id,
        email_hash: &hash_token(&customer.email),
        actions: &Permit::join(&Permit::ALL),
        flow: Flow::Overview.as_str(),
        return_url: None,
        created: now,
        created_by: owner.id.as_str(),
        expires: end,
    };
    portal_links::insert(tx, &row).await?;
    portal_sessions::insert(tx, &hash_token(&visit), &token, (now, now + VISIT)).await?;
    place.ids.extend([id.to_string(), invitation.id.to_string(), link.to_string(), customer.id.clone()]);
    (place.key, place.visit) = (key.expose().to_owned(), visit);
    Ok(())
}
