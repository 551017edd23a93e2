//! The clients that nobody has to register: the pages of the product itself, which cannot keep a secret.
//!
//! A page at the issuer's own origin is as much ours as the sign-in page: whoever could sit there could ask for the password
//! itself. So its client is first-party, and nobody is asked whether they trust it. A page of a resource at an origin of its
//! own is somebody else's: it gets what its resource is for, once the person has agreed, and no account to manage.

use shared::pages::REDIRECT;
use url::Url;

use super::{Authentication, Client, ClientId, GrantType, RedirectUri};
use crate::config::Config;
use crate::tokens::scope::{ALL, OFFLINE_ACCESS};

/// The pages at the issuer's own origin.
pub const PAGES: &str = "imprimatur-pages";
/// The pages of resources at origins of their own: those of `AUTH_RESOURCES`. Beside an issuer on the loopback interface, also
/// whatever is there, since nobody registers the ports that they try things on.
pub const RESOURCE_PAGES: &str = "imprimatur-resource-pages";

/// Whether nobody may register a client of this name.
pub fn is_reserved(id: &ClientId) -> bool {
    [PAGES, RESOURCE_PAGES].contains(&id.as_str())
}

/// The client of that name, if it is one of these.
pub(super) fn find(config: &Config, id: &str) -> Option<Client> {
    match id {
        PAGES => client(id, "Imprimatur", pages(config), true, all_scopes(true)),
        RESOURCE_PAGES => {
            // Each time that a program on this machine asks, the person is asked as well.
            let administers = is_loopback(config);
            client(id, "A page of a resource", resource_pages(config), false, all_scopes(administers))
        }
        _ => None,
    }
}

/// Whether one of them has pages at this origin.
pub fn knows_origin(config: &Config, origin: &str) -> bool {
    let asked = format!("{origin}{REDIRECT}");
    let at = |uri: RedirectUri| uri.origin().as_deref() == Some(origin) || uri.matches(&asked);
    pages(config).into_iter().chain(resource_pages(config)).any(at)
}

fn pages(config: &Config) -> Vec<RedirectUri> {
    let own = ["/", REDIRECT, "/admin/ui"];
    own.iter().filter_map(|path| RedirectUri::exactly(&config.endpoint(path))).collect()
}

fn resource_pages(config: &Config) -> Vec<RedirectUri> {
    let own = config.issuer.url().origin();
    let resources = config.resources.iter().filter_map(|resource| Url::parse(resource).ok());
    let elsewhere = resources.map(|url| url.origin()).filter(|origin| origin.is_tuple() && *origin != own);
    let mut origins: Vec<_> = elsewhere.map(|origin| origin.ascii_serialization()).collect();
    if is_loopback(config) {
        origins.push("http://127.0.0.1".to_owned());
    }
    let paths = |origin: &String| ["/", REDIRECT].map(|path| format!("{origin}{path}"));
    origins.iter().flat_map(paths).filter_map(|uri| uri.parse().ok()).collect()
}

fn is_loopback(config: &Config) -> bool {
    shared::settings::is_loopback(config.issuer.url())
}

fn all_scopes(administers: bool) -> String {
    let kept = ALL.into_iter().filter(|name| *name != OFFLINE_ACCESS);
    kept.filter(|name| administers || !name.starts_with("auth:")).collect::<Vec<_>>().join(" ")
}

/// Without refresh tokens: while somebody is signed in with their browser, a page gets the next access token by that.
fn client(
    id: &str,
    name: &str,
    redirect_uris: Vec<RedirectUri>,
    first_party: bool,
    scope: String,
) -> Option<Client> {
    Some(Client {
        id: id.parse().ok()?,
        name: name.to_owned(),
        authentication: Authentication::None,
        post_logout_redirect_uris: redirect_uris.clone(),
        redirect_uris,
        grant_types: vec![GrantType::AuthorizationCode],
        scope,
        resources: Vec::new(),
        first_party,
        pushed_only: false,
        access_token_ttl: None,
        refresh_token_ttl: None,
        self_registered: false,
        created_at: 0,
    })
}
