//! What a request says about its signature, before anything of it is believed.

use super::{ALGORITHM, EXPIRES_SECONDS_MAX, Refusal, Request, SKEW_SECONDS, Scope, TERMINATOR, canonical, time};
use crate::Timestamp;
use percent_encoding::percent_decode_str;
use std::collections::HashSet;

/// What a request says about its signature. Nothing of it is verified yet: see [`Claim::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose secret it is said to be signed with.
    pub access_key_id: String,
    /// What it is said to be signed for.
    pub scope: Scope,
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: String,
    /// The time as it goes into the signature.
    pub(super) amz_date: String,
    at: Timestamp,
    /// How long a presigned URL holds, in seconds; nothing for a signature in a header.
    pub(super) expires: Option<i64>,
    /// Hash of the body or a word for it, from the header or the query.
    pub(super) declared_payload: Option<String>,
}

/// The parameters of a presigned URL, beside the signature.
const PRESIGNED: [&str; 5] =
    ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires"];

impl Claim {
    /// Reads the `Authorization` header or the query of a presigned URL; nothing when there is neither.
    ///
    /// Refuses what cannot be read, what is said twice, and requests that leave out of the signature what must be in it:
    /// `host`, and every `x-amz-*` header, since those say what is to be done.
    pub fn read(request: Request<'_>) -> Result<Option<Self>, Refusal> {
        let authorization = one_header(request, "authorization")?;
        let claim = match (authorization, is_presigned(request.query)) {
            (None, false) => return Ok(None),
            (Some(_), true) => {
                return Err(incomplete(
                    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter or the Authorization header should be specified",
                ));
            }
            (Some(value), false) => Self::of_header(request, &value)?,
            (None, true) => Self::of_query(request)?,
        };
        claim.check_headers(request)?;
        Ok(Some(claim))
    }

    /// Refuses what is too old, or newer than a clock could be wrong.
    pub fn check_time(&self, now: Timestamp) -> Result<(), Refusal> {
        let (earliest, latest) = (now.plus_seconds(-SKEW_SECONDS), now.plus_seconds(SKEW_SECONDS));
        let show = time::basic;
        if self.at > latest {
            return Err(Refusal::Time(format!(
                "Signature not yet current: {} is still later than {} ({} + 5 min.)",
                self.amz_date,
                show(latest),
                show(now)
            )));
        }
        match self.expires {
            None if self.at < earliest => Err(Refusal::Time(format!(
                "Signature expired: {} is now earlier than {} ({} - 5 min.)",
                self.amz_date,
                show(earliest),
                show(now)
            ))),
            Some(seconds) if self.at.plus_seconds(seconds) < now => Err(Refusal::Time(format!(
                "Signature expired: {} is now earlier than {}",
                show(self.at.plus_seconds(seconds)),
                show(now)
            ))),
            _ => Ok(()),
        }
    }

    fn of_header(request: Request<'_>, value: &str) -> Result<Self, Refusal> {
        let (algorithm, rest) = value.split_once(' ').unwrap_or((value, ""));
        let mut parts = Parts::default();
        if algorithm == ALGORITHM {
            for pair in rest.split(',').map(str::trim) {
                let Some((key, value)) = pair.split_once('=') else {
                    return Err(incomplete(
                        "The Authorization header has a part that is not a valid key=value pair (missing equal-sign).",
                    ));
                };
                parts.set(key, value)?;
            }
        } else if algorithm.starts_with("AWS") {
            return Err(incomplete(&format!("Unsupported AWS 'algorithm': only {ALGORITHM} is supported.")));
        }
        let (amz_date, at) = match one_header(request, "x-amz-date")? {
            Some(date) => (date.clone(), time::parse_basic(&date)),
            None => match one_header(request, "date")? {
                Some(date) => {
                    let at = time::parse_date_header(&date);
                    (at.map(time::basic).unwrap_or_default(), at)
                }
                None => (String::new(), None),
            },
        };
        let missing: Vec<String> = parts.missing("Authorization header requires").collect();
        if !missing.is_empty() || amz_date.is_empty() {
            let date = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
            let date = amz_date.is_empty().then(|| date.to_owned());
            return Err(incomplete(&missing.into_iter().chain(date).collect::<Vec<_>>().join(" ")));
        }
        let declared_payload = one_header(request, "x-amz-content-sha256")?;
        Self::new(parts, amz_date, at, None, declared_payload)
    }

    fn of_query(request: Request<'_>) -> Result<Self, Refusal> {
        let mut parts = Parts::default();
        let [mut algorithm, mut date, mut expires, mut payload] = [const { None }; 4];
        for (name, value) in parameters(request.query) {
            let place = match name.as_str() {
                "X-Amz-Algorithm" => &mut algorithm,
                "X-Amz-Date" => &mut date,
                "X-Amz-Expires" => &mut expires,
                "X-Amz-Content-Sha256" => &mut payload,
                "X-Amz-Credential" | "X-Amz-SignedHeaders" | canonical::SIGNATURE_PARAMETER => {
                    parts.set(&name["X-Amz-".len()..], &value)?;
                    continue;
                }
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(incomplete(&format!("The query-string parameter '{name}' is given more than once.")));
            }
        }
        let mut missing: Vec<String> = parts.missing("AWS query-string parameters must include").collect();
        for (name, value) in PRESIGNED.iter().zip([&algorithm, &None, &date, &None, &expires]) {
            if value.is_none() && !name.contains("Credential") && !name.contains("SignedHeaders") {
                missing.push(format!("AWS query-string parameters must include '{name}'."));
            }
        }
        if !missing.is_empty() {
            return Err(incomplete(&missing.join(" ")));
        }
        if algorithm.as_deref() != Some(ALGORITHM) {
            return Err(incomplete(&format!("Unsupported AWS 'algorithm': only {ALGORITHM} is supported.")));
        }
        let expires = expires.unwrap_or_default();
        let seconds = expires.parse().ok().filter(|_| expires.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(seconds) = seconds.filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds)) else {
            return Err(incomplete(&format!(
                "X-Amz-Expires must be a number of seconds from 1 to {EXPIRES_SECONDS_MAX} (a week)."
            )));
        };
        let payload = match payload {
            Some(payload) => Some(payload),
            None => one_header(request, "x-amz-content-sha256")?,
        };
        let amz_date = date.unwrap_or_default();
        let at = time::parse_basic(&amz_date);
        Self::new(parts, amz_date, at, Some(seconds), payload)
    }

    fn new(
        parts: Parts,
        amz_date: String,
        at: Option<Timestamp>,
        expires: Option<i64>,
        declared_payload: Option<String>,
    ) -> Result<Self, Refusal> {
        let Some(at) = at else {
            return Err(incomplete("Date must be in ISO-8601 'basic format', such as 20260101T120000Z."));
        };
        let credential = parts.credential.unwrap_or_default();
        let elements: Vec<&str> = credential.split('/').collect();
        let [access_key_id, date, region, service, terminator] = elements[..] else {
            return Err(incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
            ));
        };
        if [access_key_id, date, region, service].iter().any(|element| element.is_empty()) {
            return Err(incomplete("Credential must not have empty elements."));
        }
        if terminator != TERMINATOR {
            return Err(Refusal::Scope(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}'."
            )));
        }
        if amz_date.get(..8) != Some(date) {
            return Err(Refusal::Scope(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.".to_owned(),
            ));
        }
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            scope: Scope { date: date.to_owned(), region: region.to_owned(), service: service.to_owned() },
            signed_headers: parts.signed_headers.unwrap_or_default().split(';').map(str::to_owned).collect(),
            signature: parts.signature.unwrap_or_default(),
            amz_date,
            at,
            expires,
            declared_payload,
        })
    }

    /// What is signed exists, and what must be signed is.
    fn check_headers(&self, request: Request<'_>) -> Result<(), Refusal> {
        let mut signed = HashSet::new();
        for name in &self.signed_headers {
            let is_name = !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase());
            if !is_name || !signed.insert(name.as_str()) {
                return Err(incomplete("SignedHeaders must name headers in lower case, each once, with ';' between."));
            }
            if request.values(name).next().is_none() {
                // The name came in a header or a query: text, but of any length.
                let name: String = name.chars().take(100).collect();
                return Err(incomplete(&format!(
                    "'{name}' is named as a SignedHeader, but it does not exist in the HTTP request."
                )));
            }
        }
        if !signed.contains("host") {
            return Err(Refusal::NotSigned("Host".to_owned()));
        }
        let left_out = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).find(|name| {
            // Some SDKs add the last after they have signed; it says nothing about what is to be done.
            name.starts_with("x-amz-") && !signed.contains(name.as_str()) && name != "x-amz-user-agent"
        });
        left_out.map_or(Ok(()), |name| Err(Refusal::NotSigned(name.chars().take(100).collect())))
    }
}

/// Whether a query holds any part of a presigned URL's signature.
pub fn is_presigned(query: &str) -> bool {
    parameters(query).any(|(name, _)| name == canonical::SIGNATURE_PARAMETER || PRESIGNED[..2].contains(&name.as_str()))
}

/// The scope that a request names in its `Authorization` header or its query, whether or not the rest makes sense: for
/// telling services apart where nothing is verified.
pub fn claimed_scope(authorization: Option<&str>, query: &str) -> Option<Scope> {
    let credential = match authorization.and_then(|value| value.strip_prefix(ALGORITHM)) {
        Some(rest) => rest.split("Credential=").nth(1)?.split(',').next()?.to_owned(),
        None => parameters(query).find(|(name, _)| name == PRESIGNED[1])?.1,
    };
    let mut elements = credential.split('/').skip(1).map(str::to_owned);
    Some(Scope { date: elements.next()?, region: elements.next()?, service: elements.next()? })
}

/// The three parts that both forms have.
#[derive(Default)]
struct Parts {
    credential: Option<String>,
    signed_headers: Option<String>,
    signature: Option<String>,
}

impl Parts {
    /// Unknown keys are passed over.
    fn set(&mut self, key: &str, value: &str) -> Result<(), Refusal> {
        let place = match key {
            "Credential" => &mut self.credential,
            "SignedHeaders" => &mut self.signed_headers,
            "Signature" => &mut self.signature,
            _ => return Ok(()),
        };
        match place.replace(value.to_owned()) {
            None => Ok(()),
            Some(_) => Err(incomplete(&format!("'{key}' is given more than once."))),
        }
    }

    fn missing(&self, requires: &str) -> impl Iterator<Item = String> {
        let all =
            [("Credential", &self.credential), ("Signature", &self.signature), ("SignedHeaders", &self.signed_headers)];
        let is_missing = |value: &Option<String>| value.as_ref().is_none_or(String::is_empty);
        let names: Vec<&str> = all.iter().filter(|(_, value)| is_missing(value)).map(|(name, _)| *name).collect();
        names.into_iter().map(move |name| format!("{requires} '{name}' parameter."))
    }
}

/// The one value of a header, as text.
fn one_header(request: Request<'_>, name: &str) -> Result<Option<String>, Refusal> {
    let mut values = request.values(name);
    let Some(value) = values.next() else { return Ok(None) };
    let text = std::str::from_utf8(value).ok().filter(|_| values.next().is_none());
    match text {
        Some(text) => Ok(Some(text.trim().to_owned())),
        None => Err(incomplete(&format!("The header '{name}' is given more than once or is no text."))),
    }
}

/// Names and values of a query, decoded; what is no UTF-8 shows as replacement characters, which fit nothing.
fn parameters(query: &str) -> impl Iterator<Item = (String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn incomplete(message: &str) -> Refusal {
    Refusal::Incomplete(message.to_owned())
}
