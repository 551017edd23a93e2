//! What the stack says when it is ready.

use std::fmt::Write as _;

use crate::data_dir::DataDir;
use crate::options::Urls;

/// The message: where things are, whom to be, and three lines to paste.
pub(crate) fn greeting(data: &DataDir, urls: &Urls, demo: bool, admin_password: Option<&str>) -> String {
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
    if demo {
        text.push_str(&three_lines(gateway));
    }
    text
}

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
