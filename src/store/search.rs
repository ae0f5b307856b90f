//! Text search over the mirror. `search.words` holds what an object is found by, in lower case.

use crate::{
    db::{Result, Tx},
    domain::{
        ids::ProjectId,
        kind::{Kind, search_scope},
    },
};

/// The shortest word that the trigram index can find.
const SHORTEST: usize = 3;

/// The words of a query that can be looked for: lower case, three letters or more. Empty when there are none.
pub fn words(query: &str) -> Vec<String> {
    query
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| word.chars().count() >= SHORTEST)
        .map(str::to_lowercase)
        .collect()
}

/// Our ids of the objects of a kind that contain every word, `limit` at most, in no order that means anything.
pub async fn ids(tx: &mut Tx, project: &ProjectId, kind: Kind, words: &[String], limit: i64) -> Result<Vec<String>> {
    let engine = tx.engine();
    tx.query("SELECT id FROM search WHERE tenant_id = $1 AND project_id = $2 AND kind = $3 AND ")
        .bind(project)
        .bind(kind.as_str())
        .push(engine.search_condition())
        .bind(engine.search_pattern(&search_scope(project, kind), words))
        .bind(limit)
        .fetch_values()
        .await
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn only_words_that_the_index_knows_are_looked_for() {
        assert_eq!(words("  Ada  of\u{0} LOVELACE "), ["ada", "lovelace"]);
        assert!(words("a b").is_empty());
        assert_eq!(words("Ädä"), ["ädä"]);
    }
}
