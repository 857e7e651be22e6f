//! A notice as a message (RFC 5322), the same bytes for every channel.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue, To};
use lettre::message::{Attachment, Mailbox, Mailboxes, Message, MultiPart, SinglePart};
use model::terms::{Instant, check_id};

use crate::{DeliveryError, Notice};

/// Longest subject or name in a header, in characters; a line may have 998 (RFC 5322, 2.1.1).
const MAX_HEADER_CHARS: usize = 200;

/// Stands between a notice and what it encloses. Neither quoted-printable nor base64 text can hold it (RFC 2045, 6.7), and it is
/// the same at every try.
const BOUNDARY: &str = "=_magistrate";

/// Stands where an office has no address. `.invalid` leads nowhere (RFC 2606).
const NO_ADDRESS: (&str, &str) = ("unassigned", "magistrate.invalid");

/// Under which name a notice is told apart from all others: in file names and as the left side of message ids.
///
/// # Errors
/// The notice's or the jurisdiction's id is none.
pub(crate) fn name(notice: &Notice) -> Result<String, DeliveryError> {
    for id in [&notice.jurisdiction, &notice.id] {
        check_id(id).map_err(|error| DeliveryError::Notice(error.to_string()))?;
    }
    Ok(format!("{}.{}", notice.jurisdiction, notice.id))
}

/// The message and its id. `offices` are the addressees by name, with the addresses that are known.
///
/// # Errors
/// The notice has no addressee, or encloses a file of a type that is none.
pub(crate) fn compose(
    notice: &Notice,
    name: &str,
    from: &Address,
    offices: &[(&str, Vec<Address>)],
    now: Instant,
) -> Result<(Vec<u8>, String), DeliveryError> {
    let id = format!("<{name}@{}>", from.domain());
    // By way of a timestamp, which ends with the year 9999, as does what the date header can say.
    let seconds = u64::try_from(now.timestamp().as_second()).unwrap_or(0);
    let mut to = Mailboxes::new();
    let mut addresses = Vec::new();
    for (office, known) in offices {
        let unknown = known.is_empty().then(|| Address::new_dangerous(NO_ADDRESS.0, NO_ADDRESS.1));
        for address in known.iter().cloned().chain(unknown) {
            addresses.push(address.clone());
            to.push(Mailbox::new(Some(one_line(office)), address));
        }
    }
    // The channels have addressees of their own; given here, so that none is read back out of the header.
    let envelope =
        Envelope::new(Some(from.clone()), addresses).map_err(|error| DeliveryError::Notice(error.to_string()))?;
    let mut builder = Message::builder()
        .envelope(envelope)
        .message_id(Some(id.clone()))
        .date(UNIX_EPOCH + Duration::from_secs(seconds))
        .from(Mailbox::new(Some("Magistrate".to_owned()), from.clone()))
        .header(To::from(to))
        .subject(one_line(&notice.subject));
    for (header, value) in [
        (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"),
        (HeaderName::new_from_ascii_str("X-Magistrate-Notice"), name),
    ] {
        builder = builder.raw_header(HeaderValue::new(header, value.to_owned()));
    }
    let part = SinglePart::builder()
        .header(ContentType::TEXT_PLAIN)
        // Pure ASCII whatever the text, so that any server takes it.
        .header(ContentTransferEncoding::QuotedPrintable)
        .body(body(notice));
    let message =
        if notice.enclosed.is_empty() { builder.singlepart(part) } else { builder.multipart(enclosing(part, notice)?) };
    let message = message.map_err(|error| DeliveryError::Notice(error.to_string()))?;
    Ok((message.formatted(), id))
}

/// The text of a notice, and the files that go with it.
///
/// # Errors
/// One of them has a type that is none.
fn enclosing(text: SinglePart, notice: &Notice) -> Result<MultiPart, DeliveryError> {
    let mut parts = MultiPart::mixed().boundary(BOUNDARY).singlepart(text);
    for file in &notice.enclosed {
        let name = one_line(&file.name);
        let kind = ContentType::parse(&file.media_type)
            .map_err(|error| DeliveryError::Notice(format!("it encloses `{name}`: {error}")))?;
        parts = parts.singlepart(Attachment::new(name).body(file.bytes.clone(), kind));
    }
    Ok(parts)
}

/// The notice's text, and under it what it is filed by.
fn body(notice: &Notice) -> String {
    let mut text: String = notice
        .body
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str("\n-- \n");
    text.push_str(&format!("Notice: {}\nJurisdiction: {}\n", notice.id, notice.jurisdiction));
    text.push_str(&format!("To: {}\n", one_line(&notice.to.join(", "))));
    text.push_str(&format!("Clause: {}\n", one_line(&notice.clause)));
    if let Some(due) = notice.due {
        text.push_str(&format!("Due: {due}\n"));
    }
    text
}

/// Text fit for a header or one line of a log: no controls, no line ends, not endless.
pub(crate) fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_HEADER_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::tests::notice;

    fn composed(notice: &Notice) -> String {
        let from: Address = "host@example.gov".parse().unwrap();
        let office: Address = "north@example.gov".parse().unwrap();
        let offices = [("north", vec![office]), ("south", Vec::new())];
        let name = name(notice).unwrap();
        let (bytes, _) = compose(notice, &name, &from, &offices, Instant(1_767_225_600_000)).unwrap();
        assert!(bytes.is_ascii());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_message_has_what_a_reader_needs() {
        let text = composed(&notice());
        for line in [
            "Message-ID: <springfield.n-1@example.gov>\r\n",
            "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n",
            "Subject: Breach of clause 7\r\n",
            "MIME-Version: 1.0\r\n",
            "\r\nClause: 7(2)\r\n",
            "\r\nDue: 2026-01-02T00:00:00.000Z\r\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in:\n{text}");
        }
        assert!(text.contains("north@example.gov") && text.contains("unassigned@magistrate.invalid"));
        assert_eq!(text, composed(&notice()));
    }

    #[test]
    fn what_a_notice_encloses_goes_with_it_to_the_byte() {
        let bytes: Vec<u8> = (0..=255).collect();
        let file = |name: &str| crate::Enclosure {
            name: name.to_owned(),
            media_type: "application/pdf".to_owned(),
            bytes: bytes.clone(),
        };
        let enclosing = Notice { enclosed: vec![file("weekly.pdf"), file("x\r\nBcc: thief@example.com")], ..notice() };
        let text = composed(&enclosing);
        assert_eq!(text, composed(&enclosing), "the same at every try");
        assert!(text.contains("multipart/mixed") && text.contains("A breach was confirmed."), "{text}");
        assert!(text.contains("weekly.pdf") && !text.to_lowercase().contains("\nbcc:"), "{text}");
        // 256 bytes from 0 on, in base64.
        assert_eq!(
            text.matches("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v").count(),
            2,
            "{text}"
        );
        assert!(text.lines().all(|line| line.len() <= 998));
        let none = crate::Enclosure { media_type: "nonsense".to_owned(), ..file("weekly.pdf") };
        let notice = Notice { enclosed: vec![none], ..notice() };
        let from: Address = "host@example.gov".parse().unwrap();
        let refused = compose(&notice, "x.y", &from, &[("north", vec![from.clone()])], Instant(0)).unwrap_err();
        assert!(!refused.is_temporary() && refused.to_string().contains("weekly.pdf"), "{refused}");
    }

    #[test]
    fn no_field_adds_a_header() {
        let bad = "x\r\nBcc: thief@example.com\r\n\r\nbody\n.\n";
        let notice = Notice {
            subject: bad.to_owned(),
            to: vec![bad.to_owned()],
            clause: bad.to_owned(),
            body: format!("{bad}\0\r"),
            ..notice()
        };
        let text = composed(&notice);
        let (headers, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(!headers.to_lowercase().contains("\nbcc:"), "{headers}");
        let from: Address = "host@example.gov".parse().unwrap();
        let (bytes, _) = compose(&notice, "x.y", &from, &[(bad, vec![from.clone()])], Instant(0)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.split_once("\r\n\r\n").unwrap().0.to_lowercase().contains("\nbcc:"), "{text}");
    }

    #[test]
    fn long_and_foreign_subjects_are_encoded() {
        let text = composed(&Notice { subject: "Überprüfung ".repeat(1_000), ..notice() });
        assert!(text.lines().all(|line| line.len() <= 998));
        assert!(text.contains("=?utf-8?b?"));
    }

    #[test]
    fn an_id_that_is_none_makes_no_name() {
        for id in ["../x", "", "a/b", "a\nb"] {
            let error = name(&Notice { id: id.to_owned(), ..notice() }).unwrap_err();
            assert!(!error.is_temporary(), "{error}");
        }
    }
}
