//! What `[auth]` means: who may call.

use super::Source;
use super::file::{AuthMode, AuthSection, BearerKey, SigningKey};
use outcrop_server::edge::authenticate;
use outcrop_wire::sigv4::Secret;
use std::collections::HashSet;
use std::path::Path;

/// Largest file with a key, in bytes.
const KEY_BYTES_MAX: u64 = 4 * 1024;
/// Longest access key id: AWS's.
const ID_CHARS_MAX: usize = 128;

/// Who may call, with their secrets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Auth {
    /// What the server asks for.
    pub(crate) is_required: bool,
    /// Access keys by id, as they stand in the file.
    pub(crate) keys: Vec<(String, Secret)>,
    /// Bearer keys by name.
    pub(crate) bearers: Vec<(String, Secret)>,
}

impl Auth {
    /// As the server takes it.
    pub(crate) fn mode(&self) -> authenticate::AuthMode {
        match self.is_required {
            true => authenticate::AuthMode::Sigv4(authenticate::Keys::new(self.keys.clone(), self.bearers.clone())),
            false => authenticate::AuthMode::Open,
        }
    }
}

/// Reads the section and the files it names.
pub(super) fn mean(
    section: AuthSection,
    source: &Source,
    environment: &dyn Fn(&str) -> Option<String>,
    problems: &mut Vec<String>,
) -> Auth {
    let is_required = section.mode == AuthMode::Sigv4;
    let has_keys = !section.key.is_empty() || !section.bearer.is_empty();
    if is_required && !has_keys {
        problems.push(format!("{}: nobody could call: add [[auth.key]] or [[auth.bearer]]", source.key("mode")));
    }
    if !is_required && has_keys {
        let place = match section.key.is_empty() {
            false => source.place("auth.key", 0, "access_key_id"),
            true => source.place("auth.bearer", 0, "name"),
        };
        problems.push(format!("{place}: nobody is asked for a key in open mode: set auth.mode = \"sigv4\""));
    }
    let reader = Reader { source, environment };
    let mut keep = |read: Result<(String, Secret), String>, kept: &mut Vec<(String, Secret)>| match read {
        Ok(key) => kept.push(key),
        Err(problem) => problems.push(problem),
    };
    let (mut keys, mut bearers) = (Vec::new(), Vec::new());
    let mut ids = HashSet::new();
    for (index, entry) in section.key.into_iter().enumerate() {
        keep(reader.signing_key(entry, index, &mut ids), &mut keys);
    }
    let mut names = HashSet::new();
    for (index, entry) in section.bearer.into_iter().enumerate() {
        keep(reader.bearer_key(entry, index, &mut names), &mut bearers);
    }
    Auth { is_required, keys, bearers }
}

struct Reader<'a> {
    source: &'a Source,
    environment: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    fn signing_key(
        &self,
        entry: SigningKey,
        index: usize,
        ids: &mut HashSet<String>,
    ) -> Result<(String, Secret), String> {
        let place = |key: &str| self.source.place("auth.key", index, key);
        let id = entry.access_key_id;
        let is_id = (1..=ID_CHARS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if !is_id {
            let form = "letters, digits, `_`, `-` and `.`, at most 128";
            return Err(format!("{}: an access key id has {form}", place("access_key_id")));
        }
        if !ids.insert(id.clone()) {
            return Err(format!("{}: {id} is given twice", place("access_key_id")));
        }
        let names = ["secret_access_key_file", "secret_access_key_env"];
        let given = (entry.secret_access_key_file.as_deref(), entry.secret_access_key_env.as_deref());
        Ok((id, self.secret(names, given, "access_key_id", &place)?))
    }

    fn bearer_key(
        &self,
        entry: BearerKey,
        index: usize,
        names: &mut HashSet<String>,
    ) -> Result<(String, Secret), String> {
        let place = |key: &str| self.source.place("auth.bearer", index, key);
        if entry.name.is_empty() {
            return Err(format!("{}: is empty", place("name")));
        }
        if !names.insert(entry.name.clone()) {
            return Err(format!("{}: {} is given twice", place("name"), entry.name));
        }
        let given = (entry.key_file.as_deref(), entry.key_env.as_deref());
        Ok((entry.name, self.secret(["key_file", "key_env"], given, "name", &place)?))
    }

    /// A secret from the file or the variable that the entry names; blanks and line ends at its end are not part of it.
    fn secret(
        &self,
        [file_key, env_key]: [&str; 2],
        given: (Option<&Path>, Option<&str>),
        first_key: &str,
        place: &dyn Fn(&str) -> String,
    ) -> Result<Secret, String> {
        let (key, text) = match given {
            (Some(_), Some(_)) => return Err(format!("{}: give either {file_key} or {env_key}", place(env_key))),
            (None, None) => return Err(format!("{}: has neither {file_key} nor {env_key}", place(first_key))),
            (None, Some(name)) => {
                let value = (self.environment)(name);
                (env_key, value.ok_or_else(|| format!("{}: the variable {name} is not set", place(env_key)))?)
            }
            (Some(file), None) => {
                let file = self.source.resolve(file);
                let read = read_key(&file).map_err(|why| format!("{}: {}: {why}", place(file_key), file.display()))?;
                (file_key, read)
            }
        };
        let text = text.trim();
        // It goes into a header or comes in one.
        match text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true if !text.is_empty() => Ok(Secret::new(text)),
            true => Err(format!("{}: the key is empty", place(key))),
            false => Err(format!("{}: the key must be one line of visible ASCII characters", place(key))),
        }
    }
}

fn read_key(file: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(file).map_err(|error| error.to_string())?;
    if metadata.len() > KEY_BYTES_MAX {
        return Err(format!("has more than {KEY_BYTES_MAX} bytes"));
    }
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    // What is in it must not be shown, not even the place of a wrong byte.
    String::from_utf8(bytes).map_err(|_| "is no text".to_owned())
}
