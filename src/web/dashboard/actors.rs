//! Who did something, as a page names them: people by address, programs by the name of their key.

use std::collections::HashMap;

use crate::db::Tx;
use crate::store::{api_keys, users};
use crate::web::error::Result;
use crate::web::shell::Shell;

/// The names of those who may have acted.
pub(super) struct Actors {
    /// E-mail addresses by the id of the person.
    people: HashMap<String, String>,
    /// Names and projects by the id of the API key.
    keys: HashMap<String, (String, String)>,
}

impl Actors {
    /// Looks the names up of these actors, as the audit log holds them.
    pub(super) async fn load<'a>(tx: &mut Tx, actors: impl IntoIterator<Item = &'a str> + Clone) -> Result<Self> {
        let tenant = tx.tenant().clone();
        let people = users::emails(tx, actors.clone()).await?;
        let keys = api_keys::names(tx, &tenant, actors).await?;
        Ok(Self {
            people: people.into_iter().collect(),
            keys: keys.into_iter().map(|(id, name, project)| (id, (name, project))).collect(),
        })
    }

    /// What an actor is called, and the page about them if there is one. `project` is where a customer is found.
    pub(super) fn name(&self, actor: &str, project: Option<&str>, shell: &Shell) -> (String, Option<String>) {
        let of_project = |project: &str, path: String| format!("{}{path}", shell.project_url(project));
        if let Some(email) = self.people.get(actor) {
            return (email.clone(), None);
        }
        if let Some((name, project)) = self.keys.get(actor) {
            return (format!("API key {name}"), Some(of_project(project, format!("api-keys/{actor}"))));
        }
        match actor.strip_prefix("customer ") {
            Some(id) => {
                let page = project.map(|project| of_project(project, format!("customers/{id}")));
                ("the customer, in the portal".to_owned(), page)
            }
            None => (actor.to_owned(), None),
        }
    }
}
