//! The HTTP edge: how requests are read and answers written, the same in every service.

mod body;
mod budget;
mod client_address;
mod description;
mod edge;
pub mod etag;
mod fields;
mod health;
mod metrics;
mod networks;
pub mod page;
mod path;
mod places;
mod query;
mod serve;
mod stalled;
mod unread;

use http::header::CACHE_CONTROL;
use http::{HeaderName, HeaderValue};

use crate::problem;

/// A header for answers that nobody may keep: with a token, a code or a secret in it (RFC 6749 §5.1), or about a person.
pub const NO_STORE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-store"));

pub use body::{Json, read_body};
pub use client_address::{ClientAddress, TrustedProxies};
pub use description::{DescribeProblems, Description, describe_sign_in};
pub use edge::{Edge, EdgeSettings};
pub use fields::{Fields, FromFields, Invalid};
pub use health::{Finding, Health, ask_management, healthcheck, management_routes};
pub use metrics::Metrics;
pub use networks::Network;
pub use path::{FromPath, Path};
pub use places::{leave_place, return_to_place, site_of_request};
pub use problem::{Cause, FieldError, Problem};
pub use query::Query;
pub use serve::{ConnectionLimits, Listener, ServeSettings, serve, shutdown_signal, unless_ended};
pub(crate) use unread::SharedBytes;
