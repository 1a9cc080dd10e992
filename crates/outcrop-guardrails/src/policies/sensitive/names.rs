//! Names of people: known given and family names, titles and phrases that introduce a name, endings of family names.

use super::Entity;
use super::cues;
use super::lexicon::{
    AMBIGUOUS, COMMON, COMPANY, GIVEN, NAME_AFTER, NAME_BEFORE, PARTICLE, PLACE, STREET, SURNAME, TITLE,
    has_surname_ending, place_len,
};
use crate::config::PiiType;
use crate::text::{Case, Kind, Token, lower_into};

/// Words that one name may have.
const WORDS_MAX: usize = 5;

pub(super) fn find(text: &str, tokens: &[Token], found: &mut Vec<Entity>) {
    let mut index = 0;
    while index < tokens.len() {
        match name_at(text, tokens, index) {
            Some((first, last, score)) => {
                found.push(Entity::new(PiiType::Name, tokens[first].start..end_of(text, &tokens[last]), score));
                index = last + 1;
            }
            None => index += 1,
        }
    }
}

/// Where a name ends, without the possessive.
fn end_of(text: &str, token: &Token) -> usize {
    let word = token.of(text);
    let bare = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
    token.start + bare.len()
}

fn is_capital(token: &Token) -> bool {
    token.kind == Kind::Word && token.case != Case::Lower
}

/// Could be part of a name: capital, and no ordinary word.
fn is_open(token: &Token) -> bool {
    is_capital(token) && token.flags & (COMMON | COMPANY | STREET | TITLE) == 0 && token.len() > 1
}

fn is_firm_given(token: &Token) -> bool {
    token.flags & GIVEN != 0 && token.flags & AMBIGUOUS == 0
}

fn is_family(text: &str, token: &Token) -> bool {
    if token.flags & SURNAME != 0 {
        return true;
    }
    let mut word = String::new();
    lower_into(token.of(text), &mut word);
    has_surname_ending(word.strip_suffix("'s").unwrap_or(&word))
        || word.starts_with("o'") && word.len() > 4
        || (word.starts_with("mc") && word.len() > 5)
}

/// Whether two tokens stand side by side as words of one name do.
fn is_adjacent(text: &str, before: &Token, after: &Token) -> bool {
    let gap = &text[before.end..after.start];
    matches!(gap, " " | "-" | "\u{a0}") || (gap == ". " && (before.len() == 1 || before.flags & TITLE != 0))
}

fn previous<'t>(text: &str, tokens: &'t [Token], index: usize) -> Option<&'t Token> {
    let before = index.checked_sub(1).map(|at| &tokens[at])?;
    (tokens[index].start - before.end <= 3 && !cues::breaks(text, before, &tokens[index])).then_some(before)
}

/// Whether a sentence or a line begins at the token.
fn begins(text: &str, tokens: &[Token], index: usize) -> bool {
    index == 0
        || text[tokens[index - 1].end..tokens[index].start]
            .contains(['\n', '.', '!', '?', '"', '“', ':', '>', '*', '•'])
}

/// The words of a name from `index` on, given that it begins with a name.
fn run(text: &str, tokens: &[Token], index: usize) -> usize {
    let mut last = index;
    let mut at = index + 1;
    while at < tokens.len()
        && at - index < WORDS_MAX
        && is_adjacent(text, &tokens[at - 1], &tokens[at])
        && !ends_possessive(text, &tokens[at - 1])
    {
        let token = &tokens[at];
        let initial = token.kind == Kind::Word && token.len() == 1 && token.case == Case::Title;
        let particle = token.flags & PARTICLE != 0 && token.len() <= 4 && token.case != Case::Upper;
        let known = is_capital(token) && token.flags & (SURNAME | GIVEN) != 0 && token.flags & (STREET | COMPANY) == 0;
        if is_open(token) || known {
            last = at;
        } else if !initial && !particle {
            break;
        }
        at += 1;
    }
    last
}

fn ends_possessive(text: &str, token: &Token) -> bool {
    token.of(text).ends_with("'s") || token.of(text).ends_with("’s")
}

/// A company, street or place that only sounds like a name.
fn is_something_else(text: &str, tokens: &[Token], first: usize, last: usize) -> bool {
    let next =
        tokens.get(last + 1).filter(|next| matches!(&text[tokens[last].end..next.start], " " | ", " | " & " | "-"));
    let follows = next.is_some_and(|next| {
        next.flags & (COMPANY | STREET) != 0
            && (next.case != Case::Lower || tokens[first].case == Case::Lower)
            && !matches!(next.of(text), "st" | "la" | "co")
    });
    let of_place = first == last
        && (tokens[first].flags & PLACE != 0 || place_len(text, tokens, first) > 0)
        && !is_firm_given(&tokens[first]);
    let quoted_path = text[..tokens[first].start].ends_with(['@', '/', '_', '#', '\\', '='])
        || text[tokens[last].end..].starts_with(['@', '_', '/', '(', '=']);
    follows || of_place || quoted_path
}

fn name_at(text: &str, tokens: &[Token], index: usize) -> Option<(usize, usize, f64)> {
    let token = &tokens[index];
    if token.kind != Kind::Word || token.len() < 2 || token.len() > 40 {
        return None;
    }
    let before = previous(text, tokens, index);
    if token.case == Case::Lower {
        return lower_name(text, tokens, index, before);
    }
    let last = run(text, tokens, index);
    if before.is_some_and(|before| before.flags & TITLE != 0 && before.len() >= 2)
        && (is_open(token) || token.flags & (SURNAME | GIVEN) != 0)
    {
        return Some((index, last, 0.95));
    }
    if is_introduced(text, tokens, index)
        && (is_open(token) || token.flags & (SURNAME | GIVEN) != 0 && (token.flags & COMMON == 0 || last > index))
        && !is_something_else(text, tokens, index, last)
    {
        return Some((index, last, 0.9));
    }
    if is_something_else(text, tokens, index, last) {
        return None;
    }
    if token.flags & GIVEN != 0 {
        return known_given(text, tokens, index, last);
    }
    if !is_open(token) {
        return None;
    }
    if token.flags & SURNAME != 0 && token.flags & PLACE == 0 {
        return Some((index, last, 0.7));
    }
    if last - index <= 1
        && (is_listed(text, tokens, index, last)
            || is_owner(text, tokens, last)
            || is_addressed(text, tokens, index, last))
    {
        return Some((index, last, 0.65));
    }
    let followed = tokens
        .get(last + 1)
        .is_some_and(|next| next.flags & NAME_AFTER != 0 && &text[tokens[last].end..next.start] == " ");
    let said = before.is_some_and(|before| {
        before.flags & NAME_AFTER != 0 && matches!(before.of(text), "says" | "said" | "asked" | "told" | "replied")
    });
    if (followed || said) && last - index <= 2 && !begins_word_list(tokens, index, last) {
        return Some((index, last, 0.7));
    }
    // An unknown word and a family name by its ending, inside a sentence or alone on its line.
    let by_ending = (index..=last).rev().find(|at| is_family(text, &tokens[*at]) && tokens[*at].case == Case::Title);
    match by_ending {
        Some(at) if at > index || !begins(text, tokens, index) || last > index => Some((index, last, 0.6)),
        _ => None,
    }
}

/// Stands in a list with a known name: "Perić and Rodriguez", "Lom-Ali, Timothy".
fn is_listed(text: &str, tokens: &[Token], first: usize, last: usize) -> bool {
    let known = |token: &Token| {
        token.case == Case::Title
            && token.flags & PLACE == 0
            && (is_firm_given(token) || token.flags & SURNAME != 0)
            && token.flags & COMMON == 0
    };
    let near =
        |a: usize, b: usize, gap: &str| tokens.get(b).is_some_and(|token| &text[tokens[a].end..token.start] == gap);
    let is_and = |at: usize| tokens.get(at).is_some_and(|token| matches!(token.of(text), "and" | "or" | "&"));
    let ahead = (near(last, last + 1, ", ") && known(&tokens[last + 1]))
        || (near(last, last + 1, " ") && is_and(last + 1) && near(last + 1, last + 2, " ") && known(&tokens[last + 2]));
    let behind = (first >= 1 && near(first - 1, first, ", ") && known(&tokens[first - 1]))
        || (first >= 2
            && near(first - 1, first, " ")
            && is_and(first - 1)
            && near(first - 2, first - 1, " ")
            && known(&tokens[first - 2]));
    ahead || behind
}

/// "Tihomila's address": what only people have.
fn is_owner(text: &str, tokens: &[Token], last: usize) -> bool {
    ends_possessive(text, &tokens[last])
        && tokens.get(last + 1).is_some_and(|next| {
            matches!(
                next.of(text),
                "address"
                    | "account"
                    | "phone"
                    | "email"
                    | "birthday"
                    | "card"
                    | "wife"
                    | "husband"
                    | "mother"
                    | "father"
                    | "boss"
                    | "passport"
                    | "salary"
                    | "number"
            )
        })
}

/// "André, can I please speak to your boss?"
fn is_addressed(text: &str, tokens: &[Token], first: usize, last: usize) -> bool {
    let begins = first == 0 || text[tokens[first - 1].end..tokens[first].start].contains(['\n', '.', '!', '?']);
    begins
        && tokens.get(last + 1).is_some_and(|next| {
            &text[tokens[last].end..next.start] == ", "
                && matches!(
                    next.of(text),
                    "can"
                        | "could"
                        | "please"
                        | "would"
                        | "do"
                        | "did"
                        | "are"
                        | "i"
                        | "I"
                        | "you"
                        | "thank"
                        | "thanks"
                        | "what"
                        | "how"
                )
        })
}

fn begins_word_list(tokens: &[Token], first: usize, last: usize) -> bool {
    tokens[first..=last].iter().any(|token| token.case == Case::Upper && token.len() <= 4)
}

fn known_given(text: &str, tokens: &[Token], index: usize, last: usize) -> Option<(usize, usize, f64)> {
    let token = &tokens[index];
    if is_firm_given(token) {
        let is_month_or_word = token.flags & COMMON != 0;
        return (!is_month_or_word || last > index).then_some((index, last, if last > index { 0.9 } else { 0.75 }));
    }
    // "May", "Will", "Paris": only with a family name that cannot be anything else here.
    let next = tokens.get(index + 1).filter(|_| last > index)?;
    let fits = next.flags & COMMON == 0
        && (is_family(text, next)
            || next.flags & GIVEN != 0
            || (!begins(text, tokens, index) && next.flags & PLACE == 0));
    (fits && next.case == Case::Title).then_some((index, last, 0.8))
}

/// "my name is X", "Name: X", "I'm X", "call me X", "ask X", "Dear X".
fn is_introduced(text: &str, tokens: &[Token], index: usize) -> bool {
    let Some(before) = index.checked_sub(1).map(|at| &tokens[at]) else { return false };
    let gap = &text[before.end..tokens[index].start];
    let mut word = String::new();
    let word_at = |offset: usize, into: &mut String| {
        into.clear();
        if let Some(token) = index.checked_sub(offset).map(|at| &tokens[at]) {
            lower_into(token.of(text), into);
        }
    };
    if gap.len() > 4 || gap.contains(['\n', '.', '?', '!']) {
        return false;
    }
    word_at(1, &mut word);
    let colon = gap.contains(':');
    let direct = matches!(gap, " " | ": " | ", " | " \"" | " '");
    if colon {
        return matches!(
            word.as_str(),
            "name"
                | "client"
                | "patient"
                | "customer"
                | "contact"
                | "from"
                | "to"
                | "attn"
                | "signed"
                | "author"
                | "employee"
                | "passenger"
                | "guest"
                | "recipient"
                | "applicant"
        );
    }
    if !direct || gap == ", " && !matches!(word.as_str(), "hi" | "hello" | "hey" | "thanks" | "regards" | "sincerely") {
        return false;
    }
    if before.flags & NAME_BEFORE != 0 {
        return true;
    }
    let last_word = word.clone();
    word_at(2, &mut word);
    match last_word.as_str() {
        "is" | "was" => {
            matches!(word.as_str(), "name" | "names" | "name's" | "this" | "contact" | "manager" | "doctor")
        }
        "i'm" | "name's" => true,
        "am" => word == "i",
        "me" => matches!(word.as_str(), "call" | "called"),
        "name" => matches!(
            word.as_str(),
            "partner's"
                | "maiden"
                | "last"
                | "first"
                | "full"
                | "middle"
                | "husband's"
                | "wife's"
                | "his"
                | "her"
                | "my"
                | "the"
        ),
        "with" => {
            matches!(word.as_str(), "speak" | "speaking" | "spoke" | "meet" | "meeting" | "talk" | "talking" | "spoken")
        }
        "by" => {
            matches!(word.as_str(), "signed" | "written" | "approved" | "requested" | "seen" | "treated" | "booked")
        }
        "for" => matches!(
            word.as_str(),
            "appointment" | "record" | "records" | "account" | "booking" | "reservation" | "prescription"
        ),
        _ => false,
    }
}

/// Names in a text without capitals: only what is a name and nothing else, or follows "my name is".
fn lower_name(text: &str, tokens: &[Token], index: usize, before: Option<&Token>) -> Option<(usize, usize, f64)> {
    let token = &tokens[index];
    let follows = |at: usize| {
        tokens.get(at).filter(|next| {
            next.kind == Kind::Word
                && next.case == Case::Lower
                && next.len() > 2
                && is_adjacent(text, &tokens[at - 1], next)
                && !ends_possessive(text, &tokens[at - 1])
        })
    };
    let named = before.is_some_and(|before| {
        let word = before.of(text);
        let earlier = index.checked_sub(2).map(|at| tokens[at].of(text)).unwrap_or_default();
        let introduced = (word == "is" && earlier == "name")
            || (word == "me" && earlier == "call")
            || (word == "name" && matches!(earlier, "partner's" | "maiden" | "last" | "first"));
        introduced || (before.flags & TITLE != 0 && before.case == Case::Lower && text[before.end..].starts_with(". "))
    });
    let open = |token: &Token| token.flags & (COMMON | COMPANY | STREET) == 0;
    if named && open(token) {
        let last = follows(index + 1).filter(|next| open(next)).map_or(index, |_| index + 1);
        return Some((index, last, 0.8));
    }
    if !is_firm_given(token)
        || token.flags & (COMMON | PLACE) != 0
        || token.len() < 4
        || is_something_else(text, tokens, index, index)
    {
        return None;
    }
    let family = follows(index + 1).filter(|next| open(next) && is_family(text, next));
    Some((index, if family.is_some() { index + 1 } else { index }, if family.is_some() { 0.8 } else { 0.55 }))
}
