//! The crime a request is about, and whether it is one of those the directive names.
//!
//! 2.7 names four crimes and 2.6 one more. A department's own codes are finer, so a table says which of the five a code
//! belongs to (IR-4). What stands in no table is unknown, and what is unknown is not permitted.

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
    /// What was answered, if anything. An attempted homicide is an aggravated assault, as in the uniform crime reports.
    pub fn of(case: &Case) -> Option<Self> {
        let answer = case.text(answers::CRIME)?.trim();
        let (code, named_attempt) = match answer.strip_prefix("attempted-") {
            Some(rest) => (rest, true),
            None => (answer, false),
        };
        let attempted = named_attempt || case.flag(answers::ATTEMPTED) == Some(true);
        let (class, by) = TABLE
            .iter()
            .find(|(known, ..)| same(known, code))
            .map_or((Class::Unknown, By::Words), |(_, class, by)| (*class, *by));
        let class = if attempted && class == Class::Homicide { Class::AggravatedAssault } else { class };
        Some(Self { class, attempted, tabled: attempted || by == By::Table })
    }

    /// Whether it is one of the four of 2.7, under the reading in force.
    pub fn is_part_1(self, case: &Case) -> bool {
        let named = !matches!(self.class, Class::HomeInvasion | Class::Outside | Class::Unknown);
        named && (!self.tabled || case.settings().is(&settings::CRIME_READING, "table"))
    }
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
