//! Filters: from what a gallery declares and a search asks for to the columns that are searched.
//!
//! A gallery declares which booking fields its searches can be filtered by. Their values are columns beside the templates in
//! memory: choices are words, numbers and days are numbers, and of a date of birth the day is kept, so that an age is that of
//! the day of the search. A record without a value is admitted by no filter of it, but for one that only leaves values out.
//! Every gallery is filtered by the status of its records, too, and by the agencies that they come from.

use crate::error::CaseError;
use model::filter::{Condition, Conditions, FilterKind, Filterable, Limit, ORIGIN, STATUS};
use model::registry::Gallery;
use model::terms::Date;
use search::{Attribute, ColumnKind, Filter};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Values that one condition may name.
const MOST_VALUES: usize = 256;

/// A record's values in the columns of its gallery.
pub(crate) type Attributes<'g> = Vec<(&'g str, Attribute)>;

/// The columns of a gallery.
pub(crate) fn columns(gallery: &Gallery) -> impl Iterator<Item = (&str, ColumnKind)> {
    let kind = |kind: FilterKind| match kind {
        FilterKind::Choice => ColumnKind::Words,
        FilterKind::Number | FilterKind::Date | FilterKind::Age => ColumnKind::Numbers,
    };
    let declared = gallery.filters.iter().map(move |f| (f.name.as_str(), kind(f.kind)));
    [(STATUS, ColumnKind::Words), (ORIGIN, ColumnKind::Words)].into_iter().chain(declared)
}

/// What the columns of a gallery mean, in one text: those of a snapshot that says another are not used.
pub(crate) fn meaning(gallery: &Gallery) -> String {
    let said = |f: &Filterable| format!("{}={:?}({})[{}]", f.name, f.kind, f.field(), f.choices.join(","));
    // Snapshots from before records had a column of where they come from mean something else.
    std::iter::once(ORIGIN.to_owned()).chain(gallery.filters.iter().map(said)).collect::<Vec<_>>().join(" ")
}

/// A record's status, as a column has it.
pub(crate) fn status(status: &str) -> (&'static str, Attribute) {
    (STATUS, Attribute::Word(status.into()))
}

/// The agency that a record comes from, as a column has it; absent where nobody said.
pub(crate) fn origin(agency: &str) -> Option<(&'static str, Attribute)> {
    (!agency.is_empty()).then(|| (ORIGIN, Attribute::Word(agency.into())))
}

/// What a record's booking data say in the columns of its gallery, its status and origin apart; and the fields that say something else
/// than they should.
pub(crate) fn values<'g>(
    gallery: &'g Gallery,
    booking: &BTreeMap<String, String>,
) -> (Attributes<'g>, Vec<&'g Filterable>) {
    let (mut known, mut unreadable) = (Vec::new(), Vec::new());
    for declared in &gallery.filters {
        if let Some(text) = booking.get(declared.field()) {
            match value(declared, text) {
                Some(value) => known.push((declared.name.as_str(), value)),
                None => unreadable.push(declared),
            }
        }
    }
    (known, unreadable)
}

fn value(declared: &Filterable, text: &str) -> Option<Attribute> {
    match declared.kind {
        FilterKind::Choice => {
            declared.choices.iter().any(|choice| choice == text).then(|| Attribute::Word(text.into()))
        }
        FilterKind::Number => text.parse().ok().map(Attribute::Number),
        FilterKind::Date | FilterKind::Age => written_day(text).map(Attribute::Number),
    }
}

/// Whether a record to be enrolled says nothing in a filterable field, or what can be filtered by.
///
/// # Errors
/// [`CaseError::Invalid`], which says what would be right.
pub(crate) fn check_booking(gallery: &Gallery, id: &str, booking: &BTreeMap<String, String>) -> Result<(), CaseError> {
    let (_, unreadable) = values(gallery, booking);
    let Some(declared) = unreadable.first() else { return Ok(()) };
    let wanted = match declared.kind {
        FilterKind::Choice => format!("one of {}", declared.choices.join(", ")),
        FilterKind::Number => "a whole number, 0 or more".to_owned(),
        FilterKind::Date | FilterKind::Age => "a day as 2026-01-31".to_owned(),
    };
    Err(CaseError::Invalid(format!(
        "record `{id}`: searches are filtered by its booking field `{}`: give {wanted}, or leave it away where it is not known",
        declared.field()
    )))
}

/// What the policies are told of a search's filters: their names, and those of the booking fields behind them.
pub(crate) fn told(gallery: &Gallery, asked: &Conditions) -> Vec<String> {
    let fields = gallery.filters.iter().filter(|f| asked.contains_key(&f.name)).map(|f| f.field().to_owned());
    asked.keys().cloned().chain(fields).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The filter that a search on this day asks for; absent without conditions.
///
/// # Errors
/// [`CaseError::Invalid`] for a filter that the gallery does not have, or a condition that does not fit it.
pub(crate) fn resolve(gallery: &Gallery, asked: &Conditions, today: Date) -> Result<Option<Filter>, CaseError> {
    let mut filter = Filter::new();
    for (name, condition) in asked {
        let kind = if [STATUS, ORIGIN].contains(&name.as_str()) {
            FilterKind::Choice
        } else {
            let declared = gallery.filters.iter().find(|f| f.name == *name).ok_or_else(|| unknown(gallery, name))?;
            declared.kind
        };
        filter = match kind {
            FilterKind::Choice => {
                let [wanted, unwanted] = words(gallery, name, condition)?;
                let filter = match wanted {
                    Some(words) => filter.among(name, words.iter().map(String::as_str)),
                    None => filter,
                };
                match unwanted {
                    Some(words) => filter.not_among(name, words.iter().map(String::as_str)),
                    None => filter,
                }
            }
            kind => filter.between(name, range(kind, name, condition, today)?),
        };
    }
    Ok((!asked.is_empty()).then_some(filter))
}

fn unknown(gallery: &Gallery, name: &str) -> CaseError {
    let names: Vec<&str> = columns(gallery).map(|(name, _)| name).collect();
    invalid(name, &format!("gallery `{}` is not filtered by it; filter by {}", gallery.id, names.join(", ")))
}

fn invalid(name: &str, reason: &str) -> CaseError {
    CaseError::Invalid(format!("filter.{name}: {reason}"))
}

/// The words that a condition wants, and those that it does not.
fn words<'c>(gallery: &Gallery, name: &str, condition: &'c Condition) -> Result<[Option<&'c [String]>; 2], CaseError> {
    let Condition { one_of, none_of, from, to } = condition;
    if from.is_some() || to.is_some() || (one_of.is_none() && none_of.is_none()) {
        return Err(invalid(name, "it is filtered by values: give one_of or none_of, and neither from nor to"));
    }
    for (list, words) in [("one_of", one_of), ("none_of", none_of)] {
        if let Some(words) = words {
            check_words(gallery, name, list, words)?;
        }
    }
    Ok([one_of.as_deref(), none_of.as_deref()])
}

fn check_words(gallery: &Gallery, name: &str, list: &str, words: &[String]) -> Result<(), CaseError> {
    if words.is_empty() || words.len() > MOST_VALUES {
        return Err(invalid(name, &format!("{list} has {} values: name 1 to {MOST_VALUES}", words.len())));
    }
    // Of a status or an agency, any: which there are is the policies' affair, and the registry's.
    let Some(declared) = gallery.filters.iter().find(|f| f.name == name) else { return Ok(()) };
    match words.iter().find(|word| !declared.choices.contains(word)) {
        Some(word) => Err(invalid(name, &format!("`{word}` is none of {}", declared.choices.join(", ")))),
        None => Ok(()),
    }
}

/// The numbers in a column that a condition admits.
fn range(kind: FilterKind, name: &str, condition: &Condition, today: Date) -> Result<RangeInclusive<u32>, CaseError> {
    let by_values = condition.one_of.is_some() || condition.none_of.is_some();
    if by_values || (condition.from.is_none() && condition.to.is_none()) {
        return Err(invalid(
            name,
            "it is filtered by a range: give from or to or both, and neither one_of nor none_of",
        ));
    }
    let end = |limit: &Option<Limit>| -> Result<Option<u32>, CaseError> {
        match (kind, limit) {
            (_, None) => Ok(None),
            (FilterKind::Date, Some(Limit::Day(text))) => {
                let day = written_day(text);
                day.map(Some).ok_or_else(|| invalid(name, &format!("`{text}` is no day: write it as 2026-01-31")))
            }
            (FilterKind::Date, Some(Limit::Number(_))) => {
                Err(invalid(name, "its range is one of days: write them as \"2026-01-31\""))
            }
            (_, Some(Limit::Number(number))) => Ok(Some(*number)),
            (_, Some(Limit::Day(_))) => Err(invalid(name, "its range is one of whole numbers")),
        }
    };
    let (from, to) = (end(&condition.from)?, end(&condition.to)?);
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(invalid(name, "from is greater than to: exchange them"));
    }
    Ok(match kind {
        FilterKind::Age => born(from, to, today),
        _ => from.unwrap_or(0)..=to.unwrap_or(u32::MAX),
    })
}

/// The days on which somebody was born who is that old today, in completed years. A year is completed on the day of the same
/// name; for somebody born on 29 February, in other than leap years, on 1 March.
fn born(from: Option<u32>, to: Option<u32>, today: Date) -> RangeInclusive<u32> {
    // Nobody is born later than today. Who has completed so many years was born on this day or before it.
    let latest = from.map_or(Some(today), |years| before(today, years)).and_then(day);
    // Who has not completed one more was born after this day.
    let earliest = to.and_then(|years| before(today, years.checked_add(1)?)).and_then(day).map(|day| day + 1);
    match latest {
        Some(latest) => earliest.unwrap_or(0)..=latest,
        // Older than the calendar.
        None => RangeInclusive::new(1, 0),
    }
}

/// The day so many years before, or the last of February where that has no such day; absent where the calendar has not begun.
fn before(today: Date, years: u32) -> Option<Date> {
    let year = i32::from(today.year()).checked_sub(i32::try_from(years).ok()?)?;
    let first = Date::new(i16::try_from(year).ok()?, today.month(), 1).ok()?;
    first.with().day(today.day().min(first.days_in_month())).build().ok()
}

/// A day as a number: days since 1 January of the year 1; absent before that.
fn day(date: Date) -> Option<u32> {
    let since = date.duration_since(jiff::civil::date(1, 1, 1));
    u32::try_from(since.as_hours() / 24).ok()
}

/// A day that is written like 2026-01-31, as a number.
fn written_day(text: &str) -> Option<u32> {
    let date: Date = text.parse().ok().filter(|_| text.len() == "2026-01-31".len())?;
    day(date)
}

#[cfg(test)]
mod tests;
