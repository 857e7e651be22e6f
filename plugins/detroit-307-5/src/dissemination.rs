//! The dissemination phase, 7(1)-b to d: a released result is handed to one recipient, unless a record in it was taken out of use
//! meanwhile (6.1(4)), by somebody whose need for access is current (6.1(2)c).

use crate::words::{self, alike};
use crate::{answers, outside, oversight, prohibited, settings};
use magistrate_sdk::Case;
use magistrate_sdk::facts::{Dissemination, Step};
use magistrate_sdk::text::blank;

/// The channel whose recipient has to have an official address.
const SECURED_EMAIL: &str = "secured-email";
/// By phone.
pub const PHONE: &str = "phone";
/// Personally.
pub const IN_PERSON: &str = "in-person";
/// Not by secured means: paper is handed over in person or not at all.
const PAPER: &str = "paper";

/// What people write, and which channel they mean. An official address is what secures e-mail (7(1)).
const SPELLINGS: &[(&str, &str)] = &[
    (SECURED_EMAIL, SECURED_EMAIL),
    ("email", SECURED_EMAIL),
    ("e-mail", SECURED_EMAIL),
    ("official-email", SECURED_EMAIL),
    ("official-e-mail", SECURED_EMAIL),
    ("secured-e-mail", SECURED_EMAIL),
    (PHONE, PHONE),
    ("telephone", PHONE),
    (IN_PERSON, IN_PERSON),
    ("personally", IN_PERSON),
    (PAPER, PAPER),
];

/// The rules of the dissemination phase.
pub fn judge(case: &mut Case) {
    let Step::Disseminate(handed) = &case.matter().step else { return };
    released(case);
    oversight::need_to_know(case);
    oversight::lawful_to_hand_over(case, handed);
    outside::stands(case);
    prohibited::judge_hand_over(case, handed.purpose.trim());
    let channel = meant(handed.channel.trim());
    match channel {
        PHONE | IN_PERSON => {
            personally(case, handed);
            memorialized(case, handed, channel);
        }
        PAPER => {
            case.clause(clause!("7(1)-c"))
                .violated("paper is handed over in person, before a witness: disseminate it in person");
        }
        _ => electronically(case, handed, channel),
    }
    recorded(case, handed);
    case.tag("dissemination", channel);
}

/// The channel that somebody means, or else what they wrote.
fn meant(written: &str) -> &str {
    SPELLINGS.iter().find(|(spelling, _)| alike(written, spelling)).map_or(written, |(_, channel)| *channel)
}

/// 5.4(4) "Upon final approval", and not before.
fn released(case: &mut Case) {
    let now = case.clock().now;
    let released = case.history().released.is_some_and(|at| at <= now);
    case.clause(clause!("5.4(4)-a")).requires(released, "the result is not released: release it first");
}

/// 7(1) "All results … are disseminated by secured electronic means (such as an official government e-mail address)."
fn electronically(case: &mut Case, handed: &Dissemination, channel: &str) {
    if !words::listed(channel, case.settings().texts(&settings::SECURED_CHANNELS)) {
        case.clause(clause!("7(1)-b"))
            .violated("the channel is no secured electronic means: use official e-mail or the portal, or hand it over");
        return;
    }
    if channel == SECURED_EMAIL {
        let address =
            case.text(answers::RECIPIENT_ADDRESS).or(Some(handed.recipient.as_str()).filter(|r| r.contains('@')));
        let official = address.map(|a| is_official(case, a));
        case.clause(clause!("7(1)-b")).affirms(
            official,
            "state the e-mail address it is sent to",
            "the address is no official government e-mail address: use one",
        );
    } else {
        case.clause(clause!("7(1)-b")).satisfied();
    }
    let entitled = is_entitled(case, handed);
    case.clause(clause!("6.1(3)a-2"))
        .requires(entitled, "results go to the requester or their designee of the same agency: send it to one of them");
}

/// Whether an e-mail address lies in an official domain or below one.
fn is_official(case: &Case, address: &str) -> bool {
    let Some((mailbox, domain)) = address.trim().rsplit_once('@') else { return false };
    let domain = domain.to_ascii_lowercase();
    let lies_in = |listed: &str| {
        domain
            .strip_suffix(listed.to_ascii_lowercase().as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let plain = !mailbox.is_empty() && !mailbox.contains('@') && !address.trim().contains(char::is_whitespace);
    plain && case.settings().texts(&settings::MAIL_DOMAINS).iter().any(lies_in)
}

/// 7(1) "Non-electronic disseminations will be conducted personally or by phone with the requestor or designee."
fn personally(case: &mut Case, handed: &Dissemination) {
    let entitled = is_entitled(case, handed);
    case.clause(clause!("7(1)-c")).requires(
        entitled,
        "the recipient is neither the requester nor their designee of the same agency: hand it to one of them",
    );
}

/// Whether the recipient is the requester or somebody of their agency whom they designated.
fn is_entitled(case: &Case, handed: &Dissemination) -> bool {
    let agency = case.requester_agency();
    let of_the_agency = called(&handed.recipient_agency, [&agency.id, &agency.name]);
    !blank(&handed.recipient) && of_the_agency && (is_requester(case, handed) || handed.designee)
}

/// Whether the recipient is the requester, by id or by name.
fn is_requester(case: &Case, handed: &Dissemination) -> bool {
    let recipient = of_home(&handed.recipient, &case.requester_agency().home);
    called(recipient, [&case.requester().id, &case.requester().name])
}

/// What somebody of this jurisdiction is called there: `home/id` is the same person as `id`, and another jurisdiction's is not.
fn of_home<'w>(written: &'w str, home: &str) -> &'w str {
    match written.trim().split_once('/') {
        Some((of, id)) if of.trim().eq_ignore_ascii_case(home) => id,
        _ => written,
    }
}

/// Whether somebody wrote one of these names, in whatever letter case.
fn called(written: &str, names: [&str; 2]) -> bool {
    names.iter().any(|name| name.trim().eq_ignore_ascii_case(written.trim()))
}

/// 7(1) "the member shall memorialize the dissemination as follows: a. To whom it was released; b. Date and time it was
/// released; and c. Manner in which it was released (i.e. if by phone, include the number; if in person, include name of
/// witness who saw it released)." The host's clock gives b.
fn memorialized(case: &mut Case, handed: &Dissemination, channel: &str) {
    let to_whom = !blank(&handed.recipient);
    case.clause(clause!("7(1)-d")).requires(to_whom, "say to whom it is released");
    if channel == PHONE {
        let number = case.text(answers::PHONE_NUMBER).is_some_and(words::is_phone_number);
        case.clause(clause!("7(1)-d"))
            .requires(number, "a release by phone is not recorded without its number: state it");
        return;
    }
    let witness = words::stated(case, answers::WITNESS).filter(|w| is_third_party(case, handed, w));
    case.clause(clause!("7(1)-d")).requires(
        witness.is_some(),
        "a release in person is not recorded without the name of a witness, neither giver nor recipient: state it",
    );
}

/// Whether a witness is neither who hands the result over nor who receives it.
fn is_third_party(case: &Case, handed: &Dissemination, witness: &str) -> bool {
    let given = of_home(witness, &case.actor_agency().home);
    let giver = called(given, [&case.actor().id, &case.actor().name]);
    // Whoever receives it is of the requester's agency.
    let home = &case.requester_agency().home;
    let seen = of_home(witness, home);
    let recipient = called(seen, [of_home(&handed.recipient, home), ""]);
    // The recipient may stand there by id and the witness by name.
    let requester = is_requester(case, handed) && called(seen, [&case.requester().id, &case.requester().name]);
    !(giver || recipient || requester)
}

/// 7(9) "and of what facial recognition information is disseminated to each individual in response to the request."
fn recorded(case: &mut Case, handed: &Dissemination) {
    let complete = !blank(&handed.recipient) && !blank(&handed.recipient_agency);
    case.clause(clause!("7(9)-d"))
        .requires(complete, "the audit trail has to hold who received the result and for which agency: state both");
}
