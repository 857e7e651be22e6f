//! Texts, compared and looked at cheaply.
//!
//! Fuel is counted in WebAssembly operators, and a component's own `==` on texts takes twenty of them a byte. A rule that
//! compares once need not care; what looks names up for every rule does.

/// Whether two texts are the same, as `==` says, eight bytes at a time.
#[inline]
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && same_bytes(a.as_bytes(), b.as_bytes())
}

/// Whether a text is `first/last`, without putting the two together.
#[inline]
#[must_use]
pub fn joins(text: &str, first: &str, last: &str) -> bool {
    let Some((front, back)) = text.as_bytes().split_at_checked(first.len()) else { return false };
    let Some((b'/', back)) = back.split_first() else { return false };
    back.len() == last.len() && same_bytes(back, last.as_bytes()) && same_bytes(front, first.as_bytes())
}

/// For two of the same length. The last chunk may overlap those before it, so that no byte is left over.
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    if let (Some(a_last), Some(b_last)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        a_last == b_last && a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0).all(|(x, y)| x == y)
    } else if let (Some(a_last), Some(b_last)) = (a.last_chunk::<4>(), b.last_chunk::<4>()) {
        a_last == b_last && a.first_chunk::<4>() == b.first_chunk::<4>()
    } else {
        a == b
    }
}

/// Whether a text holds nothing but white space, or nothing at all. It reads no further than the first other character.
#[inline]
#[must_use]
pub fn blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_what_is_equal() {
        let whole = "criminal-investigation";
        for length in 0..=whole.len() {
            let text = &whole[..length];
            let elsewhere = String::from(text);
            assert!(same(text, &elsewhere));
            for other in 0..length {
                let changed = format!("{}_{}", &text[..other], &text[other + 1..]);
                assert!(!same(text, &changed), "{text} {changed}");
            }
        }
        assert!(!same("case", "cases"));
    }

    #[test]
    fn only_the_two_joined_join() {
        for (first, last) in [("north", "a.vogt"), ("n", "a"), ("", ""), ("north-by-north-west", "a")] {
            assert!(joins(&format!("{first}/{last}"), first, last));
        }
        for text in [
            "",
            "a.vogt",
            "/a.vogt",
            "north",
            "north/",
            "south/a.vogt",
            "north-a.vogt",
            "north/a.vogts",
            "north/b.vogt",
        ] {
            assert!(!joins(text, "north", "a.vogt"), "{text}");
        }
        assert!(!joins("é/a", "e", "a"), "cut within a character");
    }

    #[test]
    fn white_space_of_any_kind_is_blank() {
        assert!(["", " ", "\t\n", "\u{a0}\u{3000}"].into_iter().all(blank));
        assert!(!["x", " x", "\u{3000}x "].into_iter().any(blank));
    }
}
