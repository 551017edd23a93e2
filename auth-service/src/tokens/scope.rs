//! Lists of scopes as text with spaces between the names (RFC 6749 §3.3).

/// Asks who somebody is (OpenID Connect Core §3.1.2.1).
pub const OPENID: &str = "openid";
/// Asks for their name (OpenID Connect Core §5.4).
pub const PROFILE: &str = "profile";
/// Asks to go on when they have left (OpenID Connect Core §11).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// About the person, and so of every role.
const IDENTITY: [&str; 3] = [OPENID, PROFILE, OFFLINE_ACCESS];
/// Everything that can be asked for here.
pub const ALL: [&str; 6] = [OPENID, PROFILE, OFFLINE_ACCESS, "books:read", "books:write", "auth:admin"];

/// Whether a list has this name.
pub fn contains(list: &str, name: &str) -> bool {
    list.split(' ').any(|own| own == name)
}

/// Whether a scope is about the person rather than about a resource.
pub fn is_identity(name: &str) -> bool {
    IDENTITY.contains(&name)
}

/// Whether a scope is one that auth-service itself acts on, so that tokens with it are for auth-service as well.
pub fn is_own(name: &str) -> bool {
    name == OPENID || name.starts_with("auth:")
}

/// Those names of `list` that `keep` says.
pub fn filter(list: &str, keep: impl Fn(&str) -> bool) -> String {
    list.split(' ').filter(|name| !name.is_empty() && keep(name)).collect::<Vec<_>>().join(" ")
}

/// Whether each name of `part` is in `whole`.
pub fn is_within(part: &str, whole: &str) -> bool {
    part.split(' ').filter(|name| !name.is_empty()).all(|name| contains(whole, name))
}

/// Both lists in one, each name once.
pub fn union(one: &str, other: &str) -> String {
    let new = filter(other, |name| !contains(one, name));
    [one, &new].into_iter().filter(|list| !list.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_compared_name_by_name() {
        assert!(contains("books:read books:write", "books:read") && !contains("books:readers", "books:read"));
        assert!(is_within("a b", "b c a") && is_within("", "a") && !is_within("a d", "a b"));
        assert_eq!(union("a b", "b c"), "a b c");
        assert_eq!(union("", "b"), "b");
        assert_eq!(filter("a  b", |_| true), "a b");
    }
}
