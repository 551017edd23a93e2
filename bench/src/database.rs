//! The databases of the services: files, or a MySQL of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use tokio::time::{Duration, Instant, sleep};

use crate::process::output;

/// Where the services keep what they have.
pub(crate) enum Database {
    /// In files of this folder.
    Sqlite(PathBuf),
    /// In a container, on core 1, away from the services.
    MySql(Container),
}

/// A MySQL with this id, on this port of loopback. It ends when this is dropped.
pub(crate) struct Container {
    id: String,
    port: String,
}

const PASSWORD: &str = "bench";

impl Database {
    /// MySQL in a container, with databases of these names.
    pub(crate) async fn mysql(names: &[&str]) -> anyhow::Result<Self> {
        let mut docker = Command::new("docker");
        docker.args(["run", "--detach", "--rm", "--publish", "127.0.0.1::3306"]);
        docker.args(["--env", "MYSQL_ROOT_PASSWORD=bench", "mysql:9.7", "--innodb-buffer-pool-size=1G"]);
        let id = output(&mut docker).context("no MySQL can be started")?.trim().to_owned();
        let mut container = Container { id, port: String::new() };
        let published = output(Command::new("docker").args(["port", &container.id, "3306/tcp"]))?;
        container.port = published.trim().rsplit(':').next().context("no port")?.to_owned();
        container.wait().await?;
        let inspect = ["inspect", "--format", "{{.State.Pid}}", &container.id];
        let process = output(Command::new("docker").args(inspect))?;
        output(Command::new("taskset").args(["--all-tasks", "--cpu-list", "--pid", "1", process.trim()]))?;
        for name in names {
            container.execute("mysql", &format!("CREATE DATABASE {name}"))?;
        }
        Ok(Self::MySql(container))
    }

    /// As it is told in the document.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::MySql(_) => "MySQL",
        }
    }

    /// The address of the database of this name.
    pub(crate) fn url(&self, name: &str) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite://{}", file(folder, name).display()),
            Self::MySql(container) => container.url("mysql", name),
        }
    }

    /// The same for SQLAlchemy.
    pub(crate) fn python_url(&self, name: &str) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:///{}", file(folder, name).display()),
            Self::MySql(container) => container.url("mysql+pymysql", name),
        }
    }

    /// Runs statements, and returns what the last one answers: one value.
    pub(crate) fn execute(&self, name: &str, statements: &[&str]) -> anyhow::Result<String> {
        match self {
            Self::MySql(container) => container.execute(name, &statements.join("; ")),
            Self::Sqlite(folder) => {
                let script = "import sqlite3, sys\n\
                    database = sqlite3.connect(sys.argv[1], timeout=60)\n\
                    for statement in sys.argv[2:]: answer = database.execute(statement).fetchone()\n\
                    database.commit()\n\
                    print(answer[0] if answer else '')";
                let mut python = Command::new("python3");
                output(python.args(["-c", script]).arg(file(folder, name)).args(statements))
            }
        }
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).with_extension("db")
}

impl Container {
    fn url(&self, scheme: &str, name: &str) -> String {
        format!("{scheme}://root:{PASSWORD}@127.0.0.1:{}/{name}", self.port)
    }

    fn execute(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let mut docker = Command::new("docker");
        docker.args(["exec", "--env", "MYSQL_PWD=bench", &self.id]);
        output(docker.args(["mysql", "-uroot", "--skip-column-names", "--batch", database, "-e", sql]))
    }

    /// Over TCP: the server that prepares the data directory listens on a socket alone.
    async fn wait(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let mut docker = Command::new("docker");
            docker.args(["exec", &self.id, "mysqladmin", "-h127.0.0.1", "-uroot", "-pbench", "ping"]);
            if docker.output()?.status.success() {
                return Ok(());
            }
            anyhow::ensure!(began.elapsed() < Duration::from_secs(120), "MySQL does not get ready");
            sleep(Duration::from_millis(500)).await;
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(Command::new("docker").args(["rm", "--force", &self.id]).output());
    }
}
