//! Attacks by the header of a token and by how its parts are written.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use tokio::net::TcpListener;

use super::case::{Case, Outcome, answered, holds};
use crate::testing::token::signing_input;
use crate::testing::{TestKey, TokenBuilder, forge};

pub(super) async fn none(case: &Case<'_>) -> Outcome {
    case.refuses_all(forge::alg_none(&case.token(), &case.key)).await
}

pub(super) async fn key_confusion(case: &Case<'_>) -> Outcome {
    case.refuses_all(forge::hs256_with_public_key(&case.token(), &case.key)).await?;
    // A key that names no algorithm must not take the token's.
    let mut jwk = case.key.jwk();
    if let Some(jwk) = jwk.as_object_mut() {
        jwk.remove("alg");
    }
    let case = case.with_keys(vec![jwk]).await?;
    case.refuses_all(forge::hs256_with_public_key(&case.token(), &case.key)).await?;
    case.refuses_all(forge::other_rsa_algorithms(&case.token(), &case.key)).await
}

pub(super) async fn other_rsa(case: &Case<'_>) -> Outcome {
    case.refuses_all(forge::other_rsa_algorithms(&case.token(), &case.key)).await
}

pub(super) async fn embedded_jwk(case: &Case<'_>) -> Outcome {
    let fetches = case.issuer.fetches();
    case.refuses_all(forge::embedded_jwk(&case.token(), &case.key, &TestKey::b())).await?;
    holds(case.issuer.fetches() == fetches, || "the issuer was asked about the forger's key".to_owned())
}

pub(super) async fn key_by_url(case: &Case<'_>) -> Outcome {
    let canary = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = canary.local_addr().map_err(|error| error.to_string())?;
    let visits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&visits);
    let listening = tokio::spawn(async move {
        while canary.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let urls = [
        format!("http://{address}/keys"),
        format!("http://localhost:{}/keys", address.port()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    case.refuses_all(forge::key_by_url(&case.token(), &case.key, &TestKey::b(), &urls)).await?;
    listening.abort();
    holds(visits.load(Ordering::SeqCst) == 0, || "the address in the header was asked".to_owned())
}

pub(super) async fn kid_injection(case: &Case<'_>) -> Outcome {
    let long = "k".repeat(4000);
    for kid in [
        "../../../../dev/null",
        "' OR 1=1 --",
        "\r\nX-Injected: yes",
        "\u{0}",
        "\u{1b}[31m",
        "\u{202e}dik",
        "🔑",
        "",
        " ",
        "$(id)",
        long.as_str(),
    ] {
        case.refuses(&format!("kid {kid:.20?}"), &case.unknown(kid)).await?;
        let signed = case.token().header("kid", kid).sign(&case.key);
        case.refuses(&format!("signed, kid {kid:.20?}"), &signed).await?;
    }
    for kid in [json!(7), json!(null), json!([case.key.kid()]), json!({}), json!(true)] {
        case.refuses(&format!("kid {kid}"), &case.token().header("kid", kid.clone()).sign(&case.key)).await?;
    }
    let (header, payload) = case.token().parts("");
    let without = TokenBuilder::sign_parts(&header.replace(r#""kid":"","#, ""), &payload, &case.key);
    case.refuses("no kid", &without).await
}

pub(super) async fn crit(case: &Case<'_>) -> Outcome {
    for json in [
        r#"["x"]"#,
        "[]",
        r#""exp""#,
        r#"["alg"]"#,
        r#"["exp"]"#,
        r#"["x","x"]"#,
        "null",
        "{}",
        "7",
        r#"["b64"]"#,
    ] {
        let token = case.token().raw_header("crit", json).raw_header("x", "1").sign(&case.key);
        case.refuses(&format!("crit {json}"), &token).await?;
    }
    Ok(())
}

pub(super) async fn unencoded(case: &Case<'_>) -> Outcome {
    let plain = case.token().raw_header("b64", "false");
    for (what, token) in [("b64", plain.clone()), ("b64 and crit", plain.raw_header("crit", r#"["b64"]"#))] {
        case.refuses(what, &token.sign(&case.key)).await?;
        let (header, payload) = token.parts(case.key.kid());
        let input = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header));
        let signature = URL_SAFE_NO_PAD.encode(case.key.sign(input.as_bytes()));
        case.refuses(&format!("{what}, payload as it is"), &format!("{input}.{signature}")).await?;
        let (header, rest) = input.split_once('.').unwrap_or_default();
        let encoded = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(rest));
        case.refuses(&format!("{what}, signature over the payload as it is"), &encoded).await?;
    }
    let claimed = case.token().raw_header("b64", "true").sign(&case.key);
    case.refuses("b64 true", &claimed).await
}

pub(super) async fn psychic(case: &Case<'_>) -> Outcome {
    case.refuses_all(forge::psychic_signatures(&case.token(), &case.key)).await
}

pub(super) async fn lax_base64(case: &Case<'_>) -> Outcome {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let token = case.token().sign(&case.key);
    let (start, last) = token.split_at(token.len() - 1);
    let value = ALPHABET.iter().position(|byte| last.as_bytes() == [*byte]).unwrap_or_default();
    // 256 bytes leave four bits of the last character unused: fifteen other spellings of one signature.
    let twins = (1..16).map(|bits| char::from(ALPHABET[value ^ bits]));
    for twin in twins {
        case.refuses(&format!("last character {twin} in place of {last}"), &format!("{start}{twin}")).await?;
    }
    for (what, bent) in [
        ("padding", format!("{token}=")),
        ("more padding", format!("{token}==")),
        ("alphabet of base64", token.replace('-', "+").replace('_', "/")),
        ("an escape", format!("{start}%{:02X}", last.as_bytes()[0])),
        ("a character more", format!("{token}A")),
        ("padding of the header", token.replacen('.', "=.", 1)),
        ("a dot at the end", format!("{token}.")),
    ] {
        if bent != token {
            case.refuses(what, &bent).await?;
        }
    }
    for (what, bent) in [("a space", format!("{start} {last}")), ("a tab", format!("{start}\t{last}"))] {
        answered(what, &case.get(&bent).await?, &[400, 401])?;
        case.goes_on(what).await?;
    }
    Ok(())
}

pub(super) async fn jwe(case: &Case<'_>) -> Outcome {
    let (_, payload) = case.token().parts(case.key.kid());
    let inner = signing_input(r#"{"alg":"none"}"#, &payload) + ".";
    for (alg, key) in [("RSA-OAEP-256", vec![7; 256]), ("dir", vec![]), ("RSA1_5", vec![7; 256])] {
        let header =
            json!({"alg": alg, "enc": "A256GCM", "cty": "JWT", "typ": "at+jwt", "kid": case.key.kid()});
        let parts =
            [header.to_string().into_bytes(), key, vec![1; 12], inner.clone().into_bytes(), vec![2; 16]];
        let token = parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        case.refuses(&format!("five parts, {alg}"), &token).await?;
    }
    // Five parts that would be a genuine token if two of them were not looked at.
    let genuine = case.token().sign(&case.key);
    case.refuses("a genuine token and two parts", &format!("{genuine}.eA.eA")).await?;
    case.refuses("two parts and a genuine token", &format!("eA.eA.{genuine}")).await
}

pub(super) async fn json_serialization(case: &Case<'_>) -> Outcome {
    let token = case.token().sign(&case.key);
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err("a token of other than three parts".to_owned());
    };
    for (what, text) in [
        ("flattened", json!({"protected": header, "payload": payload, "signature": signature})),
        (
            "general",
            json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]}),
        ),
        ("a genuine token as a name", json!({token.clone(): "", "payload": payload})),
    ] {
        let reply = case.get(&text.to_string()).await?;
        answered(what, &reply, &[400, 401])?;
        case.goes_on(what).await?;
    }
    Ok(())
}

pub(super) async fn bombs(case: &Case<'_>) -> Outcome {
    let token = case.token();
    for (what, bent) in [
        ("zip", token.clone().header("zip", "DEF")),
        ("zip, encrypted", token.clone().header("zip", "DEF").header("alg", "RSA-OAEP")),
        ("PBES2", token.clone().header("alg", "PBES2-HS512+A256KW").header("p2c", 2_147_483_647)),
        (
            "dir with an iteration count",
            token.header("p2c", 2_147_483_647).header("enc", "A256GCM").header("alg", "dir"),
        ),
    ] {
        case.refuses(what, &bent.sign(&case.key)).await?;
    }
    Ok(())
}

pub(super) async fn hmac(case: &Case<'_>) -> Outcome {
    for alg in ["HS256", "HS384", "HS512", "hs256"] {
        let (header, payload) = case.token().header("alg", alg).parts(case.key.kid());
        for (what, mac) in [("no", vec![]), ("a made-up", vec![7; 32]), ("a zero", vec![0; 32])] {
            let token = forge::with_signature(&header, &payload, &mac);
            case.refuses(&format!("{alg} with {what} MAC"), &token).await?;
        }
    }
    Ok(())
}
