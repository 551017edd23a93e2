//! A service of one's own that takes the tokens of a stack on this machine: `cargo run -p shared --example notes`

use axum::routing::{delete, get};
use axum::{Router, http::StatusCode};
use shared::bearer::{Bearer, Challenge, Principal, ResourceMetadata};
use shared::token::TokenVerifier;
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = TokenVerifier::remote("http://127.0.0.1:5000", "books").cache_tokens(10_000).build()?;
    let url = "http://127.0.0.1:5003".parse()?;
    let metadata =
        ResourceMetadata::new("notes", &url, verifier.issuers()).scopes(["books:read", "books:write"]);
    let challenge = Challenge::new("notes").with_resource_metadata(metadata.url());
    let app = app(&Bearer::with_challenge(verifier, challenge)).merge(metadata.routes());
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:5003").await?, app).await?;
    Ok(())
}

/// Who may do what: to be read in one glance, and decided before a handler runs.
pub(crate) fn app(bearer: &Bearer) -> Router {
    let newly_logged_in = bearer.scope("books:write").require_auth_age(Duration::from_secs(300));
    Router::new()
        .route("/", get(greet).layer(bearer.optional()))
        .route("/hello", get(hello).layer(bearer.any_token()))
        .route("/notes", get(|| async { "some notes\n" }).layer(bearer.scope("books:read")))
        .route("/notes", delete(|| async { StatusCode::NO_CONTENT }).layer(newly_logged_in))
}

async fn greet(caller: Option<Principal>) -> String {
    caller.map_or("hello, whoever you are\n".to_owned(), |caller| hello_to(&caller))
}

async fn hello(caller: Principal) -> String {
    hello_to(&caller)
}

fn hello_to(caller: &Principal) -> String {
    let claims = caller.claims();
    format!("hello, {}\n", claims.preferred_username.as_deref().unwrap_or(&claims.sub))
}
