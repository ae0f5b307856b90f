//! Where the engines truly differ. Each exception has its reason; everything else is one text.

use super::Engine;

impl Engine {
    /// Queue claims: Postgres workers must step over rows that another worker is claiming, or they would wait for it and
    /// come back empty. SQLite has one writer, so there is nobody to step over.
    pub fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// A row that serialises writers: on SQLite `BEGIN IMMEDIATE` already did.
    pub fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// The condition that finds words inside `search.words`: FTS5's trigram index on SQLite, `pg_trgm` on Postgres.
    /// Followed by one bound value, made by [`Engine::search_pattern`].
    pub fn search_condition(self) -> &'static str {
        match self {
            Self::Sqlite => "row IN (SELECT rowid FROM search_index WHERE search_index MATCH ",
            Self::Postgres => "words LIKE (",
        }
    }

    /// The bound value of [`Engine::search_condition`]: every word must occur. `scope` narrows SQLite's index to a project.
    pub fn search_pattern(self, scope: &str, words: &str) -> String {
        match self {
            Self::Sqlite => {
                let phrase = words.replace('"', "\"\"");
                format!("scope : \"{scope}\" AND words : \"{phrase}\"")
            }
            Self::Postgres => {
                let escaped = words.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                format!("%{escaped}%")
            }
        }
    }
}
