//! Room for a session: so many of one account at one client, and no more.

use sea_orm::DbErr;
use shared::clock::Timestamp;

use super::store;
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::entity::session;

/// As many are ended at a time, where the setting was made smaller: a login shall not take seconds for it, and the next ones
/// end the rest.
const AT_A_TIME: u64 = 20;

/// Ends sessions until there is room for `coming` among the `most` of its kind: those that were unused for longest.
///
/// A scenario: a script logs in each minute and never logs out. It ends its own sessions of the day before, one by one, and
/// neither those of other clients, nor those of browsers, nor any that is in use.
///
/// Whoever opens a session holds the row of its account by now: so those who open sessions of one account come one after the
/// other, each sees what the one before has opened, and there are never more. What was opened from a session of a browser
/// goes on, as when its time is over.
///
/// # Errors
/// The database's.
pub(crate) async fn make(
    transaction: &mut Transaction,
    coming: &session::Model,
    most: u32,
    actor: Actor,
) -> Result<(), DbErr> {
    let now = Timestamp::from_millis(coming.created_at);
    let kept = u64::from(most).saturating_sub(1);
    for id in store::unused_for_longest(&**transaction, coming, kept, AT_A_TIME, now).await? {
        // It may have been ended meanwhile, which is as good.
        if store::end(&**transaction, coming.account_id, id, now).await? {
            let event = Event::new(Kind::SessionEnded, actor).session(id);
            transaction.record(now, event.detail(format!("unused for longest, with {most} others"))).await?;
        }
    }
    Ok(())
}
