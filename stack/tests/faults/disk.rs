//! SQLite on a disk that fills up, and is given room again.

use std::time::Duration;

use crate::api::Api;
use crate::docker::{docker, free_port, root};
use crate::load::Load;
use crate::report::Row;

pub(crate) const NAME: &str = "SQLite: disk full, room again after 5 s";
const IMAGE: &str = "imprimatur/stack";

/// A container that is removed when this is dropped.
struct Container(String);

impl Drop for Container {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", &self.0]);
    }
}

impl Container {
    fn shell(&self, command: &str) {
        docker(&["exec", &self.0, "bash", "-c", command]);
    }
}

pub(crate) async fn run() -> Row {
    println!("{NAME} …");
    let file = root().join("deploy/Dockerfile");
    docker(&[
        "build",
        "-q",
        "-f",
        file.to_str().unwrap(),
        "--target",
        "stack",
        "-t",
        IMAGE,
        root().to_str().unwrap(),
    ]);
    let published = format!("127.0.0.1:{}:5000", free_port());
    let container = Container(docker(&[
        "run",
        "--detach",
        "--publish",
        &published,
        "--tmpfs",
        "/data:size=128m,mode=1777",
        "--env",
        "STACK_DATA_DIR=/data",
        "--env",
        "STACK_LISTEN=0.0.0.0:5000",
        "--env",
        "STACK_DEMO=true",
        IMAGE,
    ]));
    let api = Api::new(format!("http://{}", published.trim_end_matches(":5000")));
    ready(&api).await;
    // Room for a moment of writing, and some that can be given back.
    container.shell("head -c 64M /dev/zero >/data/ballast");
    let load = Load::start(&api, "test", "test").await;
    let during = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        container.shell("dd if=/dev/zero of=/data/rest bs=4k status=none || true");
        load.failing().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        container.shell("rm /data/ballast");
        let over = load.now();
        load.recovered(over).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        load.stop();
        over
    };
    let (over, ()) = tokio::join!(during, load.run());
    let row = load.report(NAME, over);
    load.verify().await;
    println!("{row}");
    row
}

async fn ready(api: &Api) {
    for _ in 0..100 {
        let answer = api.send(reqwest::Method::GET, "/protected", Some("x.y.z"), None).await;
        if answer.is_ok_and(|answer| answer.status == 401) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the stack is not ready after ten seconds");
}
