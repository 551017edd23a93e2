//! The directory that holds everything: both databases, and the key that the signing keys are encrypted with.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shared::random::{Random, SystemRandom};

/// The file of the key that the signing keys are encrypted with.
const KEY: &str = "key-encryption-key";

/// A data directory that exists, and that no other stack uses.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Locked for as long as the process lives; of one that is only looked at, nothing.
    _lock: Option<File>,
}

impl DataDir {
    /// Takes `path`, which is made for its owner alone where it is missing.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.with_context(|| format!("the data directory {} cannot be made", path.display()))?;
        let path = path.canonicalize()?;
        let lock = lock(&path)?;
        Ok(Self { path, _lock: Some(lock) })
    }

    /// A directory that a stack has been at work in, to look at: another one may use it meanwhile. `None`: there is none.
    pub(crate) fn look(path: &Path) -> anyhow::Result<Option<Self>> {
        if !path.join(KEY).exists() {
            return Ok(None);
        }
        Ok(Some(Self { path: path.canonicalize()?, _lock: None }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The URL of a database here.
    pub(crate) fn sqlite_url(&self, name: &str) -> anyhow::Result<String> {
        let path = self.path.join(name);
        let path = path.to_str().context("the path of the data directory must be UTF-8")?;
        // What has a meaning in a URL stands for itself in a path.
        Ok(format!("sqlite://{}", path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")))
    }

    /// The file of the key that the signing keys are encrypted with; made on the first start, readable by its owner.
    pub(crate) fn key_encryption_key(&self) -> anyhow::Result<PathBuf> {
        let path = self.path.join(KEY);
        let random: &dyn Random = &SystemRandom::new();
        let key = STANDARD.encode(random.bytes::<32>());
        self.write_once(KEY, &key)?;
        Ok(path)
    }

    /// Whether the file `name` is here.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// Writes a file that only its owner may read, unless it is there already. It appears whole or not at all.
    pub(crate) fn write_once(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        if path.exists() {
            return Ok(());
        }
        let half = self.path.join(format!("{name}.new"));
        match fs::remove_file(&half) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&half, &path).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Takes the directory for this process. A scenario: the stack is started in a second window. It finds the ports taken and
/// others free, and would go on to work on the databases of the first one under another issuer.
fn lock(directory: &Path) -> anyhow::Result<File> {
    let path = directory.join("lock");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = file.with_context(|| format!("{} cannot be opened", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            anyhow::bail!(
                "another stack (process {}) works in {}: end it, or give this one a --data-dir of its own",
                holder.trim(),
                directory.display()
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("{} cannot be locked", path.display()));
        }
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(&directory.path().join("new data?")).unwrap();
        let path = data.key_encryption_key().unwrap();
        let key = fs::read_to_string(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(data.key_encryption_key().unwrap()).unwrap(), key);
        let second = DataDir::open(data.path()).unwrap_err().to_string();
        assert!(second.contains(&format!("another stack (process {})", std::process::id())), "{second}");
        assert!(data.sqlite_url("auth.db").unwrap().ends_with("/new data%3F/auth.db"));
    }
}
