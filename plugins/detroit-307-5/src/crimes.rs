//! The crime a request is about, and whether it is one of those the directive names.
//!
//! 2.7 names four crimes and 2.6 one more. A department's own codes are finer, so a table says which of the five a code
//! belongs to (IR-4). What stands in no table is unknown, and what is unknown is not permitted.

use crate::words::{self, alike};
use crate::{answers, settings};
use magistrate_sdk::Case;
use magistrate_sdk::text::same;

/// What the directive makes of a crime.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 2.7.
    Homicide,
    /// 2.7.
    Robbery,
    /// 2.7.
    SexualAssault,
    /// 2.7.
    AggravatedAssault,
    /// 2.6.
    HomeInvasion,
    /// A crime, or none, that the directive does not name.
    Outside,
    /// A code in no table.
    Unknown,
}

impl Class {
    /// The heading under which reports count it.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Homicide => "homicide",
            Self::Robbery => "robbery",
            Self::SexualAssault => "sexual-assault",
            Self::AggravatedAssault => "aggravated-assault",
            Self::HomeInvasion => "home-invasion-1",
            Self::Outside => "outside",
            Self::Unknown => "unknown",
        }
    }
}

/// How a code comes by its class.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The directive's own words.
    Words,
    /// The table (IR-4).
    Table,
}

const TABLE: &[(&str, Class, By)] = &[
    ("homicide", Class::Homicide, By::Words),
    ("murder", Class::Homicide, By::Words),
    ("manslaughter", Class::Homicide, By::Table),
    ("robbery", Class::Robbery, By::Words),
    ("armed-robbery", Class::Robbery, By::Words),
    ("unarmed-robbery", Class::Robbery, By::Words),
    ("bank-robbery", Class::Robbery, By::Words),
    ("carjacking", Class::Robbery, By::Table),
    ("sexual-assault", Class::SexualAssault, By::Words),
    ("criminal-sexual-conduct", Class::SexualAssault, By::Table),
    ("rape", Class::SexualAssault, By::Table),
    ("aggravated-assault", Class::AggravatedAssault, By::Words),
    ("felonious-assault", Class::AggravatedAssault, By::Table),
    ("assault-with-intent-to-murder", Class::AggravatedAssault, By::Table),
    ("non-fatal-shooting", Class::AggravatedAssault, By::Table),
    ("home-invasion-1", Class::HomeInvasion, By::Words),
    ("home-invasion-2", Class::Outside, By::Words),
    ("home-invasion-3", Class::Outside, By::Words),
    ("burglary", Class::Outside, By::Words),
    ("larceny", Class::Outside, By::Words),
    ("shoplifting", Class::Outside, By::Words),
    ("retail-fraud", Class::Outside, By::Words),
    ("motor-vehicle-theft", Class::Outside, By::Words),
    ("simple-assault", Class::Outside, By::Words),
    ("stalking", Class::Outside, By::Words),
    ("kidnapping", Class::Outside, By::Words),
    ("arson", Class::Outside, By::Words),
    ("fraud", Class::Outside, By::Words),
    ("identity-theft", Class::Outside, By::Words),
    ("drug-offence", Class::Outside, By::Words),
    ("weapons-offence", Class::Outside, By::Words),
    ("vandalism", Class::Outside, By::Words),
    ("trespass", Class::Outside, By::Words),
    ("immigration-offence", Class::Outside, By::Words),
    ("missing-person", Class::Outside, By::Words),
    ("none", Class::Outside, By::Words),
    ("other", Class::Outside, By::Words),
];

/// What no form offers, but leaves no doubt. A home invasion of no degree is one that the elements of 2.6 decide on.
const SPELLINGS: &[(&str, Class, By)] = &[
    ("home-invasion", Class::HomeInvasion, By::Words),
    ("home-invasion-i", Class::HomeInvasion, By::Words),
    ("home-invasion-ii", Class::Outside, By::Words),
    ("home-invasion-iii", Class::Outside, By::Words),
    ("first-degree-home-invasion", Class::HomeInvasion, By::Words),
    ("robbery-armed", Class::Robbery, By::Words),
    ("robbery-unarmed", Class::Robbery, By::Words),
    ("car-jacking", Class::Robbery, By::Table),
    ("csc", Class::SexualAssault, By::Table),
];

/// What a code that names an attempt begins with.
const ATTEMPT: &str = "attempted-";

/// Every code a form offers.
pub fn codes() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(code, ..)| *code)
}

/// The crime as answered, read by the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Crime {
    /// What the directive makes of it.
    pub class: Class,
    /// Whether it was attempted only.
    pub attempted: bool,
    /// Whether the class rests on the table rather than on the directive's own words.
    pub tabled: bool,
}

impl Crime {
    /// What was answered, if anything. Where several people answered differently, the answer that permits least: a crime must
    /// not become a graver one by asking somebody else.
    pub fn of(case: &Case) -> Option<Self> {
        let attempted = case.flag(answers::ATTEMPTED) == Some(true);
        words::texts(case, answers::CRIME)
            .map(|code| Self::read(code, attempted))
            .reduce(|first, other| if other.strictness() > first.strictness() { other } else { first })
    }

    /// One answer. An attempted homicide is an aggravated assault, as in the uniform crime reports.
    fn read(answer: &str, attempted: bool) -> Self {
        let named_attempt = answer.split_at_checked(ATTEMPT.len()).filter(|(start, _)| alike(start, ATTEMPT));
        let code = named_attempt.map_or(answer, |(_, code)| code);
        let attempted = attempted || named_attempt.is_some();
        let (class, by) = looked_up(code);
        let class = if attempted && class == Class::Homicide { Class::AggravatedAssault } else { class };
        Self { class, attempted, tabled: attempted || by == By::Table }
    }

    /// How little an answer permits, compared with another one.
    fn strictness(self) -> u8 {
        match self.class {
            Class::Unknown => 5,
            Class::Outside => 4,
            Class::HomeInvasion if self.attempted => 3,
            Class::HomeInvasion => 2,
            _ => u8::from(self.tabled),
        }
    }

    /// Whether it is one of the four of 2.7, under the reading in force.
    pub fn is_part_1(self, case: &Case) -> bool {
        let named = !matches!(self.class, Class::HomeInvasion | Class::Outside | Class::Unknown);
        named && (!self.tabled || case.settings().is(&settings::CRIME_READING, "table"))
    }
}

/// What the tables say of a code. Most people write the form's own.
fn looked_up(code: &str) -> (Class, By) {
    let exact = TABLE.iter().find(|(known, ..)| same(known, code));
    let found = exact.or_else(|| TABLE.iter().chain(SPELLINGS).find(|(known, ..)| alike(code, known)));
    found.map_or((Class::Unknown, By::Words), |(_, class, by)| (*class, *by))
}

/// 2.6, element by element: a dwelling entered, with felonious intent, and either a weapon or somebody lawfully there.
/// Absent while an answer that matters is outstanding. An attempt lacks the entry.
pub fn is_home_invasion(case: &Case, crime: Crime) -> Option<bool> {
    let armed = case.affirmed(answers::ENTRANT_ARMED);
    let occupied = case.affirmed(answers::PERSON_PRESENT);
    let aggravated = match (armed, occupied) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    };
    let elements = [
        Some(!crime.attempted),
        case.affirmed(answers::DWELLING_ENTERED),
        case.affirmed(answers::FELONIOUS_INTENT),
        aggravated,
    ];
    if elements.contains(&Some(false)) {
        Some(false)
    } else if elements.contains(&None) {
        None
    } else {
        Some(true)
    }
}

/// Whether the crime is one the directive authorises a search for; absent while that cannot be said.
pub fn authorised(case: &Case, crime: Option<Crime>) -> Option<bool> {
    let crime = crime?;
    if crime.class == Class::HomeInvasion { is_home_invasion(case, crime) } else { Some(crime.is_part_1(case)) }
}
