//! What a page costs in a catalogue of a million books, through the whole service.
//!
//! ```sh
//! cargo bench -p books-service --bench search                    # on SQLite
//! TEST_MYSQL_SERVER=mysql://root:password@127.0.0.1:3306 cargo bench -p books-service --bench search
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on shall say where, and prints"
)]

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use books_service::Service;
use books_service::books::store;
use books_service::config::Settings;
use books_service::migration::Migrator;
use clap::Parser as _;
use sea_orm::{ConnectionTrait as _, DbBackend};
use shared::clock::Clock as _;
use shared::random::{Random, SystemRandom};
use shared::testing::{Caller, FakeClock, MockIssuer, TestKey, TokenBuilder, new_shared_database};
use shared::{clock, database};
use tokio::time::Instant;

const BOOKS: usize = 1_000_000;
const CHUNK: usize = 5_000;
const REQUESTS: usize = 2_000;

const FIRST: [&str; 20] = [
    "The", "A", "An", "My", "Our", "Old", "New", "Dark", "Bright", "Last", "First", "Silent", "Hidden",
    "Lost", "Golden", "Broken", "Secret", "Winter", "Summer", "Red",
];
const SECOND: [&str; 25] = [
    "House", "River", "Garden", "Sea", "Mountain", "City", "Road", "Forest", "King", "Queen", "Child",
    "Night", "Storm", "Fire", "Stone", "Bird", "Horse", "Wolf", "Ship", "Island", "Tower", "Bridge", "Door",
    "Window", "Mirror",
];
const AUTHORS: [&str; 12] = [
    "Jane Austen",
    "Ursula K. Le Guin",
    "Virginia Woolf",
    "George Eliot",
    "Emily Brontë",
    "Leo Tolstoy",
    "Émile Zola",
    "Franz Kafka",
    "Italo Calvino",
    "Jorge Luis Borges",
    "Haruki Murakami",
    "Natsume Sōseki",
];

#[derive(Debug, clap::Parser)]
struct Wrapper {
    #[command(flatten)]
    settings: Settings,
}

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir().unwrap();
    let books = database::connect("BENCH", &new_shared_database(directory.path()).await).await.unwrap();
    database::migrate::<Migrator>(&books).await.unwrap();
    let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
    let filled = Instant::now();
    fill(&books, &*random).await;
    println!("{BOOKS} books added in {:.0?} to {:?}", filled.elapsed(), books.get_database_backend());

    let (clock, key) = (Arc::new(FakeClock::default()), TestKey::a());
    let issuer = MockIssuer::with_key(&key).await;
    let arguments = ["books-service", "--issuer", issuer.issuer().as_str()].map(OsString::from);
    let config = Wrapper::try_parse_from(arguments).unwrap().settings.check().unwrap();
    let service = Service::start(config, books, clock.clone(), Arc::clone(&random)).await.unwrap();
    service.keys_loaded().await;
    let token =
        TokenBuilder::new(issuer.issuer().as_str(), "books", clock.now()).scope("books:read").sign(&key);
    let reader = Caller::anonymous(service.routes.clone(), "books").with_token(token);

    let pick = |words: &[&str]| words[below(&*random, words.len())].to_owned();
    let after = || format!("after={}", below(&*random, BOOKS));
    measure(&reader, "by id, first page", REQUESTS, String::new).await;
    measure(&reader, "by id, anywhere", REQUESTS, after).await;
    measure(&reader, "title=The", REQUESTS, || format!("title={}&{}", pick(&FIRST), after())).await;
    measure(&reader, "title=The+House", REQUESTS, || format!("title={}+{}", pick(&FIRST), pick(&SECOND)))
        .await;
    let whole = || format!("title={}+{}+{}", pick(&FIRST), pick(&SECOND), below(&*random, BOOKS));
    measure(&reader, "title=The+House+7", REQUESTS, whole).await;
    measure(&reader, "author=Jane", REQUESTS, || format!("author={}", &pick(&AUTHORS)[..3])).await;
    measure(&reader, "q, often found", 50, || format!("q={}", pick(&SECOND))).await;
    measure(&reader, "q, never found", 50, || "q=no+book+is+called+that".to_owned()).await;
}

async fn fill(books: &sea_orm::DatabaseConnection, random: &dyn Random) {
    let now = clock::Timestamp::from_seconds(0);
    for chunk in 0..BOOKS / CHUNK {
        let rows = (0..CHUNK).map(|number| {
            let (first, second) = (FIRST[below(random, FIRST.len())], SECOND[below(random, SECOND.len())]);
            let title = format!("{first} {second} {}", chunk * CHUNK + number);
            (title.parse().unwrap(), AUTHORS[below(random, AUTHORS.len())].parse().unwrap())
        });
        store::add_all(books, rows, now).await.unwrap();
    }
    let analyze = match books.get_database_backend() {
        DbBackend::MySql => "ANALYZE TABLE books",
        _ => "ANALYZE",
    };
    books.execute_unprepared(analyze).await.unwrap();
}

fn below(random: &dyn Random, limit: usize) -> usize {
    usize::try_from(u64::from_le_bytes(random.bytes()) % limit as u64).unwrap()
}

/// Sends requests one after the other, and says how long half of them and all but one in a hundred take at most.
async fn measure(reader: &Caller, what: &str, requests: usize, query: impl Fn() -> String) {
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let path = format!("/books?{}", query());
        let started = Instant::now();
        reader.get(&path).await.expect(200);
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("{what:<20} p50 {:>8.2} ms   p99 {:>8.2} ms", millis(at(50)), millis(at(99)));
}
