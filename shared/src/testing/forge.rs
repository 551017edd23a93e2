//! Tokens that nobody signed, by the ways in which verifiers were led to believe that somebody had.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::signature::{RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256};
use serde_json::json;

use super::key::TestKey;
use super::token::{TokenBuilder, signing_input};

/// A token of these texts with any signature.
pub fn with_signature(header: &str, payload: &str, signature: &[u8]) -> String {
    format!("{}.{}", signing_input(header, payload), URL_SAFE_NO_PAD.encode(signature))
}

/// Unsigned, by each spelling of "no algorithm" that a verifier may know, with an empty and with some signature.
pub fn alg_none(token: &TokenBuilder, key: &TestKey) -> Vec<(String, String)> {
    let spellings = ["none", "None", "nOnE", "NONE", "NONE ", "", "FOO", "RS256\u{0}", "rs256"];
    let mut forged = Vec::new();
    for alg in spellings {
        let (header, payload) = token.clone().header("alg", alg).parts(key.kid());
        forged.push((format!("alg {alg:?} without signature"), with_signature(&header, &payload, b"")));
        forged.push((format!("alg {alg:?} with some signature"), with_signature(&header, &payload, b"x")));
    }
    let (header, payload) = token.clone().without_header("alg").parts(key.kid());
    forged.push(("no alg".to_owned(), with_signature(&header, &payload, b"")));
    forged
}

/// Signed by HMAC with the public key, in each form that a verifier may hold it in (CVE-2015-9235 and its kin).
pub fn hs256_with_public_key(token: &TokenBuilder, key: &TestKey) -> Vec<(String, String)> {
    let pem = |label: &str, der: &[u8]| {
        let text = STANDARD.encode(der);
        let lines: Vec<_> =
            text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"))
    };
    let (spki, pkcs1) = (pem("PUBLIC KEY", &key.spki()), pem("RSA PUBLIC KEY", &key.pkcs1()));
    let secrets = [
        ("SPKI PEM", spki.clone().into_bytes()),
        ("SPKI PEM with newline", format!("{spki}\n").into_bytes()),
        ("SPKI PEM with leading newline", format!("\n{spki}").into_bytes()),
        ("PKCS #1 PEM", pkcs1.clone().into_bytes()),
        ("PKCS #1 PEM with newline", format!("{pkcs1}\n").into_bytes()),
        ("SPKI DER", key.spki()),
        ("PKCS #1 DER", key.pkcs1()),
        ("JWK", key.jwk().to_string().into_bytes()),
        ("modulus", key.modulus()),
        ("modulus as text", URL_SAFE_NO_PAD.encode(key.modulus()).into_bytes()),
        ("nothing", Vec::new()),
    ];
    let algorithms =
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    let mut forged = Vec::new();
    for (alg, algorithm) in algorithms {
        for (what, secret) in &secrets {
            let (header, payload) = token.clone().header("alg", alg).parts(key.kid());
            let input = signing_input(&header, &payload);
            let mac = hmac::sign(&hmac::Key::new(algorithm, secret), input.as_bytes());
            forged.push((format!("{alg} with {what}"), with_signature(&header, &payload, mac.as_ref())));
        }
    }
    forged
}

/// Signed with the right key by another algorithm than RS256: a key is for one algorithm (RFC 8725 §3.1).
pub fn other_rsa_algorithms(token: &TokenBuilder, key: &TestKey) -> Vec<(String, String)> {
    let mut forged = Vec::new();
    for (alg, encoding) in [
        ("PS256", &RSA_PSS_SHA256 as &'static dyn ring::signature::RsaEncoding),
        ("RS384", &RSA_PKCS1_SHA384),
        ("RS512", &RSA_PKCS1_SHA512),
    ] {
        let (header, payload) = token.clone().header("alg", alg).parts(key.kid());
        let signature = key.sign_by(encoding, signing_input(&header, &payload).as_bytes());
        forged.push((alg.to_owned(), with_signature(&header, &payload, &signature)));
        let (header, payload) = token.parts(key.kid());
        let signature = key.sign_by(encoding, signing_input(&header, &payload).as_bytes());
        forged.push((format!("{alg} that says RS256"), with_signature(&header, &payload, &signature)));
    }
    forged
}

/// Signed with a key of the forger's own that the header brings along (CVE-2018-0114), with and without the name of a
/// key of the issuer's.
pub fn embedded_jwk(token: &TokenBuilder, key: &TestKey, forger: &TestKey) -> Vec<(String, String)> {
    let mut unnamed = forger.jwk();
    if let Some(jwk) = unnamed.as_object_mut() {
        jwk.remove("kid");
    }
    let renamed = {
        let mut jwk = forger.jwk();
        jwk["kid"] = json!(key.kid());
        jwk
    };
    [
        ("own name", token.clone().header("jwk", forger.jwk())),
        ("name of the issuer's key", token.clone().header("jwk", renamed).header("kid", key.kid())),
        ("key without name", token.clone().header("jwk", unnamed).header("kid", key.kid())),
    ]
    .into_iter()
    .map(|(what, token)| (what.to_owned(), token.sign(forger)))
    .collect()
}

/// Signed with a key of the forger's own that the header says where to fetch.
pub fn key_by_url(
    token: &TokenBuilder,
    key: &TestKey,
    forger: &TestKey,
    urls: &[String],
) -> Vec<(String, String)> {
    let mut forged = Vec::new();
    for url in urls {
        for name in ["jku", "x5u"] {
            let bent = token.clone().header(name, url.as_str());
            forged.push((format!("{name} {url}"), bent.sign(forger)));
            forged.push((format!("{name} {url}, known kid"), bent.header("kid", key.kid()).sign(forger)));
        }
    }
    let bent = token.clone().header("x5c", json!([STANDARD.encode(forger.spki())]));
    forged.push(("x5c".to_owned(), bent.header("kid", key.kid()).sign(forger)));
    forged
}

/// A genuine token with signatures that are none: zeros, ones, the modulus itself, too short, too long.
pub fn psychic_signatures(token: &TokenBuilder, key: &TestKey) -> Vec<(String, String)> {
    let (header, payload) = token.parts(key.kid());
    let right = key.sign(signing_input(&header, &payload).as_bytes());
    let longer = [&[0], &right[..]].concat();
    let mut forged: Vec<_> = [
        ("zeros", vec![0; 256]),
        ("one", [vec![0; 255], vec![1]].concat()),
        ("all bits set", vec![0xff; 256]),
        ("the modulus", key.modulus()),
        ("nothing", Vec::new()),
        ("one byte", vec![1]),
        ("the right one without its last byte", right[..255].to_vec()),
        ("the right one with a leading zero", longer),
        ("the right one twice", [right.clone(), right].concat()),
    ]
    .into_iter()
    .map(|(what, signature)| (what.to_owned(), with_signature(&header, &payload, &signature)))
    .collect();
    let (header, payload) = token.clone().header("alg", "ES256").parts(key.kid());
    forged.push(("ES256 of zeros".to_owned(), with_signature(&header, &payload, &[0; 64])));
    forged
}
