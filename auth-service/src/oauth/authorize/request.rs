//! What a client asks the person in front of the browser for (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::accounts::Roles;
use crate::clients::{Client, ClientId, GrantType};
use crate::entity::account;
use crate::oauth::consent::{Allowance, elsewhere};
use crate::oauth::error::{Code, Refusal};
use crate::oauth::parameters::Parameters;
use crate::oauth::{pkce, scope};
use crate::state::App;
use crate::tokens::scope::{contains, filter, is_identity};

/// The longest `state` and `nonce` that are carried around.
const MAX_TEXT: usize = 1024;

/// An authorization request that may be carried out if somebody agrees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: ClientId,
    /// Where the answer goes.
    pub(crate) redirect_uri: String,
    /// Whether the request named it; then the token request must name it as well.
    pub(crate) redirect_uri_named: bool,
    pub(crate) state: Option<String>,
    pub(crate) scope: String,
    pub(crate) resource: String,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: String,
    pub(crate) prompt: Prompt,
    /// The longest ago that somebody may have signed in, in seconds.
    pub(crate) max_age: Option<u64>,
    /// Whom the client thinks it is.
    pub(crate) login_hint: Option<String>,
    /// Who it must be.
    pub(crate) account: Option<Uuid>,
    pub(crate) claims: AskedClaims,
    pub(crate) ui_locales: Option<String>,
}

/// What the person must be shown, whatever we know (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prompt {
    /// Nothing at all.
    pub(crate) none: bool,
    /// The sign-in page; also for `select_account`, since a browser has one account at a time here.
    pub(crate) login: bool,
    /// The consent page.
    pub(crate) consent: bool,
}

/// Claims that were asked for one by one (OpenID Connect Core §5.5): those that we know, with spaces between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AskedClaims {
    pub(crate) id_token: String,
    pub(crate) userinfo: String,
}

/// What there is to ask for beyond `sub`.
const KNOWN_CLAIMS: [&str; 1] = ["preferred_username"];

/// Where the answers to a request go, or why there is no such place: then nobody is sent anywhere (RFC 6749 §4.1.2.1).
pub(crate) fn redirect_uri(client: &Client, parameters: &Parameters) -> Result<String, Refusal> {
    match parameters.get("redirect_uri")? {
        Some(asked) if client.redirect_uris.iter().any(|registered| registered.matches(asked)) => {
            Ok(asked.to_owned())
        }
        Some(_) => {
            Err(Refusal::request("the redirect_uri is not registered for this client, exactly as it is"))
        }
        None => match client.redirect_uris.as_slice() {
            [only] => Ok(only.as_str().to_owned()),
            _ => Err(Refusal::request("redirect_uri is missing")),
        },
    }
}

impl AuthorizationRequest {
    /// Reads a request whose client and redirect URI are known to be good.
    ///
    /// # Errors
    /// What the client is to be told.
    pub(crate) fn read(
        app: &App,
        client: &Client,
        redirect_uri: String,
        parameters: &Parameters,
    ) -> Result<Self, Refusal> {
        if parameters.get("request")?.is_some() {
            return Err(Refusal::new(
                Code::RequestNotSupported,
                "send the parameters themselves, or push them",
            ));
        }
        if parameters.get("request_uri")?.is_some() {
            return Err(Refusal::new(
                Code::RequestUriNotSupported,
                "only pushed requests have a request_uri",
            ));
        }
        if !client.may_use(GrantType::AuthorizationCode) {
            return Err(Refusal::new(
                Code::UnauthorizedClient,
                "the client is not registered for this grant",
            ));
        }
        match parameters.need("response_type", "response_type is missing")? {
            "code" => {}
            _ => return Err(Refusal::new(Code::UnsupportedResponseType, "the only response_type is code")),
        }
        if parameters.get("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(Refusal::request("the only response_mode is query"));
        }
        let scope = scope::granted(client, parameters.get("scope")?)?;
        let prompt = prompt(parameters.get("prompt")?)?;
        let (claims, subject) = claims(parameters.get("claims")?)?;
        let hinted = match parameters.get("id_token_hint")? {
            Some(hint) => Some(hinted_account(app, client, hint)?),
            None => None,
        };
        if let (Some(hinted), Some(subject)) = (hinted, subject)
            && hinted != subject
        {
            return Err(Refusal::request("id_token_hint and claims name different people"));
        }
        Ok(Self {
            client_id: client.id.clone(),
            redirect_uri,
            redirect_uri_named: parameters.get("redirect_uri")?.is_some(),
            state: state(parameters)?.map(str::to_owned),
            scope,
            resource: scope::resource(&app.config, client, parameters)?,
            nonce: nonce(parameters)?.map(str::to_owned),
            code_challenge: code_challenge(parameters)?,
            prompt,
            max_age: max_age(parameters.get("max_age")?)?,
            login_hint: parameters.get("login_hint")?.map(|hint| hint.chars().take(64).collect()),
            account: hinted.or(subject),
            claims,
            ui_locales: parameters.get("ui_locales")?.map(locales),
        })
    }

    /// What somebody is asked to allow.
    pub(crate) fn allowance(&self, app: &App) -> Allowance<'_> {
        Allowance { scope: &self.scope, resource: elsewhere(app, &self.resource) }
    }

    /// The same once somebody has just signed in for it.
    pub(crate) fn signed_in(mut self) -> Self {
        self.prompt.login = false;
        self.max_age = None;
        self
    }
}

/// What of a scope the roles of an account let it give.
pub(crate) fn within(scope: &str, account: &account::Model) -> String {
    let allowed = Roles::from_column(&account.roles).scope();
    filter(scope, |name| is_identity(name) || contains(&allowed, name))
}

/// As much of `ui_locales` as says what somebody reads: it is a hint, and is carried around.
pub(crate) fn locales(text: &str) -> String {
    text.chars().take(64).collect()
}

fn hinted_account(app: &App, client: &Client, hint: &str) -> Result<Uuid, Refusal> {
    let hint = app.id_token_hint(hint).filter(|hint| hint.client_id == client.id.as_str());
    let hint = hint.ok_or(Refusal::request("the id_token_hint is no ID token of ours for this client"))?;
    Ok(hint.account_id)
}

/// What comes back to the client with the answer.
///
/// # Errors
/// It is longer than that may be.
pub(crate) fn state(parameters: &Parameters) -> Result<Option<&str>, Refusal> {
    text(parameters, "state", "state is longer than 1024 bytes")
}

/// What comes back in the ID token.
fn nonce(parameters: &Parameters) -> Result<Option<&str>, Refusal> {
    let nonce = text(parameters, "nonce", "nonce is longer than 1024 bytes")?;
    // It is kept with the code, as JSON, where each of those takes six bytes.
    if nonce.is_some_and(|nonce| nonce.contains(char::is_control)) {
        return Err(Refusal::request("nonce has control characters"));
    }
    Ok(nonce)
}

fn text<'a>(
    parameters: &'a Parameters,
    name: &str,
    too_long: &'static str,
) -> Result<Option<&'a str>, Refusal> {
    let value = parameters.get(name)?;
    if value.is_some_and(|value| value.len() > MAX_TEXT) {
        return Err(Refusal::request(too_long));
    }
    Ok(value)
}

fn code_challenge(parameters: &Parameters) -> Result<String, Refusal> {
    let challenge =
        parameters.need("code_challenge", "code_challenge is missing: PKCE is for every client")?;
    // Left out, the method is `plain` (RFC 7636 §4.3).
    if parameters.get("code_challenge_method")? != Some("S256") {
        return Err(Refusal::request("the only code_challenge_method is S256"));
    }
    if !pkce::is_challenge(challenge) {
        return Err(Refusal::request("code_challenge is not the SHA-256 of a verifier in base64url"));
    }
    Ok(challenge.to_owned())
}

fn prompt(text: Option<&str>) -> Result<Prompt, Refusal> {
    let mut prompt = Prompt::default();
    for value in text.unwrap_or_default().split(' ').filter(|value| !value.is_empty()) {
        match value {
            "none" => prompt.none = true,
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => {
                return Err(Refusal::request("prompt is none, or some of login, consent and select_account"));
            }
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        return Err(Refusal::request("prompt is none, or something else"));
    }
    Ok(prompt)
}

fn max_age(text: Option<&str>) -> Result<Option<u64>, Refusal> {
    text.map(|text| text.parse().map_err(|_| Refusal::request("max_age is a number of seconds"))).transpose()
}

/// The claims that were asked for, and the account that it must be, where `sub` was asked for by value.
fn claims(text: Option<&str>) -> Result<(AskedClaims, Option<Uuid>), Refusal> {
    const MALFORMED: Refusal = Refusal::request("claims is not a JSON object as OpenID Connect Core has it");
    let Some(text) = text else { return Ok((AskedClaims::default(), None)) };
    let asked: Value = serde_json::from_str(text).map_err(|_| MALFORMED)?;
    let mut subject = None;
    let mut of = |place: &str| {
        let members = match asked.get(place) {
            None | Some(Value::Null) => return Ok(String::new()),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(MALFORMED),
        };
        if let Some(value) = members.get("sub").and_then(|sub| sub.get("value")) {
            let id = value.as_str().and_then(|text| Uuid::try_parse(text).ok());
            // A name that no account has is nobody's, and nobody can sign in as nobody.
            subject = Some(id.unwrap_or(Uuid::nil()));
        }
        let known = KNOWN_CLAIMS.into_iter().filter(|name| members.contains_key(*name));
        Ok(known.collect::<Vec<_>>().join(" "))
    };
    if !asked.is_object() {
        return Err(MALFORMED);
    }
    let claims = AskedClaims { id_token: of("id_token")?, userinfo: of("userinfo")? };
    Ok((claims, subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_read_strictly() {
        let of = |text: &str| prompt(Some(text));
        assert_eq!(prompt(None), Ok(Prompt::default()));
        assert_eq!(of("login consent"), Ok(Prompt { login: true, consent: true, none: false }));
        assert_eq!(of("select_account"), Ok(Prompt { login: true, ..Prompt::default() }));
        assert!(of("none login").is_err() && of("create").is_err());
    }

    #[test]
    fn claims_are_asked_for_by_name() {
        let (asked, subject) = claims(Some(
            r#"{"userinfo":{"preferred_username":null,"email":null},"id_token":{"sub":{"value":"x"}}}"#,
        ))
        .unwrap();
        assert_eq!((asked.userinfo.as_str(), asked.id_token.as_str()), ("preferred_username", ""));
        assert_eq!(subject, Some(Uuid::nil()));
        for bad in ["", "[]", "1", "{", r#"{"id_token":1}"#] {
            assert!(claims(Some(bad)).is_err(), "{bad}");
        }
    }
}
