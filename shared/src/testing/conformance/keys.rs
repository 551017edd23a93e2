//! Attacks by way of the issuer's keys, and by keeping the service busy with them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::case::{Case, Outcome, answered, holds};
use crate::testing::weak::{RSA_512, RSA_1024, RSA_2048_E1, RSA_2048_E3};
use crate::testing::{Fault, TestKey};

pub(super) async fn kid_echo(case: &Case<'_>) -> Outcome {
    let before = case.issuer.last_request();
    for kid in ["?kid=x", "&kid=x", "/../../admin", "#x", "kid"] {
        case.refuses(&format!("kid {kid}"), &case.unknown(kid)).await?;
    }
    holds(case.issuer.last_request() == before, || {
        format!("the issuer was asked for {:?} in place of {before:?}", case.issuer.last_request())
    })
}

pub(super) async fn wrong_use(case: &Case<'_>) -> Outcome {
    let bent = |changes: Value| {
        let mut jwk = TestKey::b().jwk();
        for (name, value) in changes.as_object().into_iter().flatten() {
            jwk[name] = value.clone();
        }
        jwk
    };
    for changes in [
        json!({"use": "enc"}),
        json!({"key_ops": ["sign"]}),
        json!({"key_ops": ["encrypt"]}),
        json!({"alg": "RSA-OAEP"}),
        json!({"alg": "RS512"}),
        json!({"alg": "PS256"}),
        json!({"kty": "oct", "k": "c2VjcmV0"}),
        json!({"kty": "EC"}),
        json!({"d": "AQAB"}),
        json!({"kid": 7}),
    ] {
        let case = case.with_keys(vec![bent(changes.clone()), case.key.jwk()]).await?;
        case.refuses(&format!("signed by a key with {changes}"), &case.token().sign(&TestKey::b())).await?;
    }
    // Which of two keys of one name is meant cannot be known.
    let twin = bent(json!({"kid": TestKey::c().kid()}));
    let case = case.with_keys(vec![TestKey::c().jwk(), twin, case.key.jwk()]).await?;
    for key in [TestKey::c(), TestKey::b()] {
        let token = case.token().header("kid", TestKey::c().kid()).sign(&key);
        case.refuses("signed by one of two keys of one name", &token).await?;
    }
    Ok(())
}

pub(super) async fn weak(case: &Case<'_>) -> Outcome {
    for key in [RSA_512, RSA_1024, RSA_2048_E1, RSA_2048_E3] {
        let case = case.with_keys(vec![key.jwk(), case.key.jwk()]).await?;
        case.refuses(&format!("signed by {}", key.kid), &key.sign(&case.token())).await?;
    }
    let oversized = json!({
        "kty": "RSA", "kid": "oversized", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode([0xff; 16_384 / 8]),
    });
    let case = case.with_keys(vec![oversized, case.key.jwk()]).await?;
    case.refuses("signed by a key of 16384 bits", &case.unknown("oversized")).await
}

pub(super) async fn flood(case: &Case<'_>) -> Outcome {
    for fault in [None, Some(Fault::Status(500)), Some(Fault::Hang), Some(Fault::Empty)] {
        let case = case.again().await?;
        let fetches = case.issuer.fetches();
        case.issuer.fail(fault.clone());
        let what = format!("a flood of made-up kids, issuer {fault:?}");
        let floods = (0..640).map(|number| {
            let token = case.unknown(&format!("made-up-{number}"));
            let (case, what) = (&case, &what);
            async move {
                if number % 20 == 0 {
                    case.goes_on(what).await?;
                }
                // Whether the key exists cannot be known while the issuer is away.
                answered(what, &case.get(&token).await?, &[401, 503])
            }
        });
        let outcomes: Vec<Outcome> = stream::iter(floods).buffer_unordered(64).collect().await;
        outcomes.into_iter().collect::<Outcome>()?;
        let asked = case.issuer.fetches() - fetches;
        holds(asked <= 4, || format!("{what}: the issuer was asked {asked} times"))?;
    }
    Ok(())
}

pub(super) async fn outage(case: &Case<'_>) -> Outcome {
    for fault in [Fault::Refuse, Fault::Status(503), Fault::Hang] {
        let case = case.again().await?;
        case.issuer.fail(fault.clone());
        let what = format!("a bad kid, issuer {fault:?}");
        answered(&what, &case.get(&case.unknown("made-up")).await?, &[401, 503])?;
        case.goes_on(&what).await?;
    }
    Ok(())
}

pub(super) async fn never_loaded(case: &Case<'_>) -> Outcome {
    for fault in [
        Fault::Refuse,
        Fault::Status(500),
        Fault::Garbage("<html>".to_owned()),
        Fault::Garbage("{}".to_owned()),
        Fault::Empty,
        Fault::Garbage(case.key.jwk().to_string()),
        Fault::Garbage(format!(r#"{{"keys":[{}"#, case.key.jwk())),
        Fault::Huge,
        Fault::Slow,
        Fault::Hang,
    ] {
        let what = format!("no keys, issuer {fault:.30?}");
        let case = case.failing(fault).await?;
        answered(&what, &case.get(&case.token().sign(&case.key)).await?, &[503])?;
        answered(&what, &case.get(&case.token().sign(&TestKey::b())).await?, &[503])?;
        answered(&what, &case.get(&case.unknown(case.key.kid())).await?, &[503])?;
        answered(&what, &case.send(&[]).await?, &[401])?;
    }
    Ok(())
}

pub(super) async fn poisoned(case: &Case<'_>) -> Outcome {
    let forger = TestKey::b();
    let canary = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = canary.local_addr().map_err(|error| error.to_string())?;
    let elsewhere = axum::Router::new().fallback({
        let set = json!({"keys": [forger.jwk()]}).to_string();
        move || std::future::ready(set.clone())
    });
    let serving = tokio::spawn(async move { drop(axum::serve(canary, elsewhere).await) });
    let many: Vec<_> = (0..10_000).map(|number| json!({"kty": "RSA", "kid": number.to_string()})).collect();
    let crowded: Vec<_> = (0..100).map(|number| json!({"kty": "AKP", "kid": number.to_string()})).collect();
    let nested = format!(r#"{{"keys":[{}{}{}]}}"#, "[".repeat(50), "1", "]".repeat(50));
    for fault in [
        Fault::Redirect(format!("http://{address}/jwks.json")),
        Fault::Garbage("not json".to_owned()),
        Fault::Garbage(json!({"keys": many}).to_string()),
        Fault::Garbage(json!({"keys": crowded}).to_string()),
        Fault::Garbage(nested),
        Fault::Garbage(format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000))),
        Fault::Garbage(json!({"keys": {"0": forger.jwk()}}).to_string()),
        Fault::Gzip(gzip_bomb()),
        Fault::Huge,
        Fault::Empty,
    ] {
        let case = case.again().await?;
        let what = format!("a poisoned set, {fault:.40?}");
        case.issuer.fail(fault);
        // Makes the service fetch: neither the forger's key nor an answer to whose it is may come of that.
        let reply = case.get(&case.token().sign(&forger)).await?;
        answered(&what, &reply, &[503])?;
        case.goes_on(&what).await?;
    }
    serving.abort();
    Ok(())
}

/// A compressed stream, cut off: whoever decompresses it fails, and whoever does not finds no JSON.
fn gzip_bomb() -> Vec<u8> {
    [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0; 60_000]].concat()
}

pub(super) async fn no_server_error(case: &Case<'_>) -> Outcome {
    case.refuses("a made-up kid", &case.unknown("made-up")).await?;
    case.refuses("another one", &case.unknown("made-up-too")).await?;
    case.refuses("a key that is not published", &case.token().sign(&TestKey::c())).await
}
