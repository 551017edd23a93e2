use super::Actors;
use crate::bench::{BOOKS, Bench, SECONDS};
use crate::database::Database;
use crate::load::{Target, median};

/// A page at the beginning of a million books against one at their end.
pub(super) fn measure(bench: &mut Bench, actors: &Actors) -> anyhow::Result<()> {
    // Titles of one length, so that pages are of one size.
    let fill = "INSERT INTO books (title, author, version, created_at, updated_at) \
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) \
        SELECT 1000000 + i, i % 1000, 1, 0, 0 FROM n";
    let last = "SELECT MAX(id) FROM books";
    let last = match bench.database {
        Database::Sqlite(_) => bench.database.execute("books", &[fill, last])?,
        Database::MySql(_) => {
            let deeper = "SET SESSION cte_max_recursion_depth = 1000001";
            bench.database.execute("books", &[deeper, fill, "ANALYZE NO_WRITE_TO_BINLOG TABLE books"])?;
            bench.database.execute("books", &[last])?
        }
    };
    let last: i64 = last.trim().parse()?;
    let page = |after: i64| Target::get(format!("{BOOKS}/books?after={after}&limit=100")).with(&actors.token);
    let (mut begin, mut end) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        begin.push(page(1000).fixed(SECONDS, 200)?.p99);
        end.push(page(last - 101).fixed(SECONDS, 200)?.p99);
    }
    let (begin, end) = (median(begin), median(end));
    let detail = format!("p99 {begin:.0} µs : {end:.0} µs; 200/s");
    // The same within ten per cent, whichever is the faster.
    let ratio = (begin / end).min(end / begin);
    bench.report.at_least("first page of 1,000,000 books against the last", &detail, ratio, 0.9);
    Ok(())
}
