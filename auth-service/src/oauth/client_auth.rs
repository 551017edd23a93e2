//! Who asks: the client proves who it is by exactly one method (RFC 6749 §2.3).

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use ring::digest::{SHA256, digest};
use shared::clock::Timestamp;
use shared::database::{is_duplicate, retry_write};
use url::form_urlencoded;

use super::error::{Code, OAuthError, Refusal};
use super::one_time::{self, Kind};
use super::parameters::Parameters;
use crate::clients::{self, Authentication, Client};
use crate::state::App;
use crate::tokens::jwt::Jwt;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The longest that an assertion may last: until then its name must be remembered.
const LONGEST_ASSERTION: Duration = Duration::from_secs(3600);
/// How far a client's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(30);

/// What a client brings to prove who it is.
enum Credentials<'a> {
    Basic(String, String),
    Post(&'a str, &'a str),
    Assertion(&'a str),
    None(&'a str),
}

/// The client that a request comes from, as it has proved.
///
/// # Errors
/// `invalid_request`: no method, or more than one. `invalid_client`: it is another, or none. Of those that registered
/// themselves, too many have signed for themselves at this address.
pub(super) async fn client(
    app: &App,
    headers: &HeaderMap,
    parameters: &Parameters,
    ip: IpAddr,
) -> Result<Client, OAuthError> {
    let credentials = credentials(headers, parameters)?;
    let outcome = prove(app, &credentials, ip).await;
    let outcome = match (outcome, parameters.get("client_id")?) {
        (Ok(Some(client)), Some(named)) if named != client.id.as_str() => Ok(None),
        (outcome, _) => outcome,
    };
    outcome?.ok_or(Refusal::new(Code::InvalidClient, "the client did not prove who it is").into())
}

/// The same for endpoints that tell a client about others: one that can keep a secret.
///
/// # Errors
/// As [`client`], also where the client has nothing to prove who it is by.
pub(super) async fn confidential_client(
    app: &App,
    headers: &HeaderMap,
    parameters: &Parameters,
    ip: IpAddr,
) -> Result<Client, OAuthError> {
    let client = client(app, headers, parameters, ip).await?;
    if client.is_confidential() {
        Ok(client)
    } else {
        Err(Refusal::new(Code::InvalidClient, "only clients with a secret or a key may ask this").into())
    }
}

fn credentials<'a>(headers: &HeaderMap, parameters: &'a Parameters) -> Result<Credentials<'a>, Refusal> {
    let basic = basic(headers)?;
    let (secret, assertion) = (parameters.get("client_secret")?, parameters.get("client_assertion")?);
    let named = parameters.get("client_id")?;
    match (basic, secret, assertion) {
        (Some((id, secret)), None, None) => Ok(Credentials::Basic(id, secret)),
        (None, Some(secret), None) => {
            Ok(Credentials::Post(named.ok_or(Refusal::request("client_id is missing"))?, secret))
        }
        (None, None, Some(assertion)) => {
            if parameters.get("client_assertion_type")? != Some(JWT_BEARER) {
                return Err(Refusal::request("client_assertion_type must be the one of RFC 7523"));
            }
            Ok(Credentials::Assertion(assertion))
        }
        (None, None, None) => match named {
            Some(id) => Ok(Credentials::None(id)),
            None => Err(Refusal::new(Code::InvalidClient, "the client does not say who it is")),
        },
        _ => Err(Refusal::request("the client proves who it is in more than one way")),
    }
}

/// The name and secret of HTTP Basic, each form-encoded before (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Refusal> {
    const MALFORMED: Refusal = Refusal::new(Code::InvalidClient, "the Authorization header is malformed");
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next(), values.next()) else { return Err(MALFORMED) };
    let Some(value) = value else { return Ok(None) };
    let text = value.to_str().map_err(|_| MALFORMED)?;
    let encoded = match text.split_once(' ') {
        Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => encoded.trim(),
        _ => return Err(Refusal::new(Code::InvalidClient, "clients use HTTP Basic, or parameters")),
    };
    let decoded = STANDARD.decode(encoded).map_err(|_| MALFORMED)?;
    let decoded = String::from_utf8(decoded).map_err(|_| MALFORMED)?;
    let (id, secret) = decoded.split_once(':').ok_or(MALFORMED)?;
    Ok(Some((form_decode(id), form_decode(secret))))
}

fn form_decode(text: &str) -> String {
    // As the value of a parameter; `=` and `&` are escaped where they belong to it.
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    let pair = format!("={escaped}");
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// The client that these prove. `None`: they prove nothing.
async fn prove(app: &App, credentials: &Credentials<'_>, ip: IpAddr) -> Result<Option<Client>, OAuthError> {
    match credentials {
        Credentials::Basic(id, secret) => Ok(by_secret(clients::find(app, id).await?, secret)),
        Credentials::Post(id, secret) => Ok(by_secret(clients::find(app, id).await?, secret)),
        Credentials::None(id) => Ok(clients::find(app, id).await?.filter(|client| !client.is_confidential())),
        Credentials::Assertion(assertion) => by_assertion(app, assertion, ip).await,
    }
}

fn by_secret(client: Option<Client>, secret: &str) -> Option<Client> {
    let client = client?;
    let Authentication::Secret(hash) = &client.authentication else { return None };
    let presented = digest(&SHA256, secret.as_bytes());
    // Digests of 256 random bits are compared: how far they agree tells nothing of a secret that has that digest.
    (presented.as_ref() == hash).then_some(client)
}

/// A client that signs for itself (RFC 7523 §3): issued by and about the client, for us, for a short time, used once.
async fn by_assertion(app: &App, assertion: &str, ip: IpAddr) -> Result<Option<Client>, OAuthError> {
    let Some(id) = claimed_client(assertion) else { return Ok(None) };
    let Some(client) = clients::find(app, &id).await? else { return Ok(None) };
    let Authentication::PrivateKey { keys, .. } = &client.authentication else { return Ok(None) };
    let types = ["JWT", "client-authentication+jwt"];
    let Ok(jwt) = Jwt::verify(assertion, &types, keys.keys().map(|key| &**key)) else { return Ok(None) };
    let now = app.clock.now();
    let is = |name: &str| jwt.claim::<String>(name).is_some_and(|own| own == client.id.as_str());
    let issuer = app.config.issuer.as_str();
    let for_us =
        [issuer.to_owned(), app.config.endpoint("/oauth2/token"), app.config.endpoint("/oauth2/par")];
    let (Some(expires), Some(jti)) = (jwt.claim::<f64>("exp"), jwt.claim::<String>("jti")) else {
        return Ok(None);
    };
    let expires = Timestamp::from_seconds(expires as i64);
    let in_time = now < expires && expires <= now + LONGEST_ASSERTION;
    let begun = ["nbf", "iat"].into_iter().all(|name| match jwt.claim::<serde_json::Value>(name) {
        None => true,
        Some(date) => {
            date.as_f64().is_some_and(|begins| Timestamp::from_seconds(begins as i64) <= now + SKEW)
        }
    });
    // For us alone: an assertion that is good at another provider as well could be that one's to use here.
    let sole = jwt.sole_audience().is_some_and(|audience| for_us.contains(&audience));
    if !(is("iss") && is("sub") && sole && in_time && begun && !jti.is_empty()) {
        return Ok(None);
    }
    if client.is_unvouched() {
        app.throttle.admit_unproven(&app.database, ip, now).await?;
    }
    let hash = one_time::hash(Kind::Assertion, &format!("{}:{jti}", client.id));
    match retry_write(|| one_time::keep(&app.database, &hash, &client.id, &(), expires)).await {
        Ok(()) => Ok(Some(client)),
        Err(error) if is_duplicate(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whom an assertion says to be about. **Nothing of it is verified**: it only picks the keys to verify it with.
fn claimed_client(assertion: &str) -> Option<String> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let payload = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(basic: &str) -> HeaderMap {
        let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(basic))).unwrap();
        [(AUTHORIZATION, value)].into_iter().collect()
    }

    #[test]
    fn names_and_secrets_of_basic_are_form_encoded() {
        let read = |text: &str| basic(&with(text)).unwrap().unwrap();
        assert_eq!(read("app:a%3Ab+c%25"), ("app".to_owned(), "a:b c%".to_owned()));
        assert_eq!(read("app:a=b&c"), ("app".to_owned(), "a=b&c".to_owned()));
        assert!(basic(&with("no colon")).is_err());
        assert_eq!(basic(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn one_method_at_a_time() {
        let parameters = Parameters::parse(b"client_id=app&client_secret=s").unwrap();
        assert!(matches!(credentials(&HeaderMap::new(), &parameters), Ok(Credentials::Post("app", "s"))));
        assert!(credentials(&with("app:s"), &parameters).is_err());
        let none = Parameters::parse(b"client_id=app").unwrap();
        assert!(matches!(credentials(&HeaderMap::new(), &none), Ok(Credentials::None("app"))));
        assert!(credentials(&HeaderMap::new(), &Parameters::default()).is_err());
    }
}
