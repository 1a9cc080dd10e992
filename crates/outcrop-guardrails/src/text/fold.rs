//! Letters that stand for other letters: accents, look-alikes, full width forms, leetspeak.

/// The plain small letter behind a character; other characters come back as they are.
pub(crate) fn fold(char: char) -> char {
    if char.is_ascii() {
        return char.to_ascii_lowercase();
    }
    let plain = match char as u32 {
        // Full width and mathematical letters.
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(char),
        code @ 0x1D400..=0x1D6A3 => ascii_letter((code - 0x1D400) % 52),
        code @ 0x1D7CE..=0x1D7FF => char::from_u32(0x30 + (code - 0x1D7CE) % 10).unwrap_or(char),
        code @ 0x24B6..=0x24CF => ascii_letter(26 + code - 0x24B6),
        code @ 0x24D0..=0x24E9 => ascii_letter(26 + code - 0x24D0),
        code @ 0x1F130..=0x1F149 => ascii_letter(26 + code - 0x1F130),
        code @ 0x1F150..=0x1F169 => ascii_letter(26 + code - 0x1F150),
        code @ 0x1F170..=0x1F189 => ascii_letter(26 + code - 0x1F170),
        _ => return fold_letter(char),
    };
    plain.to_ascii_lowercase()
}

fn ascii_letter(index: u32) -> char {
    let base = if index < 26 { 0x41 + index } else { 0x61 + index - 26 };
    char::from_u32(base).unwrap_or('a')
}

fn fold_letter(char: char) -> char {
    let lower = char.to_lowercase().next().unwrap_or(char);
    match lower {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ạ' | 'ả' | 'ấ' | 'ầ' | 'ắ' | 'а' | 'α' | 'ά'
        | 'ɑ' => 'a',
        'в' | 'β' | 'ь' | 'ƀ' => 'b',
        'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' | 'с' | 'ς' | 'ϲ' => 'c',
        'ď' | 'đ' | 'ð' | 'ԁ' => 'd',
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'е' | 'ё' | 'ε' | 'έ' | 'є' | 'ẹ' | 'ế' | 'ề' | 'ệ' => {
            'e'
        }
        'ĝ' | 'ğ' | 'ġ' | 'ģ' | 'ɡ' => 'g',
        'ĥ' | 'ħ' | 'һ' | 'н' => 'h',
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'і' | 'ї' | 'ι' | 'ί' | 'ɪ' | 'ị' => 'i',
        'ĵ' | 'ј' => 'j',
        'ķ' | 'к' | 'κ' => 'k',
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' | 'ӏ' => 'l',
        'м' | 'ɱ' => 'm',
        'ñ' | 'ń' | 'ņ' | 'ň' | 'ŋ' | 'η' | 'ɴ' | 'п' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'о' | 'ο' | 'ό' | 'ọ' | 'ồ' | 'ố' | 'ộ' | 'ơ' => {
            'o'
        }
        'р' | 'ρ' | 'þ' => 'p',
        'ŕ' | 'ŗ' | 'ř' | 'г' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' | 'ѕ' => 's',
        'ţ' | 'ť' | 'ŧ' | 'ț' | 'т' | 'τ' => 't',
        'ù' | 'ú' | 'û' | 'ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'υ' | 'ύ' | 'ư' | 'ụ' | 'ц' => 'u',
        'ν' | 'ѵ' => 'v',
        'ŵ' | 'ω' | 'ѡ' | 'ԝ' | 'ш' => 'w',
        'х' | 'χ' => 'x',
        'ý' | 'ÿ' | 'ŷ' | 'у' | 'γ' | 'ү' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        _ => lower,
    }
}

/// The letter that a digit or sign is used for in leetspeak.
pub(crate) fn unleet(char: char) -> Option<char> {
    Some(match char {
        '0' => 'o',
        '1' | '!' | '|' | '！' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '6' | '9' => 'g',
        '7' | '+' => 't',
        '8' => 'b',
        _ => return None,
    })
}

/// Characters without width, used to break words up.
pub(crate) fn is_invisible(char: char) -> bool {
    matches!(char as u32, 0xAD | 0x34F | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2064 | 0xFEFF | 0xE0000..=0xE007F)
}
