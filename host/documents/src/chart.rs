//! One bar chart. Bars are dark on white with the number written at the end of each, so no colour carries meaning; the
//! figures are also given as a table by whoever asks for the chart.

use crate::text;

/// A chart of horizontal bars, cleaned.
pub(crate) struct Bars {
    pub(crate) title: String,
    /// What is counted, under the chart.
    pub(crate) unit: String,
    /// Label and height of each bar.
    pub(crate) bars: Vec<(String, u64)>,
}

impl Bars {
    pub(crate) fn new(title: &str, unit: &str, bars: impl IntoIterator<Item = (String, u64)>) -> Self {
        Self {
            title: text::one_line(title),
            unit: text::one_line(unit),
            bars: bars.into_iter().map(|(label, value)| (text::one_line(&label), value)).collect(),
        }
    }

    /// How much of the full length bar `value` takes, 0 to 1.
    #[allow(clippy::cast_precision_loss, reason = "a bar is at most some hundred pixels long")]
    pub(crate) fn share(&self, value: u64) -> f32 {
        let most = self.bars.iter().map(|(_, value)| *value).max().unwrap_or(0).max(1);
        value as f32 / most as f32
    }

    /// The chart in words.
    pub(crate) fn alt(&self) -> String {
        let figures: Vec<String> = self.bars.iter().map(|(label, value)| format!("{label}: {value}")).collect();
        format!("Bar chart: {} ({}). {}", self.title, self.unit, figures.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_relative_to_the_longest() {
        let bars = Bars::new("t", "n", [("a".to_owned(), 4), ("b".to_owned(), 1)]);
        assert!((bars.share(4) - 1.0).abs() < 1e-6 && (bars.share(1) - 0.25).abs() < 1e-6);
        assert_eq!(bars.alt(), "Bar chart: t (n). a: 4; b: 1");
        assert!(Bars::new("t", "n", [("a".to_owned(), 0)]).share(0).abs() < 1e-6);
    }
}
