//! Words as the planner compares them: split, lower case, stemmed, with a small set of general synonyms.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// A word of a text and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Lower case, as written otherwise.
    pub(super) text: String,
    /// What is compared.
    pub(super) stem: String,
    /// First byte in the text.
    pub(super) start: usize,
    /// Byte after the last.
    pub(super) end: usize,
}

impl Word {
    /// Whether it carries meaning of its own.
    pub(super) fn is_content(&self) -> bool {
        !is_stop(&self.text)
    }
}

/// The words of a text, in order. Apostrophes stay inside words ("hasn't"); everything else that is neither letter nor
/// digit parts them.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut all = Vec::new();
    let mut start = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let next_is_letter = characters.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        let inside = c.is_alphanumeric() || (matches!(c, '\'' | '’') && start.is_some() && next_is_letter);
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                all.push(word(text, from, at));
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        all.push(word(text, from, text.len()));
    }
    all
}

fn word(text: &str, start: usize, end: usize) -> Word {
    let text = text[start..end].to_lowercase().replace('’', "'");
    let text = match text.strip_suffix("'s") {
        Some(bare) => bare.to_owned(),
        None => text,
    };
    Word { stem: stem(&text), text, start, end }
}

/// The parts of an identifier: `getOrderStatus`, `get_order_status` and `get-order-status` are the same three words.
pub(super) fn name_parts(name: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let characters: Vec<char> = name.chars().collect();
    for (index, &c) in characters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| characters.get(before));
        let after = characters.get(index + 1);
        let hump = c.is_uppercase()
            && before.is_some_and(|b| b.is_lowercase() || b.is_numeric() || after.is_some_and(|a| a.is_lowercase()));
        if (!c.is_alphanumeric() || hump) && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        if c.is_alphanumeric() {
            part.extend(c.to_lowercase());
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// The stems of an identifier's parts.
pub(super) fn name_stems(name: &str) -> Vec<String> {
    name_parts(name).iter().map(|part| stem(part)).collect()
}

/// Cuts endings so that forms of a word compare equal: ship, ships, shipped, shipping. Light on purpose: it need not
/// give real words, only the same one for the same meaning.
pub(super) fn stem(word: &str) -> String {
    if let Some(base) = IRREGULAR_FORMS.get(word) {
        return (*base).to_owned();
    }
    if !word.is_ascii() || word.len() < 3 || word.bytes().any(|b| b.is_ascii_digit()) {
        return word.to_owned();
    }
    let mut base = word.to_owned();
    cut_plural(&mut base);
    for ending in ["ing", "ed"] {
        if base.len() >= ending.len() + 3 && base.ends_with(ending) {
            let rest = base.len() - ending.len();
            if base[..rest].bytes().any(|b| b"aeiouy".contains(&b)) {
                base.truncate(rest);
                break;
            }
        }
    }
    if base.len() >= 7 {
        for (ending, instead) in [
            ("ation", "at"),
            ("ator", "at"),
            ("ction", "ct"),
            ("ption", "pt"),
            ("ition", "it"),
            ("ntion", "nt"),
            ("ntor", "nt"),
            ("ctor", "ct"),
            ("verer", "ver"),
            ("ly", ""),
        ] {
            if let Some(rest) = base.strip_suffix(ending) {
                base = format!("{rest}{instead}");
                break;
            }
        }
    }
    if base.len() >= 4 && base.ends_with('e') {
        base.pop();
    }
    if base.len() >= 6 && base.ends_with('y') {
        base.pop();
    }
    let bytes = base.as_bytes();
    if bytes.len() >= 4
        && bytes[bytes.len() - 1] == bytes[bytes.len() - 2]
        && !b"aeiou".contains(&bytes[bytes.len() - 1])
    {
        base.pop();
    }
    base
}

thread_local! {
    /// Stems of the words that stand in the code: they are compared with everything.
    static OF_LISTS: RefCell<HashMap<&'static str, String>> = RefCell::new(HashMap::new());
}

/// Whether a stem is that of a word that stands in the code.
pub(super) fn is_stem_of(own: &str, word: &'static str) -> bool {
    OF_LISTS.with_borrow_mut(|known| *known.entry(word).or_insert_with(|| stem(word)) == own)
}

fn cut_plural(base: &mut String) {
    let cut = if base.len() > 4 && base.ends_with("ies") {
        base.truncate(base.len() - 3);
        base.push('y');
        0
    } else if ["sses", "xes", "ches", "shes", "zes"].iter().any(|ending| base.ends_with(ending)) {
        2
    } else {
        usize::from(base.ends_with('s') && !["ss", "us", "is"].iter().any(|ending| base.ends_with(ending)))
    };
    base.truncate(base.len() - cut);
}

const IRREGULAR: &[(&str, &str)] = &[
    ("sent", "send"),
    ("paid", "pay"),
    ("payment", "pay"),
    ("payments", "pay"),
    ("shipment", "ship"),
    ("shipments", "ship"),
    ("bought", "buy"),
    ("sold", "sell"),
    ("left", "leave"),
    ("begun", "begin"),
    ("began", "begin"),
    ("cancellation", "cancel"),
    ("cancellations", "cancel"),
    ("conversion", "convert"),
    ("carrier", "carry"),
    ("carriers", "carry"),
    ("arrival", "arriv"),
    ("departure", "depart"),
    ("went", "go"),
    ("gone", "go"),
    ("done", "do"),
    ("made", "make"),
    ("given", "give"),
    ("lost", "lose"),
    ("won", "win"),
    ("met", "meet"),
    ("found", "find"),
    ("built", "build"),
    ("people", "person"),
    ("persons", "person"),
    ("children", "child"),
    ("men", "man"),
    ("women", "woman"),
    ("cities", "city"),
    ("countries", "country"),
    ("temp", "temperatur"),
    ("avg", "averag"),
    ("min", "minimum"),
    ("max", "maximum"),
    ("num", "number"),
    ("qty", "quantity"),
    ("loc", "locat"),
    ("std", "standard"),
    ("dev", "deviat"),
    ("amt", "amount"),
    ("freq", "frequenc"),
    ("init", "initial"),
    ("len", "length"),
    ("vol", "volum"),
    ("dist", "distanc"),
    ("lang", "languag"),
    ("addr", "addres"),
    ("lat", "latitud"),
    ("lon", "longitud"),
    ("lng", "longitud"),
    ("hr", "hour"),
    ("hrs", "hour"),
    ("mins", "minut"),
    ("dest", "destinat"),
    ("mols", "mole"),
    ("id", "id"),
    ("ids", "id"),
    ("news", "news"),
];

static IRREGULAR_FORMS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| IRREGULAR.iter().copied().collect());

/// Words that say the same to someone who asks for something; general English only.
const SYNONYMS: &[&[&str]] = &[
    &["buy", "purchase", "acquire"],
    &["book", "reserve", "reservation", "booking"],
    &["delete", "remove", "erase"],
    &["ship", "dispatch"],
    &["price", "cost", "expense"],
    &["human", "person", "representative", "operator"],
    &["escalate", "speak", "talk", "connect"],
    &["weather", "forecast", "rain", "snow", "sunny"],
    &["where", "location", "place", "locate"],
    &["car", "vehicle", "automobile"],
    &["movie", "film"],
    &["doctor", "physician"],
    &["lawyer", "attorney"],
    &["hotel", "accommodation", "lodging"],
    &["phone", "telephone", "mobile"],
    &["photo", "picture", "image"],
    &["meeting", "appointment"],
    &["bill", "invoice"],
    &["refund", "reimburse"],
    &["shop", "store"],
    &["begin", "start", "initiate"],
    &["employee", "staff"],
    &["customer", "client"],
    &["holiday", "vacation"],
    &["schedule", "timetable"],
    &["predict", "estimate"],
    &["biggest", "largest"],
    &["wage", "salary"],
    &["modify", "change", "update", "edit"],
    &["amount", "sum"],
    &["arrive", "delivery", "eta"],
    &["near", "nearby", "nearest", "closest"],
    &["wire", "transfer", "remit"],
];

static GROUPS: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
    let groups = SYNONYMS.iter().enumerate();
    groups.flat_map(|(group, words)| words.iter().map(move |word| (stem(word), group))).collect()
});

/// How well two stems agree that are synonyms.
pub(super) const SYNONYM: f64 = 0.8;

/// The group of synonyms that a stem belongs to, if any.
pub(super) fn synonyms(stem: &str) -> Option<usize> {
    GROUPS.get(stem).copied()
}

/// Whether two stems mean the same.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || synonyms(one).is_some_and(|group| synonyms(other) == Some(group))
}

/// Whether any of `stems` means the same as `one`.
pub(super) fn has(stems: &[String], one: &str) -> bool {
    stems.iter().any(|stem| same(stem, one))
}

const STOP: &[&str] = &[
    "a", "an", "the", "this", "that", "these", "those", "it", "its", "them", "they", "their", "he", "she", "his",
    "her", "him", "i", "i'm", "i'd", "i've", "i'll", "me", "my", "mine", "myself", "we", "we're", "us", "our", "you",
    "your", "yours", "is", "are", "was", "were", "be", "been", "being", "am", "do", "does", "did", "has", "have",
    "had", "having", "will", "would", "shall", "should", "can", "could", "may", "might", "must", "to", "of", "in",
    "on", "at", "for", "from", "with", "by", "about", "as", "into", "over", "under", "between", "and", "or", "but",
    "if", "unless", "then", "than", "so", "not", "no", "yes", "please", "kindly", "what", "which", "who", "whom",
    "whose", "when", "where", "why", "how", "there", "here", "just", "also", "too", "very", "any", "some", "all",
    "each", "both", "either", "let", "let's", "s", "t", "hi", "hello", "hey", "thanks", "thank", "up", "out", "off",
    "per", "via", "using", "after", "before", "during", "within", "through", "isn't", "aren't", "wasn't", "hasn't",
    "haven't", "hadn't", "don't", "doesn't", "didn't", "won't", "can't", "what's", "where's", "now", "upon", "while",
    "such", "other", "etc", "like", "go", "ahead", "want", "need", "wish", "whether", "many", "much",
];

static STOP_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP.iter().copied().collect());

/// Whether a word (lower case) carries no meaning of its own.
pub(super) fn is_stop(word: &str) -> bool {
    STOP_WORDS.contains(word)
}

const GENERIC: &[&str] = &[
    "get",
    "find",
    "retrieve",
    "fetch",
    "show",
    "tell",
    "give",
    "look",
    "lookup",
    "see",
    "search",
    "check",
    "provide",
    "list",
    "display",
    "calculate",
    "compute",
    "determine",
    "know",
    "help",
    "make",
    "use",
    "info",
    "information",
    "detail",
    "details",
    "data",
    "specific",
    "specified",
    "given",
    "certain",
    "based",
    "particular",
    "function",
    "tool",
    "value",
    "query",
    "locate",
    "analyze",
    "identify",
    "obtain",
    "return",
    "returns",
    "number",
    "type",
    "result",
    "provided",
    "current",
    "new",
    "first",
    "set",
    "name",
    "various",
    "different",
    "include",
    "including",
    "user",
    "api",
    "estimate",
];

static GENERIC_STEMS: LazyLock<HashSet<String>> = LazyLock::new(|| GENERIC.iter().map(|word| stem(word)).collect());

/// Whether a stem stands in so many names and descriptions that it says little.
pub(super) fn is_generic(stem: &str) -> bool {
    GENERIC_STEMS.contains(stem)
}

/// `text` cut to at most `bytes_max` bytes, at a character boundary.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_compare_equal() {
        for forms in [
            &["ship", "ships", "shipped", "shipping", "shipment"][..],
            &["cancel", "cancelled", "canceled", "cancelling", "cancellation"],
            &["delivery", "deliver", "delivered", "delivers"],
            &["calculate", "calculation", "calculator", "calculating"],
            &["process", "processing", "processed", "processes"],
            &["call", "calling", "called"],
        ] {
            for form in forms {
                assert_eq!(stem(form), stem(forms[0]), "{form}");
            }
        }
        assert_ne!(stem("orders"), stem("board"));
    }

    #[test]
    fn identifiers_come_apart() {
        for name in ["getOrderStatus", "get_order_status", "get-order-status", "GetOrder_Status"] {
            assert_eq!(name_parts(name), ["get", "order", "status"], "{name}");
        }
        assert_eq!(name_parts("parseURLNow2"), ["parse", "url", "now2"]);
    }

    #[test]
    fn words_keep_their_places() {
        let text = "Where’s Ana’s order, hasn't it?";
        let all = words(text);
        let texts: Vec<&str> = all.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["where", "ana", "order", "hasn't", "it"]);
        assert_eq!(&text[all[2].start..all[2].end], "order");
    }
}
