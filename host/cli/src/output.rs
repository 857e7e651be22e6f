//! Tables, progress bars and colours on a terminal; plain text where piped.

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::terms::misleads;
use std::fmt::Arguments;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

/// Prints a line on standard output. `println!` panics where the reader has gone: `… | head -1` is no failure.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}

/// What a command ends with that SIGPIPE killed, as a shell says it: 128 and the signal's number. Whoever stops reading never
/// learns the verdict, so this is neither success nor any of the program's own codes.
const UNREAD: i32 = 141;

/// What [`say!`] does: ends the program when nothing more can be said, quietly where nobody reads on, as commands in a pipe
/// do.
pub(crate) fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if let Err(e) = out.write_fmt(text).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        if e.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(UNREAD);
        }
        eprintln!("{} standard output: {e}", red("error:"));
        std::process::exit(1);
    }
}

/// Whether colour is wanted: on a terminal, unless its user said otherwise.
pub(crate) fn coloured(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none()
}

fn paint(text: &str, code: &str, terminal: bool) -> String {
    if coloured(terminal) { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Red on standard error.
pub(crate) fn red(text: &str) -> String {
    paint(text, "1;31", std::io::stderr().is_terminal())
}

/// Red on standard output.
pub(crate) fn red_out(text: &str) -> String {
    paint(text, "1;31", std::io::stdout().is_terminal())
}

/// Green on standard output.
pub(crate) fn green(text: &str) -> String {
    paint(text, "32", std::io::stdout().is_terminal())
}

/// Text of others, fit for a terminal: control characters, which would drive it, and those that turn text around or are not
/// seen become U+FFFD. Line ends become `\n`, and tabs stay.
pub(crate) fn inert(text: &str) -> String {
    let drives = |c: char| c.is_control() && c != '\n' && c != '\t';
    let replaced = |c: char| if drives(c) || misleads(c) { char::REPLACEMENT_CHARACTER } else { c };
    text.replace("\r\n", "\n").chars().map(replaced).collect()
}

/// A table: ruled on a terminal, bare columns where piped.
pub(crate) fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    if std::io::stdout().is_terminal() {
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(head.map(str::to_owned).to_vec());
    table
}

/// A progress bar on a terminal; nothing where piped.
pub(crate) fn bar(what: &str, of: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(of), ProgressDrawTarget::stderr_with_hz(10));
    // The template is a constant that indicatif accepts; were it not, its own default serves.
    let style = ProgressStyle::with_template("{msg:28} {bar:32} {human_pos}/{human_len} {per_sec} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what.to_owned());
    bar
}

/// Says on a terminal what is under way, for how long, where nobody knows how much of it is left; nothing where piped.
pub(crate) fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{msg:28} {spinner} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_message(what.to_owned());
    // What moves it is a thread of its own.
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    bar
}

/// Prints one measurement: a JSON line, or rows of a table.
pub(crate) fn measurement(json: bool, title: &str, values: &serde_json::Map<String, serde_json::Value>) {
    if json {
        say!("{}", serde_json::Value::Object(values.clone()));
        return;
    }
    say!("{title}");
    let mut table = table(["measure", "value"]);
    for (name, value) in values {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.add_row([name.clone(), text]);
    }
    say!("{table}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_drives_no_terminal() {
        assert_eq!(inert("a\u{1b}[2Jb\u{9b}31mc\u{7}\u{7f}\0"), "a\u{fffd}[2Jb\u{fffd}31mc\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(inert("one\r\ntwo\n\tthree"), "one\ntwo\n\tthree");
        assert_eq!(inert("NOT VERIFIED\rverified"), "NOT VERIFIED\u{fffd}verified", "no line is written over");
        assert_eq!(inert("r\u{202E}1\u{200B}2"), "r\u{fffd}1\u{fffd}2", "it is read as it is written");
        assert_eq!(inert("Σωκράτης 日本 e\u{301}"), "Σωκράτης 日本 e\u{301}");
    }
}
