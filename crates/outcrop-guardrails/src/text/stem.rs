//! Light stemming and the words that carry no subject.

/// Cuts common English endings. It is crude on purpose: the same word must meet itself, nothing more.
pub(crate) fn stem(word: &str) -> &str {
    let word = word.strip_suffix("'s").or_else(|| word.strip_suffix("s'")).unwrap_or(word);
    if !word.is_ascii() {
        return word;
    }
    let cut = |ending: &str, keep: usize| word.strip_suffix(ending).filter(|stem| stem.len() >= keep);
    for (ending, keep) in [
        ("ations", 4),
        ("ation", 4),
        ("ments", 4),
        ("ment", 4),
        ("ings", 3),
        ("ing", 3),
        ("ities", 4),
        ("ity", 4),
        ("iness", 3),
        ("ness", 4),
        ("ions", 4),
        ("ion", 4),
        ("ers", 4),
        ("ies", 3),
        ("ied", 3),
        ("ely", 4),
        ("ly", 4),
        ("ed", 3),
        ("er", 4),
        ("es", 3),
        ("al", 4),
        ("s", 3),
        ("e", 3),
        ("y", 3),
    ] {
        if let Some(stem) = cut(ending, keep) {
            if ending == "s" && stem.ends_with('s') {
                continue;
            }
            // stopp-ing, plann-ed
            let bytes = stem.as_bytes();
            let double = bytes.len() > 3 && bytes[bytes.len() - 1] == bytes[bytes.len() - 2];
            if double
                && matches!(ending, "ing" | "ed" | "er" | "ers" | "ings")
                && !matches!(bytes[bytes.len() - 1], b'l' | b's')
            {
                return &stem[..stem.len() - 1];
            }
            return stem.strip_suffix('e').filter(|short| short.len() >= 3).unwrap_or(stem);
        }
    }
    word
}

const STOP: &str = " a about above after again all also am an and any are aren't as at be because been before being below between both \
but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each else ever every few for from further get gets \
got had hadn't has hasn't have haven't having he he's her here hers herself him himself his how how's however i i'd i'll i'm i've if in into is \
isn't it it's its itself just let let's like me more most mustn't my myself no nor not now of off on once one only or other ought our ours \
ourselves out over own please put same shall shan't she she's should shouldn't so some such than that that's the their theirs them \
themselves then there there's these they they'd they'll they're they've this those though through to too under until up us very was wasn't we \
we'd we'll we're we've were weren't what what's when when's where where's which while who who's whom why why's will with won't would \
wouldn't yes you you'd you'll you're you've your yours yourself yourselves oh ok okay well really know think tell want need im ive dont \
whats id ill thats gonna wanna say says said give go going make ";

/// Whether a word in small letters says nothing about a subject.
pub(crate) fn is_stop(word: &str) -> bool {
    use std::collections::HashSet;
    use std::sync::LazyLock;
    static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| STOP.split_ascii_whitespace().collect());
    WORDS.contains(word)
}
