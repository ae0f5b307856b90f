//! Whoever contains the words is found, whoever else has them, and nobody of another business.

use billfold::{
    db::Db,
    domain::{
        ids::{ProjectId, TenantId},
        kind::Kind,
    },
    store::{
        mirror::{add_counts, set_words},
        projects, search,
    },
    vault::new_id,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::harness::{Engine, TestDatabase, both_engines};

both_engines!(a_part_of_any_word_finds_whoever_contains_it, a_small_business_finds_its_own_among_thousands_of_others,);

/// A business with customers, by our id and what they are found by.
struct Business {
    db: Db,
    tenant: TenantId,
    project: ProjectId,
    customers: Vec<(String, String)>,
}

impl Business {
    async fn make(db: &Db, words: Vec<String>) -> Self {
        let (tenant, project) = (new_id(), new_id());
        let mut tx = db.write(&tenant).await.unwrap();
        projects::insert(&mut tx, &project, "Shop", 0).await.unwrap();
        let customers: Vec<_> = words
            .into_iter()
            .enumerate()
            .map(|(n, words)| (Kind::Customer.derive_id(&project, &format!("cus_{n}")), words))
            .collect();
        let rows: Vec<_> = customers.iter().map(|(id, words)| (Kind::Customer, id.as_str(), words.clone())).collect();
        set_words(&mut tx, &project, &rows).await.unwrap();
        add_counts(&mut tx, &project, &[("customer", "active", i64::try_from(rows.len()).unwrap())]).await.unwrap();
        tx.commit().await.unwrap();
        Self { db: db.clone(), tenant, project, customers }
    }

    async fn search(&self, query: &str, limit: i64) -> Vec<String> {
        let mut tx = self.db.read(&self.tenant).await.unwrap();
        let words = search::words(query);
        let mut ids = search::ids(&mut tx, &self.project, Kind::Customer, &words, limit).await.unwrap();
        ids.sort();
        ids
    }

    /// Found by looking at each.
    fn walk(&self, query: &str) -> Vec<String> {
        let words = search::words(query);
        let fits = |has: &str| words.iter().all(|word| has.contains(word));
        let mut ids: Vec<_> = self.customers.iter().filter(|(_, has)| fits(has)).map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    }
}

/// As Postgres's autovacuum does in time: it is known how many rows there are.
async fn count_rows(database: &TestDatabase) {
    if database.engine == Engine::Postgres {
        database.run_as_owner("ANALYZE search").await;
    }
}

/// Names and addresses of few syllables, so that most pieces are in many of them and some in one.
fn anybody(random: &mut StdRng) -> String {
    const SYLLABLES: [&str; 12] =
        ["bar", "del", "fen", "gör", "o'h", "ana", "nan", "ßen", "100%", "a_b", "c\\d", "\"q\""];
    let mut name = || (0..random.random_range(1..4)).map(|_| *SYLLABLES.choose(random).unwrap()).collect::<String>();
    let (first, last) = (name(), name());
    format!("{first} {last} {first}.{last}{}@mail.example", random.random_range(0..1_000))
}

fn part_of(random: &mut StdRng, words: &str) -> String {
    let letters: Vec<char> = words.chars().collect();
    let from = random.random_range(0..letters.len() - 3);
    let to = random.random_range(from + 3..=letters.len().min(from + 30));
    letters[from..to].iter().collect()
}

async fn a_part_of_any_word_finds_whoever_contains_it(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let db = database.open().await;
    let random = &mut StdRng::seed_from_u64(27);
    let people = |random: &mut StdRng, n| (0..n).map(|_| anybody(random)).collect::<Vec<_>>();
    let business = Business::make(&db, people(random, 400)).await;
    let other = Business::make(&db, people(random, 40)).await;
    let (mut found, mut in_both) = (0, 0);
    for n in 0..300 {
        if n == 150 {
            count_rows(&database).await;
        }
        let (_, words) = business.customers.choose(random).unwrap();
        let query = part_of(random, words);
        if search::words(&query).is_empty() {
            continue;
        }
        assert_eq!(business.search(&query, 1_000).await, business.walk(&query), "{query:?}");
        assert_eq!(other.search(&query, 1_000).await, other.walk(&query), "{query:?}");
        let fits = business.walk(&query).len();
        assert_eq!(business.search(&query, 3).await.len(), fits.min(3), "{query:?}");
        found += fits;
        in_both += usize::from(!other.walk(&query).is_empty());
    }
    assert!(found > 1_000 && in_both > 20, "the queries say something: {found} found, {in_both} in both");
}

async fn a_small_business_finds_its_own_among_thousands_of_others(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let db = database.open().await;
    let mut few: Vec<String> = (0..98).map(|n| format!("ben hall ben{n}@small.example")).collect();
    few.extend(["ada lovelace ada@small.example".into(), "ada hall ada.hall@small.example".into()]);
    let small = Business::make(&db, few).await;
    let crowd = (0..2_500).map(|n| format!("ada lovelace ada{n}@large.example")).collect();
    let large = Business::make(&db, crowd).await;
    count_rows(&database).await;
    for query in ["lovelace", "ada lovelace", "example", "ada@small.example", "large", "ada17@large.example"] {
        assert_eq!(small.search(query, 200).await, small.walk(query), "{query}");
        assert_eq!(large.search(query, 5_000).await, large.walk(query), "{query}");
        assert_eq!(large.search(query, 200).await.len(), large.walk(query).len().min(200), "{query}");
    }
}
