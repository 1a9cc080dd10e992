//! From AWS's names to Rust's.

/// `idleSessionTTLInSeconds` → `idle_session_ttl_in_seconds`. A run of capitals is one word.
pub(super) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, &letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            out.push('_');
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| letters.get(at)).copied().unwrap_or('_');
        let after = letters.get(at + 1).copied().unwrap_or('_');
        let starts_word = letter.is_ascii_uppercase()
            && (before.is_ascii_lowercase()
                || before.is_ascii_digit()
                || (before.is_ascii_uppercase() && after.is_ascii_lowercase()));
        if starts_word && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// `idleSessionTTLInSeconds` → `IDLE_SESSION_TTL_IN_SECONDS`.
pub(super) fn screaming(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// A field: snake case, raw where it is a keyword.
pub(super) fn field(member: &str) -> String {
    const KEYWORDS: [&str; 22] = [
        "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "fn", "for", "if", "impl", "in",
        "loop", "match", "mod", "move", "ref", "return", "type", "where",
    ];
    const NEVER_RAW: [&str; 4] = ["self", "super", "crate", "Self"];
    let name = snake(member);
    if NEVER_RAW.contains(&name.as_str()) {
        name + "_"
    } else if KEYWORDS.contains(&name.as_str()) {
        format!("r#{name}")
    } else {
        name
    }
}

/// A type, or a variant named after a member: the name with a capital first letter.
pub(super) fn pascal(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// A variant named after a value: `PRE_PROCESSING` → `PreProcessing`, `AMAZON.UserInput` → `AmazonUserInput`,
/// `nodejs4.3` → `Nodejs4_3`.
pub(super) fn variant(value: &str) -> String {
    let mut out = String::new();
    for word in value.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        // `4.3` and `43` must stay apart.
        let digits_meet = out.ends_with(|c: char| c.is_ascii_digit()) && word.starts_with(|c: char| c.is_ascii_digit());
        if digits_meet {
            out.push('_');
        }
        let shouted = !word.contains(|letter: char| letter.is_ascii_lowercase());
        out += &pascal(&if shouted { word.to_ascii_lowercase() } else { word.to_owned() });
    }
    match out.as_str() {
        // The one keyword in Pascal case.
        "Self" => out + "_",
        _ if out.starts_with(|letter: char| letter.is_ascii_digit()) => format!("V{out}"),
        _ => out,
    }
}

/// What serde's `rename_all = "camelCase"` makes of a field.
pub(super) fn serde_camel(field: &str) -> String {
    let mut out = String::new();
    let mut capital = false;
    for letter in field.trim_start_matches("r#").chars() {
        match letter {
            '_' => capital = true,
            letter if capital => {
                out.push(letter.to_ascii_uppercase());
                capital = false;
            }
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, expected) in [
            ("agentName", "agent_name"),
            ("idleSessionTTLInSeconds", "idle_session_ttl_in_seconds"),
            ("APISchema", "api_schema"),
            ("s3Location", "s3_location"),
            ("FunctionName", "function_name"),
            ("x-amz-id", "x_amz_id"),
        ] {
            assert_eq!(snake(name), expected);
        }
        assert_eq!(field("type"), "r#type");
        for (value, expected) in [
            ("PRE_PROCESSING", "PreProcessing"),
            ("AMAZON.UserInput", "AmazonUserInput"),
            ("nodejs4.3", "Nodejs4_3"),
            ("x86_64", "X86_64"),
            ("5m", "V5m"),
            ("SELF", "Self_"),
            ("array", "Array"),
        ] {
            assert_eq!(variant(value), expected);
        }
        assert_eq!(serde_camel("r#type"), "type");
        assert_eq!(serde_camel("agent_name"), "agentName");
    }
}
