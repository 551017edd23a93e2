//! What the stack says when it is ready.

use std::fmt::Write as _;

use crate::data_dir::DataDir;
use crate::options::Urls;

/// The message: where things are, whom to be, and three lines to paste.
pub(crate) fn greeting(
    data: &DataDir,
    urls: &Urls,
    notes: &[String],
    demo: bool,
    admin_password: Option<&str>,
) -> String {
    let Urls { gateway, auth, books } = urls;
    let mut text = format!(
        "
Imprimatur is ready. Ctrl-C ends it; everything is kept in {data}

  one URL for both   {gateway}
  auth-service       {auth}
  books-service      {books}
",
        data = data.path().display(),
    );
    for note in notes {
        _ = write!(text, "\n  NOTE  {note}\n");
    }
    if demo {
        text.push_str(
            "
  DEMO ACCOUNT  test / test  (librarian): everybody knows this password. A new directory starts without it by --demo=false.
",
        );
    }
    if let Some(password) = admin_password {
        _ = write!(
            text,
            "
  ADMINISTRATOR  admin / {password}  is shown this once and never again. Change it with PUT /me/password.
"
        );
    }
    _ = write!(
        text,
        "
In a browser:

  {gateway}/          the catalogue: sign in, and search, add, edit and delete books
  {gateway}/admin/ui  accounts, applications, signing keys, what happened; for the administrator
  {gateway}/docs      the API of auth-service, to try; that of books-service is at /books/docs
"
    );
    if demo {
        text.push_str(&three_lines(gateway));
    }
    text.push_str(NEXT);
    text
}

/// For those who have never seen OAuth.
const NEXT: &str = r#"
A token is a ticket: whoever has it may do what stands in its scope, here books:read and books:write. It is got with a name
and a password, shown with each request, and good for 15 minutes; POST /refresh gets the next one. books-service checks it
by itself, with the public key of auth-service.

  programs that log in by themselves    README.md, "Use it": the same in Python and Rust
  applications that sign people in      auth-service client create; docs/clients.md
  services of your own behind tokens    docs/protect-your-service.md
  something does not work               stack doctor
"#;

/// Each can be pasted into a shell; the first one keeps the token for the others.
fn three_lines(gateway: &str) -> String {
    let json = "-H 'Content-Type: application/json'";
    let bearer = "-H \"Authorization: Bearer $TOKEN\"";
    format!(
        r#"
Log in, list some books, add one:

TOKEN=$(curl -s {gateway}/login {json} -d '{{"username":"test","password":"test"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "$TOKEN"
curl -s '{gateway}/books?limit=3' {bearer}; echo
curl -s {gateway}/books {bearer} {json} -d '{{"title":"Orlando","author":"Virginia Woolf"}}'; echo
"#
    )
}
