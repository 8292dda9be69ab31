//! Distinguished names.

use crate::der::{Reader, sequence, tag, wrap, wrap_all};
use crate::oid;

/// One part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// What it is: the content of an object identifier.
    pub oid: Vec<u8>,
    /// Its text.
    pub value: String,
    /// The tag its text was written with.
    pub tag: u8,
    /// Whether it belongs to the same set as the one before it.
    pub joined: bool,
}

/// A distinguished name, and its DER: names are equal when those are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// Its parts, in order.
    pub parts: Vec<Attribute>,
    /// Its DER.
    pub raw: Vec<u8>,
}

impl Name {
    /// A name of organizations and a common name, as kubeadm makes them.
    pub fn new(organizations: &[&str], common_name: &str) -> Name {
        let organizations = organizations.iter().map(|value| (oid::O, *value));
        let parts: Vec<(&[u8], &str)> =
            organizations.chain(std::iter::once((oid::CN, common_name))).collect();
        Name::of(&parts)
    }

    /// A name of these parts, each a set of its own.
    pub fn of(parts: &[(&[u8], &str)]) -> Name {
        let parts = parts
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(oid, value)| Attribute {
                oid: oid.to_vec(),
                value: (*value).to_owned(),
                tag: string_tag(value),
                joined: false,
            })
            .collect();
        let mut name = Name { parts, raw: Vec::new() };
        name.raw = name.encode();
        name
    }

    /// The same name with all its texts as UTF-8 strings, which is how OpenSSL writes them.
    pub fn as_utf8(mut self) -> Name {
        for part in &mut self.parts {
            // A country is a printable string whoever writes it.
            if oid::short(&part.oid) != "C" {
                part.tag = tag::UTF8_STRING;
            }
        }
        self.raw = self.encode();
        self
    }

    fn encode(&self) -> Vec<u8> {
        let sets: Vec<Vec<u8>> = self
            .parts
            .iter()
            .map(|part| {
                let text = wrap(part.tag, part.value.as_bytes());
                let pair = sequence(&[&wrap(tag::OID, &part.oid), &text]);
                wrap(tag::SET, &pair)
            })
            .collect();
        wrap_all(tag::SEQUENCE, &sets.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Reads a name. None when it is none.
    pub(crate) fn decode(raw: &[u8]) -> Option<Name> {
        let mut sets = Reader::new(raw).inside(tag::SEQUENCE)?;
        let mut parts = Vec::new();
        while !sets.is_empty() {
            let mut set = sets.inside(tag::SET)?;
            let mut joined = false;
            while !set.is_empty() {
                let mut pair = set.inside(tag::SEQUENCE)?;
                let oid = pair.get(tag::OID)?.body.to_vec();
                let text = pair.any()?;
                let value = string(text.tag, text.body)?;
                parts.push(Attribute { oid, value, tag: text.tag, joined });
                joined = true;
            }
        }
        Some(Name { parts, raw: raw.to_vec() })
    }

    /// The common name; empty when there is none.
    pub fn common_name(&self) -> &str {
        self.values(oid::CN).last().unwrap_or_default()
    }

    /// The organizations, in order.
    pub fn organizations(&self) -> Vec<&str> {
        self.values(oid::O).collect()
    }

    /// The values of one kind, in order.
    pub fn values<'a>(&'a self, oid: &'a [u8]) -> impl Iterator<Item = &'a str> {
        self.parts.iter().filter(move |part| part.oid == oid).map(|part| part.value.as_str())
    }

    /// One line as OpenSSL 3 prints it: `O=system:masters, CN=kubernetes-admin`, or with
    /// blanks around the signs.
    pub fn one_line(&self, sign: &str) -> String {
        let mut text = String::new();
        for (place, part) in self.parts.iter().enumerate() {
            if place > 0 {
                text.push_str(if part.joined { " + " } else { ", " });
            }
            text.push_str(&format!("{}{sign}{}", oid::short(&part.oid), escaped(&part.value)));
        }
        text
    }
}

/// A value with what RFC 2253 reserves behind backslashes.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    let last = value.chars().count().saturating_sub(1);
    for (place, letter) in value.chars().enumerate() {
        let edge = (place == 0 && matches!(letter, '#' | ' ')) || (place == last && letter == ' ');
        if edge || matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            text.push('\\');
        }
        if letter.is_control() {
            text.push_str(&format!("\\{:02X}", u32::from(letter)));
        } else {
            text.push(letter);
        }
    }
    text
}

/// Which string type Go takes for a text.
fn string_tag(value: &str) -> u8 {
    let printable = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    if value.bytes().all(printable) { tag::PRINTABLE_STRING } else { tag::UTF8_STRING }
}

/// The text of a string of any type.
fn string(tag: u8, body: &[u8]) -> Option<String> {
    match tag {
        tag::UTF8_STRING => String::from_utf8(body.to_vec()).ok(),
        tag::PRINTABLE_STRING | tag::IA5_STRING | 0x12 | 0x1a => {
            body.is_ascii().then(|| String::from_utf8_lossy(body).into_owned())
        }
        tag::T61_STRING => Some(body.iter().map(|byte| char::from(*byte)).collect()),
        tag::BMP_STRING => {
            let mut units = body.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            let text: String = char::decode_utf16(units.by_ref())
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            body.len().is_multiple_of(2).then_some(text)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        let name = Name::new(&["system:masters", "Ünicode, Inc"], "kubernetes-admin");
        let read = Name::decode(&name.raw).unwrap();
        assert_eq!(read, name);
        assert_eq!(read.common_name(), "kubernetes-admin");
        assert_eq!(read.organizations(), ["system:masters", "Ünicode, Inc"]);
        assert_eq!(
            read.one_line(" = "),
            "O = system:masters, O = Ünicode\\, Inc, CN = kubernetes-admin"
        );
        assert_eq!(name.parts[1].tag, tag::UTF8_STRING);
        assert_eq!(name.as_utf8().parts[0].tag, tag::UTF8_STRING);
        assert_eq!(Name::new(&[], "").raw, [0x30, 0]);
    }
}
