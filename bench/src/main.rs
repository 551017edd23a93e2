//! Starts the real services, loads them from another core, and writes docs/performance.md: see there.

mod load;
mod process;
mod report;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use serde_json::{Value, json};

use crate::load::{Target, median, refresh};
use crate::process::{Server, output};
use crate::report::Report;

const PASSWORD: &str = "correct horse battery staple";
const AUTH: &str = "http://127.0.0.1:7101";
const BOOKS: &str = "http://127.0.0.1:7102";
const BARE: &str = "http://127.0.0.1:7103";
const OPEN: &str = "http://127.0.0.1:7104";
const FLASK: &str = "http://127.0.0.1:7105";
const OIDC: &str = "http://127.0.0.1:7106";
const SECONDS: u32 = 2;

#[derive(Parser)]
struct Arguments {
    /// Rounds of each comparison; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Takes the binaries that are there
    #[arg(long)]
    no_build: bool,
    /// Measures these rows alone, and leaves the document as it is: words of their names
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    only: Vec<String>,
}

struct Bench {
    root: PathBuf,
    binaries: PathBuf,
    data: PathBuf,
    rounds: usize,
    only: Vec<String>,
    report: Report,
}

fn main() -> anyhow::Result<()> {
    let Arguments { rounds, no_build, only } = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no root")?.to_owned();
    let (binaries, data) = (root.join("target/release"), root.join("target/bench"));
    if !no_build {
        let cargo = |folder: &Path, packages: &[&str]| {
            let mut command = Command::new("cargo");
            command.current_dir(folder).args(["build", "--release", "--locked", "--target-dir"]);
            output(command.arg(root.join("target")).args(packages)).map(drop)
        };
        cargo(&root, &["-p", "auth-service", "-p", "books-service"])?;
        cargo(&root.join("bench"), &["-p", "baselines"])?;
    }
    let machine = machine()?;
    // The clients of our own, and what they start unless it says otherwise, on core 1.
    output(Command::new("taskset").args(["-c", "-p", "1", &std::process::id().to_string()]))?;
    drop(fs::remove_dir_all(&data));
    fs::create_dir_all(&data)?;
    let mut bench = Bench { root, binaries, data, rounds, only, report: Report::default() };
    bench.ready()?;
    bench.services()?;
    bench.oidc_provider()?;
    if !bench.only.is_empty() {
        return Ok(());
    }
    let document = bench.root.join("docs/performance.md");
    bench.report.write(&document, &machine)
}

fn machine() -> anyhow::Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("a CPU");
    let (cores, rust) =
        (std::thread::available_parallelism()?, output(Command::new("rustc").arg("--version"))?);
    Ok(format!(
        "{}, {cores} cores, {}; databases are SQLite files.",
        model.trim_start_matches([':', ' ', '\t']),
        rust.trim()
    ))
}

impl Bench {
    /// Whether one of these rows is to be measured.
    fn wants(&self, rows: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|words| rows.iter().any(|row| row.contains(words)))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    fn sqlite(&self, name: &str) -> String {
        format!("sqlite://{}", self.file(name).display())
    }

    fn auth_variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AUTH_DATABASE_URL", self.sqlite("auth.db")),
            ("AUTH_KEY_ENCRYPTION_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()),
            ("AUTH_ACCESS_TOKEN_TTL", "2h".to_owned()),
            ("AUTH_LISTEN", "127.0.0.1:7101".to_owned()),
            ("AUTH_MANAGEMENT_LISTEN", "127.0.0.1:7191".to_owned()),
            ("AUTH_ISSUER", AUTH.to_owned()),
            ("AUTH_LOG_FORMAT", "json".to_owned()),
            ("AUTH_HASH_QUEUE_DEADLINE", "60s".to_owned()),
        ]
    }

    fn books_variables(&self, port: u16) -> Vec<(&'static str, String)> {
        vec![
            ("BOOKS_DATABASE_URL", self.sqlite("books.db")),
            ("BOOKS_LISTEN", format!("127.0.0.1:{port}")),
            ("BOOKS_MANAGEMENT_LISTEN", "127.0.0.1:7192".to_owned()),
            ("BOOKS_ISSUER", AUTH.to_owned()),
            ("BOOKS_LOG_FORMAT", "json".to_owned()),
        ]
    }

    fn auth(&self) -> anyhow::Result<Server> {
        let (program, log) = (self.binaries.join("auth-service"), self.file("auth.log"));
        let keys = format!("{AUTH}/.well-known/jwks.json");
        Server::start(&program, &["serve"], &self.auth_variables(), &log, &keys)
    }

    fn books(&self) -> anyhow::Result<Server> {
        let (program, log) = (self.binaries.join("books-service"), self.file("books.log"));
        let ready = "http://127.0.0.1:7192/readyz";
        Server::start(&program, &["serve"], &self.books_variables(7102), &log, ready)
    }

    fn auth_command(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut command = Command::new(self.binaries.join("auth-service"));
        command.args(arguments).envs(self.auth_variables()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        child.stdin.take().context("no input")?.write_all(input.as_bytes())?;
        Ok(String::from_utf8(child.wait_with_output()?.stdout)?)
    }

    /// Time from exec to the first answer, with the keys in the table.
    fn ready(&mut self) -> anyhow::Result<()> {
        drop(self.auth()?);
        let what = "auth-service ready after `exec`, keys present, ms";
        if !self.wants(&[what]) {
            return Ok(());
        }
        let times = (0..5).map(|_| {
            let began = Instant::now();
            self.auth().map(|_| began.elapsed().as_secs_f64() * 1e3)
        });
        let times = times.collect::<anyhow::Result<Vec<_>>>()?;
        self.report.below(what, "five starts; with `taskset` and the poll", median(times), 100.0);
        Ok(())
    }

    fn services(&mut self) -> anyhow::Result<()> {
        self.auth_command(&["user", "create", "test", "--role", "librarian"], PASSWORD)?;
        let (auth, books) = (self.auth()?, self.books()?);
        let idle = auth.resident();
        self.report.below("memory of auth-service, idle, MiB", "", idle, 25.0);
        self.report.below("memory of books-service, idle, MiB", "", books.resident(), 25.0);
        let mut sessions = (0..16).map(|_| login(AUTH, PASSWORD)).collect::<anyhow::Result<Vec<_>>>()?;
        let token = text(&sessions[0], "access_token")?;
        let book = json!({"title": "The Left Hand of Darkness", "author": "Ursula K. Le Guin"}).to_string();
        let client = reqwest::blocking::Client::new();
        for _ in 0..100 {
            let made = client
                .post(format!("{BOOKS}/books"))
                .bearer_auth(&token)
                .header("content-type", "application/json");
            made.body(book.clone()).send()?.error_for_status()?;
        }
        let database = self.sqlite("books.db");
        let bare = ["--listen", "127.0.0.1:7103", "--database-url", &database];
        let ready = format!("{BARE}/protected");
        let _bare = Server::start(&self.binaries.join("bare"), &bare, &[], &self.file("bare.log"), &ready)?;
        let ready = format!("{OPEN}/books/1");
        let open = self.books_variables(7104);
        let _open =
            Server::start(&self.binaries.join("open-books"), &[], &open, &self.file("open.log"), &ready)?;

        let get = |url: &str, path: &str| Target::get(format!("{url}{path}")).with(&token);
        let shown = get(BOOKS, "/books/1");
        self.compare(
            "`GET /books/{id}` against the same without its guard",
            &shown,
            &get(OPEN, "/books/1"),
            0.95,
        )?;
        self.compare("`GET /books/{id}` against bare axum and sqlx", &shown, &get(BARE, "/books/1"), 0.8)?;
        self.compare(
            "`/protected` against bare axum",
            &get(BOOKS, "/protected"),
            &get(BARE, "/protected"),
            0.75,
        )?;
        let etag = client.get(format!("{AUTH}/.well-known/jwks.json")).send()?;
        let etag = etag.headers()["etag"].to_str()?.to_owned();
        let etag: &'static str = format!("If-None-Match: {etag}").leak();
        let conditional = |url: &str| {
            let mut target = Target::get(format!("{url}/.well-known/jwks.json"));
            target.headers.push(etag);
            target
        };
        self.compare(
            "JWKS with `If-None-Match` against bare axum",
            &conditional(AUTH),
            &conditional(BARE),
            0.9,
        )?;

        let mut tokens = sessions.drain(..).map(|tokens| text(&tokens, "refresh_token"));
        let mut tokens = tokens.by_ref().collect::<anyhow::Result<Vec<_>>>()?;
        self.crypto(&mut tokens)?;
        self.neighbours(&token, &mut tokens)?;
        self.report.below(
            "memory of auth-service after all of this, MiB",
            "16 sessions, some thousand logins",
            auth.resident(),
            40.0,
        );
        self.flood(&auth, idle)?;
        self.flask(&token, &book, &mut tokens)?;
        self.pages(&token)
    }

    /// Rounds of both in turn, and the median of each.
    fn compare(&mut self, what: &str, ours: &Target, other: &Target, bar: f64) -> anyhow::Result<()> {
        if !self.wants(&[what]) {
            return Ok(());
        }
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            a.push(ours.closed(SECONDS, 32)?.per_second);
            b.push(other.closed(SECONDS, 32)?.per_second);
        }
        let (a, b) = (median(a), median(b));
        self.report.at_least(what, &format!("{a:.0}/s : {b:.0}/s"), a / b, bar);
        Ok(())
    }

    fn crypto(&mut self, tokens: &mut [String]) -> anyhow::Result<()> {
        if !self.wants(&["refreshes against bare signatures", "logins against bare Argon2id"]) {
            return Ok(());
        }
        let (mut signatures, mut hashes, mut refreshes, mut logins) = (vec![], vec![], vec![], vec![]);
        for _ in 0..self.rounds {
            let bare =
                output(Command::new("taskset").args(["-c", "0"]).arg(self.binaries.join("bare-crypto")))?;
            let bare: Value = serde_json::from_str(&bare)?;
            signatures.push(bare["signatures"].as_f64().context("a number")?);
            hashes.push(bare["hashes"].as_f64().context("a number")?);
            refreshes.push(refresh(&format!("{AUTH}/refresh"), tokens, 3, Duration::ZERO)?.per_second);
            logins.push(logging_in().closed(3, 4)?.per_second);
        }
        let (signatures, hashes) = (median(signatures), median(hashes));
        let (refreshes, logins) = (median(refreshes), median(logins));
        let detail = format!("{refreshes:.0}/s, two signatures each : {signatures:.0} signatures/s");
        self.report.at_least(
            "refreshes against bare signatures, SQLite",
            &detail,
            2.0 * refreshes / signatures,
            0.6,
        );
        let detail = format!("{logins:.1}/s : {hashes:.1}/s");
        self.report.at_least("logins against bare Argon2id", &detail, logins / hashes, 0.9);
        Ok(())
    }

    /// What others feel of logins that saturate the core.
    fn neighbours(&mut self, token: &str, tokens: &mut [String]) -> anyhow::Result<()> {
        if !self.wants(&["while logins saturate"]) {
            return Ok(());
        }
        let (refresh_url, pause) = (format!("{AUTH}/refresh"), Duration::from_millis(100));
        let protected = Target::get(format!("{BOOKS}/protected")).with(token);
        let jwks = Target::get(format!("{AUTH}/.well-known/jwks.json"));
        let mut measured = || -> anyhow::Result<[f64; 3]> {
            let refreshed = refresh(&refresh_url, &mut tokens[..4], 4, pause)?;
            Ok([protected.fixed(4, 500)?.p99, jwks.fixed(4, 500)?.p99, refreshed.p99])
        };
        let idle = measured()?;
        let mut logins = logging_in().background(14, 8)?;
        sleep(Duration::from_millis(300));
        let busy = measured()?;
        logins.wait()?;
        for (name, (idle, busy)) in
            ["`/protected`", "JWKS", "`/refresh`"].iter().zip(idle.into_iter().zip(busy))
        {
            let detail = format!("{busy:.0} µs : {idle:.0} µs idle; fixed rate");
            self.report.below(
                &format!("p99 of {name} while logins saturate, × idle"),
                &detail,
                busy / idle,
                3.0,
            );
        }
        Ok(())
    }

    fn flood(&mut self, auth: &Server, idle: f64) -> anyhow::Result<()> {
        let what = "memory of auth-service in a flood of 200 logins, MiB";
        if !self.wants(&[what]) {
            return Ok(());
        }
        let mut logins = logging_in().background(4, 200)?;
        let mut most: f64 = 0.0;
        while logins.try_wait()?.is_none() {
            most = most.max(auth.resident());
            sleep(Duration::from_millis(50));
        }
        // One slot: the service has one core.
        self.report.below(what, "bar: idle + slots × 19 MiB + 20 MB", most, idle + 19.0 + 19.1);
        Ok(())
    }

    fn flask(&mut self, token: &str, book: &str, tokens: &mut [String]) -> anyhow::Result<()> {
        if !self.wants(&["Flask"]) {
            return Ok(());
        }
        let folder = self.root.join("bench/baselines/flask");
        let venv = self.root.join("target/flask");
        if !venv.exists() {
            output(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            let mut pip = Command::new(venv.join("bin/pip"));
            output(pip.args(["install", "--quiet", "--requirement"]).arg(folder.join("requirements.txt")))?;
        }
        let private = self.file("private.pem");
        output(
            Command::new("openssl")
                .args(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"])
                .arg(&private),
        )?;
        output(
            Command::new("openssl")
                .args(["pkey", "-pubout", "-in"])
                .arg(&private)
                .arg("-out")
                .arg(self.file("public.pem")),
        )?;
        let variables = [
            ("KEYS", self.data.display().to_string()),
            ("DATABASE_URL", format!("sqlite:///{}", self.file("flask.db").display())),
            ("PYTHONPATH", folder.display().to_string()),
        ];
        let mut python = Command::new(venv.join("bin/python"));
        output(
            python.args(["-c", "import app; app.prepare()"]).envs(variables.iter().map(|(k, v)| (*k, v))),
        )?;
        let arguments = ["--workers", "2", "--bind", "127.0.0.1:7105", "app:app"];
        let ready = format!("{FLASK}/protected");
        let _flask = Server::start(
            &venv.join("bin/gunicorn"),
            &arguments,
            &variables,
            &self.file("flask.log"),
            &ready,
        )?;
        let theirs = login(FLASK, "test")?;
        let their_token = text(&theirs, "access_token")?;
        for (what, path, bar) in
            [("`/protected`", "/protected", 20.0), ("`GET /books/{id}`", "/books/1", 10.0)]
        {
            let ours = Target::get(format!("{BOOKS}{path}")).with(token);
            let other = Target::get(format!("{FLASK}{path}")).with(&their_token);
            self.compare(&format!("{what} against Flask, SQLite, ×"), &ours, &other, bar)?;
        }
        let post = |url: &str, token: &str| {
            Target::get(format!("{url}/books")).with(token).post("application/json", book)
        };
        self.compare(
            "`POST /books` against Flask, SQLite, ×",
            &post(BOOKS, token),
            &post(FLASK, &their_token),
            5.0,
        )?;
        let their_refresh = Target::get(format!("{FLASK}/refresh")).with(&text(&theirs, "refresh_token")?);
        let their_refresh = their_refresh.post("application/json", "{}").closed(3, 8)?.per_second;
        let ours = refresh(&format!("{AUTH}/refresh"), tokens, 3, Duration::ZERO)?.per_second;
        let detail = format!("{ours:.0}/s : {their_refresh:.0}/s");
        self.report.at_least("refresh against Flask, SQLite, ×", &detail, ours / their_refresh, 5.0);
        Ok(())
    }

    fn pages(&mut self, token: &str) -> anyhow::Result<()> {
        if !self.wants(&["first page of 1,000,000 books"]) {
            return Ok(());
        }
        let fill = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], timeout=60); d.execute(\"WITH RECURSIVE n(i) AS \
            (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) INSERT INTO books \
            (title, author, version, created_at, updated_at) SELECT 'Title ' || i, 'Author ' || (i % 1000), 1, 0, 0 FROM n\"); \
            d.commit(); print(d.execute('SELECT MAX(id) FROM books').fetchone()[0])";
        let last: i64 =
            output(Command::new("python3").args(["-c", fill]).arg(self.file("books.db")))?.trim().parse()?;
        let page = |after: i64| Target::get(format!("{BOOKS}/books?after={after}")).with(token);
        let (mut first, mut final_) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            first.push(page(0).fixed(SECONDS, 200)?.p99);
            final_.push(page(last - 101).fixed(SECONDS, 200)?.p99);
        }
        let (first, final_) = (median(first), median(final_));
        let detail = format!("p99 {first:.0} µs : {final_:.0} µs; 200/s");
        // The same within ten per cent, whichever is the faster.
        let ratio = (first / final_).min(final_ / first);
        self.report.at_least("first page of 1,000,000 books against the last", &detail, ratio, 0.9);
        Ok(())
    }

    fn oidc_provider(&mut self) -> anyhow::Result<()> {
        if !self.wants(&["oidc-provider"]) {
            return Ok(());
        }
        let folder = self.root.join("bench/baselines/oidc-provider");
        output(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder))?;
        let made =
            self.auth_command(&["client", "create", "bench", "--id", "bench", "--scope", "books:read"], "")?;
        let secret = made
            .lines()
            .find_map(|line| line.strip_prefix("client_secret"))
            .context("a secret")?
            .trim()
            .to_owned();
        let auth = self.auth()?;
        let script = folder.join("server.js").display().to_string();
        let oidc = Server::start(
            Path::new("node"),
            &[&script, "7106"],
            &[],
            &self.file("oidc.log"),
            &format!("{OIDC}/jwks"),
        )?;
        let form = "grant_type=client_credentials&scope=books:read";
        let ask = |url: String, basic: String| {
            let target = Target::get(url).post("application/x-www-form-urlencoded", form);
            Target { basic: Some(basic), ..target }
        };
        let ours = ask(format!("{AUTH}/oauth2/token"), format!("bench:{secret}"));
        let theirs = ask(format!("{OIDC}/token"), "bench:a secret that is thirty-two chars long".to_owned());
        self.compare("client credentials against oidc-provider, ×", &ours, &theirs, 1.8)?;
        let (ours, theirs) =
            (Target::get(format!("{AUTH}/.well-known/jwks.json")), Target::get(format!("{OIDC}/jwks")));
        self.compare("JWKS against oidc-provider, ×", &ours, &theirs, 3.0)?;
        let (ours, theirs) = (auth.resident(), oidc.resident());
        let detail = format!("{theirs:.0} MiB : {ours:.0} MiB, after this load");
        self.report.at_least("memory of oidc-provider against ours, ×", &detail, theirs / ours, 4.0);
        Ok(())
    }
}

fn logging_in() -> Target {
    let body = json!({"username": "test", "password": PASSWORD}).to_string();
    Target::get(format!("{AUTH}/login")).post("application/json", body)
}

fn login(url: &str, password: &str) -> anyhow::Result<Value> {
    let body = json!({"username": "test", "password": password});
    let answer = reqwest::blocking::Client::new().post(format!("{url}/login")).json(&body).send()?;
    Ok(answer.error_for_status()?.json()?)
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    value[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"))
}
