//! Against the tutorial's own kind of stack, on the same database.

use std::path::Path;
use std::process::Command;

use tokio::time::Duration;

use super::Actors;
use crate::bench::{AUTH, BOOKS, Bench};
use crate::http::{client, login, text};
use crate::load::{Target, refresh};
use crate::process::{Server, output};

const FLASK: &str = "http://127.0.0.1:7105";

pub(super) async fn measure(bench: &mut Bench, actors: &mut Actors) -> anyhow::Result<()> {
    let folder = bench.root.join("bench/baselines/flask");
    let venv = bench.root.join("target/flask");
    install(&folder, &venv)?;
    keys(bench)?;
    let variables = [
        ("KEYS", bench.data.display().to_string()),
        ("DATABASE_URL", bench.database.python_url("flask")),
        ("PYTHONPATH", folder.display().to_string()),
    ];
    let mut python = Command::new(venv.join("bin/python"));
    python.envs(variables.iter().map(|(name, value)| (*name, value)));
    output(python.args(["-c", "import app; app.prepare()"]))?;
    let arguments = ["--workers", "2", "--bind", "127.0.0.1:7105", "app:app"];
    let (program, log) = (venv.join("bin/gunicorn"), bench.file("flask.log"));
    let ready = format!("{FLASK}/protected");
    let _flask = Server::start(&program, &arguments, &variables, &log, &ready).await?;

    let theirs = login(&client(), FLASK, "test").await?;
    let their_token = text(&theirs, "access_token")?;
    let against = |what: &str| format!("{what} against Flask, ×");
    for (what, path, bar) in [("`/protected`", "/protected", 20.0), ("`GET /books/{id}`", "/books/1", 10.0)] {
        let ours = Target::get(format!("{BOOKS}{path}")).with(&actors.token);
        let other = Target::get(format!("{FLASK}{path}")).with(&their_token);
        bench.compare(&against(what), &ours, &other, bar)?;
    }
    let post = |url: &str, token: &str| {
        Target::get(format!("{url}/books")).with(token).post("application/json", &actors.book)
    };
    let (ours, other) = (post(BOOKS, &actors.token), post(FLASK, &their_token));
    bench.compare(&against("`POST /books`"), &ours, &other, 5.0)?;

    let other = Target::get(format!("{FLASK}/refresh")).with(&text(&theirs, "refresh_token")?);
    let other = other.post("application/json", "{}").closed(3, 8)?.per_second;
    let url = format!("{AUTH}/refresh");
    let ours = refresh(&url, &mut actors.refresh, 3, Duration::ZERO).await?.per_second;
    let detail = format!("{ours:.0}/s : {other:.0}/s");
    bench.report.at_least(&against("refresh"), &detail, ours / other, 5.0);
    Ok(())
}

fn install(folder: &Path, venv: &Path) -> anyhow::Result<()> {
    if venv.exists() {
        return Ok(());
    }
    output(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    let requirements = folder.join("requirements.txt");
    output(pip.args(["install", "--quiet", "--requirement"]).arg(requirements)).map(drop)
}

fn keys(bench: &Bench) -> anyhow::Result<()> {
    let (private, public) = (bench.file("private.pem"), bench.file("public.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"]);
    output(openssl.arg(&private))?;
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-pubout", "-in"]).arg(&private).arg("-out").arg(&public);
    output(&mut openssl).map(drop)
}
