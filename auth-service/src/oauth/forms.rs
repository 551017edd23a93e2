//! The forms of `/oauth2` as the OpenAPI document has them. They are read by [`parameters`](super::parameters), which
//! leaves out what it does not know (RFC 6749 §3.2).

use utoipa::ToSchema;

/// Declares a form with the members by which a client says who it is, unless it does so by `Authorization: Basic`.
macro_rules! form {
    ($(#[$about:meta])* $name:ident { $($(#[$said:meta])* $member:ident: $kind:ty,)* }) => {
        #[derive(Debug, ToSchema)]
        $(#[$about])*
        pub struct $name {
            $($(#[$said])* pub $member: $kind,)*
            /// The client, unless `Authorization: Basic` or the assertion names it.
            pub client_id: Option<String>,
            /// Its secret, where it is registered for `client_secret_post`.
            pub client_secret: Option<String>,
            /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer` (RFC 7523 §2.2).
            pub client_assertion_type: Option<String>,
            /// A JWT that the client has signed (RFC 7523 §3).
            pub client_assertion: Option<String>,
        }
    };
}

form! {
    /// A grant (RFC 6749 §4). Which members are needed follows from `grant_type`.
    #[schema(example = json!({
        "grant_type": "client_credentials", "scope": "books:read", "client_id": "robot", "client_secret": "its secret"
    }))]
    TokenForm {
        /// `authorization_code`, `refresh_token`, `client_credentials` or `urn:ietf:params:oauth:grant-type:device_code`.
        grant_type: String,
        /// The code, for `authorization_code`.
        code: Option<String>,
        /// What the code was asked for with (RFC 7636 §4.5).
        code_verifier: Option<String>,
        /// The same as in the authorization request, if it was there.
        redirect_uri: Option<String>,
        /// For `refresh_token`.
        refresh_token: Option<String>,
        /// For a device (RFC 8628 §3.4).
        device_code: Option<String>,
        /// Less than might be had, with spaces between.
        scope: Option<String>,
        /// For whom the token is to be (RFC 8707); may come several times.
        resource: Option<String>,
    }
}

form! {
    /// A token that a client holds (RFC 7009 §2.1, RFC 7662 §2.1).
    #[schema(example = json!({ "token": "eyJhbGciOi…", "client_id": "robot", "client_secret": "its secret" }))]
    TokenToLookAt {
        /// An access token or a refresh token.
        token: String,
        /// `access_token` or `refresh_token`. Nothing depends on it: tokens say what they are.
        token_type_hint: Option<String>,
    }
}

form! {
    /// Where a device begins (RFC 8628 §3.1).
    #[schema(example = json!({ "client_id": "television", "scope": "books:read offline_access" }))]
    DeviceForm {
        /// What the device asks for, with spaces between.
        scope: Option<String>,
        /// For whom the token is to be (RFC 8707); may come several times.
        resource: Option<String>,
    }
}

form! {
    /// An authorization request that its client pushes (RFC 9126 §2.1).
    #[schema(example = json!({
        "response_type": "code", "client_id": "bank", "redirect_uri": "https://app.example/callback",
        "scope": "openid books:read", "state": "af0ifjsldkj", "nonce": "n-0S6_WzA2Mj",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
    }))]
    PushedForm {
        /// `code`.
        response_type: String,
        /// As it is registered; may be left out where one is.
        redirect_uri: Option<String>,
        /// What is asked for, with spaces between.
        scope: Option<String>,
        /// Comes back with the answer (RFC 6749 §4.1.1).
        state: Option<String>,
        /// Comes back in the ID token (OpenID Connect Core §3.1.2.1).
        nonce: Option<String>,
        /// The base64url SHA-256 digest of the verifier (RFC 7636 §4.3).
        code_challenge: String,
        /// `S256`.
        code_challenge_method: Option<String>,
        /// For whom the token is to be (RFC 8707); may come several times.
        resource: Option<String>,
        /// `none`, `login`, `consent` or `select_account`, with spaces between.
        prompt: Option<String>,
        /// The most seconds since the person has signed in.
        max_age: Option<u64>,
        /// A user name to begin with.
        login_hint: Option<String>,
        /// Claims of the ID token and of userinfo, as JSON (OpenID Connect Core §5.5).
        claims: Option<String>,
        /// Languages of the pages, by preference, with spaces between.
        ui_locales: Option<String>,
    }
}
