//! What a new data directory begins with: accounts to try things with, and some books.

use anyhow::Context as _;
use auth_service::accounts::change::{self, NewAccount};
use auth_service::accounts::store::{self, NewPassword};
use auth_service::accounts::{Role, Roles};
use auth_service::audit::{Actor, Event, Kind};
use auth_service::error::Error;
use auth_service::passwords::{Password, Verdict};
use auth_service::state::App as Auth;
use books_service::books::{self, store::Filter};
use books_service::state::App as Books;

use crate::catalogue::CATALOGUE;
use crate::data_dir::DataDir;

/// Tells that the demo was made, so that what its users deleted does not come back at the next start.
const MARKER: &str = "demo-made";

/// Makes the demo, once for each data directory. Returns the password of the administrator, if it was made now: it is
/// nowhere else.
pub(crate) async fn make(data: &DataDir, auth: &Auth, books: &Books) -> anyhow::Result<Option<String>> {
    if data.has(MARKER) {
        return Ok(None);
    }
    let password = auth.random.text::<15>();
    seed(auth, books).await?;
    let made = account(auth, "admin", &password, Role::Admin).await?;
    data.write_once(MARKER, "The accounts and books of the demo were made.")?;
    Ok(made.then_some(password))
}

/// Makes what clients of the tutorial expect, where it is missing. `false`: the account was there.
pub(crate) async fn seed(auth: &Auth, books: &Books) -> anyhow::Result<bool> {
    let made = account(auth, "test", "test", Role::Librarian).await?;
    fill(books).await?;
    Ok(made)
}

/// Refuses to put an account on a network whose password everybody knows: one that an earlier start on this machine made.
pub(crate) async fn refuse_known_password(auth: &Auth) -> anyhow::Result<()> {
    let username = "test".parse().map_err(anyhow::Error::msg)?;
    let Some(account) = store::find_by_name(&auth.database, &username).await? else { return Ok(()) };
    let password = Password::presented("test").map_err(anyhow::Error::msg)?;
    let known = auth.passwords.verify(password, &account.password_hash, ()).await? != Verdict::Wrong;
    anyhow::ensure!(
        !known || account.disabled_at.is_some(),
        "the account test still has the password test, and other machines could log in: change it with \
         `auth-service user passwd test`, or say that you want it with --demo"
    );
    Ok(())
}

/// Makes an account. `false`: there is one of that name.
async fn account(auth: &Auth, username: &str, password: &str, role: Role) -> anyhow::Result<bool> {
    let username = username.parse().map_err(anyhow::Error::msg)?;
    // Not by the rules for new passwords: the tutorial's clients know this one.
    let password = Password::presented(password).map_err(anyhow::Error::msg)?;
    let password = NewPassword::chosen(auth.passwords.hash(password).await?);
    let id = auth.random.uuid();
    let event = Event::new(Kind::AccountCreated, Actor::System).account(id).detail("demo");
    let account = NewAccount { id, username, password, roles: Roles::new([role]) };
    match change::create(&auth.database, &account, &event, auth.clock.now()).await {
        Ok(_) => Ok(true),
        Err(Error::UsernameTaken) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Adds the catalogue where there is no book yet.
async fn fill(books: &Books) -> anyhow::Result<()> {
    if !books::store::list(&books.database, &Filter::default(), 1).await?.is_empty() {
        return Ok(());
    }
    let parse = |(title, author): &(&str, &str)| Ok((title.parse()?, author.parse()?));
    let catalogue: Result<Vec<_>, String> = CATALOGUE.iter().map(parse).collect();
    let catalogue = catalogue.map_err(anyhow::Error::msg)?;
    books::store::add_all(&books.database, catalogue, books.clock.now()).await.context("the catalogue")
}

#[cfg(test)]
mod tests {
    use books_service::books::{Author, Title};

    use super::*;

    #[test]
    fn the_catalogue_keeps_the_rules_of_books() {
        for (title, author) in CATALOGUE {
            assert!(title.parse::<Title>().is_ok() && author.parse::<Author>().is_ok(), "{title}");
        }
    }
}
