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
/// The index is asked for so many pieces of all the words together.
const PIECES: usize = 4;
/// One of so many is many.
const MANY: usize = 20;
/// How rare a piece is, is guessed from so many objects. Fewer are looked through one by one.
const SAMPLE: u8 = 64;

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
    let sample = sample(tx, project, kind).await?;
    if sample.len() < usize::from(SAMPLE) {
        let fits = |has: &str| words.iter().all(|word| has.contains(word));
        let found = sample.into_iter().filter(|(_, has)| fits(has)).map(|(id, _)| id);
        return Ok(found.take(usize::try_from(limit).unwrap_or_default()).collect());
    }
    let pieces = rarest(pieces(words), &sample);
    let engine = tx.engine();
    let [pieces, scope, wanted] = engine.search_values(&search_scope(project, kind), &pieces, words);
    tx.query(engine.search())
        .bind(project)
        .bind(kind.as_str())
        .bind(pieces)
        .bind(scope)
        .bind(wanted)
        .bind(limit)
        .fetch_values()
        .await
}

/// Some objects of a kind by our id, with what they are found by; all of them where there are fewer than [`SAMPLE`]. Our ids are hashes, so
/// the first of them are a sample, and always the same pages.
async fn sample(tx: &mut Tx, project: &ProjectId, kind: Kind) -> Result<Vec<(String, String)>> {
    tx.query("SELECT id, words FROM search WHERE tenant_id = $1 AND project_id = $2 AND kind = $3 ORDER BY id LIMIT $4")
        .bind(project)
        .bind(kind.as_str())
        .bind(i64::from(SAMPLE))
        .fetch_all()
        .await
}

/// Every three letters that stand side by side in a word, each once.
fn pieces(words: &[String]) -> Vec<&str> {
    let mut pieces = Vec::new();
    for word in words {
        let starts: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
        for window in starts.windows(SHORTEST + 1) {
            if let Some(piece) = window.first().zip(window.last()).and_then(|(from, to)| word.get(*from..*to))
                && !pieces.contains(&piece)
            {
                pieces.push(piece);
            }
        }
    }
    pieces
}

/// The pieces that the fewest of the sample contain: few, because each costs time, and none that many contain. Punctuation comes last:
/// Postgres's index knows none.
fn rarest<'w>(pieces: Vec<&'w str>, sample: &[(String, String)]) -> Vec<&'w str> {
    let count = |piece: &str| sample.iter().filter(|(_, words)| words.contains(piece)).count();
    let mut counted: Vec<_> = pieces.into_iter().map(|piece| (count(piece), piece)).collect();
    counted.sort_by_key(|(count, piece)| (!piece.chars().all(char::is_alphanumeric), *count));
    counted.truncate(PIECES);
    counted.into_iter().filter(|(count, _)| *count <= sample.len() / MANY).map(|(_, piece)| piece).collect()
}

#[cfg(test)]
mod tests {
    use super::{pieces, rarest, words};

    #[test]
    fn only_words_that_the_index_knows_are_looked_for() {
        assert_eq!(words("  Ada  of\u{0} LOVELACE "), ["ada", "lovelace"]);
        assert!(words("a b").is_empty());
        assert_eq!(words("Ädä"), ["ädä"]);
    }

    #[test]
    fn the_index_is_asked_for_the_rarest_pieces() {
        let words = ["ädäm".to_owned(), "a@b.example".to_owned()];
        let pieces = pieces(&words);
        assert_eq!(
            pieces,
            ["ädä", "däm", "a@b", "@b.", "b.e", ".ex", "exa", "xam", "amp", "mpl", "ple"],
            "each once, by letters"
        );
        let row = |words: &str| (String::new(), words.to_owned());
        let mut sample = vec![row("adam a@c.example"); 95];
        sample.extend(vec![row("ädä"); 5]);
        let told = "nobody has the one, one in twenty the other, nearly everybody the rest";
        assert_eq!(rarest(pieces, &sample), ["däm", "ädä"], "{told}");
        assert!(rarest(vec!["exa", "xam"], &sample).is_empty());
    }
}
