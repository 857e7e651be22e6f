//! What is known of rows besides their templates, and searches among those rows only of which something is true.
//!
//! A row may carry a value in any number of named columns. A column holds either words, of which a bitmap each says
//! whose they are, or numbers, one for each row. Which columns there are, and what they mean, is the caller's affair:
//! dates become numbers of days, a sealed record is one whose status is among some.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::TemplateError;
use crate::bitmap::Bitmap;

/// A row's value in one column.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Attribute {
    /// One of a few words: a sex, an agency, a status.
    Word(Box<str>),
    /// A number: an age in years, a date in days.
    Number(u32),
}

impl Attribute {
    /// What a column holds whose values are like this one.
    pub fn kind(&self) -> ColumnKind {
        match self {
            Self::Word(_) => ColumnKind::Words,
            Self::Number(_) => ColumnKind::Numbers,
        }
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ColumnKind {
    /// A word for each row, or none.
    Words,
    /// A number for each row, or none.
    Numbers,
}

impl ColumnKind {
    fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Numbers => "numbers",
        }
    }
}

/// Which rows a search is among: those for which every condition holds. Without conditions, all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    conditions: Vec<(Box<str>, Condition)>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Condition {
    Among(Vec<Box<str>>),
    NotAmong(Vec<Box<str>>),
    Between(RangeInclusive<u32>),
}

impl Filter {
    /// All rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only rows whose word in `column` is one of these. A row without a word there is left out.
    #[must_use]
    pub fn among<'a>(self, column: &str, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(column, Condition::Among(words.into_iter().map(Box::from).collect()))
    }

    /// Only rows whose word in `column` is none of these. A row without a word there stays.
    #[must_use]
    pub fn not_among<'a>(self, column: &str, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(column, Condition::NotAmong(words.into_iter().map(Box::from).collect()))
    }

    /// Only rows whose number in `column` is in the range, ends included. A row without a number there is left out.
    #[must_use]
    pub fn between(self, column: &str, range: RangeInclusive<u32>) -> Self {
        self.with(column, Condition::Between(range))
    }

    fn with(mut self, column: &str, condition: Condition) -> Self {
        self.conditions.push((column.into(), condition));
        self
    }
}

/// A filtered search that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FilterError {
    /// There is no such column: none was declared, and no row has a value in it.
    #[error("no record has a value in column `{column}`; filter by a column that records were enrolled with")]
    Column {
        /// The column asked for.
        column: Box<str>,
    },
    /// The column holds words and is asked for numbers, or the other way round.
    #[error("column `{column}` holds {holds}; filter it by {holds}")]
    Kind {
        /// The column.
        column: Box<str>,
        /// `words` or `numbers`.
        holds: &'static str,
    },
    /// The probe cannot be searched for.
    #[error(transparent)]
    Probe(#[from] TemplateError),
}

/// The columns of a gallery.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    columns: BTreeMap<Box<str>, Column>,
}

#[derive(Clone, Debug)]
pub(crate) enum Column {
    /// The rows of each word.
    Words(BTreeMap<Box<str>, Bitmap>),
    /// A number for each row up to the last that has one, and which rows have one.
    Numbers { numbers: Vec<u32>, known: Bitmap },
}

impl Columns {
    /// The columns of these names.
    pub(crate) fn from_named(columns: BTreeMap<Box<str>, Column>) -> Self {
        Self { columns }
    }

    /// Each column with its name, in the names' order.
    pub(crate) fn named(&self) -> impl ExactSizeIterator<Item = (&str, &Column)> {
        self.columns.iter().map(|(name, column)| (name.as_ref(), column))
    }

    /// Makes a column, unless there is one.
    ///
    /// # Errors
    /// [`TemplateError::Attribute`] if there is one that holds something else.
    pub(crate) fn declare(&mut self, name: &str, kind: ColumnKind) -> Result<(), TemplateError> {
        match self.columns.get(name).map(Column::kind) {
            Some(holds) if holds != kind => Err(TemplateError::Attribute { column: name.into(), holds: holds.name() }),
            Some(_) => Ok(()),
            None => {
                self.columns.insert(name.into(), Column::empty(kind));
                Ok(())
            }
        }
    }

    /// Whether a row may have these values.
    pub(crate) fn check(&self, attributes: &[(&str, Attribute)]) -> Result<(), TemplateError> {
        self.check_beside(attributes, &mut BTreeMap::new())
    }

    /// The same, for one of several rows: `fresh` is what those before it have in columns that are not there yet.
    pub(crate) fn check_beside<'a>(
        &self,
        attributes: &[(&'a str, Attribute)],
        fresh: &mut BTreeMap<&'a str, ColumnKind>,
    ) -> Result<(), TemplateError> {
        for (at, (name, attribute)) in attributes.iter().enumerate() {
            let holds = match self.columns.get(*name) {
                Some(column) => column.kind(),
                None => *fresh.entry(*name).or_insert(attribute.kind()),
            };
            let before = attributes[..at].iter().any(|(earlier, _)| earlier == name);
            if before || holds != attribute.kind() {
                let holds = if before { "one value" } else { holds.name() };
                return Err(TemplateError::Attribute { column: (*name).into(), holds });
            }
        }
        Ok(())
    }

    /// Gives a row values in columns where it has none. They have been checked.
    pub(crate) fn put(&mut self, row: usize, attributes: &[(&str, Attribute)]) {
        for (name, attribute) in attributes {
            if !self.columns.contains_key(*name) {
                self.columns.insert((*name).into(), Column::empty(attribute.kind()));
            }
            if let Some(column) = self.columns.get_mut(*name) {
                column.put(row, attribute);
            }
        }
    }

    /// Gives a row these values, whatever it has in their columns. They have been checked.
    pub(crate) fn replace(&mut self, row: usize, attributes: &[(&str, Attribute)]) {
        for (name, _) in attributes {
            if let Some(Column::Words(words)) = self.columns.get_mut(*name) {
                words.values_mut().for_each(|rows| rows.clear(row));
            }
        }
        self.put(row, attributes);
    }

    /// Lets row `last` take the place of `row`, and forgets what `row` had.
    pub(crate) fn swap_remove(&mut self, row: usize, last: usize) {
        for column in self.columns.values_mut() {
            match column {
                Column::Words(words) => words.values_mut().for_each(|rows| rows.swap_remove(row, last)),
                Column::Numbers { numbers, known } => {
                    let moved = numbers.get(last).copied().unwrap_or_default();
                    if let Some(number) = numbers.get_mut(row) {
                        *number = moved;
                    }
                    if let Some(number) = numbers.get_mut(last) {
                        *number = 0;
                    }
                    numbers.truncate(last);
                    known.swap_remove(row, last);
                }
            }
        }
    }

    /// The rows, of so many, that the filter admits.
    pub(crate) fn select(&self, filter: &Filter, rows: usize) -> Result<Bitmap, FilterError> {
        let mut admitted = Bitmap::all(rows);
        // In an empty gallery no column is known yet, and nothing is to be found whatever is asked.
        if rows == 0 {
            return Ok(admitted);
        }
        for (name, condition) in &filter.conditions {
            let Some(column) = self.columns.get(name) else {
                return Err(FilterError::Column { column: name.clone() });
            };
            match (column, condition) {
                (Column::Words(words), Condition::Among(among)) => admitted.intersect(&union(words, among)),
                (Column::Words(words), Condition::NotAmong(among)) => admitted.subtract(&union(words, among)),
                (Column::Numbers { numbers, known }, Condition::Between(range)) => {
                    admitted.intersect(known);
                    admitted.intersect(&within(numbers, range));
                }
                (column, _) => return Err(FilterError::Kind { column: name.clone(), holds: column.kind().name() }),
            }
        }
        Ok(admitted)
    }
}

impl Column {
    fn empty(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Words => Self::Words(BTreeMap::new()),
            ColumnKind::Numbers => Self::Numbers { numbers: Vec::new(), known: Bitmap::default() },
        }
    }

    fn kind(&self) -> ColumnKind {
        match self {
            Self::Words(_) => ColumnKind::Words,
            Self::Numbers { .. } => ColumnKind::Numbers,
        }
    }

    fn put(&mut self, row: usize, attribute: &Attribute) {
        match (self, attribute) {
            (Self::Words(words), Attribute::Word(word)) => words.entry(word.clone()).or_default().set(row),
            (Self::Numbers { numbers, known }, Attribute::Number(number)) => {
                if row >= numbers.len() {
                    numbers.resize(row + 1, 0);
                }
                numbers[row] = *number;
                known.set(row);
            }
            // `Columns::check` has refused it.
            _ => {}
        }
    }
}

fn union(words: &BTreeMap<Box<str>, Bitmap>, among: &[Box<str>]) -> Bitmap {
    let mut rows = Bitmap::default();
    for of_word in among.iter().filter_map(|word| words.get(word)) {
        rows.unite(of_word);
    }
    rows
}

/// The rows whose numbers are in the range, whether or not they are known.
fn within(numbers: &[u32], range: &RangeInclusive<u32>) -> Bitmap {
    let word = |numbers: &[u32]| {
        let bits = numbers.iter().enumerate();
        bits.fold(0_u64, |word, (bit, number)| word | (u64::from(range.contains(number)) << bit))
    };
    Bitmap::from_words(numbers.chunks(u64::BITS as usize).map(word).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(word: &str) -> Attribute {
        Attribute::Word(word.into())
    }

    fn admitted(columns: &Columns, filter: &Filter, rows: usize) -> Vec<usize> {
        let bitmap = columns.select(filter, rows).expect("columns that are there");
        (0..rows).filter(|&row| bitmap.get(row)).collect()
    }

    fn five() -> Columns {
        let mut columns = Columns::default();
        columns.put(0, &[("agency", word("a")), ("age", Attribute::Number(30))]);
        columns.put(1, &[("agency", word("b")), ("age", Attribute::Number(0))]);
        columns.put(2, &[("age", Attribute::Number(31))]);
        columns.put(3, &[("agency", word("a"))]);
        columns.put(4, &[]);
        columns
    }

    #[test]
    fn conditions_hold_together() {
        let columns = five();
        let all = Filter::new();
        assert_eq!(admitted(&columns, &all, 5), [0, 1, 2, 3, 4]);
        assert_eq!(admitted(&columns, &all.clone().among("agency", ["a", "nobody"]), 5), [0, 3]);
        assert_eq!(admitted(&columns, &all.clone().among("agency", []), 5), [0_usize; 0]);
        assert_eq!(admitted(&columns, &all.clone().not_among("agency", ["a"]), 5), [1, 2, 4]);
        assert_eq!(admitted(&columns, &all.clone().between("age", 0..=30), 5), [0, 1], "row 3 and 4 have no age");
        let both = all.not_among("agency", ["b"]).between("age", 1..=u32::MAX);
        assert_eq!(admitted(&columns, &both, 5), [0, 2]);
    }

    #[test]
    fn a_removed_row_leaves_nothing_behind() {
        let mut columns = five();
        columns.swap_remove(0, 4);
        columns.swap_remove(1, 3);
        assert_eq!(admitted(&columns, &Filter::new().among("agency", ["a"]), 3), [1]);
        assert_eq!(admitted(&columns, &Filter::new().among("agency", ["b"]), 3), [0_usize; 0]);
        assert_eq!(admitted(&columns, &Filter::new().between("age", 0..=u32::MAX), 3), [2]);
        columns.put(3, &[("agency", word("b"))]);
        assert_eq!(admitted(&columns, &Filter::new().between("age", 0..=u32::MAX), 4), [2]);
    }

    #[test]
    fn what_cannot_be_filtered_by_is_named() {
        let columns = five();
        let said = |filter: Filter| columns.select(&filter, 5).expect_err("refused").to_string();
        assert_eq!(
            said(Filter::new().among("agenzy", ["a"])),
            "no record has a value in column `agenzy`; filter by a column that records were enrolled with"
        );
        assert_eq!(said(Filter::new().between("agency", 1..=2)), "column `agency` holds words; filter it by words");
        assert_eq!(said(Filter::new().not_among("age", ["a"])), "column `age` holds numbers; filter it by numbers");
        assert!(Columns::default().select(&Filter::new().among("agency", ["a"]), 0).is_ok());
    }

    #[test]
    fn a_declared_column_can_be_filtered_by_before_any_row_has_a_value() {
        let mut columns = five();
        columns.declare("sex", ColumnKind::Words).expect("a new column");
        columns.declare("age", ColumnKind::Numbers).expect("as it is");
        assert!(columns.declare("age", ColumnKind::Words).is_err());
        assert_eq!(admitted(&columns, &Filter::new().among("sex", ["f"]), 5), [0_usize; 0]);
        assert_eq!(admitted(&columns, &Filter::new().between("age", 30..=31), 5), [0, 2], "declaring changes nothing");
    }

    #[test]
    fn a_value_replaces_the_one_before_it() {
        let mut columns = five();
        columns.replace(0, &[("agency", word("b")), ("age", Attribute::Number(50))]);
        assert_eq!(admitted(&columns, &Filter::new().among("agency", ["a"]), 5), [3]);
        assert_eq!(admitted(&columns, &Filter::new().among("agency", ["b"]), 5), [0, 1]);
        assert_eq!(admitted(&columns, &Filter::new().between("age", 50..=50), 5), [0]);
        columns.replace(4, &[("agency", word("a"))]);
        assert_eq!(admitted(&columns, &Filter::new().among("agency", ["a"]), 5), [3, 4]);
    }

    #[test]
    fn rows_added_together_agree_on_what_a_new_column_holds() {
        let columns = five();
        let mut fresh = BTreeMap::new();
        assert!(columns.check_beside(&[("sex", word("x"))], &mut fresh).is_ok());
        assert!(columns.check_beside(&[("sex", word("y"))], &mut fresh).is_ok());
        assert!(columns.check_beside(&[("sex", Attribute::Number(1))], &mut fresh).is_err());
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let columns = five();
        assert!(columns.check(&[("agency", word("c")), ("sex", word("x"))]).is_ok());
        assert!(columns.check(&[("agency", Attribute::Number(1))]).is_err());
        assert!(columns.check(&[("sex", word("x")), ("sex", word("y"))]).is_err());
    }
}
