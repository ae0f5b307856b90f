//! Who may do what: every page and form that an owner can reach, tried by each role and by nobody.

use billfold::domain::{api_key::Preset, permission::Permission, role::Role};

use crate::harness::{
    Engine, Form, Site, Visitor, both_engines,
    crawl::{Reach, crawl, pattern},
    new_key,
};

both_engines!(each_role_reaches_what_it_may_and_no_more);

/// The lowest role for each action. A form that is not here fails the test: somebody has to decide who may send it.
const ACTIONS: [(&str, Role); 78] = [
    ("/logout", Role::Viewer),
    ("/t/{}/projects", Role::Admin),
    ("/t/{}/audit/export", Role::Admin),
    ("/confirm", Role::Viewer),
    ("/account/profile", Role::Viewer),
    ("/account/password", Role::Viewer),
    ("/account/two-factor/begin", Role::Viewer),
    ("/account/two-factor/new", Role::Viewer),
    ("/account/two-factor/codes", Role::Viewer),
    ("/account/two-factor/off", Role::Viewer),
    ("/t/{}/two-factor", Role::Owner),
    ("/t/{}/members/{}/reset-two-factor", Role::Owner),
    ("/account/passkeys", Role::Viewer),
    ("/account/passkeys/{}/rename", Role::Viewer),
    ("/account/passkeys/{}/remove", Role::Viewer),
    ("/account/sessions/end", Role::Viewer),
    ("/account/sessions/end-others", Role::Viewer),
    ("/t/{}/invitations", Role::Owner),
    ("/t/{}/invitations/{}/renew", Role::Owner),
    ("/t/{}/invitations/{}/withdraw", Role::Owner),
    ("/t/{}/members/{}/role", Role::Owner),
    ("/t/{}/members/{}/disable", Role::Owner),
    ("/t/{}/members/{}/enable", Role::Owner),
    ("/t/{}/members/{}/remove", Role::Owner),
    ("/t/{}/p/{}/api-keys", Role::Admin),
    ("/t/{}/p/{}/api-keys/{}/roll", Role::Admin),
    ("/t/{}/p/{}/api-keys/{}/revoke", Role::Admin),
    ("/t/{}/p/{}/connection", Role::Admin),
    ("/t/{}/p/{}/connection/key", Role::Admin),
    ("/t/{}/p/{}/connection/check", Role::Admin),
    ("/t/{}/p/{}/connection/doctor", Role::Admin),
    ("/t/{}/p/{}/connection/endpoint", Role::Admin),
    ("/t/{}/p/{}/connection/address", Role::Admin),
    ("/t/{}/p/{}/connection/secrets", Role::Admin),
    ("/t/{}/p/{}/connection/secrets/renew", Role::Admin),
    ("/t/{}/p/{}/connection/secrets/{}/remove", Role::Admin),
    ("/t/{}/p/{}/connection/disconnect", Role::Admin),
    ("/t/{}/p/{}/events/requeue", Role::Member),
    ("/t/{}/p/{}/events/{}/requeue", Role::Member),
    ("/t/{}/p/{}/sync/fetch", Role::Member),
    ("/t/{}/p/{}/sync/freshness/start", Role::Member),
    ("/t/{}/p/{}/sync/freshness/stop", Role::Member),
    ("/t/{}/p/{}/sync/start", Role::Member),
    ("/t/{}/p/{}/sync/pause", Role::Member),
    ("/t/{}/p/{}/sync/resume", Role::Member),
    ("/t/{}/p/{}/sync/retry", Role::Member),
    ("/t/{}/p/{}/customers/new", Role::Member),
    ("/t/{}/p/{}/customers/{}/edit", Role::Member),
    ("/t/{}/p/{}/products/new", Role::Member),
    ("/t/{}/p/{}/products/{}/edit", Role::Member),
    ("/t/{}/p/{}/products/{}/archive", Role::Member),
    ("/t/{}/p/{}/products/{}/unarchive", Role::Member),
    ("/t/{}/p/{}/products/{}/prices/new", Role::Member),
    ("/t/{}/p/{}/prices/{}/edit", Role::Member),
    ("/t/{}/p/{}/prices/{}/default", Role::Member),
    ("/t/{}/p/{}/prices/{}/archive", Role::Member),
    ("/t/{}/p/{}/prices/{}/unarchive", Role::Member),
    ("/t/{}/p/{}/subscriptions/new", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/cancel", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/change", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/discount", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/keep", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/pause", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/unpause", Role::Member),
    ("/t/{}/p/{}/invoices/{}/finalize", Role::Member),
    ("/t/{}/p/{}/invoices/{}/pay", Role::Member),
    ("/t/{}/p/{}/invoices/{}/send", Role::Member),
    ("/t/{}/p/{}/invoices/{}/void", Role::Member),
    ("/t/{}/p/{}/invoices/{}/write-off", Role::Member),
    ("/t/{}/p/{}/charges/{}/refund", Role::Member),
    ("/t/{}/p/{}/checkout", Role::Member),
    ("/t/{}/p/{}/coupons/new", Role::Member),
    ("/t/{}/p/{}/customers/{}/portal-link", Role::Member),
    ("/t/{}/p/{}/portal-links/{}/revoke", Role::Member),
    ("/t/{}/p/{}/settings/origins", Role::Admin),
    ("/t/{}/p/{}/settings/portal", Role::Admin),
    ("/t/{}/p/{}/settings/portal/logo", Role::Admin),
    ("/t/{}/p/{}/settings/origins/remove", Role::Admin),
];
/// Pages that a viewer may not open.
const PAGES: [(&str, Role); 35] = [
    ("/t/{}/plan", Role::Admin),
    ("/t/{}/audit", Role::Admin),
    ("/t/{}/audit/check", Role::Admin),
    ("/t/{}/members/{}", Role::Owner),
    ("/t/{}/p/{}/api-keys/new", Role::Admin),
    ("/t/{}/projects/new", Role::Admin),
    ("/t/{}/p/{}/customers/new", Role::Member),
    ("/t/{}/p/{}/customers/{}/edit", Role::Member),
    ("/t/{}/p/{}/products/new", Role::Member),
    ("/t/{}/p/{}/products/{}/edit", Role::Member),
    ("/t/{}/p/{}/products/{}/archive", Role::Member),
    ("/t/{}/p/{}/products/{}/unarchive", Role::Member),
    ("/t/{}/p/{}/products/{}/prices/new", Role::Member),
    ("/t/{}/p/{}/prices/{}/edit", Role::Member),
    ("/t/{}/p/{}/prices/{}/default", Role::Member),
    ("/t/{}/p/{}/prices/{}/archive", Role::Member),
    ("/t/{}/p/{}/prices/{}/unarchive", Role::Member),
    ("/t/{}/p/{}/subscriptions/new", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/cancel", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/change", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/discount", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/keep", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/pause", Role::Member),
    ("/t/{}/p/{}/subscriptions/{}/unpause", Role::Member),
    ("/t/{}/p/{}/invoices/{}/finalize", Role::Member),
    ("/t/{}/p/{}/invoices/{}/pay", Role::Member),
    ("/t/{}/p/{}/invoices/{}/send", Role::Member),
    ("/t/{}/p/{}/invoices/{}/void", Role::Member),
    ("/t/{}/p/{}/invoices/{}/write-off", Role::Member),
    ("/t/{}/p/{}/charges/{}/refund", Role::Member),
    ("/t/{}/p/{}/checkout", Role::Member),
    ("/t/{}/p/{}/coupons/new", Role::Member),
    ("/t/{}/p/{}/customers/{}/portal-link", Role::Member),
    ("/t/{}/p/{}/checkout?customer", Role::Member),
    ("/t/{}/p/{}/subscriptions/new?customer", Role::Member),
];

/// The permission that a form belongs to, by how its address begins; none for what everybody does for themselves.
const PERMISSIONS: [(&str, Option<Permission>); 23] = [
    ("/logout", None),
    ("/confirm", None),
    ("/account/", None),
    ("/t/{}/projects", Some(Permission::Projects)),
    ("/t/{}/audit/", Some(Permission::Audit)),
    ("/t/{}/invitations", Some(Permission::People)),
    ("/t/{}/members/", Some(Permission::People)),
    ("/t/{}/two-factor", Some(Permission::People)),
    ("/t/{}/p/{}/api-keys", Some(Permission::ApiKeys)),
    ("/t/{}/p/{}/connection", Some(Permission::Connection)),
    ("/t/{}/p/{}/events/", Some(Permission::Sync)),
    ("/t/{}/p/{}/sync/", Some(Permission::Sync)),
    ("/t/{}/p/{}/customers/{}/portal-link", Some(Permission::InviteCustomers)),
    ("/t/{}/p/{}/customers/", Some(Permission::ActAtStripe)),
    ("/t/{}/p/{}/products/", Some(Permission::ActAtStripe)),
    ("/t/{}/p/{}/prices/", Some(Permission::ActAtStripe)),
    ("/t/{}/p/{}/subscriptions/", Some(Permission::ActAtStripe)),
    ("/t/{}/p/{}/invoices/", Some(Permission::ActAtStripe)),
    ("/t/{}/p/{}/charges/", Some(Permission::ActAtStripe)),
    ("/t/{}/p/{}/coupons/", Some(Permission::ActAtStripe)),
    ("/t/{}/p/{}/checkout", Some(Permission::InviteCustomers)),
    ("/t/{}/p/{}/portal-links/", Some(Permission::InviteCustomers)),
    ("/t/{}/p/{}/settings/", Some(Permission::Settings)),
];

/// What the page of members says of the roles is what the router does.
#[test]
fn the_table_of_permissions_says_what_is_true() {
    for (action, needs) in ACTIONS {
        let found = PERMISSIONS.iter().find(|(start, _)| action.starts_with(start));
        let (_, permission) =
            found.unwrap_or_else(|| panic!("which permission is {action}? Add a line to PERMISSIONS"));
        assert_eq!(permission.map_or(Role::Viewer, Permission::needs), needs, "{action}");
    }
}

async fn each_role_reaches_what_it_may_and_no_more(engine: Engine) {
    let site = Site::start(engine).await;
    let owner = site.user(Role::Owner).await;
    let home = owner.home().to_owned();
    // Before the connection other forms are shown than after it.
    let mut reach = crawl(&owner, &home).await;
    new_key(&site.app, site.tenant().await, Preset::ReadOnly.scopes()).await;
    site.connect(12).await.mutate(3);
    site.wait_until_idle().await;
    let connected = crawl(&owner, &home).await;
    reach.forms.extend(connected.forms);
    reach.pages = connected.pages;
    for role in Role::ALL {
        let visitor = site.user(role).await;
        try_pages(&visitor, Some(role), &reach).await;
        try_forms(&visitor, Some(role), &reach).await;
    }
    let nobody = site.anonymous();
    try_pages(&nobody, None, &reach).await;
    try_forms(&nobody, None, &reach).await;
}

async fn try_pages(visitor: &Visitor, role: Option<Role>, reach: &Reach) {
    for path in reach.paths().into_iter().filter(|path| path.starts_with("/t/")) {
        let needs = PAGES.iter().find(|(page, _)| *page == pattern(path)).map_or(Role::Viewer, |(_, needs)| *needs);
        let answer = visitor.get(path).await;
        match role {
            None => assert!(answer.header("location").starts_with("/login"), "{path} is open to everybody"),
            Some(role) if role < needs => assert_eq!(answer.status, 403, "{role} opens {path}"),
            Some(role) => assert!(matches!(answer.status, 200 | 303), "{role} at {path}: {}", answer.status),
        }
    }
}

/// With a wrong form token: the role is judged first, so nothing is ever done.
async fn try_forms(visitor: &Visitor, role: Option<Role>, reach: &Reach) {
    for (action, form) in &reach.forms {
        let listed = ACTIONS.iter().find(|(known, _)| known == action);
        let (_, needs) = listed.unwrap_or_else(|| panic!("who may send {action}? Add a line to ACTIONS"));
        let forged = Form { action: form.action.clone(), fields: vec![("csrf".to_owned(), "forged".to_owned())] };
        let answer = visitor.submit(&forged).await;
        let Some(role) = role else {
            assert!(matches!(answer.status, 303 | 401 | 403), "{action} by nobody: {}", answer.status);
            continue;
        };
        assert_eq!(answer.status, 403, "{role} sends {action} with a forged token");
        let too_low = answer.text().contains(&format!("This needs the role {needs} or higher"));
        assert_eq!(too_low, role < *needs, "{role} at {action}: {}", answer.text());
    }
}
