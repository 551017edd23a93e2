//! Tokens that are bound to a key (DPoP, RFC 9449) or to a certificate (RFC 8705), and callers who do not hold it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::{any, get};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Request, Response};
use serde_json::{Value, json};
use shared::bearer::{Bearer, Principal};
use shared::clock::{Clock as _, Timestamp};
use shared::jwks::{KeySnapshot, LocalKeys};
use shared::testing::{FakeClock, ProofKey, TestKey, TokenBuilder};
use shared::token::{Rejection, TokenVerifier};
use tower::ServiceExt as _;

const ISSUER: &str = "https://id.example";
const PUBLIC: &str = "https://api.example/shop/";
const NOTES: &str = "https://api.example/shop/notes";

struct World {
    app: Router,
    clock: Arc<FakeClock>,
    key: ProofKey,
}

impl World {
    fn new(cached: usize) -> Self {
        let clock = Arc::new(FakeClock::at(Timestamp::from_seconds(1_000_000)));
        let bearer = Bearer::new(verifier(&clock, cached), "notes").with_dpop(&PUBLIC.parse().unwrap());
        let name = |caller: Principal| async move { caller.claims().sub.clone() };
        let app = Router::new().route("/notes", any(name).layer(bearer.scope("notes:read"))).route(
            "/open",
            get(|caller: Option<Principal>| async move { caller.is_some().to_string() })
                .layer(bearer.optional()),
        );
        Self { app, clock, key: ProofKey::generate() }
    }

    fn unbound(&self) -> TokenBuilder {
        TokenBuilder::new(ISSUER, "notes", self.clock.now()).scope("notes:read")
    }

    fn bound(&self) -> String {
        self.unbound().claim("cnf", json!({"jkt": self.key.thumbprint()})).sign(&TestKey::a())
    }

    fn proof(&self, token: &str) -> String {
        self.key.prove("GET", NOTES, token, self.clock.now())
    }

    async fn get(&self, authorization: &str, proofs: &[&str]) -> Answer {
        let mut request = Request::get("/notes?page=2").header(AUTHORIZATION, authorization);
        for proof in proofs {
            request = request.header("dpop", *proof);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(&self.app.clone().oneshot(request).await.unwrap())
    }
}

fn verifier(clock: &Arc<FakeClock>, cached: usize) -> TokenVerifier {
    let set = json!({"keys": [TestKey::a().jwk()]}).to_string();
    let keys = Arc::new(LocalKeys::new(KeySnapshot::parse(set.as_bytes()).unwrap()));
    let clock = Arc::<FakeClock>::clone(clock);
    TokenVerifier::builder(ISSUER, "notes", keys, clock).cache_tokens(cached).build().unwrap()
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    challenges: Vec<String>,
    refused: Option<Rejection>,
}

impl Answer {
    fn of(response: &Response<Body>) -> Self {
        let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
        Self {
            status: response.status().as_u16(),
            challenges: challenges.map(|value| value.to_str().unwrap().to_owned()).collect(),
            refused: response.extensions().get().copied(),
        }
    }
}

#[tokio::test]
async fn who_holds_the_key_passes_with_a_proof_for_each_request() {
    for world in [World::new(0), World::new(100)] {
        let token = world.bound();
        for _ in ["verified", "remembered"] {
            assert_eq!(world.get(&format!("DPoP {token}"), &[&world.proof(&token)]).await.status, 200);
        }
        world.clock.advance(Duration::from_secs(600));
        let proof = world.key.prove("GET", &format!("{NOTES}?page=2#top"), &token, world.clock.now());
        assert_eq!(
            world.get(&format!("dpop {token}"), &[&proof]).await.status,
            200,
            "query and fragment do not count"
        );
    }
}

#[tokio::test]
async fn a_proof_that_does_not_fit_is_refused() {
    let world = World::new(100);
    let (token, now) = (world.bound(), world.clock.now());
    let presented = format!("DPoP {token}");
    let used = world.proof(&token);
    assert_eq!(world.get(&presented, &[&used]).await.status, 200);
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": world.key.jwk()});
    let claims = world.key.claims("GET", NOTES, &token, now);
    let bent = |name: &str, value: Value| {
        let mut claims = world.key.claims("GET", NOTES, &token, now);
        claims[name] = value;
        world.key.sign(&header, &claims)
    };
    let with_header = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        world.key.sign(&header, &claims)
    };
    let good = world.proof(&token);
    let later = |seconds| Timestamp::from_seconds(now.seconds() + seconds);
    for (what, proofs) in [
        ("used before", vec![used]),
        ("there must be exactly one", vec![]),
        ("there must be exactly one", vec![good.clone(), good.clone()]),
        ("malformed", vec!["a.b".to_owned()]),
        (
            "signed with another key than the token's",
            vec![ProofKey::generate().prove("GET", NOTES, &token, now)],
        ),
        ("for another token", vec![world.key.prove("GET", NOTES, "another", now)]),
        ("for another method", vec![world.key.prove("POST", NOTES, &token, now)]),
        ("for another method", vec![world.key.prove("get", NOTES, &token, now)]),
        ("for another address", vec![world.key.prove("GET", "https://api.example/notes", &token, now)]),
        (
            "for another address",
            vec![world.key.prove("GET", "https://other.example/shop/notes", &token, now)],
        ),
        ("for another address", vec![world.key.prove("GET", "http://api.example/shop/notes", &token, now)]),
        ("for another address", vec![world.key.prove("GET", "/shop/notes", &token, now)]),
        ("too old", vec![world.key.prove("GET", NOTES, &token, later(-61))]),
        ("from the future", vec![world.key.prove("GET", NOTES, &token, later(31))]),
        ("without one of its claims", vec![bent("iat", json!("now"))]),
        ("without one of its claims", vec![bent("jti", json!(""))]),
        ("without one of its claims", vec![bent("ath", json!(null))]),
        ("of another type", vec![with_header("typ", json!("JWT"))]),
        ("by another algorithm than its key's", vec![with_header("alg", json!("none"))]),
        ("by another algorithm than its key's", vec![with_header("alg", json!("HS256"))]),
        ("with an extension", vec![with_header("crit", json!(["x"]))]),
        ("with a bad signature", vec![with_header("jwk", ProofKey::generate().jwk())]),
    ] {
        let proofs: Vec<_> = proofs.iter().map(String::as_str).collect();
        let answer = world.get(&presented, &proofs).await;
        assert_eq!((answer.status, answer.refused), (401, Some(Rejection::Proof(what))), "{proofs:?}");
        assert_eq!(answer.challenges[0], "Bearer realm=\"notes\"");
        let error = "error=\"invalid_dpop_proof\"";
        assert!(
            answer.challenges[1].starts_with("DPoP algs=\"ES256 ") && answer.challenges[1].contains(error)
        );
    }
    assert_eq!(world.get(&presented, &[&good]).await.status, 200, "those that were refused used nothing up");
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token_and_no_other_is_taken_for_bound() {
    let world = World::new(100);
    let (bound, unbound) = (world.bound(), world.unbound().sign(&TestKey::a()));
    assert_eq!(world.get(&format!("DPoP {bound}"), &[&world.proof(&bound)]).await.status, 200);
    for _ in ["verified", "remembered"] {
        let answer = world.get(&format!("Bearer {bound}"), &[&world.proof(&bound)]).await;
        assert_eq!((answer.status, answer.refused), (401, Some(Rejection::SenderConstrained)));
        assert!(answer.challenges[0].contains("error=\"invalid_token\""), "{answer:?}");
        assert_eq!(answer.challenges[1], "DPoP algs=\"ES256 Ed25519 EdDSA\"");
    }
    let answer = world.get(&format!("DPoP {unbound}"), &[&world.proof(&unbound)]).await;
    assert_eq!((answer.status, answer.refused), (401, Some(Rejection::SenderConstrained)));
    assert_eq!(world.get(&format!("Bearer {unbound}"), &[]).await.status, 200);
    for cnf in
        [json!({}), json!({"jkt": "x", "x5t#S256": "y"}), json!({"kid": "x"}), json!({"jkt": 7}), json!("x")]
    {
        let token = world.unbound().claim("cnf", cnf.clone()).sign(&TestKey::a());
        for scheme in ["Bearer", "DPoP"] {
            let answer = world.get(&format!("{scheme} {token}"), &[&world.proof(&token)]).await;
            assert_eq!((answer.status, answer.refused), (401, Some(Rejection::SenderConstrained)), "{cnf}");
        }
    }
    // Who verifies without HTTP sees no proof.
    let alone = verifier(&world.clock, 100);
    for _ in ["verified", "remembered"] {
        assert_eq!(alone.verify(&bound).await, Err(Rejection::SenderConstrained));
        assert_eq!(alone.verify_now(&bound), Some(Err(Rejection::SenderConstrained)));
    }
}

#[tokio::test]
async fn what_else_a_route_asks_for_is_asked_of_bound_tokens_too() {
    let world = World::new(0);
    let weak =
        world.unbound().scope("").claim("cnf", json!({"jkt": world.key.thumbprint()})).sign(&TestKey::a());
    let answer = world.get(&format!("DPoP {weak}"), &[&world.proof(&weak)]).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.challenges[1].contains("error=\"insufficient_scope\", scope=\"notes:read\""),
        "{answer:?}"
    );
    // A form is read before the handler runs; its proof counts once all the same.
    let token = world.bound();
    let form = |body: &'static str, proof: String| {
        Request::post("/notes")
            .header(AUTHORIZATION, format!("DPoP {token}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("dpop", proof)
            .body(Body::from(body))
            .unwrap()
    };
    let prove = || world.key.prove("POST", NOTES, &token, world.clock.now());
    assert_eq!(world.send(form("a=b", prove())).await.status, 200);
    assert_eq!(world.send(form("access_token=x", prove())).await.status, 400);
    // A bad proof on an optional route is not taken for nobody.
    let open = Request::get("/open").header(AUTHORIZATION, format!("DPoP {token}"));
    assert_eq!(world.send(open.body(Body::empty()).unwrap()).await.status, 401);
}

#[tokio::test]
async fn a_service_without_dpop_knows_no_such_scheme() {
    let world = World::new(0);
    let bearer = Bearer::new(verifier(&world.clock, 0), "notes");
    let app = Router::new().route("/notes", get(|| async { "…" }).layer(bearer.any_token()));
    let (world, token) = (World { app, ..World::new(0) }, world.bound());
    let answer = world.get(&format!("DPoP {token}"), &[&world.proof(&token)]).await;
    assert_eq!((answer.status, answer.refused), (401, Some(Rejection::OtherScheme)));
    assert_eq!(answer.challenges, ["Bearer realm=\"notes\""]);
}

#[tokio::test]
async fn a_certificate_counts_where_a_trusted_proxy_vouches_for_it() {
    let clock = Arc::new(FakeClock::at(Timestamp::from_seconds(1_000_000)));
    let bearer = Bearer::new(verifier(&clock, 100), "notes")
        .with_client_certificates(|peer| peer == Ipv4Addr::new(10, 0, 0, 1));
    let app = Router::new().route("/notes", get(|| async { "…" }).layer(bearer.any_token()));
    let der = b"not really a certificate";
    let digest = URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, der));
    let token = TokenBuilder::new(ISSUER, "notes", clock.now()).claim("cnf", json!({"x5t#S256": digest}));
    let token = token.sign(&TestKey::a());
    let send = |peer: [u8; 4], certificates: Vec<String>| {
        let mut request = Request::get("/notes").header(AUTHORIZATION, format!("Bearer {token}"));
        for certificate in certificates {
            request = request.header("client-cert", certificate);
        }
        let peer = ConnectInfo(SocketAddr::from((peer, 4711)));
        let request = request.extension(peer).body(Body::empty()).unwrap();
        let app = app.clone();
        async move { app.oneshot(request).await.unwrap().status().as_u16() }
    };
    let (proxy, other) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let shown = format!(":{}:", STANDARD.encode(der));
    assert_eq!(send(proxy, vec![shown.clone()]).await, 200);
    assert_eq!(send(other, vec![shown.clone()]).await, 401, "anybody has the certificate");
    assert_eq!(send(proxy, vec![]).await, 401);
    assert_eq!(send(proxy, vec![shown.clone(), shown.clone()]).await, 401);
    assert_eq!(send(proxy, vec![format!(":{}:", STANDARD.encode("another"))]).await, 401);
    assert_eq!(send(proxy, vec![STANDARD.encode(der)]).await, 401, "not as RFC 9440 has it");
}
