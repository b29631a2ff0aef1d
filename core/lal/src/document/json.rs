//! JSON as Jackson's `ObjectMapper` reads it into a `Map` by default.
//!
//! The top is an object; of keys that are there twice the last one counts; what follows the object is
//! not read. Integers are `int`, `long` or `BigInteger` by their size, all other numbers `double`.

use super::{Document, Item, Range};

/// Jackson's own limit.
const NUMBER_BYTES_MAX: usize = 1000;

pub(super) fn parse(document: &mut Document, source: &str) -> Result<(), String> {
    let mut reader = Reader {
        bytes: source.as_bytes(),
        source,
        at: 0,
        document,
    };
    reader.object().map_err(|broken| match broken {
        Broken::At(at, what) => format!("{what} at byte {at}"),
        Broken::Nesting(what) => what,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    source: &'a str,
    at: usize,
    document: &'a mut Document,
}

/// Why a text is no object; put into words only where it is one.
enum Broken {
    At(usize, &'static str),
    Nesting(String),
}

/// What was read last inside of a collection.
#[derive(Clone, Copy, PartialEq)]
enum After {
    Open,
    Value,
    Comma,
}

impl Reader<'_> {
    fn object(&mut self) -> Result<(), Broken> {
        match self.token() {
            Some(b'{') => self.open(Item::Map(0))?,
            Some(_) => return self.broken("an object `{..}` is expected"),
            None => return self.broken("there is no content"),
        }
        let mut after = After::Open;
        while let Some(&innermost) = self.document.open.last() {
            let is_map = matches!(self.document.items[innermost], Item::Map(_));
            let close = if is_map { b'}' } else { b']' };
            let Some(byte) = self.token() else {
                return self.broken("the text ends inside of a collection");
            };
            if byte == close && after != After::Comma {
                self.at += 1;
                self.document.close();
                after = After::Value;
            } else if after == After::Value {
                if byte != b',' {
                    return self.broken("a comma or the end of the collection is expected");
                }
                self.at += 1;
                after = After::Comma;
            } else {
                if is_map {
                    self.key(byte)?;
                }
                after = self.value()?;
            }
        }
        Ok(())
    }

    /// A key and its colon.
    fn key(&mut self, byte: u8) -> Result<(), Broken> {
        if byte != b'"' {
            return self.broken("a quoted key is expected");
        }
        let key = self.text()?;
        self.document.items.push(Item::Text(key));
        if self.token() != Some(b':') {
            return self.broken("a colon is expected behind the key");
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self) -> Result<After, Broken> {
        let item = match self.token() {
            Some(b'"') => Item::Text(self.text()?),
            Some(b'{') => return self.open(Item::Map(0)).map(|()| After::Open),
            Some(b'[') => return self.open(Item::List(0)).map(|()| After::Open),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Item::Boolean(true))?,
            Some(b'f') => self.word("false", Item::Boolean(false))?,
            Some(b'n') => self.word("null", Item::Null)?,
            _ => return self.broken("a value is expected"),
        };
        self.document.items.push(item);
        Ok(After::Value)
    }

    fn word(&mut self, word: &str, item: Item) -> Result<Item, Broken> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.broken("a value is expected");
        }
        self.at += word.len();
        Ok(item)
    }

    fn number(&mut self) -> Result<Item, Broken> {
        let start = self.at;
        let is_negative = self.peek() == Some(b'-');
        self.at += usize::from(is_negative);
        let digits = self.at;
        let mut magnitude = 0_i64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            magnitude = magnitude
                .wrapping_mul(10)
                .wrapping_add(i64::from(digit - b'0'));
            self.at += 1;
        }
        let count = self.at - digits;
        if count == 0 || (count > 1 && self.bytes[digits] == b'0') {
            self.at = digits;
            return self.broken("a number without leading zeros is expected");
        }
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return self.decimal(start);
        }
        self.bounded(start)?;
        // 18 digits fit.
        if count <= 18 {
            let value = if is_negative { -magnitude } else { magnitude };
            return Ok(i32::try_from(value).map_or(Item::Long(value), Item::Int));
        }
        let text = &self.source[start..self.at];
        let big = Item::Number(Range::new(start, self.at));
        Ok(text.parse().map_or(big, Item::Long))
    }

    /// From the point or the exponent on.
    fn decimal(&mut self, start: usize) -> Result<Item, Broken> {
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        self.bounded(start)?;
        match self.source[start..self.at].parse() {
            Ok(value) => Ok(Item::Double(value)),
            Err(_) => self.broken("this is no number"),
        }
    }

    fn digits(&mut self) -> Result<(), Broken> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return self.broken("a digit is expected");
        }
        Ok(())
    }

    fn bounded(&mut self, start: usize) -> Result<(), Broken> {
        if self.at - start > NUMBER_BYTES_MAX {
            self.at = start;
            return self.broken("a number has more than 1000 digits");
        }
        Ok(())
    }

    /// The text whose opening quote is next.
    fn text(&mut self) -> Result<Range, Broken> {
        let start = self.at + 1;
        self.at = start + plain_length(&self.bytes[start..]);
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Range::new(start, self.at - 1));
        }
        let unescaped = self.document.text.len();
        let mut plain = start;
        loop {
            self.document.text.push_str(&self.source[plain..self.at]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return self.broken("a control character has to be escaped"),
                None => return self.broken("the text ends inside of quotes"),
            }
            plain = self.at;
            self.at += plain_length(&self.bytes[plain..]);
        }
        self.at += 1;
        Ok(Range::new(unescaped, self.document.text.len()))
    }

    fn escape(&mut self) -> Result<(), Broken> {
        let letter = self.bytes.get(self.at + 1);
        let plain = match letter {
            Some(b'"' | b'\\' | b'/') => char::from(self.bytes[self.at + 1]),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => match unicode_escape(&self.bytes[self.at..]) {
                Some((character, length)) => {
                    self.at += length;
                    self.document.text.push(character);
                    return Ok(());
                }
                None => return self.broken("four hexadecimal digits are expected in `\\u....`"),
            },
            _ => return self.broken("no such escape: one of `\"\\/bfnrtu` is expected"),
        };
        self.at += 2;
        self.document.text.push(plain);
        Ok(())
    }

    fn open(&mut self, item: Item) -> Result<(), Broken> {
        self.at += 1;
        self.document.open(item).map_err(Broken::Nesting)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte that is not blank.
    fn token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    #[cold]
    fn broken<T>(&self, what: &'static str) -> Result<T, Broken> {
        Err(Broken::At(self.at, what))
    }
}

/// The character of `\uXXXX`, or of two of them that are a pair, and how many bytes that is. Half a
/// pair, which Java would keep, becomes U+FFFD.
pub(super) fn unicode_escape(bytes: &[u8]) -> Option<(char, usize)> {
    let first = unit(bytes)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 6));
    }
    let second = unit(&bytes[6..]).filter(|unit| (0xDC00..0xE000).contains(unit));
    match second {
        Some(second) if first < 0xDC00 => {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            char::from_u32(code).map(|character| (character, 12))
        }
        _ => Some((char::REPLACEMENT_CHARACTER, 6)),
    }
}

/// The UTF-16 unit of `\uXXXX`.
fn unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    let mut unit = 0;
    for digit in digits {
        unit = unit * 16 + char::from(*digit).to_digit(16)?;
    }
    Some(unit)
}

/// Bytes up to the first quote, backslash or control character, eight at a time.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // The high bit of the lowest byte that is smaller than `limit` (at most 128) is set, and of none
    // below it; borrows reach only the bytes above.
    let smaller = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quotes = smaller(word ^ (ONES * u64::from(b'"')), 1);
        let backslashes = smaller(word ^ (ONES * u64::from(b'\\')), 1);
        let found = quotes | backslashes | smaller(word, b' ');
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
    let end = rest.iter().position(is_special).unwrap_or(rest.len());
    words.len() * 8 + end
}
