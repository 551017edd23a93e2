//! The system as its clients see it.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

/// The one URL of a running system.
pub(crate) struct Api {
    pub(crate) url: String,
    client: Client,
}

/// What a request came back with.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: bool,
    pub(crate) body: Value,
}

impl Api {
    pub(crate) fn new(url: String) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        // The gateway closes connections that were opened and not used for 10 s; who writes on one meanwhile has no answer.
        let client = Client::builder().no_proxy().pool_idle_timeout(Duration::from_secs(5));
        let client = client.timeout(Duration::from_secs(40)).build().unwrap();
        Self { url, client }
    }

    /// Sends a request; an error means that no answer came.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let retry_after = response.headers().contains_key("retry-after");
        let body = response.bytes().await?;
        Ok(Answer { status, retry_after, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    /// Logs in and returns access and refresh token.
    pub(crate) async fn log_in(&self, username: &str, password: &str) -> (String, String) {
        let body = json!({"username": username, "password": password});
        self.send(Method::POST, "/login", None, Some(body)).await.unwrap().tokens()
    }
}

impl Answer {
    /// Access and refresh token.
    #[track_caller]
    pub(crate) fn tokens(&self) -> (String, String) {
        assert_eq!(self.status, 200, "{}", self.body);
        let text = |name: &str| self.body[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }
}
