//! Every page in every state.

use std::time::Duration;

use axum::response::Response;

use crate::oauth::pages::{
    Consent, DeviceCode, DeviceDone, DeviceFailure, Language, SignIn, SignInFailure, SignOut, SignOutDone,
    Trouble, TroubleKind,
};

/// What the pages show of others: clients, users, devices.
#[derive(Clone, Copy)]
pub(super) struct Data<'a> {
    pub(super) client: &'a str,
    pub(super) host: &'a str,
    pub(super) user: &'a str,
    pub(super) scope: &'a str,
    pub(super) code: &'a str,
    pub(super) detail: &'a str,
}

pub(super) const DATA: Data<'static> = Data {
    client: "Reading List",
    host: "reading-list.example",
    user: "alice",
    scope: "shelves:share",
    code: "WDJB-MJHT",
    detail: "redirect_uri is not one of those that the client has registered",
};

/// The origin that forms may lead to.
const TARGET: &str = "https://reading-list.example";

/// All pages with this data, each with a name of its own.
pub(super) fn all(data: Data<'_>, language: Language) -> Vec<(&'static str, Response)> {
    let targets = &[TARGET];
    let sign_in = SignIn {
        action: "/oauth2/sign-in",
        ticket: "tIcKeT-_0",
        client_name: Some(data.client),
        username: "",
        failure: None,
        cancel: true,
    };
    let failed = |failure| SignIn { username: data.user, failure: Some(failure), ..sign_in };
    let scopes =
        ["openid", "profile", "offline_access", "books:read", "books:write", "auth:admin", data.scope];
    let month = Some(Duration::from_secs(30 * 86_400));
    let consent = Consent {
        action: "/oauth2/consent",
        ticket: "tIcKeT-_0",
        client_name: data.client,
        client_uri_host: data.host,
        resource: "",
        self_registered: false,
        username: data.user,
        scopes: &["openid", "profile", "offline_access", "books:read"],
        lasts: month,
        device: false,
    };
    let sign_out = SignOut { action: "/oauth2/logout", ticket: "tIcKeT-_0", username: data.user };
    let code = DeviceCode { action: "/oauth2/device", ticket: "tIcKeT-_0", user_code: "", failure: None };
    let bad_code = |failure| DeviceCode { user_code: data.code, failure: Some(failure), ..code };
    let trouble = |what| Trouble { what, detail: data.detail }.respond(language, &[]);
    vec![
        ("sign-in", sign_in.respond(language, targets)),
        ("sign-in-plain", SignIn { client_name: None, cancel: false, ..sign_in }.respond(language, targets)),
        ("sign-in-wrong", failed(SignInFailure::BadCredentials).respond(language, targets)),
        ("sign-in-throttled", failed(SignInFailure::Throttled { seconds: 300 }).respond(language, targets)),
        ("sign-in-busy", failed(SignInFailure::Busy).respond(language, targets)),
        ("sign-in-must-change", failed(SignInFailure::MustChangePassword).respond(language, targets)),
        ("sign-in-expired", failed(SignInFailure::Expired).respond(language, targets)),
        ("consent", consent.respond(language, targets)),
        ("consent-all", Consent { scopes: &scopes, lasts: None, ..consent }.respond(language, targets)),
        (
            "consent-stranger",
            Consent { self_registered: true, resource: "https://payroll.example", ..consent }
                .respond(language, targets),
        ),
        ("consent-none", Consent { scopes: &[""], ..consent }.respond(language, targets)),
        (
            "consent-device",
            Consent { client_uri_host: "", device: true, ..consent }.respond(language, targets),
        ),
        ("sign-out", sign_out.respond(language, targets)),
        ("signed-out", SignOutDone { signed_out: true }.respond(language, &[])),
        ("stayed", SignOutDone { signed_out: false }.respond(language, &[])),
        ("device-code", code.respond(language, targets)),
        ("device-code-filled", DeviceCode { user_code: data.code, ..code }.respond(language, targets)),
        ("device-code-unknown", bad_code(DeviceFailure::Unknown).respond(language, targets)),
        (
            "device-code-throttled",
            bad_code(DeviceFailure::Throttled { seconds: 60 }).respond(language, targets),
        ),
        ("device-allowed", DeviceDone { allowed: true }.respond(language, &[])),
        ("device-denied", DeviceDone { allowed: false }.respond(language, &[])),
        ("trouble-bad-request", trouble(TroubleKind::BadRequest)),
        ("trouble-unknown-client", trouble(TroubleKind::UnknownClient)),
        ("trouble-bad-redirect", trouble(TroubleKind::BadRedirect)),
        ("trouble-expired", trouble(TroubleKind::Expired)),
        ("trouble-unavailable", trouble(TroubleKind::Unavailable)),
    ]
}
