//! What stands in Stripe is shown as it is: hostile texts stay text, amounts keep every digit.

use billfold::{
    domain::{kind::Kind, objects::Object, role::Role},
    mirror::{Change, apply},
    standin::kind::Kind as AtStripe,
};
use serde_json::{Value, json};

use crate::harness::{Answer, Engine, Site, both_engines};

both_engines!(what_customers_type_stays_text, money_is_exact);

/// Puts an object into the mirror as an answer of Stripe's would, with values that no real account lets one choose.
async fn answer(site: &Site, kind: Kind, object: &Value) {
    let tenant = site.tenant().await;
    let now = site.app.clock.now();
    let object = Object::read(kind, &tenant.project, &object.to_string()).unwrap();
    let mut tx = site.app.db.write(&tenant.id).await.unwrap();
    apply(&mut tx, &tenant.project, &[Change::from_fetch(object, now, None)], now).await.unwrap();
    tx.commit().await.unwrap();
}

/// What a hostile customer, or a careless colleague, may write into Stripe.
const PAYLOADS: [&str; 13] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "x onmouseover=alert(1)",
    "</title><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "{{7*7}}",
    "javascript:alert(1)",
    "\",\"admin\":\"1",
    "');alert(1)//",
    "<div hx-get=/x hx-trigger=load>",
    "<meta name=htmx-config content='{}'>",
    "hx-on::load=alert(1)",
];

async fn what_customers_type_stays_text(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(14).await;
    let viewer = site.user(Role::Viewer).await;
    let customers = account.ids(AtStripe::Customer);
    let product = account.ids(AtStripe::Product).remove(0);
    for (customer, payload) in customers.iter().zip(PAYLOADS) {
        account.change(
            customer,
            json!({ "name": payload, "description": payload, "phone": payload,
            "metadata": { payload: payload }, "address": { "line1": payload, "city": payload } }),
        );
    }
    let all = PAYLOADS.join(" ");
    account.change(&product, json!({ "name": all, "description": all, "unit_label": all }));
    site.wait_until_idle().await;
    let invoice = json!({ "id": "in_hostile", "object": "invoice", "status": "open", "currency": "usd", "number": all,
        "customer_name": all, "customer_email": all, "description": all, "footer": all, "metadata": { "k": all },
        "lines": { "data": [{ "description": all, "amount": 1 }] }, "hosted_invoice_url": "javascript:alert(1)",
        "invoice_pdf": "https://pay.example/\"onclick=alert(1)" });
    answer(&site, Kind::Invoice, &invoice).await;

    let mut pages = vec!["customers".to_owned(), "products".to_owned(), format!("products/{product}")];
    pages.extend(["invoices".to_owned(), "invoices/in_hostile".to_owned(), String::new(), "subscriptions".to_owned()]);
    pages.extend(customers.iter().map(|customer| format!("customers/{customer}")));
    pages.extend(PAYLOADS.map(|payload| format!("search?{}", serde_urlencoded::to_string([("q", payload)]).unwrap())));
    pages.extend(
        PAYLOADS.map(|payload| format!("customers?{}", serde_urlencoded::to_string([("q", payload)]).unwrap())),
    );
    for path in pages {
        let page = viewer.get(&path).await.expect(200);
        nothing_runs(&page, &path);
    }
    for (customer, payload) in customers.iter().zip(PAYLOADS) {
        let page = viewer.get(&format!("customers/{customer}")).await.expect(200);
        assert_eq!(page.one("h1"), payload, "shown as it was typed");
    }
}

/// The scripts and attributes of a page are ours, whatever its texts say.
fn nothing_runs(page: &Answer, path: &str) {
    assert!(page.attributes("script", "src").iter().all(|src| src.starts_with("/assets/")), "{path}");
    assert_eq!(page.all("script:not([src])"), Vec::<String>::new(), "{path}");
    for hostile in
        ["[onerror]", "[onmouseover]", "[onclick]", "main meta", "img", "[hx-get='/x']", "[href^='javascript']"]
    {
        assert!(!page.has(hostile), "{path} has {hostile}");
    }
}

async fn money_is_exact(engine: Engine) {
    let site = Site::start(engine).await;
    let viewer = site.user(Role::Viewer).await;
    for (currency, minor, shown) in [
        ("usd", 9_007_199_254_740_993_i64, "$90,071,992,547,409.93 USD"),
        ("jpy", 12_345, "¥12,345 JPY"),
        ("kwd", 5_120, "5.120 KWD"),
        ("eur", -1_050, "-€10.50 EUR"),
        ("huf", 100, "1.00 HUF"),
        ("isk", 50_000, "500 ISK"),
        ("usd", 0, "$0.00 USD"),
    ] {
        let invoice = json!({ "id": format!("in_{currency}{}", minor.unsigned_abs()), "object": "invoice", "status": "open", "currency": currency, "total": minor,
            "subtotal": minor, "amount_due": minor, "amount_paid": minor, "amount_remaining": minor });
        answer(&site, Kind::Invoice, &invoice).await;
        let page = viewer.get(&format!("invoices/in_{currency}{}", minor.unsigned_abs())).await.expect(200);
        assert!(page.one(".page-header").contains(shown), "{shown}: {}", page.one(".page-header"));
        let totals = page.all(".app-totals dd");
        assert!(totals.iter().filter(|total| *total == shown).count() >= 3, "{shown}: {totals:?}");
    }
}
