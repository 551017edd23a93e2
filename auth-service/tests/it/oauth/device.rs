use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::Request;
use http::header::CONTENT_TYPE;
use shared::random::{Random, SystemRandom};
use shared::testing::new_database;
use tower::ServiceExt as _;

use super::visitor::{Page, Visitor};
use super::{Reply, world};
use crate::world::{PASSWORD, World, claims, connect};

const GRANT: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");

pub(super) async fn begin(world: &World) -> Reply {
    let fields = [("client_id", "spa"), ("scope", "openid books:read")];
    world.form("/oauth2/device_authorization", None, &fields).await.expect(200)
}

pub(super) async fn poll(world: &World, began: &Reply) -> Reply {
    let code = began.text("device_code");
    world.form("/oauth2/token", None, &[GRANT, ("client_id", "spa"), ("device_code", &code)]).await
}

pub(super) async fn enter(visitor: &Visitor<'_>, code: &str) -> Page {
    let page = visitor.get("/oauth2/device").await;
    visitor.post("/oauth2/device", &[("ticket", &page.ticket()), ("user_code", code)]).await
}

#[tokio::test]
async fn somebody_lets_a_device_in() {
    let world = world().await;
    let began = begin(&world).await;
    assert_eq!((began.body["interval"].as_i64(), began.body["expires_in"].as_i64()), (Some(5), Some(600)));
    world.advance(5);
    poll(&world, &began).await.refused(400, "authorization_pending");
    let visitor = Visitor::new(&world);
    let complete = began.text("verification_uri_complete");
    let page = visitor.get(complete.strip_prefix(crate::world::ISSUER).unwrap()).await;
    assert!(page.shows(&began.text("user_code")));
    let sign_in = enter(&visitor, &began.text("user_code").to_lowercase()).await;
    let question = visitor.fill_in(&sign_in, "ada", PASSWORD).await;
    assert!(question.shows("The App"), "{}", question.body);
    assert_eq!(visitor.press(&question, "allow").await.status, 200);
    visitor.press(&question, "allow").await.is_trouble();
    world.advance(5);
    let tokens = poll(&world, &began).await.expect(200);
    assert_eq!(claims(&tokens.text("id_token"))["sub"], world.row("ada").await.id.to_string());
    assert_eq!(tokens.body["scope"], "openid books:read");
    poll(&world, &began).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_device_that_nobody_lets_in_stays_out() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let began = begin(&world).await;
    let sign_in = enter(&visitor, &began.text("user_code")).await;
    let question = visitor.fill_in(&sign_in, "ada", PASSWORD).await;
    visitor.press(&question, "deny").await;
    poll(&world, &began).await.refused(400, "access_denied");
    let late = begin(&world).await;
    world.advance(600);
    poll(&world, &late).await.refused(400, "expired_token");
    assert!(enter(&visitor, &late.text("user_code")).await.shows("role=\"alert\""));
    let code = late.text("device_code");
    let other = [GRANT, ("device_code", code.as_str())];
    world.token(&other).await.refused(400, "invalid_grant");
}

/// Draws the same letter for codes of devices, as long as it is told to.
struct OneLetter {
    system: SystemRandom,
    left: AtomicUsize,
}

impl Random for OneLetter {
    fn fill(&self, bytes: &mut [u8]) {
        let draw = |left: usize| left.checked_sub(1);
        match bytes {
            [letter] if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, draw).is_ok() => {
                *letter = 0;
            }
            bytes => self.system.fill(bytes),
        }
    }
}

#[tokio::test]
async fn a_code_that_another_device_shows_is_drawn_again() {
    let random = Arc::new(OneLetter { system: SystemRandom::new(), left: AtomicUsize::new(0) });
    let database = connect(&new_database().await).await;
    let world = World::by_chance_of(Arc::<OneLetter>::clone(&random), database, &[], |_| ()).await;
    super::furnish(&world).await;
    let letters = |number| random.left.store(number, Ordering::SeqCst);
    letters(8);
    assert_eq!(begin(&world).await.text("user_code"), "BBBB-BBBB");
    letters(4 * 8);
    let second = begin(&world).await.text("user_code");
    assert_ne!(second, "BBBB-BBBB");
    letters(usize::MAX);
    let request = Request::post("/oauth2/device_authorization");
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.body(Body::from("client_id=spa")).unwrap();
    let answer = world.service.routes.clone().oneshot(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    letters(0);
    begin(&world).await;
}

#[tokio::test]
async fn a_device_that_asks_too_often_waits_longer() {
    let world = world().await;
    let began = begin(&world).await;
    poll(&world, &began).await.refused(400, "slow_down");
    world.advance(9);
    poll(&world, &began).await.refused(400, "slow_down");
    world.advance(15);
    poll(&world, &began).await.refused(400, "authorization_pending");
}

/// A device that does not listen asks all the time: after a while, nothing is written for it any more.
#[tokio::test]
async fn a_device_that_never_waits_writes_no_more() {
    let mut database = connect(&new_database().await).await;
    let written = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&written);
    database.set_metric_callback(move |info| {
        let writes = info.statement.sql.starts_with("UPDATE") && info.statement.sql.contains("device_codes");
        counter.fetch_add(usize::from(writes), Ordering::SeqCst);
    });
    let world = World::on(database, &[]).await;
    super::furnish(&world).await;
    let began = begin(&world).await;
    for _ in 0..40 {
        poll(&world, &began).await.refused(400, "slow_down");
    }
    assert_eq!(written.load(Ordering::SeqCst), 11, "from five seconds to a minute");
    world.advance(60);
    poll(&world, &began).await.refused(400, "authorization_pending");
    world.advance(59);
    poll(&world, &began).await.refused(400, "slow_down");
    assert_eq!(written.load(Ordering::SeqCst), 12);
}

#[tokio::test]
async fn codes_cannot_be_guessed() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let mut page = enter(&visitor, "BBBB-BBBB").await;
    for _ in 0..20 {
        page = enter(&visitor, "BBBB-BBBB").await;
        if page.status == 429 {
            break;
        }
        assert!(page.shows("role=\"alert\""));
    }
    assert_eq!(page.status, 429);
}

/// Whoever guesses has a device of their own, too, and types in its code between the guesses.
#[tokio::test]
async fn the_code_of_ones_own_device_buys_no_guesses() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let own = begin(&world).await.text("user_code");
    for _ in 0..15 {
        assert_eq!(enter(&visitor, &own).await.status, 200, "an office with many devices");
    }
    let mut guesses = 0;
    'guessing: for _ in 0..5 {
        for _ in 0..7 {
            if enter(&visitor, "BBBB-BBBB").await.status == 429 {
                break 'guessing;
            }
            guesses += 1;
        }
        enter(&visitor, &own).await;
    }
    assert_eq!(guesses, 10);
}

/// The row of each is small, but anybody who knows the name of a public client can ask for one.
#[tokio::test]
async fn who_proves_nothing_begins_so_often_and_then_slowly() {
    let world = world().await;
    let fields = [("client_id", "spa"), ("scope", "openid")];
    let begin = async || world.form("/oauth2/device_authorization", None, &fields).await;
    for _ in 0..300 {
        begin().await.expect(200);
    }
    let refused = begin().await.expect(429);
    assert_eq!(refused.body["error"], "temporarily_unavailable");
    assert_eq!(refused.headers["retry-after"], "1");
    let parameters = super::request("spa", &[]);
    let pushed: Vec<(String, String)> =
        url::form_urlencoded::parse(parameters.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let pushed: Vec<_> = pushed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    world.form("/oauth2/par", None, &pushed).await.expect(429);
    world.as_app("/oauth2/device_authorization", &[("scope", "openid")]).await.expect(200);
    world.advance(1);
    begin().await.expect(200);
    begin().await.expect(429);
}

#[tokio::test]
async fn a_device_dies_with_the_session_that_let_it_in() {
    let world = world().await;
    let visitor = Visitor::new(&world);
    let began = begin(&world).await;
    let sign_in = enter(&visitor, &began.text("user_code")).await;
    let question = visitor.fill_in(&sign_in, "ada", PASSWORD).await;
    visitor.press(&question, "allow").await;
    world.disable("ada").await;
    poll(&world, &began).await.refused(400, "invalid_grant");
}

/// Devices are remembered by no consent: what they have is taken back all the same.
pub(super) async fn device_session_ends(world: &World, visitor: &Visitor<'_>, own: &shared::testing::Caller) {
    let began = begin(world).await;
    let question = enter(visitor, &began.text("user_code")).await;
    visitor.press(&question, "allow").await;
    let tokens = poll(world, &began).await.expect(200);
    own.delete("/me/consents/spa").await.expect(204);
    world.me(&tokens.text("access_token")).await.expect(401);
    own.delete("/me/consents/spa").await.expect(404);
}
