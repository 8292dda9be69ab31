//! DER: reading without trust, writing without waste.
//!
//! The reader only ever gives out parts of what it was given; it does not recurse and checks
//! every length. The writer puts a value's head before bytes that are there already.

/// Tags of universal types.
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING.
    pub const BIT_STRING: u8 = 0x03;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// UTF8String.
    pub const UTF8_STRING: u8 = 0x0c;
    /// PrintableString.
    pub const PRINTABLE_STRING: u8 = 0x13;
    /// TeletexString.
    pub const T61_STRING: u8 = 0x14;
    /// IA5String.
    pub const IA5_STRING: u8 = 0x16;
    /// UTCTime.
    pub const UTC_TIME: u8 = 0x17;
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: u8 = 0x18;
    /// BMPString.
    pub const BMP_STRING: u8 = 0x1e;
    /// SEQUENCE.
    pub const SEQUENCE: u8 = 0x30;
    /// SET.
    pub const SET: u8 = 0x31;

    /// A context tag of a constructed value.
    pub const fn context(number: u8) -> u8 {
        0xa0 | number
    }

    /// A context tag of a plain value.
    pub const fn context_plain(number: u8) -> u8 {
        0x80 | number
    }
}

/// One value of DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// Its tag.
    pub tag: u8,
    /// Its content.
    pub body: &'a [u8],
    /// Head and content.
    pub raw: &'a [u8],
}

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads bytes from their beginning.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Whether all is read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next value.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, whatever it is. None when the bytes are not DER.
    pub fn any(&mut self) -> Option<Value<'a>> {
        let (&tag, after) = self.rest.split_first()?;
        // Tags of several bytes are used nowhere in X.509.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, after) = after.split_first()?;
        let (len, head) = if first < 0x80 {
            (usize::from(first), 2)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 {
                return None;
            }
            let bytes = after.get(..count)?;
            let len = bytes.iter().fold(0_u64, |len, byte| len << 8 | u64::from(*byte));
            // DER wants the shortest form.
            if len < 0x80 || bytes[0] == 0 {
                return None;
            }
            (usize::try_from(len).ok()?, 2 + count)
        };
        let raw = self.rest.get(..head.checked_add(len)?)?;
        self.rest = &self.rest[raw.len()..];
        Some(Value { tag, body: &raw[head..], raw })
    }

    /// The next value if it has this tag; otherwise nothing is read.
    pub fn get(&mut self, tag: u8) -> Option<Value<'a>> {
        if self.peek() != Some(tag) {
            return None;
        }
        self.any()
    }

    /// The content of the next value if it has this tag, to be read.
    pub fn inside(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.get(tag).map(|value| Reader::new(value.body))
    }

    /// An INTEGER's bytes, in the shortest form, as two's complement.
    pub fn integer(&mut self) -> Option<&'a [u8]> {
        let body = self.get(tag::INTEGER)?.body;
        match body {
            [] => None,
            [0, second, ..] if *second < 0x80 => None,
            [0xff, second, ..] if *second >= 0x80 => None,
            _ => Some(body),
        }
    }

    /// A small INTEGER that is not negative.
    pub fn small(&mut self) -> Option<u64> {
        let body = self.integer()?;
        if body[0] >= 0x80 || body.len() > 8 {
            return None;
        }
        Some(body.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// A BIT STRING of whole bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        match self.get(tag::BIT_STRING)?.body {
            [0, bytes @ ..] => Some(bytes),
            _ => None,
        }
    }

    /// A BOOLEAN.
    pub fn boolean(&mut self) -> Option<bool> {
        match self.get(tag::BOOLEAN)?.body {
            [0x00] => Some(false),
            [0xff] => Some(true),
            _ => None,
        }
    }
}

/// A value of this tag around some content.
pub fn wrap(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 6);
    out.push(tag);
    let len = u32::try_from(body.len()).expect("what is written here is small");
    if len < 0x80 {
        out.push(u8::try_from(len).expect("it is below 128"));
    } else {
        let bytes = len.to_be_bytes();
        let skip = bytes.iter().take_while(|byte| **byte == 0).count();
        out.push(0x80 | u8::try_from(4 - skip).expect("at most four"));
        out.extend_from_slice(&bytes[skip..]);
    }
    out.extend_from_slice(body);
    out
}

/// A value of this tag around several others.
pub fn wrap_all(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    wrap(tag, &parts.concat())
}

/// A SEQUENCE of values.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    wrap_all(tag::SEQUENCE, parts)
}

/// A positive INTEGER from its big-endian bytes.
pub fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut body = bytes[skip..].to_vec();
    if body.first().is_none_or(|first| *first >= 0x80) {
        body.insert(0, 0);
    }
    wrap(tag::INTEGER, &body)
}

/// A BIT STRING of whole bytes.
pub fn bit_string(bytes: &[u8]) -> Vec<u8> {
    wrap_all(tag::BIT_STRING, &[&[0], bytes])
}

/// An OBJECT IDENTIFIER from its content.
pub fn oid(body: &[u8]) -> Vec<u8> {
    wrap(tag::OID, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_all_forms_come_back() {
        for len in [0_usize, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let body = vec![7; len];
            let bytes = wrap(tag::OCTET_STRING, &body);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.get(tag::OCTET_STRING).unwrap().body, body);
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn what_is_not_der_is_not_read() {
        let table: [&[u8]; 8] = [
            &[],
            &[0x30],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x81, 0x7f],
            &[0x30, 0x82, 0, 0x90],
            &[0x30, 0x85, 1, 0, 0, 0, 0],
            &[0x30, 2, 1],
            &[0x1f, 0x20, 0],
        ];
        for bytes in table {
            assert_eq!(Reader::new(bytes).any(), None, "{bytes:?}");
        }
        assert_eq!(Reader::new(&[2, 2, 0, 1]).integer(), None);
        assert_eq!(Reader::new(&[2, 1, 5]).small(), Some(5));
        assert_eq!(unsigned(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[]), [2, 1, 0]);
    }
}
