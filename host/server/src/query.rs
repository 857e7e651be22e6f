//! The query of an address, as names and values.

use crate::letting_in::shortened;
use crate::problem::Problem;

/// Names with their values, percent-decoded (RFC 3986, section 2.1), in the order they stand. A `+` is a plus, as that RFC has
/// it: a moment may bear one. What does not decode to text is left as it stands. A name that stands alone has an empty value.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// Whether a route takes what a query says: `takes` are its parameters, each of which is given once at most. What nobody
/// heeds would be taken for heeded.
///
/// # Errors
/// 422 with the name of the parameter.
pub(crate) fn check(query: &[(String, String)], takes: &[(&str, &str)]) -> Result<(), Problem> {
    for (at, (name, _)) in query.iter().enumerate() {
        let shown = shortened(name);
        if !takes.iter().any(|(known, _)| known == name) {
            let names: Vec<_> = takes.iter().map(|(known, _)| format!("`{known}`")).collect();
            let instead = match names.as_slice() {
                [] => "it takes none, so leave it away".to_owned(),
                names => format!("it takes {}", names.join(", ")),
            };
            return Err(Problem::invalid(format!("`{shown}` is no parameter of this address: {instead}")));
        }
        if query.iter().take(at).any(|(earlier, _)| earlier == name) {
            return Err(Problem::invalid(format!("`{shown}` is given twice: give it once")));
        }
    }
    Ok(())
}

/// A path, percent-decoded as far as it can be: what is no escape stays, and bytes that are no text are replaced. For judging what
/// is meant by a path, not for finding it.
pub(crate) fn decoded_path(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = match tail {
            [high, low, left @ ..] if *first == b'%' => {
                digit(*high).zip(digit(*low)).map(|(h, l)| ((h << 4) | l, left))
            }
            _ => None,
        };
        let (byte, left) = escape.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
    fn a_path_is_decoded_as_far_as_it_can_be() {
        for (path, decoded) in [
            ("/v1/a/%6cog/%6Cog", "/v1/a/log/log"),
            ("/v1/a%2Flog", "/v1/a/log"),
            ("/%256cog/100%/%zz/%6", "/%6cog/100%/%zz/%6"),
            ("/%6cog/%ff", "/log/\u{fffd}"),
            ("", ""),
        ] {
            assert_eq!(decoded_path(path), decoded, "{path}");
        }
    }

    #[test]
    fn names_and_values_are_decoded() {
        assert_eq!(
            of("since=2026-01-31T09%3A30%3a00Z&mine=true"),
            [pair("since", "2026-01-31T09:30:00Z"), pair("mine", "true")]
        );
        assert_eq!(of("a%5B%5D=%C3%A9&b=1+2"), [pair("a[]", "é"), pair("b", "1+2")]);
        assert_eq!(of("a=b=c&d=&e&=f"), [pair("a", "b=c"), pair("d", ""), pair("e", ""), pair("", "f")]);
        assert!(of("").is_empty() && of("&").is_empty());
    }

    #[test]
    fn what_a_route_does_not_take_is_named() {
        let takes = [("first", "Index of the first"), ("count", "How many")];
        let refused = |query: &str, takes: &[(&str, &str)]| check(&of(query), takes).unwrap_err();
        for query in ["", "first=0", "count=5&first=0"] {
            assert!(check(&of(query), &takes).is_ok(), "{query}");
        }
        for (query, says) in [
            ("bogus=1", "`bogus` is no parameter of this address: it takes `first`, `count`"),
            ("first=0&limit=-1", "`limit`"),
            ("First=0", "`First`"),
            ("bogus", "`bogus`"),
            ("=1", "``"),
            ("first=0&first=5", "`first` is given twice"),
            ("first=0&%66irst=5", "`first` is given twice"),
            ("a%1bb=1", "`a\u{fffd}b`"),
        ] {
            let problem = refused(query, &takes);
            assert_eq!(problem.status.as_u16(), 422, "{query}");
            assert!(problem.detail.contains(says), "{query}: {}", problem.detail);
        }
        assert!(refused("first=0", &[]).detail.contains("takes none"));
        assert!(refused(&"x".repeat(5000), &[]).detail.len() < 500, "what is said back is bounded");
    }

    #[test]
    fn what_does_not_decode_is_left_as_it_stands() {
        for bad in ["%", "%3", "%zz", "%+1", "a%ff", "%C3"] {
            assert_eq!(of(&format!("a={bad}")), [pair("a", bad)], "{bad}");
        }
    }
}
