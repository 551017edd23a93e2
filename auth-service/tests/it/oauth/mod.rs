//! Clients, and people with a browser, at `/oauth2`.

mod attempts;
mod authorize;
mod code;
mod device;
mod discovery;
mod logout;
mod machines;
mod refresh;
pub(crate) mod visitor;

use auth_service::accounts::Role;
use auth_service::clients::{Authentication, Client, GrantType, store};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use ring::digest::{SHA256, digest};
use serde_json::Value;
use tower::ServiceExt as _;
use url::form_urlencoded;

use self::visitor::Visitor;
use crate::world::{PASSWORD, World};

const CALLBACK: &str = "https://app.example/callback";
const SECRET: &str = "a secret of the client, long: and random";
/// A verifier, and what is made from it (RFC 7636, appendix B).
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A client of the operator's own that may do everything, and keeps a secret.
fn app() -> Client {
    let hash = digest(&SHA256, SECRET.as_bytes());
    Client {
        id: "app".parse().unwrap(),
        name: "The App".to_owned(),
        authentication: Authentication::Secret(hash.as_ref().try_into().unwrap()),
        redirect_uris: vec![CALLBACK.parse().unwrap()],
        post_logout_redirect_uris: vec!["https://app.example/bye".parse().unwrap()],
        grant_types: GrantType::ALL.to_vec(),
        scope: "openid profile offline_access books:read books:write".to_owned(),
        resources: vec!["https://api.example/".to_owned()],
        first_party: true,
        pushed_only: false,
        access_token_ttl: None,
        refresh_token_ttl: None,
        created_at: 0,
        self_registered: false,
    }
}

/// One that can keep no secret, and of which people are asked.
fn public() -> Client {
    Client { id: "spa".parse().unwrap(), authentication: Authentication::None, first_party: false, ..app() }
}

/// A world with an account and both clients.
async fn world() -> World {
    let world = World::new().await;
    furnish(&world).await;
    world
}

async fn furnish(world: &World) {
    world.account("ada", Role::Librarian).await;
    furnish_clients(world).await;
}

async fn furnish_clients(world: &World) {
    world.register(&app()).await;
    world.register(&public()).await;
}

/// What came back from an endpoint for clients.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// Asserts an error of RFC 6749.
    #[track_caller]
    fn refused(&self, status: u16, error: &str) {
        assert_eq!(
            (self.status.as_u16(), self.body["error"].as_str()),
            (status, Some(error)),
            "{}",
            self.body
        );
        assert_eq!(self.headers["cache-control"], "no-store");
        assert_eq!(self.headers["content-type"], "application/json");
        let challenge = self.headers.get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap_or_default());
        let basic = "Basic realm=\"auth\", charset=\"UTF-8\"";
        assert_eq!(challenge, (status == 401).then_some(basic), "{}", self.body);
    }

    #[track_caller]
    fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.body)).to_owned()
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

impl World {
    /// Registers a client.
    async fn register(&self, client: &Client) {
        store::create(self.database(), client).await.unwrap();
    }

    pub(crate) async fn exchange(&self, request: Request<Body>) -> Reply {
        let response = self.service.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        assert!(!parts.status.is_server_error(), "input causes no 5xx: {}", parts.status);
        let body = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// Posts a form, with this `Authorization`.
    pub(crate) async fn form(
        &self,
        path: &str,
        authorization: Option<&str>,
        pairs: &[(&str, &str)],
    ) -> Reply {
        let mut request = Request::builder().method(Method::POST).uri(path);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        self.exchange(request.body(Body::from(form(pairs))).unwrap()).await
    }

    /// Posts a form as the client with a secret.
    async fn as_app(&self, path: &str, pairs: &[(&str, &str)]) -> Reply {
        self.form(path, Some(&basic("app", SECRET)), pairs).await
    }

    async fn token(&self, pairs: &[(&str, &str)]) -> Reply {
        self.as_app("/oauth2/token", pairs).await
    }

    /// Redeems a code as that client.
    async fn redeem(&self, code: &str) -> Reply {
        self.token(&redemption(code)).await
    }

    async fn oauth_refresh(&self, token: &str) -> Reply {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }
}

fn redemption(code: &str) -> [(&str, &str); 4] {
    let grant = ("grant_type", "authorization_code");
    [grant, ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)]
}

/// A usual authorization request of a client, with these parameters in place of the usual ones; an empty value takes one
/// away.
fn request(client: &str, bend: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("scope", "openid profile books:read"),
        ("state", "a state & more"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !bend.iter().any(|(bent, _)| bent == name));
    let all: Vec<_> = kept.chain(bend.iter().copied().filter(|(_, value)| !value.is_empty())).collect();
    format!("/oauth2/authorize?{}", form(&all))
}

/// A code for the client with a secret, and the browser that it came through.
async fn code<'a>(world: &'a World, bend: &[(&str, &str)]) -> (String, Visitor<'a>) {
    let visitor = Visitor::new(world);
    let code = visitor.sign_in(&request("app", bend)).await.code();
    (code, visitor)
}

/// Somebody has let the client of others in, and is signed in.
pub(crate) async fn signed_in_with_consent(world: &World) -> (Reply, Visitor<'_>) {
    furnish_clients(world).await;
    world.account("ben", Role::Librarian).await;
    let visitor = Visitor::new(world);
    let page = visitor.get(&request("spa", &[])).await;
    let question = visitor.fill_in(&page, "ben", PASSWORD).await;
    let code = visitor.press(&question, "allow").await.code();
    let mut fields = redemption(&code).to_vec();
    fields.push(("client_id", "spa"));
    (world.form("/oauth2/token", None, &fields).await.expect(200), visitor)
}

pub(crate) async fn refreshed(world: &World, tokens: &Reply) {
    let token = tokens.text("refresh_token");
    let fields = [("grant_type", "refresh_token"), ("client_id", "spa"), ("refresh_token", token.as_str())];
    let tokens = world.form("/oauth2/token", None, &fields).await.expect(200);
    let access = tokens.text("access_token");
    world.bearer(&access).get("/oauth2/userinfo").await.expect(200);
    world.as_app("/oauth2/introspect", &[("token", &access)]).await.expect(200);
}

pub(crate) async fn device_let_in(world: &World, visitor: &Visitor<'_>) {
    let began = device::begin(world).await;
    let question = device::enter(visitor, &began.text("user_code")).await;
    visitor.press(&question, "allow").await;
    device::poll(world, &began).await.expect(200);
}

/// The tokens for that.
async fn granted<'a>(world: &'a World, bend: &[(&str, &str)]) -> (Reply, Visitor<'a>) {
    let (code, visitor) = code(world, bend).await;
    (world.redeem(&code).await.expect(200), visitor)
}
