//! The main story: a business connects its Stripe account, sees it copied, and changes at Stripe arrive.

use billfold::{domain::role::Role, standin::kind::Kind};
use serde_json::json;

use crate::harness::{Engine, Site, both_engines};

both_engines!(an_account_is_copied_and_its_changes_arrive);

async fn an_account_is_copied_and_its_changes_arrive(engine: Engine) {
    let site = Site::start(engine).await;
    let account = site.connect(120).await;
    let viewer = site.user(Role::Viewer).await;
    let list = viewer.get("customers").await.expect(200);
    assert!(list.text().contains("120"), "{}", list.text());

    let newest = account.ids(Kind::Customer).remove(0);
    account.change(&newest, json!({ "name": "Grace Hopper", "email": "grace@navy.example" }));
    site.wait_until_idle().await;
    let page = viewer.get(&format!("customers/{newest}")).await.expect(200);
    assert!(page.text().contains("Grace Hopper"), "{}", page.text());

    account.delete(&newest);
    site.wait_until_idle().await;
    let page = viewer.get(&format!("customers/{newest}")).await.expect(200);
    assert!(page.text().contains("Deleted"), "{}", page.text());
}
