//! What a portal looks like: the customer's language, the business's colour, logo and help; and how a link reaches people.

use billfold::clock::Clock;
use billfold::domain::portal::LinkDraft;
use billfold::domain::role::Role;
use billfold::standin::kind::Kind;
use reqwest::Method;
use serde_json::json;

use super::{enter, link};
use crate::billing::{audit, stripe_api};
use crate::harness::{
    Engine, Form, Site, Visitor, both_engines,
    post_office::{Manner, PostOffice},
};

both_engines!(
    customers_read_their_own_language,
    a_portal_looks_like_its_business,
    a_logo_is_a_picture_and_nothing_else,
    a_link_is_mailed_and_shown_as_a_picture,
);

/// The smallest picture there is: one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

async fn customers_read_their_own_language(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let stripe = stripe_api(&site, &account);
    let customer = stripe.post("customers", &[("email", "ada@example.com")]).await["id"].as_str().unwrap().to_owned();
    site.wait_until_idle().await;
    let path = link(&site, &LinkDraft::new(&customer)).await;
    let visitor = site.anonymous();
    let asked = async |path: &str, languages: &str| {
        visitor.send(visitor.request(Method::GET, path).header("accept-language", languages)).await
    };
    assert_eq!(asked(&path, "de-DE,de;q=0.9,en;q=0.5").await.expect(200).attributes("html", "lang"), ["de"]);
    assert!(asked(&path, "fr").await.text().contains("Continuer"));
    assert!(asked(&path, "xx").await.text().contains("Continue"));
    // What Stripe knows of the customer counts more than the browser, a choice made here more than both.
    let preferred = [("preferred_locales[0]", "ja-JP")];
    stripe.post(&format!("customers/{customer}"), &preferred).await;
    site.wait_until_idle().await;
    let page = asked(&path, "de").await.expect(200);
    assert_eq!(page.attributes("html", "lang"), ["ja"]);
    assert!(page.has("a[hreflang=es]") && !page.has("a[hreflang=ja]"));
    let chosen = visitor.get(&format!("{path}?lang=es")).await.expect(303);
    assert_eq!(chosen.header("location"), path, "the link is not used up by a choice");
    let page = visitor.get(&path).await.expect(200);
    assert!(page.text().contains("Este enlace funciona una sola vez"), "{}", page.text());
    visitor.submit(&super::button(&page, &path)).await.expect(303);
    let home = visitor.get("/portal").await.expect(200);
    assert!(
        home.text().contains("Su suscripción") && home.text().contains("No tiene ninguna suscripción"),
        "{}",
        home.text()
    );
    assert!(visitor.get("/portal/plans/none/cancel").await.expect(404).text().contains("No encontrado"));
    let form = visitor.get("/portal/details").await.expect(200).form("form[action='/portal/details']");
    let refused = visitor.submit(&form.fill("email", "nadie")).await.expect(422);
    assert!(refused.one("#email-error").contains("dirección de correo"), "{}", refused.text());
    for strange in ["?lang=xx", "?lang=", "?lang=%00", "?lang=de%0d%0aset-cookie:a=b"] {
        visitor.get(&format!("/portal{strange}")).await.expect(200);
    }
}

async fn a_portal_looks_like_its_business(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(5).await;
    let (admin, member) = (site.user(Role::Admin).await, site.user(Role::Member).await);
    let customer = account.ids(Kind::Customer).remove(0);
    let page = admin.get("settings/portal").await.expect(200);
    let form = page.form("#settings form[action$='/settings/portal']");
    assert!(!member.get("settings/portal").await.expect(200).has("button[type=submit].btn-primary"));
    member.post("settings/portal", &[("name", "x")]).await.expect(403);
    let weak = form.clone().fill("colour", "#ffee00").fill("support", "nobody");
    let refused = admin.submit(&weak).await.expect(422);
    assert!(
        refused.one("#colour-error").contains("hard to read") && refused.has("#support-error"),
        "{}",
        refused.text()
    );
    let price = page.attributes("input[name^='prices[']", "name").remove(0);
    let mut chosen = form.fill("name", "Acme & Söhne").fill("colour", "#6F3C1E").fill("support", "help@acme.example");
    chosen.fields.push((price.clone(), "true".to_owned()));
    admin.submit(&chosen).await.expect(303);
    let saved = admin.get("settings/portal").await.expect(200);
    assert_eq!(saved.attributes("input[type=checkbox][checked]", "name"), [price]);
    assert_eq!(saved.form("#settings form[action$='/settings/portal']").value("colour"), "#6f3c1e");
    let detail = audit(&site).await.into_iter().rfind(|(action, ..)| action == "portal.changed").expect("an entry");
    assert!(format!("{detail:?}").contains("6f3c1e"), "{detail:?}");

    let visitor = enter(&site, &link(&site, &LinkDraft::new(&customer)).await).await;
    let home = visitor.get("/portal").await.expect(200);
    assert!(home.text().contains("Acme & Söhne"), "{}", home.text());
    assert_eq!(home.attributes("footer a[href^='mailto:']", "href"), ["mailto:help@acme.example"]);
    let sheet = home.attributes("link[href^='/portal/brand/']", "href").remove(0);
    assert_eq!(sheet, "/portal/brand/6f3c1e.css");
    let css = site.anonymous().get(&sheet).await.expect(200);
    assert!(css.body.contains("#6f3c1e") && css.header("content-type").starts_with("text/css"));
    assert!(css.header("cache-control").contains("immutable"));
    for wrong in ["6f3c1.css", "6f3c1e", "zzzzzz.css", "6f3c1e}.css", "%0a.css"] {
        site.anonymous().get(&format!("/portal/brand/{wrong}")).await.expect(404);
    }
    let stranger = site.new_tenant("Bolt Tea").await;
    let stranger = site.user_of(&stranger, Role::Owner).await;
    assert!(!stranger.get("settings/portal").await.expect(200).body.contains("6f3c1e"));
}

/// Sends a file as a browser does.
async fn upload(visitor: &Visitor, form: &Form, bytes: &[u8], token: &str) -> crate::harness::Answer {
    let mut body = format!("--x\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n").into_bytes();
    body.extend(b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"logo.png\"\r\n\r\n");
    body.extend(bytes);
    body.extend(b"\r\n--x--\r\n");
    let request = visitor.request(Method::POST, &form.action);
    visitor.send(request.header("content-type", "multipart/form-data; boundary=x").body(body)).await
}

async fn a_logo_is_a_picture_and_nothing_else(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(3).await;
    let admin = site.user(Role::Admin).await;
    let form = admin.get("settings/portal").await.expect(200).form("form[action$='/logo']");
    let token = form.value("csrf").to_owned();
    for wrong in [&b""[..], b"<svg onload=alert(1)>", b"GIF89a", &vec![0; 300_000]] {
        let refused = upload(&admin, &form, wrong, &token).await.expect(422);
        assert!(refused.has("#file-error"), "{}", refused.text());
    }
    upload(&admin, &form, PNG, "forged").await.expect(403);
    admin.submit(&form).await.expect(422);
    upload(&admin, &form, PNG, &token).await.expect(303);
    let page = admin.get("settings/portal").await.expect(200);
    let src = page.attributes("img.app-logo", "src").remove(0);
    let logo = site.anonymous().get(&src).await.expect(200);
    assert_eq!((logo.header("content-type"), logo.header("x-content-type-options")), ("image/png", "nosniff"));
    assert!(logo.header("cache-control").contains("immutable"));
    let path = link(&site, &LinkDraft::new(account.ids(Kind::Customer).remove(0))).await;
    assert_eq!(site.anonymous().get(&path).await.attributes("img.app-logo", "src").remove(0), src);
    admin.submit(&page.form("form[action$='/logo/remove']")).await.expect(303);
    site.anonymous().get(&src).await.expect(404);
    site.anonymous().get("/portal/logo/none").await.expect(404);
    let actions: Vec<String> = audit(&site).await.into_iter().map(|(action, ..)| action).collect();
    assert!(actions.contains(&"portal.logo_set".to_owned()) && actions.contains(&"portal.logo_removed".to_owned()));
}

async fn a_link_is_mailed_and_shown_as_a_picture(engine: Engine) {
    let office = PostOffice::open(Manner::Takes).await;
    let flags = office.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let site = Site::start_with(engine, Clock::system(), &flags).await;
    let account = site.connect(5).await;
    let id = account.ids(Kind::Customer).remove(0);
    account.change(&id, json!({ "email": "ada@example.com", "preferred_locales": ["de"] }));
    site.wait_until_idle().await;
    let member = site.user(Role::Member).await;
    let mut form = member.get(&format!("customers/{id}/portal-link")).await.expect(200).form("#act form[method=post]");
    form.fields.push(("mail".to_owned(), "true".to_owned()));
    let made = member.submit(&form).await.expect(200);
    assert!(made.text().contains("Mailed to ada@example.com"), "{}", made.text());
    assert!(made.attributes("img.app-qr", "src").remove(0).starts_with("data:image/svg+xml;base64,"));
    let letters = office.letters();
    let letter = letters.iter().find(|letter| letter.to == ["ada@example.com"]).expect("a letter");
    let text = letter.text();
    assert!(text.contains(&made.one("#portal-url")) && text.contains("Mit diesem Link"), "{text}");

    // Where nobody set mail up, the box says why it cannot be ticked, and a link is made all the same.
    let plain = Site::start(engine).await;
    let account = plain.connect(3).await;
    let id = account.ids(Kind::Customer).remove(0);
    let member = plain.user(Role::Member).await;
    let page = member.get(&format!("customers/{id}/portal-link")).await.expect(200);
    assert!(page.has("input[name=mail][disabled]") && page.text().contains("Mail is off"), "{}", page.text());
    let mut form = page.form("#act form[method=post]");
    form.fields.push(("mail".to_owned(), "true".to_owned()));
    let made = member.submit(&form).await.expect(200);
    assert!(made.text().contains("Not mailed") && made.has("#portal-url"), "{}", made.text());
}
