//! What a connection string means. Both forms of libpq are read: `postgres://user:password@host:port/database?name=value`
//! and `host=… user=…`. What TLS is to prove stands in it too, and is taken out here: the client library knows less of it
//! than libpq does. No message repeats a part of the string that may hold the password.

use crate::error::StoreError;
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, Host, SslMode, TargetSessionAttrs};

/// What TLS has to prove before anything is said, as `sslmode` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// No TLS, or TLS to whoever answers.
    None,
    /// The certificate leads to a root that is trusted.
    Chain,
    /// That, and it is this host's.
    Host,
}

/// A connection string that was read.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) proof: Proof,
    /// Roots to trust in place of the public ones.
    pub(crate) roots: Option<PathBuf>,
}

/// How long what was sent may stay without a sign from the other side.
const UNANSWERED_MAX: Duration = Duration::from_secs(15);

/// Names that may stand in a connection string.
const NAMES: [&str; 24] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
    "client_encoding",
];

/// Whether a store's URL means PostgreSQL.
pub fn is_postgres(url: &str) -> bool {
    let known = |name: &str| NAMES.contains(&name.trim_end()) && !name.is_empty();
    url.starts_with("postgres://")
        || url.starts_with("postgresql://")
        || url.split_once('=').is_some_and(|(name, _)| known(name))
}

impl Address {
    /// Reads a connection string. `password` is used where it holds none.
    ///
    /// # Errors
    /// [`StoreError::Open`], with the name of what is wrong and never its value.
    pub(crate) fn parse(url: &str, password: Option<&str>) -> Result<Self, StoreError> {
        let mut told = Told::default();
        let rest = match url.split_once("://") {
            Some((scheme @ ("postgres" | "postgresql"), rest)) => {
                let (place, pairs) = rest.split_once('?').unwrap_or((rest, ""));
                let kept: Vec<&str> = pairs
                    .split('&')
                    .filter(|pair| !pair.is_empty())
                    .map(|pair| {
                        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                        Ok(told.takes(name, &decoded(name, value)?)?.then_some(pair))
                    })
                    .filter_map(Result::transpose)
                    .collect::<Result<_, StoreError>>()?;
                match kept.is_empty() {
                    true => format!("{scheme}://{place}"),
                    false => format!("{scheme}://{place}?{}", kept.join("&")),
                }
            }
            _ => {
                let mut kept = String::new();
                for (name, value) in pairs(url)? {
                    if told.takes(&name, &value)? {
                        let value = value.replace('\\', "\\\\").replace('\'', "\\'");
                        kept.push_str(&format!("{name}='{value}' "));
                    }
                }
                kept
            }
        };
        let mut config: Config = rest.parse().map_err(|error| unreadable(&error))?;
        if config.get_password().is_none()
            && let Some(password) = password
        {
            config.password(password);
        }
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(StoreError::Open("the URL of the PostgreSQL store names no host".into()));
        }
        // Of several servers the one that writes is meant.
        if config.get_hosts().len() > 1 && !told.has_target {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        // A network that is gone is noticed sooner than by the system's defaults, which wait for a quarter of an hour.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNANSWERED_MAX);
        }
        let (mode, proof) = told.tls()?;
        config.ssl_mode(mode);
        // Our TLS does not tell the certificate's hash, so a server that insists cannot be satisfied.
        if config.get_channel_binding() == ChannelBinding::Require {
            return Err(StoreError::Open("channel_binding=require is not supported; leave it out".into()));
        }
        Ok(Self { config, proof, roots: told.roots })
    }

    /// Host, port and database, for people: without user and password.
    pub(crate) fn name(&self) -> String {
        let config = &self.config;
        let mut ports = config.get_ports().iter().copied().cycle();
        let mut hosts: Vec<String> = config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => format!("{name}:{}", ports.next().unwrap_or(5432)),
                #[cfg(unix)]
                Host::Unix(path) => format!("{}:{}", path.display(), ports.next().unwrap_or(5432)),
            })
            .collect();
        if hosts.is_empty() {
            hosts = config.get_hostaddrs().iter().map(ToString::to_string).collect();
        }
        format!("postgres://{}/{}", hosts.join(","), config.get_dbname().or(config.get_user()).unwrap_or_default())
    }
}

/// What the library is not asked to understand.
#[derive(Default)]
struct Told {
    mode: Option<String>,
    roots: Option<PathBuf>,
    has_target: bool,
}

impl Told {
    /// Notes what is ours to understand; answers whether the library takes it.
    fn takes(&mut self, name: &str, value: &str) -> Result<bool, StoreError> {
        match name {
            "sslmode" => self.mode = Some(value.to_owned()),
            "sslrootcert" if value == "system" => self.mode = Some("verify-full".to_owned()),
            "sslrootcert" => self.roots = Some(PathBuf::from(value)),
            // There is no other encoding, no Kerberos, and one name of the program is enough.
            "client_encoding" | "gssencmode" | "fallback_application_name" => {}
            "sslcert" | "sslkey" => {
                return Err(StoreError::Open(format!("`{name}` is not supported: log in with a password")));
            }
            "keepalives_count" => {
                return Err(StoreError::Open("`keepalives_count` is called keepalives_retries".into()));
            }
            "target_session_attrs" => {
                self.has_target = true;
                return Ok(true);
            }
            name if NAMES.contains(&name) => return Ok(true),
            // A password with a character that should have been encoded may stand here.
            _ => {
                return Err(StoreError::Open(format!(
                    "the URL of the store has a parameter that is not known; known are {}. Encode `?`, `&`, `@`, `/` and \
                     `%` in user and password, as in `%3F`",
                    NAMES.join(", ")
                )));
            }
        }
        Ok(false)
    }

    fn tls(&self) -> Result<(SslMode, Proof), StoreError> {
        Ok(match self.mode.as_deref() {
            Some("disable") => (SslMode::Disable, Proof::None),
            None | Some("allow" | "prefer") => (SslMode::Prefer, Proof::None),
            // As libpq has it: roots that are given are used.
            Some("require") if self.roots.is_some() => (SslMode::Require, Proof::Chain),
            Some("require") => (SslMode::Require, Proof::None),
            Some("verify-ca") => (SslMode::Require, Proof::Chain),
            Some("verify-full") => (SslMode::Require, Proof::Host),
            Some(_) => {
                let known = "disable, prefer, require, verify-ca and verify-full";
                return Err(StoreError::Open(format!("sslmode of the store's URL: known are {known}")));
            }
        })
    }
}

fn unreadable(error: &tokio_postgres::Error) -> StoreError {
    // The source names the parameter; values stand in neither.
    let why = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    StoreError::Open(format!("the URL of the PostgreSQL store cannot be read{why}"))
}

fn decoded(name: &str, value: &str) -> Result<String, StoreError> {
    let wrong =
        || StoreError::Open(format!("parameter `{}` of the store's URL is not encoded well", known_or_some(name)));
    let (mut bytes, mut rest) = (Vec::new(), value.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>().ok_or_else(wrong)?;
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

fn known_or_some(name: &str) -> &str {
    if NAMES.contains(&name) { name } else { "(unknown)" }
}

/// The pairs of `name=value name='value with spaces'`.
fn pairs(text: &str) -> Result<Vec<(String, String)>, StoreError> {
    let wrong = || StoreError::Open("the connection string of the store is not made of name=value pairs".into());
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(wrong)?;
        let (mut value, mut quoted, mut end) = (String::new(), false, None);
        let after = after.trim_start();
        let mut chars = after.char_indices();
        while let Some((at, character)) = chars.next() {
            match character {
                '\\' => value.push(chars.next().ok_or_else(wrong)?.1),
                '\'' => quoted = !quoted,
                character if character.is_whitespace() && !quoted => {
                    end = Some(at);
                    break;
                }
                character => value.push(character),
            }
        }
        if quoted {
            return Err(wrong());
        }
        pairs.push((name.trim().to_owned(), value));
        rest = after[end.unwrap_or(after.len())..].trim_start();
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Result<(&str, SslMode, Proof), &str>) {
        match (Address::parse(url, Some("from elsewhere")), expected) {
            (Ok(address), Ok((name, mode, proof))) => {
                assert_eq!(
                    (address.name().as_str(), address.config.get_ssl_mode(), address.proof),
                    (name, mode, proof)
                );
                assert!(address.config.get_password().is_some());
            }
            (Err(error), Err(part)) => {
                let told = error.to_string();
                assert!(told.contains(part) && !told.contains("secret"), "{url}: {told}");
            }
            (Ok(address), Err(part)) => panic!("{url}: {} and not {part}", address.name()),
            (Err(error), Ok(_)) => panic!("{url}: {error}"),
        }
    }

    #[test]
    fn both_forms_are_read_and_nothing_repeats_the_password() {
        let (prefer, none) = (SslMode::Prefer, Proof::None);
        check("postgres://u:secret@db.example:6543/app", Ok(("postgres://db.example:6543/app", prefer, none)));
        check("postgresql://u@h/app?sslmode=disable", Ok(("postgres://h:5432/app", SslMode::Disable, none)));
        check(
            "postgres://u@h/app?sslmode=require&connect_timeout=3",
            Ok(("postgres://h:5432/app", SslMode::Require, none)),
        );
        check(
            "postgres://u@h/app?sslrootcert=%2Fca.pem&sslmode=require",
            Ok(("postgres://h:5432/app", SslMode::Require, Proof::Chain)),
        );
        check("postgres://u@h/app?sslmode=verify-full", Ok(("postgres://h:5432/app", SslMode::Require, Proof::Host)));
        check("postgres://u@a:1,b:2/app", Ok(("postgres://a:1,b:2/app", prefer, none)));
        check(
            "host=h user=u password='a secret' dbname=app sslmode=verify-ca",
            Ok(("postgres://h:5432/app", SslMode::Require, Proof::Chain)),
        );
        check("postgres://u:secret@h/app?sslmode=secret", Err("sslmode"));
        check("postgres://u:p?secret=x@h/app", Err("not known"));
        check("postgres://u:secret@h:port/app", Err("cannot be read"));
        check("postgres://u:secret@h/app?sslcert=c.pem", Err("`sslcert` is not supported"));
        check("host=h password='secret", Err("name=value"));
        check("user=u password=secret", Err("names no host"));
        check("postgres://u:secret@h/app?channel_binding=require", Err("channel_binding"));
        assert_eq!(Address::parse("host=a\\ b", None).unwrap().name(), "postgres://a b:5432/");
        assert!(is_postgres("host=x") && is_postgres("postgres://x") && !is_postgres("data/a=b.db"));
    }
}
