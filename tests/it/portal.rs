//! The customer portal: a link that works once, a visit that reaches one customer's own things and nothing else.

mod acts;
mod look;

use billfold::{
    clock::Clock,
    domain::{
        portal::{LinkDraft, Permit},
        role::Role,
    },
    standin::kind::Kind,
    vault::ExposeSecret as _,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    billing::{audit, scope, writes},
    harness::{Account, Answer, Engine, Form, Site, Visitor, both_engines},
};

both_engines!(
    a_customer_cancels_and_changes_their_mind,
    looking_at_a_link_does_not_use_it_up,
    of_two_clicks_at_once_one_opens_the_portal,
    a_link_expires_and_a_visit_ends,
    a_link_ends_with_what_it_was_for,
    another_customers_things_are_not_there,
    a_link_allows_what_it_says,
    details_are_changed_and_refusals_tell_nothing_of_the_business,
    staff_make_links_and_take_them_back,
);

const DETAILS: &str = "form[action='/portal/details']";

/// Makes a link; answers its path.
async fn link(site: &Site, draft: &LinkDraft) -> String {
    let made = scope(site).await.create_portal_link(draft).await.unwrap();
    made.url.expose_secret().strip_prefix(&site.base).unwrap().to_owned()
}

/// The form of a link's page, which is sent to where it stands.
fn button(page: &Answer, path: &str) -> Form {
    Form { action: path.to_owned(), ..page.form("form[method=post]") }
}

/// Opens a link and presses its button, as somebody who reads English.
async fn enter(site: &Site, path: &str) -> Visitor {
    let visitor = site.anonymous();
    visitor.get(&format!("{path}?lang=en")).await.expect(303);
    let page = visitor.get(path).await.expect(200);
    let answer = visitor.submit(&button(&page, path)).await.expect(303);
    assert_eq!(answer.header("location"), "/portal");
    visitor
}

/// Active subscriptions that renew, each of another customer; first those of customers who have no other.
fn renewing(account: &Account<'_>) -> Vec<Value> {
    let all = account.dump(Kind::Subscription);
    let of_same = |it: &Value| all.iter().filter(|other| other["customer"] == it["customer"]).count();
    let mut found: Vec<Value> = Vec::new();
    for subscription in &all {
        let renews = subscription["status"] == "active" && subscription["cancel_at_period_end"] == false;
        if renews && found.iter().all(|other| other["customer"] != subscription["customer"]) {
            found.push(subscription.clone());
        }
    }
    found.sort_by_key(of_same);
    assert!(found.len() >= 2, "too few subscriptions");
    found
}

fn customer(subscription: &Value) -> &str {
    subscription["customer"].as_str().unwrap()
}

/// A customer whose subscription renews and who has paid an invoice.
fn paying(account: &Account<'_>) -> String {
    let renewing = renewing(account);
    let paid = |invoice: &Value| {
        invoice["status"] == "paid"
            && renewing.iter().any(|subscription| subscription["customer"] == invoice["customer"])
    };
    let invoice = account.dump(Kind::Invoice).into_iter().find(paid).expect("a paid invoice");
    invoice["customer"].as_str().unwrap().to_owned()
}

fn at_stripe(account: &Account<'_>, kind: Kind, id: &Value) -> Value {
    account.dump(kind).into_iter().find(|object| object["id"] == *id).expect("it is at Stripe")
}

async fn a_customer_cancels_and_changes_their_mind(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(20).await;
    let subscription = renewing(&account).remove(0);
    let path = link(&site, &LinkDraft::new(customer(&subscription))).await;
    let visitor = enter(&site, &path).await;
    let home = visitor.get("/portal").await.expect(200);
    assert!(home.text().contains("It renews on") && home.text().contains("Acme Coffee"), "{}", home.text());
    assert!(home.all("nav").len() == 1 && !home.body.contains("/t/ten_"), "nothing of the staff's is there");
    let cancel = home.attributes("a[href$='/cancel']", "href").remove(0);
    let ask = visitor.get(&cancel).await.expect(200);
    assert!(ask.text().contains("You keep everything until"), "{}", ask.text());
    let form = ask.form("form[method=post]").fill("cancellation_details[feedback]", "too_expensive");
    let form = form.fill("cancellation_details[comment]", "It is a lot.");
    let (first, second) = tokio::join!(visitor.submit(&form), visitor.submit(&form));
    second.expect(303);
    let home = visitor.follow(first.expect(303)).await.expect(200);
    assert!(home.text().contains("is cancelled") && home.text().contains("does not renew"), "{}", home.text());
    let there = at_stripe(&account, Kind::Subscription, &subscription["id"]);
    assert_eq!(there["cancel_at_period_end"], true);
    assert_eq!(there["cancellation_details"]["feedback"], "too_expensive");

    let kept = visitor.submit(&home.form("form[action$='/keep']")).await.expect(303);
    let home = visitor.follow(kept).await.expect(200);
    assert!(home.text().contains("goes on") && home.text().contains("It renews on"), "{}", home.text());
    assert_eq!(at_stripe(&account, Kind::Subscription, &subscription["id"])["cancel_at_period_end"], false);
    let actions: Vec<String> = audit(&site).await.into_iter().map(|(action, ..)| action).collect();
    let expected =
        ["portal_link.created", "portal_link.used", "subscription.cancel_at_period_end", "subscription.resumed"];
    assert_eq!(actions, expected);

    let left = visitor.submit(&home.form("form[action='/portal/end']")).await.expect(200);
    assert!(left.text().contains("You have left"), "{}", left.text());
    visitor.get("/portal").await.expect(401);
}

async fn looking_at_a_link_does_not_use_it_up(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let path = link(&site, &LinkDraft::new(account.ids(Kind::Customer).remove(0))).await;
    let scanner = site.anonymous();
    for _ in 0..20 {
        scanner.send(scanner.request(Method::HEAD, &path)).await.expect(200);
        scanner.get(&path).await.expect(200);
    }
    let person = site.anonymous();
    let page = person.get(&path).await.expect(200);
    assert_eq!(page.attributes("script", "src").len(), 1, "the colours alone need a script");
    let forged = Form { action: path.clone(), fields: vec![("csrf".to_owned(), "forged".to_owned())] };
    person.submit(&forged).await.expect(403);
    let opened = person.submit(&button(&page, &path)).await.expect(303);
    let cookies: Vec<&str> = opened.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap()).collect();
    let cookie = cookies.into_iter().find(|cookie| cookie.starts_with("billfold-portal=")).unwrap();
    assert!(cookie.ends_with("; Path=/portal; Max-Age=3600; HttpOnly; SameSite=Lax"), "{cookie}");
    let home = person.get("/portal").await.expect(200);
    let again = person.submit(&button(&page, &path)).await.expect(410);
    let unknown = person.get("/portal/nobodyknowsthislink").await.expect(410);
    assert_eq!(again.text(), unknown.text(), "a used link looks like one that never was");
    assert_eq!(scanner.get(&path).await.expect(410).text(), unknown.text());
    for answer in [&page, &opened, &home, &again] {
        let name = &answer.request;
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{name}");
        assert_eq!(answer.header("cache-control"), "no-store", "{name}");
        assert!(answer.header("x-robots-tag").contains("noindex"), "{name}");
        assert!(!answer.body.contains(path.rsplit('/').next().unwrap()), "{name} repeats the token");
    }

    // What opens one side of the house does not open the other.
    let staff = site.user(Role::Owner).await;
    assert!(staff.get("/portal").await.expect(401).text().contains("Open your link first"));
    let refused = person.get(staff.home()).await.expect(303);
    assert!(refused.header("location").starts_with("/login"));
}

async fn of_two_clicks_at_once_one_opens_the_portal(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let path = link(&site, &LinkDraft::new(account.ids(Kind::Customer).remove(0))).await;
    let visitor = site.anonymous();
    let form = button(&visitor.get(&path).await.expect(200), &path);
    let clicks = futures_util::future::join_all((0..8).map(|_| visitor.submit(&form))).await;
    let mut statuses: Vec<u16> = clicks.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410, 410, 410, 410, 410, 410, 410]);
}

async fn a_link_expires_and_a_visit_ends(engine: Engine) {
    let clock = Clock::manual(1_790_000_000);
    let site = Site::start_at(engine, clock.clone()).await;
    let account = site.connect(5).await;
    let customer = account.ids(Kind::Customer).remove(0);
    let (late, used) = (link(&site, &LinkDraft::new(&customer)).await, link(&site, &LinkDraft::new(&customer)).await);
    let visitor = enter(&site, &used).await;
    let waiting = site.anonymous();
    let form = button(&waiting.get(&late).await.expect(200), &late);
    clock.advance(15 * 60 + 1);
    let over = waiting.get(&late).await.expect(410);
    waiting.submit(&form).await.expect(410);
    assert_eq!(over.text(), waiting.get("/portal/nobodyknowsthislink").await.text());
    visitor.get("/portal").await.expect(200);
    clock.advance(45 * 60);
    visitor.get("/portal").await.expect(410);
    assert!(scope(&site).await.create_portal_link(&LinkDraft { life: 60, ..LinkDraft::new(&customer) }).await.is_err());
}

async fn a_link_ends_with_what_it_was_for(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(6).await;
    let customers = account.ids(Kind::Customer);
    let [moved, gone, stays] = [0, 1, 2].map(|place: usize| LinkDraft::new(&customers[place]));
    let moved_link = link(&site, &moved).await;
    account.change(&customers[0], json!({ "email": "elsewhere@example.com" }));
    let (gone_visitor, gone_link) = (enter(&site, &link(&site, &gone).await).await, link(&site, &gone).await);
    account.delete(&customers[1]);
    site.wait_until_idle().await;
    site.anonymous().get(&moved_link).await.expect(410);
    gone_visitor.get("/portal").await.expect(410);
    site.anonymous().get(&gone_link).await.expect(410);
    assert!(scope(&site).await.create_portal_link(&gone).await.is_err());

    let (visitor, unopened) = (enter(&site, &link(&site, &stays).await).await, link(&site, &stays).await);
    visitor.get("/portal").await.expect(200);
    scope(&site).await.disconnect("Production", "Production").await.unwrap();
    visitor.get("/portal").await.expect(410);
    site.anonymous().get(&unopened).await.expect(410);
    assert!(scope(&site).await.create_portal_link(&stays).await.is_err());
}

async fn another_customers_things_are_not_there(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(20).await;
    let first = paying(&account);
    let mut subscriptions = renewing(&account);
    subscriptions.sort_by_key(|subscription| customer(subscription) != first);
    let theirs = enter(&site, &link(&site, &LinkDraft::new(customer(&subscriptions[0]))).await).await;
    let ours = enter(&site, &link(&site, &LinkDraft::new(customer(&subscriptions[1]))).await).await;
    let home = theirs.get("/portal").await.expect(200);
    let mut tries = home.attributes("a[href^='/portal/plans/'], a[href^='/portal/invoices/']", "href");
    assert!(tries.len() > 1, "{tries:?}");
    let (subscription, invoice) = (subscriptions[0]["id"].as_str().unwrap(), account.ids(Kind::Invoice).remove(0));
    tries.extend([subscription, "0", "1", "ps_1"].map(|id| format!("/portal/plans/{id}/cancel")));
    tries.extend([invoice.as_str(), "0"].map(|id| format!("/portal/invoices/{id}/pdf")));
    let token = ours.get("/portal").await.form("form[action='/portal/end']").value("csrf").to_owned();
    for path in tries {
        ours.get(&path).await.expect(404);
        for action in [path.clone(), path.replace("/cancel", "/keep")] {
            let fields = [("csrf", token.as_str()), ("nonce", "abc")];
            let form = Form { action, fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into() };
            assert!(matches!(ours.submit(&form).await.status, 404 | 405), "{path}");
        }
    }
    assert_eq!(writes(&site).await.len(), 0);
    assert_eq!(at_stripe(&account, Kind::Subscription, &subscriptions[0]["id"])["cancel_at_period_end"], false);
    // Their own token does not fit another visit's form.
    let cancel = theirs.get(&home.attributes("a[href$='/cancel']", "href").remove(0)).await.expect(200);
    theirs.submit(&cancel.form("form[method=post]").fill("csrf", &token)).await.expect(403);
}

async fn a_link_allows_what_it_says(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(20).await;
    let all = LinkDraft::new(paying(&account));
    let looking = enter(&site, &link(&site, &LinkDraft { permits: Vec::new(), ..all.clone() }).await).await;
    let home = looking.get("/portal").await.expect(200);
    assert!(
        !home.has("a[href^='/portal/']:not([href$='/usage'])") && !home.text().contains("Invoices"),
        "{}",
        home.text()
    );
    for closed in ["card", "card/done", "tax-ids", "plans/any/change"] {
        looking.get(&format!("/portal/{closed}")).await.expect(403);
    }
    looking.get("/portal/details").await.expect(403);
    looking.get("/portal/plans/any/cancel").await.expect(403);
    looking.get("/portal/invoices/any/pdf").await.expect(403);
    let paying = enter(&site, &link(&site, &LinkDraft { permits: vec![Permit::Invoices], ..all }).await).await;
    let home = paying.get("/portal").await.expect(200);
    assert!(home.has("a[href$='/pdf']"), "{}", home.text());
    let pdf = home.attributes("a[href$='/pdf']", "href").remove(0);
    let away = paying.get(&pdf).await.expect(303);
    assert!(away.header("location").starts_with(&site.stripe.url()), "{}", away.header("location"));
    assert!(!home.has("a[href$='/cancel']") && !home.has("a[href='/portal/details']"), "{}", home.text());
}

async fn details_are_changed_and_refusals_tell_nothing_of_the_business(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let id = account.ids(Kind::Customer).remove(0);
    let visitor = enter(&site, &link(&site, &LinkDraft::new(&id)).await).await;
    let form = visitor.get("/portal/details").await.expect(200).form(DETAILS);
    let wrong = visitor.submit(&form.fill("email", "nobody").fill("name", "Ada Lovelace")).await.expect(422);
    assert!(wrong.one("#email-error").contains("not an e-mail address"), "{}", wrong.text());
    let form = wrong.form(DETAILS).fill("email", "ada@example.com").fill("address[city]", "London");
    let saved = visitor.submit(&form.fill("address[country]", "GB")).await.expect(303);
    let home = visitor.follow(saved).await.expect(200);
    assert!(home.text().contains("Ada Lovelace") && home.text().contains("are saved"), "{}", home.text());
    let there = at_stripe(&account, Kind::Customer, &json!(id));
    assert_eq!((&there["email"], &there["address"]["city"]), (&json!("ada@example.com"), &json!("London")));

    // Another change at Stripe is not confirmed, or the key is refused: no word of that for customers.
    let tenant = site.tenant().await;
    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    billfold::store::connections::mark_key_rejected(&mut tx, &tenant.project, 1, "gone").await.unwrap();
    tx.commit().await.unwrap();
    let form = visitor.get("/portal/details").await.expect(200).form(DETAILS);
    let refused = visitor.submit(&form.fill("name", "Grace")).await.expect(409);
    let said = refused.one("[role=alert]");
    assert!(said.contains("could not be changed") && !said.contains("key"), "{said}");
}

async fn staff_make_links_and_take_them_back(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let (member, viewer) = (site.user(Role::Member).await, site.user(Role::Viewer).await);
    let id = account.ids(Kind::Customer).remove(0);
    let page = member.get(&format!("customers/{id}")).await.expect(200);
    let path = page.attributes("a[href$='/portal-link']", "href").remove(0);
    viewer.get(&path).await.expect(403);
    let form = member.get(&path).await.expect(200).form("#act form[method=post]");
    let refused = member.submit(&form.fill("return_url", "https://evil.example/")).await.expect(422);
    assert!(refused.has("#return_url-error"), "{}", refused.text());
    scope(&site).await.allow_origin("https://shop.example").await.unwrap();
    let form = refused.form("#act form[method=post]").fill("return_url", "https://shop.example/account");
    let made = member.submit(&form).await.expect(200);
    assert_eq!(made.header("cache-control"), "no-store");
    let url = made.one("#portal-url");
    let visitor = enter(&site, url.strip_prefix(&site.base).unwrap()).await;
    let home = visitor.get("/portal").await.expect(200);
    assert!(home.has("a[href='https://shop.example/account']"), "{}", home.text());

    let list = viewer.get("portal-links").await.expect(200);
    assert!(list.text().contains("Used") && list.text().contains("127.0.0.1"), "{}", list.text());
    assert!(!list.has("form[action$='/revoke']") && !list.body.contains(url.rsplit('/').next().unwrap()));
    assert!(viewer.get(&format!("portal-links?customer={id}")).await.expect(200).text().contains("Used"));
    let revoke = member.get("portal-links").await.expect(200).form("form[action$='/revoke']");
    viewer.post(&revoke.action, &[]).await.expect(403);
    let stranger = site.new_tenant("Bolt Tea").await;
    let stranger = site.user_of(&stranger, Role::Owner).await;
    stranger.get("").await.expect(200);
    let theirs = revoke.action.rsplit_once("/portal-links/").unwrap().1;
    stranger.post(&format!("portal-links/{theirs}"), &[]).await.expect(404);
    visitor.get("/portal").await.expect(200);
    let gone = member.submit(&revoke).await.expect(303);
    assert!(member.follow(gone).await.expect(200).text().contains("Revoked"));
    visitor.get("/portal").await.expect(410);
}
