//! The members of a request, parsed into types that cannot be wrong, with one complaint for each that is.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::{FieldError, Problem};

/// A request that is read from named members: of a JSON body or of a query.
///
/// All fields are parsed before the first `?`, so that the client hears of every bad one at once:
///
/// ```
/// use shared::http::{Fields, FromFields, Invalid};
///
/// struct CreateNote { title: String, pinned: Option<bool> }
///
/// impl FromFields for CreateNote {
///     fn from_fields(fields: &mut Fields) -> Result<Self, Invalid> {
///         let title = fields.text("title", |text| Ok(text.to_owned()));
///         let pinned = fields.optional("pinned", "must be true or false");
///         Ok(Self { title: title?, pinned: pinned? })
///     }
/// }
/// ```
pub trait FromFields: Sized {
    /// Takes the members that it knows out of `fields`.
    ///
    /// # Errors
    /// A member is missing or wrong; which one, `fields` remembers.
    fn from_fields(fields: &mut Fields) -> Result<Self, Invalid>;
}

/// Proof that a complaint was noted in [`Fields`].
#[derive(Debug)]
pub struct Invalid(());

/// The members of a request and what is wrong with them.
#[derive(Debug)]
pub struct Fields {
    members: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self { members, errors: Vec::new() }
    }

    /// Reads a whole request, or answers 422 with all complaints.
    pub(super) fn read<T: FromFields>(self) -> Result<T, Problem> {
        self.read_with(T::from_fields)
    }

    /// Reads a whole request by rules that are known at run time only.
    ///
    /// # Errors
    /// 422 with all complaints.
    pub fn read_with<T>(self, read: impl FnOnce(&mut Self) -> Result<T, Invalid>) -> Result<T, Problem> {
        self.try_read(read).map_err(Problem::invalid)
    }

    /// Reads a whole request whose complaints are told in another way than by 422.
    ///
    /// # Errors
    /// All complaints.
    pub fn try_read<T>(
        mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Invalid>,
    ) -> Result<T, Vec<FieldError>> {
        match read(&mut self) {
            Ok(request) if self.errors.is_empty() => Ok(request),
            // Whoever dropped an `Invalid` has complained all the same.
            Ok(_) | Err(Invalid(())) => Err(self.errors),
        }
    }

    /// Takes members that are `null` as left out, where a standard has it so.
    pub fn leave_out_nulls(&mut self) {
        self.members.retain(|_, value| !value.is_null());
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// It is missing, is no text, or `parse` says what it must be.
    pub fn text<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Invalid> {
        match self.members.remove(name) {
            Some(Value::String(text)) => parse(&text).map_err(|message| self.complain(name, message)),
            Some(_) => Err(self.complain(name, "must be a string")),
            None => Err(self.complain(name, "is required")),
        }
    }

    /// A text that may be left out. `null` is not left out: it asks for a removal (RFC 7396) that no rule allows.
    ///
    /// # Errors
    /// It is no text, or `parse` says what it must be.
    pub fn optional_text<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Invalid> {
        if self.members.contains_key(name) { self.text(name, parse).map(Some) } else { Ok(None) }
    }

    /// A member of any JSON type that may be left out, of which `rule` says what it must be.
    ///
    /// # Errors
    /// It is of another type.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str, rule: &str) -> Result<Option<T>, Invalid> {
        let Some(value) = self.members.remove(name) else { return Ok(None) };
        serde_json::from_value(value).map(Some).map_err(|_| self.complain(name, rule))
    }

    /// Notes what is wrong with a member.
    pub fn complain(&mut self, name: &str, message: impl Into<String>) -> Invalid {
        self.errors.push(FieldError { field: name.to_owned(), message: message.into() });
        Invalid(())
    }
}
