//! What is asked once, to prepare a measurement.

use anyhow::Context as _;
use reqwest::{Client, header};
use serde_json::{Value, json};

/// A client, for http alone.
pub(crate) fn client() -> Client {
    // `reqwest` wants to know of one, also where nothing is encrypted.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::new()
}

/// Logs `test` in, and returns what is answered.
pub(crate) async fn login(client: &Client, url: &str, password: &str) -> anyhow::Result<Value> {
    let body = json!({"username": "test", "password": password}).to_string();
    let request = client.post(format!("{url}/login")).header(header::CONTENT_TYPE, "application/json");
    let answer = request.body(body).send().await?.error_for_status()?;
    Ok(serde_json::from_slice(&answer.bytes().await?)?)
}

/// A member that is text.
pub(crate) fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    value[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"))
}
