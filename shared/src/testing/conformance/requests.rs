//! Attacks by the request around a token, and by what the service remembers and writes down.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::case::{Case, Outcome, answered, holds};
use crate::testing::log::Log;
use crate::testing::{TestKey, forge};

pub(super) async fn remembered(case: &Case<'_>) -> Outcome {
    let token = case.token().claim("jti", "remembered").sign(&case.key);
    for what in ["a token", "the same token"] {
        case.accepts(what, &token).await?;
    }
    let parts: Vec<_> = token.split('.').collect();
    let [header, _, signature] = parts[..] else {
        return Err("a token of other than three parts".to_owned());
    };
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let changed = format!("{}{}", &token[..token.len() - signature.len()], URL_SAFE_NO_PAD.encode(bytes));
    case.refuses("the same token with another last byte", &changed).await?;
    let (_, payload) = case.token().claim("jti", "another").scope("admin").parts(case.key.kid());
    let swapped = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(payload));
    case.refuses("the same header and signature around other claims", &swapped).await?;
    if let Some((method, path)) = &case.subject.other_scope {
        let lines = [format!("Authorization: Bearer {token}").into_bytes()];
        let reply = case.request(method, path, &lines, "").await?;
        answered("the same token where another scope is due", &reply, &[403])?;
    }
    forgotten(case, &token).await
}

/// A remembered token ends with its key, and with its time.
async fn forgotten(case: &Case<'_>, token: &str) -> Outcome {
    case.accepts("the same token once more", token).await?;
    case.clock.advance(std::time::Duration::from_secs(900 + 301));
    answered("the same token past its time", &case.get(token).await?, &[401])?;
    let case = case.again().await?;
    let token = case.token().sign(&case.key);
    for what in ["a token", "the same token"] {
        case.accepts(what, &token).await?;
    }
    case.issuer.publish(vec![TestKey::b().jwk()]);
    case.accepts("a token of the next key", &case.token().sign(&TestKey::b())).await?;
    answered("a remembered token whose key is gone", &case.get(&token).await?, &[401])
}

pub(super) async fn huge(case: &Case<'_>) -> Outcome {
    let (header, payload) = case.token().parts(case.key.kid());
    let nested = |count: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(count), "]".repeat(count));
    let name = format!(r#"{{"{}":1}}"#, "n".repeat(5000));
    let many = format!("{{{}}}", (0..500).map(|i| format!(r#""{i}":0"#)).collect::<Vec<_>>().join(","));
    for (what, token) in [
        ("64 KiB", "a".repeat(64 * 1024)),
        ("64 KiB of dots", ".".repeat(64 * 1024)),
        ("7.9 kB of dots", ".".repeat(7900)),
        ("a deep header", forge::with_signature(&nested(2900), &payload, b"x")),
        ("a deep payload", forge::with_signature(&header, &nested(2000), b"x")),
        ("a deep claim, signed", {
            let claim = format!("{}{}", "[".repeat(500), "]".repeat(500));
            case.token().raw_claim("deep", &claim).sign(&case.key)
        }),
        ("an open payload", forge::with_signature(&header, &"[".repeat(5000), b"x")),
        ("a long name", forge::with_signature(&header, &name, b"x")),
        ("many claims", forge::with_signature(&header, &many, b"x")),
        ("a genuine token of more than 8 KiB", case.token().claim("pad", "x".repeat(8000)).sign(&case.key)),
        ("a long signature", forge::with_signature(&header, &payload, &[7; 4000])),
    ] {
        answered(what, &case.get(&token).await?, &[400, 401, 431])?;
        case.goes_on(what).await?;
    }
    Ok(())
}

pub(super) async fn smuggling(case: &Case<'_>) -> Outcome {
    let token = case.token().sign(&case.key);
    let line = |value: &str| format!("Authorization: {value}").into_bytes();
    let good = line(&format!("Bearer {token}"));
    for scheme in ["bearer", "BEARER", "bEaReR"] {
        let reply = case.send(&[line(&format!("{scheme} {token}"))]).await?;
        holds((200..300).contains(&reply.status), || format!("scheme {scheme}: got {}", reply.status))?;
    }
    for (what, lines) in [
        ("good and bad", vec![good.clone(), line("Bearer x")]),
        ("bad and good", vec![line("Bearer x"), good.clone()]),
        ("the same twice", vec![good.clone(), good.clone()]),
        ("good and Basic", vec![good.clone(), line("Basic dTpw")]),
        ("joined by a comma", vec![line(&format!("Bearer {token}, Bearer {token}"))]),
        ("a tab", vec![line(&format!("Bearer\t{token}"))]),
        ("two words", vec![line(&format!("Bearer {token} {token}"))]),
        ("nothing behind", vec![line("Bearer")]),
        ("a space behind", vec![line("Bearer ")]),
        ("not ASCII", vec![[&good[..], "\u{e9}".as_bytes()].concat()]),
        ("a line that goes on", vec![good.clone(), b" x".to_vec()]),
        ("a control character", vec![[&good[..], b"\x01"].concat()]),
    ] {
        let reply = case.send(&lines).await?;
        holds(reply.status == 400, || format!("{what}: expected 400, got {}", reply.status))?;
        case.goes_on(what).await?;
    }
    for (what, lines) in [("no header", vec![]), ("Basic", vec![line("Basic dTpw")])] {
        let reply = case.send(&lines).await?;
        answered(what, &reply, &[401])?;
        let challenge = reply.header("www-authenticate").join(";");
        holds(!challenge.contains("error"), || format!("{what}: an error without a token: {challenge}"))?;
    }
    other_methods(case, &token, &good).await
}

/// The query and the form are no places for tokens, and beside the header they are one too many (RFC 6750 §2).
async fn other_methods(case: &Case<'_>, token: &str, good: &[u8]) -> Outcome {
    let target = format!("{}?access_token={token}", case.subject.path);
    let reply = case.request("GET", &target, &[], "").await?;
    answered("a token in the query", &reply, &[401])?;
    let challenge = reply.header("www-authenticate").join(";");
    holds(!challenge.contains("error"), || format!("a token in the query is not none: {challenge}"))?;
    let form = b"Content-Type: application/x-www-form-urlencoded".to_vec();
    let body = format!("access_token={token}");
    answered(
        "a token in the form",
        &case.request("GET", &case.subject.path, std::slice::from_ref(&form), &body).await?,
        &[401],
    )?;
    for (what, reply) in [
        ("header and query", case.request("GET", &target, &[good.to_vec()], "").await?),
        ("header and form", case.request("GET", &case.subject.path, &[good.to_vec(), form], &body).await?),
    ] {
        answered(what, &reply, &[400])?;
        case.goes_on(what).await?;
    }
    Ok(())
}

pub(super) async fn odd_parts(case: &Case<'_>) -> Outcome {
    let token = case.token().sign(&case.key);
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err("a token of other than three parts".to_owned());
    };
    for (what, bent) in [
        ("payload of -", format!("{header}.----.{signature}")),
        ("payload of _", format!("{header}.____.{signature}")),
        ("payload of +/", format!("{header}.+/+/.{signature}")),
        ("payload of one character", format!("{header}.a.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("no header", format!(".{payload}.{signature}")),
        ("no signature", format!("{header}.{payload}.")),
        ("signature of one character", format!("{header}.{payload}.a")),
        ("header of one character", format!("a.{payload}.{signature}")),
        ("header that is no UTF-8", format!("_____w.{payload}.{signature}")),
        ("two dots", "..".to_owned()),
        ("one dot", ".".to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("one part", header.to_owned()),
    ] {
        case.refuses(what, &bent).await?;
    }
    // Nothing is taken for granted before the signature, nor behind it.
    let (unknown, _) = case.token().parts("nobody's");
    for (what, header) in [("unknown", URL_SAFE_NO_PAD.encode(unknown)), ("known", header.to_owned())] {
        for payload in ["a", "----", "-A", "", "_w"] {
            let input = format!("{header}.{payload}");
            let signed = format!("{input}.{}", URL_SAFE_NO_PAD.encode(case.key.sign(input.as_bytes())));
            case.refuses(&format!("{what} key, signed payload {payload:?}"), &signed).await?;
        }
    }
    for bytes in [&b"\xff\xfe\x00"[..], b"{", b"null", b"\"", b"[1,2"] {
        let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(bytes));
        let signed = format!("{input}.{}", URL_SAFE_NO_PAD.encode(case.key.sign(input.as_bytes())));
        case.refuses(&format!("signed payload {bytes:?}"), &signed).await?;
    }
    Ok(())
}

pub(super) async fn log(case: &Case<'_>) -> Outcome {
    let log = Log::default();
    let listening = log.listen();
    let evil = "\u{1b}[31mforged\r\nline\u{0}";
    let good = case.token().sign(&case.key);
    case.accepts("a valid token", &good).await?;
    let mut sent = vec![good];
    for token in [
        case.unknown(evil),
        case.token().header("kid", evil).sign(&case.key),
        case.token().header("alg", evil).sign(&case.key),
        case.token().claim("iss", evil).sign(&case.key),
        case.token().claim("sub", evil).claim("aud", evil).sign(&case.key),
        case.token().sign(&TestKey::b()),
        case.token().claim("exp", 1).sign(&case.key),
    ] {
        case.refuses("an evil token", &token).await?;
        sent.push(token);
    }
    drop(listening);
    let segments: Vec<_> = sent.iter().flat_map(|token| token.split('.')).collect();
    for text in log.texts() {
        holds(!text.contains("forged"), || format!("the log repeats what a token says: {text:?}"))?;
        holds(!text.chars().any(char::is_control), || format!("a line that is none: {text:?}"))?;
        let leaked = segments.iter().any(|segment| text.contains(segment));
        holds(!leaked, || "a token is in the log".to_owned())?;
    }
    Ok(())
}

pub(super) async fn downgrade(case: &Case<'_>) -> Outcome {
    let bad = [
        ("a forged token", case.token().header("kid", case.key.kid()).sign(&TestKey::b())),
        ("an expired token", case.token().claim("exp", 1).sign(&case.key)),
        ("garbage", "x".to_owned()),
    ];
    case.refuses_all(bad.iter().map(|(what, token)| ((*what).to_owned(), token.clone())).collect()).await?;
    let Some(path) = &case.subject.optional else { return Ok(()) };
    let reply = case.request("GET", path, &[], "").await?;
    holds((200..300).contains(&reply.status), || format!("nobody at {path}: got {}", reply.status))?;
    for (what, token) in &bad {
        let lines = [format!("Authorization: Bearer {token}").into_bytes()];
        answered(what, &case.request("GET", path, &lines, "").await?, &[401])?;
    }
    let twice = [b"Authorization: Bearer x".to_vec(), b"Authorization: Bearer y".to_vec()];
    answered("two tokens at the optional route", &case.request("GET", path, &twice, "").await?, &[400])
}

pub(super) async fn bypass(case: &Case<'_>) -> Outcome {
    let path = &case.subject.path;
    let escaped: String = path.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let targets = [
        path.clone(),
        format!("{path}/"),
        format!("/{path}"),
        format!("/.{path}"),
        format!("/x/..{path}"),
        format!("{path}%2f"),
        format!("{path}%00"),
        format!("{path};x"),
        format!("{path}?x"),
        path.to_uppercase(),
        format!("/{}", escaped.trim_start_matches("%2f")),
        format!("http://service.test{path}"),
    ];
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "MADE-UP"] {
        for target in &targets {
            let what = format!("{method} {target} without a token");
            let reply = case.request(method, target, &[], "").await?;
            holds((400..500).contains(&reply.status), || format!("{what}: got {}", reply.status))?;
        }
    }
    for name in ["X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Forwarded-User"] {
        let line = format!("{name}: {}", json!(path).as_str().unwrap_or_default()).into_bytes();
        answered(name, &case.send(&[line]).await?, &[401])?;
    }
    case.goes_on("all of these").await
}
