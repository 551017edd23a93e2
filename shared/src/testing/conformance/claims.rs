//! Attacks by what a token says.

use serde_json::{Value, json};

use super::case::{Case, Outcome, holds};
use crate::clock::Clock as _;
use crate::testing::{TestKey, TokenBuilder, forge};

pub(super) async fn duplicates(case: &Case<'_>) -> Outcome {
    let now = case.clock.now().seconds();
    let audience = format!("{:?}", case.subject.audience);
    let later = (now + 9_000_000).to_string();
    for (name, json) in [
        ("exp", later.as_str()),
        (r"\u0065xp", later.as_str()),
        ("aud", audience.as_str()),
        ("scope", r#""admin""#),
        ("sub", r#""somebody-else""#),
        ("iss", r#""https://other.example""#),
        ("typ", "1"),
        ("typ", "2"),
    ] {
        let token = case.token().claim("typ", 0).raw_claim(name, json).sign(&case.key);
        case.refuses(&format!("claim {name} twice"), &token).await?;
    }
    for (name, json) in [
        ("alg", r#""RS256""#),
        ("alg", r#""none""#),
        (r"\u0061lg", r#""none""#),
        ("kid", r#""other""#),
        ("typ", r#""at+jwt""#),
    ] {
        let token = case.token().header("kid", case.key.kid()).raw_header(name, json).sign(&case.key);
        case.refuses(&format!("header {name} twice"), &token).await?;
    }
    Ok(())
}

pub(super) async fn types(case: &Case<'_>) -> Outcome {
    let no_dates = [
        r#""soon""#,
        r#""9999999999""#,
        "null",
        "true",
        "[]",
        "{}",
        "1e400",
        "9223372036854775808",
        "18446744073709551616",
        "1e18",
        "NaN",
        "-",
        "[9999999999]",
    ];
    for name in ["exp", "nbf", "iat"] {
        for json in no_dates {
            let token = case.token().without_claim(name).raw_claim(name, json).sign(&case.key);
            case.refuses(&format!("{name} {json}"), &token).await?;
        }
    }
    for json in ["-1", "0", "1.5"] {
        let token = case.token().without_claim("exp").raw_claim("exp", json).sign(&case.key);
        case.refuses(&format!("exp {json}"), &token).await?;
    }
    let (issuer, audience) = (case.issuer.issuer().as_str().to_owned(), case.subject.audience.clone());
    let shorter = |text: &str| text[..text.len() - 1].to_owned();
    for (name, value) in [
        ("iss", json!([issuer])),
        ("iss", json!({"iss": issuer})),
        ("iss", json!(null)),
        ("iss", json!(format!("{issuer}/"))),
        ("iss", json!(issuer.to_uppercase())),
        ("iss", json!(shorter(&issuer))),
        ("iss", json!(format!(" {issuer}"))),
        ("iss", json!("")),
        ("aud", json!(7)),
        ("aud", json!({audience.clone(): true})),
        ("aud", json!([[audience]])),
        ("aud", json!([audience, null])),
        ("aud", json!([])),
        ("aud", json!("")),
        ("aud", json!(null)),
        ("aud", json!(shorter(&audience))),
        ("aud", json!(format!("{audience}-more"))),
        ("aud", json!(audience.to_uppercase())),
        ("sub", json!(7)),
        ("sub", json!("")),
        ("sub", json!(null)),
        ("jti", json!(7)),
        ("client_id", json!(["client"])),
        ("scope", json!(7)),
        ("scope", json!([case.subject.scope])),
        ("scope", json!(null)),
    ] {
        let token = case.token().claim(name, value.clone()).sign(&case.key);
        case.refuses(&format!("{name} {value}"), &token).await?;
    }
    for name in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
        case.refuses(&format!("no {name}"), &case.token().without_claim(name).sign(&case.key)).await?;
    }
    payloads_that_are_no_claims(case).await
}

async fn payloads_that_are_no_claims(case: &Case<'_>) -> Outcome {
    let (header, payload) = case.token().parts(case.key.kid());
    let utf_16: Vec<u8> = payload.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let latin_1 = [payload.trim_end_matches('}').as_bytes(), b",\"name\":\"\xe9\"}"].concat();
    for (what, payload) in [
        ("UTF-16", utf_16),
        ("Latin-1", latin_1),
        ("byte order mark", [b"\xef\xbb\xbf", payload.as_bytes()].concat()),
        ("an array", format!("[{payload}]").into_bytes()),
        ("a text", b"\"claims\"".to_vec()),
        ("two objects", format!("{payload}{payload}").into_bytes()),
        ("nothing", Vec::new()),
    ] {
        let input = crate::testing::token::signing_input(&header, &payload);
        let signature = case.key.sign(input.as_bytes());
        use base64::Engine as _;
        let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature);
        case.refuses(&format!("payload is {what}"), &format!("{input}.{signature}")).await?;
    }
    Ok(())
}

pub(super) async fn times(case: &Case<'_>) -> Outcome {
    let now = case.clock.now().seconds();
    for (what, token) in [
        ("nbf in an hour", case.token().claim("nbf", now + 3600).claim("exp", now + 7200)),
        ("iat in an hour", case.token().claim("iat", now + 3600).claim("exp", now + 7200)),
        ("expired for an hour", case.token().claim("iat", now - 7200).claim("exp", now - 3600)),
        ("expired for 301 s", case.token().claim("iat", now - 7200).claim("exp", now - 301)),
    ] {
        case.refuses(what, &token.sign(&case.key)).await?;
    }
    if case.subject.max_lifetime {
        let eternal = case.token().claim("exp", 32_503_680_000_i64).sign(&case.key);
        case.refuses("valid until the year 3000", &eternal).await?;
    }
    Ok(())
}

pub(super) async fn other_tokens(case: &Case<'_>) -> Outcome {
    let (issuer, token) = (case.issuer.issuer().as_str().to_owned(), case.token());
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    for (what, bent) in [
        (
            "refresh token",
            token.clone().header("typ", "rt+jwt").claim("type", "refresh").claim("aud", issuer),
        ),
        ("refresh token for us", token.clone().header("typ", "rt+jwt")),
        ("access token that says refresh", token.clone().claim("type", "refresh")),
        ("ID token", token.clone().header("typ", "JWT").claim("nonce", "n").claim("aud", "tests")),
        ("ID token for us", token.clone().header("typ", "JWT").claim("nonce", "n")),
        ("no typ", token.clone().without_header("typ")),
        ("typ null", token.clone().header("typ", Value::Null)),
        ("logout token", token.clone().header("typ", "logout+jwt").claim("events", events)),
        ("DPoP proof", token.clone().header("typ", "dpop+jwt").claim("htm", "GET")),
        ("application/jwt", token.clone().header("typ", "application/jwt")),
        ("two types", token.clone().header("typ", "at+jwt, JWT")),
        ("another audience", token.clone().claim("aud", "somebody-else")),
        ("another issuer, same key", token.claim("iss", "https://other.example")),
    ] {
        case.refuses(what, &bent.sign(&case.key)).await?;
    }
    let elsewhere = case.token().claim("iss", "https://other.example").header("kid", case.key.kid());
    case.refuses("another issuer with a key of that name", &elsewhere.sign(&TestKey::b())).await?;
    let fetches = case.issuer.fetches();
    let elsewhere = case.token().claim("iss", "https://other.example").sign(&TestKey::b());
    case.refuses("another issuer, another key", &elsewhere).await?;
    holds(case.issuer.fetches() == fetches, || "the issuer was asked about a token of another one".to_owned())
}

pub(super) async fn oracle(case: &Case<'_>) -> Outcome {
    let known = |token: TokenBuilder| {
        let (header, payload) = token.parts(case.key.kid());
        forge::with_signature(&header, &payload, &[7; 256])
    };
    let plain = case.get(&known(case.token())).await?;
    let now = case.clock.now().seconds();
    for (what, token) in [
        ("wrong audience", known(case.token().claim("aud", "somebody-else"))),
        ("wrong issuer", known(case.token().claim("iss", "https://other.example"))),
        ("expired", known(case.token().claim("exp", now - 3600))),
        ("no sub", known(case.token().without_claim("sub"))),
        ("refresh token", known(case.token().header("typ", "rt+jwt"))),
        ("sender-constrained", known(case.token().claim("cnf", json!({"jkt": "x"})))),
        ("without scope", known(case.token().scope(""))),
        ("expired, unknown key", case.token().claim("exp", now - 3600).sign(&TestKey::b())),
        ("no claims", forge::with_signature(&case.token().parts(case.key.kid()).0, "{}", &[7; 256])),
    ] {
        let reply = case.get(&token).await?;
        let told = |reply: &super::wire::Reply| {
            let challenge = reply.header("www-authenticate").join(";");
            (reply.status, challenge, reply.body.clone())
        };
        holds(told(&reply) == told(&plain), || {
            format!("{what}: an unsigned token is answered by what it says: {:?}", told(&reply))
        })?;
    }
    case.goes_on("guesses").await
}

pub(super) async fn sender_constrained(case: &Case<'_>) -> Outcome {
    for cnf in [json!({"jkt": "x"}), json!({"x5t#S256": "x"}), json!({"jwk": {}}), json!({}), json!(null)] {
        let token = case.token().claim("cnf", cnf.clone()).sign(&case.key);
        case.refuses(&format!("cnf {cnf}"), &token).await?;
    }
    Ok(())
}
