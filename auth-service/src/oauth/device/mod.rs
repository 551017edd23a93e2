//! Devices without a browser (RFC 8628): they show a short code, and somebody types it in at `/oauth2/device`.

mod code;
mod page;
pub mod store;

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use shared::database::{is_duplicate, retry_write};
use shared::http::{ClientAddress, Json, NO_STORE, Problem};
use utoipa::ToSchema;

use self::code::UserCode;
use super::error::{Code, ErrorBody, OAuthError, Refusal};
use super::forms::DeviceForm;
use super::parameters::Form;
use super::{client_auth, scope};
use crate::clients::GrantType;
use crate::entity::device_code;
use crate::error::Error;
use crate::state::{App, AppState};

pub(super) use self::page::ask;
pub use self::page::{decide, enter, show};

/// How long somebody has to type the code in.
const LASTS: Duration = Duration::from_secs(10 * 60);
/// How long a device waits before it asks again (RFC 8628 §3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// How many codes are tried for a device.
const DRAWS: usize = 5;

/// What a device shows and keeps (RFC 8628 §3.2).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "device_code": "Xq3yP0nS2mV7cJ1kR5tB9wZ4", "user_code": "BCDF-GHJK", "expires_in": 600, "interval": 5,
    "verification_uri": "http://127.0.0.1:5000/oauth2/device",
    "verification_uri_complete": "http://127.0.0.1:5000/oauth2/device?user_code=BCDF-GHJK"
}))]
pub struct DeviceAuthorization {
    /// For the token endpoint.
    device_code: String,
    /// For people.
    user_code: String,
    /// Where they type it in.
    verification_uri: String,
    /// The same with the code in it, for a picture to scan.
    verification_uri_complete: String,
    /// For how many seconds.
    expires_in: u64,
    /// How many seconds the device waits before it asks again.
    interval: u64,
}

/// Shows no code.
impl std::fmt::Debug for DeviceAuthorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceAuthorization").finish_non_exhaustive()
    }
}

/// Begins for a device.
#[utoipa::path(
    post, path = "/oauth2/device_authorization", operation_id = "authorize_device", tag = "oauth",
    request_body(content = DeviceForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What to show", body = DeviceAuthorization),
        (status = 400, description = "It may not", body = ErrorBody),
        (status = 401, description = "The client did not prove who it is", body = ErrorBody),
        (status = 429, description = "Too many from this network; wait as Retry-After says", body = Problem),
        (status = 503, description = "No code is free; wait as Retry-After says", body = Problem),
    )
)]
pub async fn authorize(
    State(app): State<AppState>,
    headers: HeaderMap,
    ClientAddress(ip): ClientAddress,
    Form(form): Form,
) -> Result<Response, OAuthError> {
    let client = client_auth::client(&app, &headers, &form, ip).await?;
    if !client.may_use(GrantType::DeviceCode) {
        return Err(
            Refusal::new(Code::UnauthorizedClient, "the client is not registered for this grant").into()
        );
    }
    if client.is_unvouched() {
        app.throttle.admit_unproven(&app.database, ip, app.clock.now()).await?;
    }
    let (device_code, now) = (app.random.text::<32>(), app.clock.now());
    let row = device_code::Model {
        hash: hash(&device_code),
        user_code: String::new(),
        client_id: client.id.to_string(),
        scope: scope::granted(&client, form.get("scope")?)?,
        resource: scope::resource(&app.config, &client, &form)?,
        allowed: None,
        account_id: None,
        sign_in_id: None,
        auth_time: None,
        polled_at: now.millis(),
        poll_interval: i64::try_from(INTERVAL.as_millis()).unwrap_or(i64::MAX),
        expires_at: (now + LASTS).millis(),
        used_at: None,
    };
    let user_code = keep(&app, row).await?;
    let verification_uri = app.config.endpoint("/oauth2/device");
    let body = DeviceAuthorization {
        device_code,
        user_code: user_code.to_string(),
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        verification_uri,
        expires_in: LASTS.as_secs(),
        interval: INTERVAL.as_secs(),
    };
    Ok(([NO_STORE], Json(body)).into_response())
}

/// Keeps a device under a code that no other shows.
///
/// A scenario: 400,000 devices wait. Then one in 64,000 draws a code that another one shows, and is given the next.
async fn keep(app: &App, row: device_code::Model) -> Result<UserCode, Error> {
    for _ in 0..DRAWS {
        let user_code = UserCode::random(&*app.random);
        let row = device_code::Model { user_code: user_code.hidden(app), ..row.clone() };
        match retry_write(|| store::keep(&app.database, row.clone())).await {
            Ok(()) => return Ok(user_code),
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::NoUserCode)
}

/// The digest of a device code.
pub(super) fn hash(device_code: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, device_code.as_bytes()))
}
