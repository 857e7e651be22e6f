//! A policy component that misbehaves as its setting says. Each way is one that a careless or malicious author might
//! find; the host must answer all of them with a recorded denial. Some ways are no misbehaviour: it may `behave`, it may
//! behave and let a chief `waive` what it demands, it may want the signatures of `both` examiners, or have them given `blind`, a
//! document that it demands with the search alone (`draw`) or with the release alone (`draw-late`), it may bound the candidate
//! list `early`, with the request, or `late`, as the list is shown, and it may be in force for `two-days` alone.

use magistrate_sdk::calendar::date;
use magistrate_sdk::case::has_role;
use magistrate_sdk::rulings::{Charter, Clause, ClockOrigin, Document, Duty, Promise};
use magistrate_sdk::settings::Default;
use magistrate_sdk::terms::Phase;
use magistrate_sdk::{Case, Duties, Policy, Setting, Settings};
use std::sync::atomic::{AtomicU32, Ordering};

/// Misbehaves.
pub struct Hostile;

magistrate_sdk::policy_with_std!(Hostile);

const ACTS: &[&str] = &[
    "behave",
    "waive",
    "blind",
    "both",
    "two-days",
    "draw",
    "draw-late",
    "early",
    "late",
    "spin",
    "allocate",
    "recurse",
    "trap",
    "exit",
    "print",
    "log",
    "oversized",
    "break-promise",
    "unlisted-clause",
    "unlisted-document",
    "alert-only",
    "linger",
    "silent",
    "remember",
];

/// Who approves, signs, is told and, where that is let, waives.
const CHIEF: &str = "chief";

/// Who signs, two of them.
const EXAMINER: &str = "examiner";

/// The document that it may demand.
const REPORT: &str = "report";

/// The record that it may withhold.
const WITHHELD: &str = "r0003";

/// Decisions that this instance has made: always none, where each is made in a fresh one.
static DECIDED: AtomicU32 = AtomicU32::new(0);

const ACT: Setting =
    Setting { name: "act", label: "Act", help: "How to misbehave.", default: Default::Code("behave", ACTS) };

impl Policy for Hostile {
    const SETTINGS: &'static [Setting] = &[ACT];

    fn charter(settings: &Settings) -> Charter {
        let two_days = settings.text(&ACT) == "two-days";
        Charter {
            id: "hostile".to_owned(),
            title: "A policy that misbehaves".to_owned(),
            authority: "none".to_owned(),
            authority_text: "0".repeat(64),
            effective: if two_days { date(2026, 3, 11) } else { date(2026, 1, 1) },
            expires: two_days.then_some(date(2026, 3, 12)),
            review_due: None,
            review: None,
            time_zone: "UTC".to_owned(),
            clauses: vec![Clause { id: "1".to_owned(), summary: "anything goes".to_owned(), phases: vec![] }],
            statements: vec![],
            documents: vec![Document { id: REPORT.to_owned(), title: "A report".to_owned(), preamble: None }],
            interpretations: vec![],
            settings: vec![],
            forms: vec![],
            reports: vec![],
            promised: [Phase::Request, Phase::Search, Phase::Candidates]
                .map(|phase| Promise { phase, clause: "1".to_owned() })
                .to_vec(),
            places: vec![],
        }
    }

    fn decide(case: &mut Case) {
        let act = case.settings().text(&ACT);
        match act {
            "spin" => spin(),
            "allocate" => allocate(),
            "recurse" => case.tag("depth", if recurse(std::hint::black_box(1)) == 0 { "even" } else { "odd" }),
            "trap" => panic!("as told"),
            "exit" => std::process::exit(0),
            "print" => print(),
            "linger" => linger(),
            "silent" => return,
            "log" => (0..1000).for_each(|_| magistrate_sdk::log(&"x".repeat(1000))),
            "oversized" => {
                let long = "x".repeat(4000);
                (0..400).for_each(|_| case.clause(0).notes(&long));
            }
            "alert-only" => {
                let notice = Duties::notify(&["chief"], 24, ClockOrigin::Decision, "nothing was found");
                return case.clause(0).always_obliges(notice);
            }
            "remember" if DECIDED.fetch_add(1, Ordering::Relaxed) > 0 => {
                return case.clause(0).violated("this was decided before");
            }
            _ => {}
        }
        if act == "waive" {
            demand(case);
        }
        match (act, case.phase()) {
            ("draw", Phase::Search) | ("draw-late", Phase::Release) => case.clause(0).obliges(Duties::document(REPORT)),
            ("early", Phase::Request) => {
                case.clause(0).obliges(Duties::candidates(1, 2, 2, true));
                case.clause(0).obliges(Duties::show_only(["sex"]));
                case.clause(0).obliges(Duty::Withhold(vec![WITHHELD.to_owned()]));
            }
            ("late", Phase::Candidates) => case.clause(0).obliges(Duties::candidates(1, 2, 2, false)),
            _ => {}
        }
        if matches!(act, "blind" | "both") && case.phase() == Phase::Search {
            let mut each = Duties::sign_offs(EXAMINER, 2, "");
            each.blind = act == "blind";
            case.clause(0).obliges(Duty::SignOffs(each));
        }
        let waives = act == "waive" && case.governs_actor() && has_role(case.actor(), CHIEF);
        if case.phase() == Phase::Waiver && !waives {
            case.clause(0)
                .violated("nothing here lets you set an obligation aside: have it met, or have a chief do it");
            return;
        }
        case.clause(if act == "unlisted-clause" { 999 } else { 0 }).satisfied();
        if act == "unlisted-document" {
            case.clause(0).obliges(Duties::document("secret"));
        }
        if act != "break-promise" {
            case.clause(0).obliges(Duties::flag("hostile"));
        }
    }
}

/// Demands of each request what somebody has to do, and of each search what a release does not happen without.
fn demand(case: &mut Case) {
    let chief = || Duties::sign_offs(CHIEF, 1, "");
    match case.phase() {
        Phase::Request => {
            case.clause(0).obliges(Duty::Approve(chief()));
            case.clause(0).obliges(Duties::task(CHIEF, "look at the request", 1));
            case.clause(0).obliges(Duties::notify(&[CHIEF], 24, ClockOrigin::Decision, "a request was made"));
        }
        Phase::Search => case.clause(0).obliges(Duty::SignOffs(chief())),
        _ => {}
    }
}

fn spin() {
    let mut n = 0_u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

/// Asks for memory page by page, past the sdk's own allocator, as another language's would.
#[cfg(target_arch = "wasm32")]
fn allocate() {
    while core::arch::wasm32::memory_grow(0, std::hint::black_box(16)) != usize::MAX {}
}

#[cfg(not(target_arch = "wasm32"))]
fn allocate() {}

/// Deep on the engine's stack and nowhere else: the frames hold nothing in linear memory.
#[inline(never)]
fn recurse(n: u64) -> u64 {
    if n == 0 { 0 } else { recurse(n.wrapping_add(1)).wrapping_mul(31) ^ n }
}

/// Says something long again and again: to read it takes the host's time, and burns no fuel.
fn linger() {
    let long = "x".repeat(1_000_000);
    loop {
        magistrate_sdk::log(&long);
    }
}

fn print() {
    loop {
        println!("and another thing");
    }
}
