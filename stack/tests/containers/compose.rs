//! The whole system in containers, by the files of this repository: MySQL, two replicas of each service, the gateway.

use std::process::Command;

use testcontainers::compose::DockerCompose;

use crate::api::Api;
use crate::docker::{docker, free_port, root, run};

const FILES: [&str; 3] =
    ["docker-compose.yml", "docker-compose.replicas.yml", "stack/tests/containers/compose.yml"];

/// The password of all accounts that the tests make.
pub(crate) const PASSWORD: &str = "a password of tests";

/// A running system. It is taken down, volumes included, when this is dropped.
pub(crate) struct Compose {
    project: String,
    settings: Vec<(&'static str, String)>,
    /// The gateway.
    pub(crate) api: Api,
    _running: DockerCompose,
}

impl Compose {
    /// Builds the images, starts everything with these settings of the compose files, and waits until it is healthy. With
    /// `REUSE_IMAGES` in the environment it takes the images as they are.
    pub(crate) async fn up(name: &str, settings: &[(&'static str, &str)]) -> Self {
        let port = free_port();
        let project = format!("imprimatur-{name}-{port}");
        let mut settings: Vec<_> =
            settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        settings.push(("GATEWAY_LISTEN", format!("127.0.0.1:{port}")));
        let files = FILES.map(|file| root().join(file));
        let mut running = DockerCompose::with_local_client(files.as_slice())
            .with_project_name(&project)
            .with_env_vars(settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
            .with_build(std::env::var_os("REUSE_IMAGES").is_none());
        running.up().await.unwrap();
        let api = Api::new(format!("http://127.0.0.1:{port}"));
        Self { project, settings, api, _running: running }
    }

    /// Runs a command of `docker compose` on this system.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        let mut command = Command::new("docker");
        command.current_dir(root()).args(["compose", "--project-name", &self.project]);
        for file in FILES {
            command.args(["-f", file]);
        }
        run(command.args(words).envs(self.settings.iter().map(|(name, value)| (*name, value))))
    }

    /// The containers of a service, running or not, in a fixed order.
    pub(crate) fn containers(&self, service: &str) -> Vec<String> {
        let names = self.command(&["ps", "--all", "--format", "{{.Name}}", service]);
        let mut names: Vec<_> = names.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// The name of one of the networks.
    pub(crate) fn network(&self, name: &str) -> String {
        format!("{}_{name}", self.project)
    }

    /// Runs a command of auth-service in one of its containers.
    pub(crate) fn auth_service(&self, words: &[&str]) -> String {
        let container = &self.containers("auth-service")[0];
        docker(&[&["exec", container, "auth-service"], words].concat())
    }

    /// Makes an account with [`PASSWORD`].
    pub(crate) fn account(&self, username: &str, role: &str) {
        let container = &self.containers("auth-service")[0];
        let command = format!("echo '{PASSWORD}' | auth-service user create {username} --role {role}");
        docker(&["exec", container, "bash", "-c", &command]);
    }
}
