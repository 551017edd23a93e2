//! Bodies in one piece.

use axum::body::Body;
use http_body_util::BodyExt as _;

/// Reads on to the end, or until there is more than `most`. In one piece: a body may be sent byte by byte, and each piece of it
/// takes dozens of them as long as it is kept.
///
/// # Errors
/// It broke off; what came until then is in `read`.
pub(crate) async fn gather(body: &mut Body, most: usize, read: &mut Vec<u8>) -> Result<(), axum::Error> {
    while read.len() <= most
        && let Some(frame) = body.frame().await
    {
        if let Ok(data) = frame?.into_data() {
            read.extend_from_slice(&data);
        }
    }
    Ok(())
}
