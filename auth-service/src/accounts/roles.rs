//! Roles, and the scopes that they carry.

use std::fmt;
use std::str::FromStr;

/// What an account may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Role {
    /// Reads books.
    Reader,
    /// Reads and writes books.
    Librarian,
    /// Does that, and manages accounts, sessions, clients and keys.
    Admin,
}

impl Role {
    /// Its name in tokens and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Librarian => "librarian",
            Self::Admin => "admin",
        }
    }

    const fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Reader => &["books:read"],
            Self::Librarian => &["books:read", "books:write"],
            Self::Admin => &["books:read", "books:write", "auth:admin"],
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Reader, Self::Librarian, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| "must be reader, librarian or admin".to_owned())
    }
}

/// The roles of an account, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// These roles.
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Self {
        let mut roles: Vec<_> = roles.into_iter().collect();
        roles.sort_unstable();
        roles.dedup();
        Self(roles)
    }

    /// What is said of a list that [`Roles::named`] does not take.
    pub const RULE: &'static str = "must be a list of reader, librarian and admin";

    /// The roles of these names, at least one. `None`: there is no such role, or no name.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let roles: Vec<Role> = names.into_iter().map(|name| name.parse().ok()).collect::<Option<_>>()?;
        (!roles.is_empty()).then(|| Self::new(roles))
    }

    /// As a table holds them. A name that nobody knows any more carries nothing.
    pub fn from_column(text: &str) -> Self {
        Self::new(text.split(' ').filter_map(|name| name.parse().ok()))
    }

    /// Whether `role` is among them.
    pub fn contains(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|role| role.as_str()).collect()
    }

    /// All that they allow together, with spaces between the names.
    pub fn scope(&self) -> String {
        let mut scopes: Vec<_> = self.0.iter().flat_map(|role| role.scopes()).copied().collect();
        scopes.sort_unstable();
        scopes.dedup();
        // Roles grow by adding: the order of the largest one reads best.
        scopes.sort_by_key(|scope| Role::Admin.scopes().iter().position(|known| known == scope));
        scopes.join(" ")
    }
}

/// As a table holds them.
impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_carry_scopes() {
        let scope = |roles: &str| Roles::from_column(roles).scope();
        assert_eq!(scope("reader"), "books:read");
        assert_eq!(scope("librarian reader"), "books:read books:write");
        assert_eq!(scope("admin"), "books:read books:write auth:admin");
        assert_eq!(scope("unknown"), "");
        assert_eq!(Roles::from_column("librarian reader librarian").to_string(), "reader librarian");
    }
}
