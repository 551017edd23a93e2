//! Against npm's `oidc-provider`, which keeps everything in memory, on the same core.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::bench::{AUTH, Bench};
use crate::load::Target;
use crate::process::{Server, output};

const OIDC: &str = "http://127.0.0.1:7106";

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    let folder = bench.root.join("bench/baselines/oidc-provider");
    output(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder))?;
    let create = ["client", "create", "bench", "--id", "bench", "--scope", "books:read"];
    let made = bench.auth_command(&create, "")?;
    let secret = made.lines().find_map(|line| line.strip_prefix("client_secret")).context("a secret")?.trim();
    let auth = bench.auth().await?;
    let script = folder.join("server.js").display().to_string();
    let (arguments, log) = ([script.as_str(), "7106"], bench.file("oidc.log"));
    let oidc = Server::start(Path::new("node"), &arguments, &[], &log, &format!("{OIDC}/jwks")).await?;

    let form = "grant_type=client_credentials&scope=books:read";
    let ask = |url: String, basic: String| {
        let target = Target::get(url).post("application/x-www-form-urlencoded", form);
        Target { basic: Some(basic), ..target }
    };
    let ours = ask(format!("{AUTH}/oauth2/token"), format!("bench:{secret}"));
    let theirs = ask(format!("{OIDC}/token"), "bench:a secret that is thirty-two chars long".to_owned());
    bench.compare("client credentials against oidc-provider, ×", &ours, &theirs, 1.8)?;
    let (ours, theirs) =
        (Target::get(format!("{AUTH}/.well-known/jwks.json")), Target::get(format!("{OIDC}/jwks")));
    bench.compare("JWKS against oidc-provider, ×", &ours, &theirs, 3.0)?;
    let (ours, theirs) = (auth.resident(), oidc.resident());
    let detail = format!("{theirs:.0} MiB : {ours:.0} MiB, after this load");
    bench.report.at_least("memory of oidc-provider against ours, ×", &detail, theirs / ours, 4.0);
    Ok(())
}
