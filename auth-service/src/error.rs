//! What can go wrong, and what the client is told of it: one exhaustive `match`.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use sea_orm::DbErr;
use shared::bearer::Challenge;
use shared::database::AsDbErr;
use shared::http::{FieldError, Problem};
use shared::token::Rejection;
use tokio::sync::oneshot::error::RecvError;

use crate::clients::Unreadable;
use crate::passwords::{EASY_TO_GUESS, HashError};
use crate::throttle::Refused;
use crate::tokens::key_change::KeyChangeError;
use crate::tokens::keyring::KeyringError;
use crate::tokens::sealer::CannotSeal;
use crate::tokens::signing_key::KeyError;

/// The protection space in the challenges of this service.
pub const REALM: &str = "auth";

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request itself breaks a rule.
    #[error("the request breaks a rule")]
    Request(Problem),
    /// The token is not good enough.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// No account of that name has that password.
    #[error("wrong name or password")]
    BadCredentials,
    /// The caller's password is another one.
    #[error("wrong current password")]
    WrongCurrentPassword,
    /// The new password is the one of before.
    #[error("the new password is the current one")]
    SamePassword,
    /// The new password, which is in this field, is one that an attacker would try before long.
    #[error("the new password is easy to guess")]
    EasyPassword(&'static str),
    /// Somebody was faster.
    #[error("the password was changed meanwhile")]
    PasswordChangedMeanwhile,
    /// There were too many failures.
    #[error("throttled")]
    Throttled(Duration),
    /// There is no such account.
    #[error("no such account")]
    NoSuchAccount,
    /// Nobody else administers.
    #[error("the last administrator")]
    LastAdmin,
    /// A key cannot be made now.
    #[error(transparent)]
    KeyChange(#[from] KeyChangeError),
    /// The operator makes all accounts.
    #[error("registration is closed")]
    RegistrationClosed,
    /// Another account has that name.
    #[error("the user name is taken")]
    UsernameTaken,
    /// Another client has that name.
    #[error("the client id is taken")]
    ClientIdTaken,
    /// Somebody was faster.
    #[error("the client was changed meanwhile")]
    ClientChangedMeanwhile,
    /// There is no such client.
    #[error("no such client")]
    NoSuchClient,
    /// What is registered of a client cannot be read.
    #[error(transparent)]
    UnreadableClient(#[from] Unreadable),
    /// What a browser is to carry cannot be sealed.
    #[error(transparent)]
    Seal(#[from] CannotSeal),
    /// The token was given to an application of others.
    #[error("a token of another's client")]
    NotYourOwnClient,
    /// The account has no such session.
    #[error("no such session")]
    NoSuchSession,
    /// All codes that were tried are shown by devices that wait.
    #[error("no code for a device is free")]
    NoUserCode,
    /// A password could not be hashed or checked.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// The keys cannot be had.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A token cannot be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What signs was cut off.
    #[error("what signs did not come to its end")]
    CutOff(#[from] RecvError),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wait { wait, .. } => Self::Throttled(wait),
            Refused::Database(error) => Self::Database(error),
        }
    }
}

impl AsDbErr for Error {
    fn as_db_err(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error)
            | Self::Keyring(KeyringError::Database(error))
            | Self::KeyChange(KeyChangeError::Keyring(KeyringError::Database(error))) => Some(error),
            _ => None,
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Request(problem)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let challenge = || Challenge::new(REALM).header();
        let problem = match self {
            Self::Request(problem) => problem,
            Self::Rejected(rejection) => return Challenge::new(REALM).answer(rejection),
            Self::BadCredentials => Problem::new(StatusCode::UNAUTHORIZED, "bad_credentials")
                .with_msg("Bad username or password")
                .with_header(WWW_AUTHENTICATE, challenge()),
            Self::WrongCurrentPassword => Problem::invalid(vec![FieldError {
                field: "current_password".to_owned(),
                message: "is not the password of this account".to_owned(),
            }]),
            Self::SamePassword => Problem::invalid(vec![FieldError {
                field: "new_password".to_owned(),
                message: "must be another one than the current password".to_owned(),
            }]),
            Self::EasyPassword(field) => easy_to_guess(field),
            Self::Hash(HashError::EasyToGuess) => easy_to_guess("password"),
            Self::PasswordChangedMeanwhile => {
                Problem::new(StatusCode::CONFLICT, "password_changed_meanwhile")
                    .with_detail("The password was changed elsewhere meanwhile")
            }
            Self::Throttled(wait) => Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled")
                .with_detail("Too many attempts; wait before the next one")
                .with_retry_after(wait),
            Self::NoSuchAccount => {
                Problem::new(StatusCode::NOT_FOUND, "user_not_found").with_error("User not found.")
            }
            Self::LastAdmin => Problem::new(StatusCode::CONFLICT, "last_admin")
                .with_detail("Nobody else could administer: make another administrator first"),
            Self::Database(error)
            | Self::Keyring(KeyringError::Database(error))
            | Self::KeyChange(KeyChangeError::Keyring(KeyringError::Database(error))) => error.into(),
            Self::KeyChange(KeyChangeError::Keyring(error)) => Problem::internal(error),
            Self::KeyChange(error @ (KeyChangeError::Announced(_) | KeyChangeError::TooMany)) => {
                Problem::new(StatusCode::CONFLICT, "next_key_exists").with_detail(error.to_string())
            }
            Self::KeyChange(error @ KeyChangeError::NoSuchKey(_)) => {
                Problem::new(StatusCode::NOT_FOUND, "key_not_found").with_detail(error.to_string())
            }
            Self::RegistrationClosed => Problem::new(StatusCode::FORBIDDEN, "registration_closed")
                .with_detail("Accounts are made by the operator of this service")
                .with_header(WWW_AUTHENTICATE, challenge()),
            Self::NotYourOwnClient => Problem::new(StatusCode::FORBIDDEN, "not_your_own_client")
                .with_detail("Applications of others may not manage the account; log in yourself")
                .with_header(WWW_AUTHENTICATE, challenge()),
            Self::UsernameTaken => Problem::new(StatusCode::CONFLICT, "username_taken")
                .with_detail("Another account has this user name"),
            Self::NoSuchSession => {
                Problem::new(StatusCode::NOT_FOUND, "session_not_found").with_error("Session not found.")
            }
            Self::ClientIdTaken => Problem::new(StatusCode::CONFLICT, "client_id_taken")
                .with_detail("Another client has this client_id"),
            Self::ClientChangedMeanwhile => Problem::new(StatusCode::CONFLICT, "client_changed_meanwhile")
                .with_detail("The client was changed elsewhere meanwhile; look at it, and try again"),
            Self::NoSuchClient => {
                Problem::new(StatusCode::NOT_FOUND, "client_not_found").with_error("Client not found.")
            }
            Self::UnreadableClient(error) => Problem::internal(error),
            Self::Seal(error) => Problem::internal(error),
            Self::NoUserCode => Problem::unavailable("no_user_code", Duration::from_secs(5)),
            Self::Hash(HashError::QueueFull) => {
                Problem::unavailable("hash_queue_full", Duration::from_secs(1))
            }
            Self::Hash(error @ (HashError::Unusable(_) | HashError::CutOff(_) | HashError::NoThread(_))) => {
                Problem::internal(error)
            }
            Self::Keyring(error) => Problem::internal(error),
            Self::Key(error) => Problem::internal(error),
            Self::CutOff(error) => Problem::internal(error),
        };
        problem.into_response()
    }
}

fn easy_to_guess(field: &str) -> Problem {
    Problem::invalid(vec![FieldError { field: field.to_owned(), message: EASY_TO_GUESS.to_owned() }])
}
