//! What single words say: names, places, parts of addresses, and cues for what kind of value is near.

use crate::text::hash::WordHasher;
use crate::text::{self, Token};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

pub(crate) const GIVEN: u64 = 1;
pub(crate) const AMBIGUOUS: u64 = 1 << 1;
pub(crate) const SURNAME: u64 = 1 << 2;
pub(crate) const COMMON: u64 = 1 << 3;
pub(crate) const PLACE: u64 = 1 << 4;
pub(crate) const PLACE_START: u64 = 1 << 5;
pub(crate) const TITLE: u64 = 1 << 6;
pub(crate) const STREET: u64 = 1 << 7;
pub(crate) const STREET_PREFIX: u64 = 1 << 8;
pub(crate) const UNIT: u64 = 1 << 9;
pub(crate) const COMPANY: u64 = 1 << 10;
pub(crate) const PARTICLE: u64 = 1 << 11;
pub(crate) const STATE: u64 = 1 << 12;
pub(crate) const NAME_BEFORE: u64 = 1 << 13;
pub(crate) const NAME_AFTER: u64 = 1 << 14;
pub(crate) const RESIDENCE: u64 = 1 << 15;
pub(crate) const USER: u64 = 1 << 16;
pub(crate) const PASS: u64 = 1 << 17;
pub(crate) const VERSION: u64 = 1 << 18;
const PAIR_START: u64 = 1 << 19;

pub(crate) const CUES: u64 = !((1 << 20) - 1);
macro_rules! cues {
    ($($name:ident = $bit:literal,)+) => { $(pub(crate) const $name: u64 = 1 << (20 + $bit);)+ };
}
cues! {
    CARD = 0, CVV = 1, EXPIRY = 2, SSN = 3, ITIN = 4, SIN = 5, HEALTH = 6, NHS = 7, NINO = 8, UTR = 9, IBAN = 10, SWIFT = 11,
    ROUTING = 12, ACCOUNT = 13, PASSPORT = 14, DRIVER = 15, PLATE = 16, VIN = 17, PHONE = 18, PIN = 19, AGE = 20, AWS = 21,
    VEHICLE = 22, PHONE_AFTER = 23, ADDRESS = 24,
}

const LISTS: [(u64, &str); 12] = [
    (
        TITLE,
        "mr mrs ms miss mx dr prof professor sir dame madam herr frau señor señora monsieur madame mademoiselle signor signora lord lady rev reverend sgt capt lt",
    ),
    (
        STREET,
        "street st road rd avenue ave lane ln drive dr court ct boulevard blvd way place pl square sq terrace ter close crescent cres grove gardens gdns highway hwy parkway pkwy circle cir trail trl alley mews row hill walk crossing loop plaza quay embankment turnpike esplanade parade bypass freeway route rise",
    ),
    (
        STREET_PREFIX,
        "rue via calle rua rúa avenida plaza ctra carretera camino piazza strada ulica chemin impasse allée quai cours carrer passeig paseo rambla ronda travessa largo praça corso viale vicolo ul aleja plac c/ am auf unter an",
    ),
    (UNIT, "apt apartment suite ste unit flat floor bldg building box room psc"),
    (
        COMPANY,
        "ltd llc inc plc gmbh corp corporation limited company co group holdings sons ag sa bv oy ab as llp lp partners associates bank university college hospital institute foundation airlines airport hotel museum stadium festival records",
    ),
    (PARTICLE, "van der den de la del di da dos das du von zu af al el bin ibn ben ter ten le st"),
    (
        STATE,
        "al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc on qc bc ab mb sk ns nb nl pe yt nt nu aa ae ap",
    ),
    (
        NAME_BEFORE,
        "named dear hi hello hey attn signed ask contact meet thanks regards sincerely client patient customer colleague wife husband brother sister son daughter friend boss manager nurse mother father uncle aunt partner employee",
    ),
    (NAME_AFTER, "said says replied wrote asked told thinks lives works explained added argued who"),
    (
        RESIDENCE,
        "live lives living lived reside resides residing born grew moved home hometown based originally relocated",
    ),
    (VERSION, "version v ver release build firmware kernel section chapter rfc iso clause figure step"),
    (
        ADDRESS,
        "address addresses ship shipped deliver delivered send mail live lives located reside residing resides move moved",
    ),
];

const CUE_WORDS: [(u64, &str); 24] = [
    (CARD, "card cards visa mastercard amex maestro discover cc creditcard"),
    (CVV, "cvv cvc cvv2 cvc2 csc cvn"),
    (EXPIRY, "exp expires expire expiry expiration expiring expired"),
    (SSN, "ssn ssns"),
    (ITIN, "itin tin"),
    (SIN, "sin"),
    (HEALTH, "ohip phn ramq healthcard"),
    (NHS, "nhs"),
    (NINO, "nino ni"),
    (UTR, "utr"),
    (IBAN, "iban"),
    (SWIFT, "swift bic"),
    (ROUTING, "routing aba rtn"),
    (ACCOUNT, "account acct acc accounts checking"),
    (PASSPORT, "passport passports"),
    (DRIVER, "driver driver's drivers driving dl dln"),
    (PLATE, "plate plates numberplate registration reg tag"),
    (VIN, "vin chassis"),
    (
        PHONE,
        "phone telephone tel mobile cell cellphone fax call calling called ring dial text whatsapp sms reach landline office hotline answering answer handset contact number's msisdn telefon handy",
    ),
    (PIN, "pin"),
    (AGE, "age aged"),
    (AWS, "aws secret secretaccesskey credentials"),
    (VEHICLE, "car vehicle van truck motorcycle driving drove parked plate plates registration reg"),
    (PHONE_AFTER, "office fax mobile home cell phone tel telephone work landline"),
];

const PAIRS: [(&str, u64); 46] = [
    ("social security", SSN),
    ("social insurance", SIN),
    ("security code", CVV),
    ("card verification", CVV),
    ("verification value", CVV),
    ("valid thru", EXPIRY),
    ("valid through", EXPIRY),
    ("valid until", EXPIRY),
    ("valid till", EXPIRY),
    ("good through", EXPIRY),
    ("good thru", EXPIRY),
    ("end date", EXPIRY),
    ("credit card", CARD),
    ("debit card", CARD),
    ("individual taxpayer", ITIN),
    ("taxpayer identification", ITIN),
    ("taxpayer id", ITIN),
    ("health card", HEALTH),
    ("health number", HEALTH),
    ("health insurance", HEALTH),
    ("health coverage", HEALTH),
    ("care card", HEALTH),
    ("national insurance", NINO),
    ("national health", NHS),
    ("taxpayer reference", UTR),
    ("tax reference", UTR),
    ("bank account", ACCOUNT),
    ("savings account", ACCOUNT),
    ("bank identifier", SWIFT),
    ("transit number", ROUTING),
    ("license plate", PLATE),
    ("licence plate", PLATE),
    ("number plate", PLATE),
    ("tag number", PLATE),
    ("vehicle identification", VIN),
    ("vehicle id", VIN),
    ("frame number", VIN),
    ("secret access", AWS),
    ("secret key", AWS),
    ("access key", AWS),
    ("driver's license", DRIVER),
    ("driver license", DRIVER),
    ("driving licence", DRIVER),
    ("whats app", PHONE),
    ("user name", USER),
    ("screen name", USER),
];

const USER_WORDS: &str = "username user login userid user_id handle usernames";
const PASS_WORDS: &str = "password passwd pwd passcode passphrase pass kennwort passwort contraseña";

type WordMap = HashMap<String, u64, BuildHasherDefault<WordHasher>>;

struct Lexicon {
    words: WordMap,
    pairs: HashMap<String, u64, BuildHasherDefault<WordHasher>>,
    places: HashMap<String, Vec<Vec<String>>>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::read);

impl Lexicon {
    fn read() -> Self {
        let mut words = WordMap::default();
        let mut add = |flag: u64, list: &str| {
            for line in list.lines().filter(|line| !line.starts_with('#')) {
                for word in line.split_whitespace() {
                    *words.entry(word.to_owned()).or_default() |= flag;
                }
            }
        };
        add(GIVEN, include_str!("../../../data/given_names.txt"));
        add(AMBIGUOUS | GIVEN, include_str!("../../../data/ambiguous_names.txt"));
        add(SURNAME, include_str!("../../../data/surnames.txt"));
        add(COMMON, include_str!("../../../data/common_words.txt"));
        for (flag, list) in LISTS {
            add(flag, list);
        }
        for (flag, list) in CUE_WORDS {
            add(flag, list);
        }
        add(USER, USER_WORDS);
        add(PASS, PASS_WORDS);
        let mut places: HashMap<String, Vec<Vec<String>>> = HashMap::new();
        for line in include_str!("../../../data/places.txt").lines().filter(|line| !line.starts_with('#')) {
            for place in line.split_whitespace() {
                let parts: Vec<String> = place.split('_').map(str::to_owned).collect();
                if let [single] = &parts[..] {
                    add(PLACE, single);
                } else {
                    add(PLACE_START, &parts[0]);
                    places.entry(parts[0].clone()).or_default().push(parts[1..].to_vec());
                }
            }
        }
        let mut pairs: HashMap<String, u64, _> = HashMap::default();
        for (pair, flag) in PAIRS {
            add(PAIR_START, pair.split(' ').next().unwrap_or(pair));
            *pairs.entry(pair.to_owned()).or_default() |= flag;
        }
        Self { words, pairs, places }
    }
}

/// Fills in what the lexicon says about each token.
pub(crate) fn annotate(text: &str, tokens: &mut [Token]) {
    let lexicon = &*LEXICON;
    let mut word = String::new();
    let mut next = String::new();
    for index in 0..tokens.len() {
        let token = tokens[index];
        if token.kind == text::Kind::Digits || token.len() > 40 {
            continue;
        }
        text::lower_into(token.of(text), &mut word);
        let mut flags = lexicon.words.get(word.as_str()).copied().unwrap_or(0);
        if flags == 0 && !word.is_ascii() {
            // Kateřina, André: names are listed without accents.
            let plain: String = word.chars().map(text::fold::fold).collect();
            flags = lexicon.words.get(plain.as_str()).copied().unwrap_or(0) & (GIVEN | AMBIGUOUS | SURNAME | PLACE);
        }
        if flags == 0
            && let Some(short) = word.strip_suffix("'s")
        {
            flags = lexicon.words.get(short).copied().unwrap_or(0)
                & (GIVEN | AMBIGUOUS | SURNAME | COMMON | PLACE | PASS | USER);
        }
        if flags & PAIR_START != 0
            && let Some(after) = tokens.get(index + 1)
            && after.start - token.end <= 2
            && after.len() <= 40
        {
            text::lower_into(after.of(text), &mut next);
            word.push(' ');
            word.push_str(&next);
            if let Some(pair) = lexicon.pairs.get(word.as_str()) {
                // The pair says more than its first word alone, which may be a cue for something else.
                flags = (flags & !CUES) | pair;
                tokens[index + 1].flags |= pair & (USER | CUES);
            }
        }
        tokens[index].flags |= flags;
    }
}

/// How many tokens from `index` on make up a known place; 0 when none do.
pub(crate) fn place_len(text: &str, tokens: &[Token], index: usize) -> usize {
    let token = tokens[index];
    if token.flags & PLACE_START != 0 {
        let mut word = String::new();
        text::lower_into(token.of(text), &mut word);
        if let Some(rests) = LEXICON.places.get(&word) {
            for rest in rests {
                let fits = rest.iter().enumerate().all(|(offset, part)| {
                    tokens.get(index + 1 + offset).is_some_and(|next| {
                        text::lower_into(next.of(text), &mut word);
                        word == *part && next.start - tokens[index + offset].end <= 2
                    })
                });
                if fits {
                    return rest.len() + 1;
                }
            }
        }
    }
    usize::from(token.flags & PLACE != 0)
}

/// Whether a word in small letters ends like a family name somewhere in Europe or the Caucasus.
pub(crate) fn has_surname_ending(word: &str) -> bool {
    const ENDINGS: [&str; 62] = [
        "ov", "ova", "ev", "eva", "ová", "ić", "ič", "vic", "ich", "sen", "sson", "dóttir", "dottir", "ski", "ska",
        "sky", "cki", "wicz", "enko", "chuk", "yuk", "escu", "oiu", "opoulos", "poulou", "idis", "iadis", "akis",
        "nen", "berg", "ström", "strom", "gren", "qvist", "quist", "lund", "mann", "stein", "feld", "elli", "etti",
        "ini", "ucci", "acci", "ello", "azzi", "ez", "eira", "inho", "ões", "yan", "ian", "shvili", "adze", "oğlu",
        "oglu", "vold", "land", "gaard", "gård", "dahl", "haug",
    ];
    let letters = word.chars().count();
    letters >= 5 && ENDINGS.iter().any(|ending| word.ends_with(ending) && letters >= ending.chars().count() + 3)
}

/// Whether a word in small letters ends like a street name.
pub(crate) fn has_street_ending(word: &str) -> bool {
    const ENDINGS: [&str; 30] = [
        "strasse", "straße", "strase", "gata", "gatan", "vej", "vegur", "vägen", "vagen", "vegen", "veien", "weg",
        "laan", "straat", "gade", "allé", "allee", "gasse", "platz", "katu", "kuja", "polku", "braut", "stræde",
        "plein", "gracht", "kade", "backen", "stien", "vangen",
    ];
    word.chars().count() >= 6 && ENDINGS.iter().any(|ending| word.ends_with(ending) && word.len() > ending.len())
}
