//! The suites of the services once more, on MySQL.

use std::process::Command;

use testcontainers::core::{IntoContainerPort as _, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{GenericImage, ImageExt as _};

use crate::docker::{engine, root};

#[tokio::test]
async fn the_suites_pass_on_mysql() {
    let Some(_turn) = engine().await else { return };
    let mysql = GenericImage::new("mysql", "9.7")
        .with_exposed_port(3306.tcp())
        // With two spaces: the line of the server that stays, not of the one that makes the databases.
        .with_wait_for(WaitFor::message_on_stderr("port: 3306  "))
        .with_env_var("MYSQL_ROOT_PASSWORD", "root")
        .start()
        .await
        .unwrap();
    let port = mysql.get_host_port_ipv4(3306.tcp()).await.unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--workspace", "--locked", "--test", "it"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // What cargo has told this very test of its package would make libraries (`ring`) be built anew, and all that use them.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    let server = format!("mysql://root:root@127.0.0.1:{port}");
    let status = cargo.current_dir(root()).env("TEST_MYSQL_SERVER", server).status().unwrap();
    assert!(status.success());
}
