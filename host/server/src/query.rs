//! The query of an address, as names and values.

/// Names with their values, percent-decoded (RFC 3986, section 2.1), in the order they stand. A `+` is a plus, as that RFC has
/// it: a moment may bear one. What does not decode to text is left as it stands.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    unescaped(text).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| text.to_owned())
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { (digit(rest.next()?)? << 4) | digit(rest.next()?)? } else { byte });
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Vec<(String, String)> {
        pairs(query)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn names_and_values_are_decoded() {
        assert_eq!(
            of("since=2026-01-31T09%3A30%3a00Z&mine=true"),
            [pair("since", "2026-01-31T09:30:00Z"), pair("mine", "true")]
        );
        assert_eq!(of("a%5B%5D=%C3%A9&b=1+2"), [pair("a[]", "é"), pair("b", "1+2")]);
        assert_eq!(of("a=b=c&d=&e&=f"), [pair("a", "b=c"), pair("d", ""), pair("", "f")]);
        assert!(of("").is_empty());
    }

    #[test]
    fn what_does_not_decode_is_left_as_it_stands() {
        for bad in ["%", "%3", "%zz", "%+1", "a%ff", "%C3"] {
            assert_eq!(of(&format!("a={bad}")), [pair("a", bad)], "{bad}");
        }
    }
}
