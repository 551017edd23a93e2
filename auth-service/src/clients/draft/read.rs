//! A registration as JSON, by the names of RFC 7591 §2.

use std::time::Duration;

use serde_json::Value;
use shared::http::{Fields, Invalid};

use super::super::Authentication;
use super::{Draft, Proof};
use crate::config::resource;

impl Draft {
    /// Takes what clients may say of themselves (RFC 7591 §2) out of `fields`, where it is there.
    ///
    /// # Errors
    /// A member is wrong; which one, `fields` remembers.
    pub fn read(&mut self, fields: &mut Fields) -> Result<(), Invalid> {
        let name = fields.optional_text("client_name", |text| Ok(text.to_owned()));
        let redirect_uris = list(fields, "redirect_uris", |text| text.parse().map_err(str::to_owned));
        let afterwards =
            list(fields, "post_logout_redirect_uris", |text| text.parse().map_err(str::to_owned));
        let grants = list(fields, "grant_types", str::parse);
        let responses = list(fields, "response_types", |text| match text {
            "code" => Ok(()),
            _ => Err("must be code".to_owned()),
        });
        let scope = fields.optional_text("scope", |text| Ok(text.to_owned()));
        let pushed = "require_pushed_authorization_requests";
        let pushed_only = fields.optional(pushed, "must be true or false");
        replace(&mut self.name, name?);
        replace(&mut self.redirect_uris, redirect_uris?);
        replace(&mut self.post_logout_redirect_uris, afterwards?);
        self.grant_types = grants?.or(self.grant_types.take());
        self.scope = scope?.or(self.scope.take());
        replace(&mut self.pushed_only, pushed_only?);
        responses?;
        Ok(())
    }

    /// Takes what only the operator may say of a client out of `fields`, where it is there; `null` for a lifetime is the
    /// usual one.
    ///
    /// # Errors
    /// As [`Draft::read`].
    pub fn read_operators(&mut self, fields: &mut Fields) -> Result<(), Invalid> {
        let resources = list(fields, "resources", resource);
        let first_party = fields.optional("first_party", "must be true or false");
        let mut ttl = |name| fields.optional::<Option<u64>>(name, "must be a number of seconds");
        let (access, refresh) = (ttl("access_token_ttl"), ttl("refresh_token_ttl"));
        replace(&mut self.resources, resources?);
        replace(&mut self.first_party, first_party?);
        replace(&mut self.access_token_ttl, access?.map(|ttl| ttl.map(Duration::from_secs)));
        replace(&mut self.refresh_token_ttl, refresh?.map(|ttl| ttl.map(Duration::from_secs)));
        Ok(())
    }

    /// Takes how a client proves who it is out of `fields`. One that has a secret or keys keeps them where nothing else is
    /// said.
    ///
    /// # Errors
    /// As [`Draft::read`].
    pub fn read_proof(&mut self, fields: &mut Fields) -> Result<(), Invalid> {
        let method = fields.optional_text("token_endpoint_auth_method", |text| match text {
            "none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt" => Ok(text.to_owned()),
            _ => Err("must be none, client_secret_basic, client_secret_post or private_key_jwt".to_owned()),
        });
        let jwks = fields.optional::<Value>("jwks", "must be a JWK set");
        let elsewhere = fields.optional::<Value>("jwks_uri", "must be text");
        let (method, jwks) = (method?, jwks?);
        if elsewhere?.is_some() {
            return Err(fields.complain("jwks_uri", "is not fetched: send the keys themselves as jwks"));
        }
        let has_keys = matches!(self.proof, Proof::Same(Authentication::PrivateKey { .. }));
        let has_secret = matches!(self.proof, Proof::Same(Authentication::Secret(_)));
        match (method.as_deref(), jwks) {
            (Some("private_key_jwt"), Some(jwks)) => self.proof = Proof::Keys(jwks.to_string()),
            (None, Some(jwks)) if has_keys => self.proof = Proof::Keys(jwks.to_string()),
            (Some("private_key_jwt"), None) if has_keys => {}
            (Some("private_key_jwt"), None) => return Err(fields.complain("jwks", "is required")),
            (_, Some(_)) => return Err(fields.complain("jwks", "is for private_key_jwt")),
            (Some("none"), None) => self.proof = Proof::None,
            (Some(_), None) if !has_secret => self.proof = Proof::NewSecret,
            (_, None) => {}
        }
        Ok(())
    }
}

/// A list of texts, where it is there.
fn list<T>(
    fields: &mut Fields,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Vec<T>>, Invalid> {
    let Some(texts) = fields.optional::<Vec<String>>(name, "must be an array of strings")? else {
        return Ok(None);
    };
    let parsed: Result<Vec<_>, String> = texts.iter().map(|text| parse(text)).collect();
    parsed.map(Some).map_err(|problem| fields.complain(name, problem))
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
