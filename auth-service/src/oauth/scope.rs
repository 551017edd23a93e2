//! What a request asks for, against what its client may have.

use super::error::{Code, Refusal};
use super::parameters::Parameters;
use crate::clients::Client;
use crate::config::Config;
use crate::tokens::scope::{ALL, contains, filter, is_identity};

/// The longest list of resources that the table holds.
const MAX_RESOURCES: usize = 1024;

/// The scope that a client is granted. One that nobody knows is as if it had not been asked for (OpenID Connect Core
/// §3.1.2.1); one that is known here and not registered for the client is refused, so that a mistake is seen at once.
/// Without a scope in the request it is all that is registered, but for what is about the person: that is asked for by name.
///
/// # Errors
/// `invalid_scope`.
pub(super) fn granted(client: &Client, asked: Option<&str>) -> Result<String, Refusal> {
    let Some(asked) = asked else { return Ok(filter(&client.scope, |name| !is_identity(name))) };
    let known = filter(asked, |name| ALL.contains(&name));
    if known.is_empty() {
        return Err(Refusal::new(Code::InvalidScope, "nothing of the scope is known here"));
    }
    if known.split(' ').any(|name| !contains(&client.scope, name)) {
        return Err(Refusal::new(Code::InvalidScope, "the client is not registered for all of the scope"));
    }
    Ok(known.split(' ').fold(String::new(), |list, name| crate::tokens::scope::union(&list, name)))
}

/// The resources that tokens are for (RFC 8707), with spaces between them: each that is named must be registered, for the
/// client or for all of them. Where none is named it is the default audience.
///
/// # Errors
/// `invalid_target`.
pub(super) fn resource(config: &Config, client: &Client, parameters: &Parameters) -> Result<String, Refusal> {
    let mut resources: Vec<&str> = Vec::new();
    for resource in parameters.all("resource") {
        if !is_registered(config, client, resource) {
            return Err(Refusal::new(Code::InvalidTarget, "the client is not registered for this resource"));
        }
        if !resources.contains(&resource) {
            resources.push(resource);
        }
    }
    let resources = if resources.is_empty() { config.audience.clone() } else { resources.join(" ") };
    if resources.len() > MAX_RESOURCES {
        return Err(Refusal::new(Code::InvalidTarget, "too many resources at a time"));
    }
    Ok(resources)
}

/// Those of the resources for which the client may still have tokens. `None`: none of them.
pub(super) fn still_registered(config: &Config, client: &Client, resources: &str) -> Option<String> {
    let left = filter(resources, |resource| is_registered(config, client, resource));
    Some(left).filter(|left| !left.is_empty())
}

fn is_registered(config: &Config, client: &Client, resource: &str) -> bool {
    let mut registered = client.resources.iter().chain(&config.resources).chain([&config.audience]);
    registered.any(|own| own == resource)
}
