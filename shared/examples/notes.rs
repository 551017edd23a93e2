//! A service of one's own that takes the tokens of a stack on this machine: `cargo run -p shared --example notes`

use std::sync::Arc;

use axum::{Router, routing::get};
use shared::bearer::{Bearer, Principal};
use shared::clock::SystemClock;
use shared::jwks::{HttpTransport, RemoteJwks, RemoteJwksSettings};
use shared::random::SystemRandom;
use shared::settings::Issuer;
use shared::token::TokenVerifier;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let issuer: Issuer = "http://127.0.0.1:5000".parse()?;
    let (clock, transport) = (Arc::new(SystemClock), Arc::new(HttpTransport::new()?));
    let settings = RemoteJwksSettings::new(issuer.clone());
    let keys = RemoteJwks::start(settings, transport, clock.clone(), Arc::new(SystemRandom::new()));
    let verifier = TokenVerifier::builder(issuer.as_str(), "books", Arc::new(keys), clock).build();
    let bearer = Bearer::new(verifier, "notes");
    let app = Router::new()
        .route("/hello", get(hello).layer(bearer.any_token()))
        .route("/notes", get(|| async { "some notes\n" }).layer(bearer.scope("books:read")));
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:5003").await?, app).await?;
    Ok(())
}

async fn hello(caller: Principal) -> String {
    format!("hello, {}\n", caller.claims().sub)
}
