//! Secrets: values that do not print, are wiped when dropped, and may come from a file.

use std::fs;
use std::path::Path;

use secrecy::SecretString;

use crate::settings::SettingError;

/// Takes the secret `name` from its value or from the file that `{name}_FILE` names, not both.
///
/// One trailing line break of a file is dropped: editors and `echo` put it there. Returns `None` where neither is set.
///
/// # Errors
/// Both are set, the file cannot be read, or the secret is empty.
pub fn resolve(
    name: &'static str,
    value: Option<&SecretString>,
    file: Option<&Path>,
) -> Result<Option<SecretString>, SettingError> {
    use secrecy::ExposeSecret as _;
    // Compose writes `NAME: ${NAME:-}`, which is empty where there is nothing.
    let value = value.filter(|value| file.is_none() || !value.expose_secret().is_empty());
    let secret = match (value, file) {
        (Some(_), Some(_)) => {
            return Err(SettingError::new(name, format!("{name} and {name}_FILE are both set; set one")));
        }
        (Some(value), None) => value.clone(),
        (None, Some(file)) => read(name, file)?,
        (None, None) => return Ok(None),
    };
    if secret.expose_secret().is_empty() {
        return Err(SettingError::new(name, "is empty"));
    }
    Ok(Some(secret))
}

fn read(name: &'static str, file: &Path) -> Result<SecretString, SettingError> {
    let mut text = fs::read_to_string(file)
        .map_err(|error| SettingError::new(name, format!("{} cannot be read: {error}", file.display())))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_comes_from_its_value_or_its_file_but_not_from_both() {
        let file = std::env::temp_dir().join(format!("imprimatur-secret-{}", std::process::id()));
        fs::write(&file, "from file\r\n").unwrap();
        let value = SecretString::from("from value");

        let both = resolve("X", Some(&value), Some(&file)).unwrap_err();
        assert_eq!(both.to_string(), "X: X and X_FILE are both set; set one");
        let from_file = resolve("X", None, Some(&file)).unwrap().unwrap();
        assert_eq!(from_file.expose_secret(), "from file");
        assert!(resolve("X", None, None).unwrap().is_none());
        assert!(resolve("X", Some(&SecretString::from("")), None).is_err());
        fs::remove_file(&file).unwrap();
        assert!(resolve("X", None, Some(&file)).unwrap_err().to_string().contains("cannot be read"));
    }
}
