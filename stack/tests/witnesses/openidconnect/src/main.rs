//! The crate openidconnect: discovery, code with PKCE, the ID token with its hash of the access token, userinfo, refresh,
//! introspection, client credentials.

mod person;

use std::env;
use std::fs;

use anyhow::{Context as _, ensure};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IntrospectionUrl, IssuerUrl,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl, Scope, TokenIntrospectionResponse as _,
    TokenResponse as _,
};
use reqwest::blocking::Client as Http;
use reqwest::redirect::Policy;
use serde_json::Value;

use crate::person::Person;

fn main() -> anyhow::Result<()> {
    let http = Http::builder().redirect(Policy::none()).no_proxy().build()?;
    let issuer = env::var("ISSUER")?;
    code(&http, &issuer).context("the code flow")?;
    client_credentials(&http, &issuer).context("client credentials")?;
    println!(
        "openidconnect: discovery, code with PKCE, ID token, userinfo, refresh, introspection, client credentials"
    );
    Ok(())
}

fn registered(name: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&fs::read(format!("{}/{name}.json", env::var("CLIENTS")?))?)?)
}

fn text<'a>(value: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("there is no {pointer}"))
}

fn code(http: &Http, issuer: &str) -> anyhow::Result<()> {
    let registered = registered("web")?;
    let redirect_uri = text(&registered, "/redirect_uris/0")?;
    let metadata = CoreProviderMetadata::discover(&IssuerUrl::new(issuer.to_owned())?, http)?;
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(text(&registered, "/client_id")?.to_owned()),
        Some(ClientSecret::new(text(&registered, "/client_secret")?.to_owned())),
    )
    .set_redirect_uri(RedirectUrl::new(redirect_uri.to_owned())?)
    .set_introspection_url(IntrospectionUrl::new(format!("{issuer}/oauth2/introspect"))?);

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "offline_access", "books:read"].map(|name| Scope::new(name.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    let callback = Person::new("test", "test")?.visit(url.as_str(), redirect_uri)?;
    let parameter = |name: &str| {
        let found = callback.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned());
        found.with_context(|| format!("no {name} in {callback}"))
    };
    ensure!(parameter("state")? == *state.secret(), "another state comes back");
    ensure!(parameter("iss")? == issuer, "another issuer answers");
    let tokens = client
        .exchange_code(AuthorizationCode::new(parameter("code")?))?
        .set_pkce_verifier(verifier)
        .request(http)?;

    let id_token = tokens.id_token().context("no ID token")?;
    let checks = client.id_token_verifier();
    let claims = id_token.claims(&checks, &nonce)?;
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        id_token.signing_alg()?,
        id_token.signing_key(&checks)?,
    )?;
    ensure!(claims.access_token_hash() == Some(&hash), "at_hash is of another access token");

    let info: CoreUserInfoClaims =
        client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?.request(http)?;
    ensure!(info.preferred_username().map(|name| name.as_str()) == Some("test"), "somebody else: {info:?}");

    let first = tokens.refresh_token().context("no refresh token")?;
    let next = client.exchange_refresh_token(first)?.request(http)?;
    let refresh_token = next.refresh_token().context("no next refresh token")?.clone();
    ensure!(refresh_token.secret() != first.secret(), "the refresh token stays the same");
    ensure!(client.introspect(next.access_token()).request(http)?.active(), "a new token is not active");
    // The library revokes at https only, also on the loopback interface: other witnesses do that.
    ensure!(
        client.exchange_refresh_token(&refresh_token)?.request(http)?.id_token().is_some(),
        "no ID token"
    );
    Ok(())
}

fn client_credentials(http: &Http, issuer: &str) -> anyhow::Result<()> {
    let registered = registered("robot")?;
    let metadata = CoreProviderMetadata::discover(&IssuerUrl::new(issuer.to_owned())?, http)?;
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(text(&registered, "/client_id")?.to_owned()),
        Some(ClientSecret::new(text(&registered, "/client_secret")?.to_owned())),
    );
    let tokens =
        client.exchange_client_credentials()?.add_scope(Scope::new("books:read".to_owned())).request(http)?;
    ensure!(tokens.refresh_token().is_none(), "a client that acts for itself has a refresh token");
    let books =
        http.get(format!("{issuer}/books?limit=1")).bearer_auth(tokens.access_token().secret()).send()?;
    ensure!(books.status() == 200, "the books answer {}", books.status());
    Ok(())
}
