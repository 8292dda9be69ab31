//! `strconv`: reading integers and booleans with Go's error texts, and go-humanize's sizes.

use super::quote::quote;

/// `strconv.ParseInt(text, base, 64)`.
pub fn parse_int(text: &str, base: u32) -> Result<i64, String> {
    let fail = |why| format!("strconv.ParseInt: parsing {}: {why}", quote(text.as_bytes()));
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = match magnitude(digits, base) {
        Ok(magnitude) => magnitude,
        Err(Fault::Syntax) => return Err(fail("invalid syntax")),
        Err(Fault::Range) => return Err(fail("value out of range")),
    };
    let value = if negative { -i128::from(magnitude) } else { i128::from(magnitude) };
    i64::try_from(value).map_err(|_| fail("value out of range"))
}

/// `strconv.ParseUint(text, base, 64)`.
pub fn parse_uint(text: &str, base: u32) -> Result<u64, String> {
    magnitude(text, base).map_err(|fault| {
        let why = match fault {
            Fault::Syntax => "invalid syntax",
            Fault::Range => "value out of range",
        };
        format!("strconv.ParseUint: parsing {}: {why}", quote(text.as_bytes()))
    })
}

/// `strconv.ParseBool`.
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text.as_bytes()))),
    }
}

enum Fault {
    Syntax,
    Range,
}

/// The digits without a sign. Base 0 takes the base from a prefix and allows underscores.
fn magnitude(text: &str, base: u32) -> Result<u64, Fault> {
    let (digits, radix) = match (base, text.as_bytes()) {
        (0, [b'0', b'x' | b'X', ..]) => (&text[2..], 16),
        (0, [b'0', b'b' | b'B', ..]) => (&text[2..], 2),
        (0, [b'0', b'o' | b'O', ..]) => (&text[2..], 8),
        (0, [b'0', _, ..]) => (&text[1..], 8),
        (0, _) => (text, 10),
        (radix, _) => (text, radix),
    };
    let mut value: Option<u64> = Some(0);
    let mut seen = false;
    for c in digits.chars() {
        if c == '_' && base == 0 && seen {
            continue;
        }
        let digit = c.to_digit(radix).ok_or(Fault::Syntax)?;
        seen = true;
        value = value
            .and_then(|sum| sum.checked_mul(u64::from(radix)))
            .and_then(|sum| sum.checked_add(u64::from(digit)));
    }
    if !seen {
        return Err(Fault::Syntax);
    }
    value.ok_or(Fault::Range)
}

/// go-humanize's `Bytes`: SI units, one digit after the point below 10.
pub fn humanize(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes} B");
    }
    let exponent = bytes.ilog10() / 3;
    let unit = UNITS[exponent as usize];
    let scale = 1000_u128.pow(exponent);
    // Tenths, rounded half up as `math.Floor(v*10 + 0.5)` does.
    let tenths = (u128::from(bytes) * 10 * 2 + scale) / (scale * 2);
    if tenths < 100 {
        return format!("{}.{} {unit}", tenths / 10, tenths % 10);
    }
    // `%.0f` rounds half to even.
    let (whole, rest) = (tenths / 10, tenths % 10);
    let rounded = if rest > 5 || rest == 5 && whole % 2 == 1 { whole + 1 } else { whole };
    format!("{rounded} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_their_errors() {
        assert_eq!(parse_int("-12", 10), Ok(-12));
        assert_eq!(parse_int("64f3a20256f72a04", 16), Ok(0x64f3_a202_56f7_2a04));
        assert_eq!(parse_int("0x1F", 0), Ok(31));
        assert_eq!(parse_int("010", 0), Ok(8));
        assert_eq!(parse_int("1_000", 0), Ok(1000));
        assert_eq!(parse_int("-9223372036854775808", 10), Ok(i64::MIN));
        let bad = "strconv.ParseInt: parsing \"abc\": invalid syntax";
        assert_eq!(parse_int("abc", 10), Err(bad.to_owned()));
        let big = "strconv.ParseInt: parsing \"9223372036854775808\": value out of range";
        assert_eq!(parse_int("9223372036854775808", 10), Err(big.to_owned()));
        assert!(parse_int("", 10).is_err());
        let zz = "strconv.ParseUint: parsing \"zz\": invalid syntax";
        assert_eq!(parse_uint("zz", 16), Err(zz.to_owned()));
        assert_eq!(parse_uint("ffffffffffffffff", 16), Ok(u64::MAX));
        assert_eq!(parse_bool("T"), Ok(true));
        let maybe = "strconv.ParseBool: parsing \"maybe\": invalid syntax";
        assert_eq!(parse_bool("maybe"), Err(maybe.to_owned()));
    }

    #[test]
    fn sizes_are_those_of_go_humanize() {
        let table = [
            (9, "9 B"),
            (12288, "12 kB"),
            (16384, "16 kB"),
            (20480, "20 kB"),
            (24576, "25 kB"),
            (28672, "29 kB"),
            (3_633_152, "3.6 MB"),
            (2_147_483_648, "2.1 GB"),
            (0, "0 B"),
            (1000, "1.0 kB"),
            (999, "999 B"),
        ];
        for (bytes, expected) in table {
            assert_eq!(humanize(bytes), expected);
        }
    }
}
