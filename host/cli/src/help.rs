//! What every command's `--help` ends with: examples and exit codes.

use clap::Command;

/// What the program ends with.
const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 denied or pending by policy; 4 verification failed; \
     5 permitted, and without effect until others approve or acknowledge; 130 and 143 stopped by a signal; \
     141 nobody read what it printed.";

/// The command and all below it, with exit codes. One that only groups others shows an example of each of them.
pub(crate) fn told(command: Command) -> Command {
    let command = command.mut_subcommands(told);
    let own = command.get_after_help().map(ToString::to_string);
    let help = own.unwrap_or_else(|| {
        let below = command.get_subcommands().filter_map(|c| first_example(&c.get_after_help()?.to_string()));
        format!("Examples:\n{}", below.collect::<Vec<_>>().join("\n"))
    });
    command.after_help(format!("{help}\n\n{EXIT_CODES}"))
}

/// The first example, which goes on as long as its lines end with a backslash.
fn first_example(help: &str) -> Option<String> {
    let mut example = Vec::new();
    for line in help.lines().skip_while(|line| !line.starts_with("Example")).skip(1) {
        example.push(line);
        if !line.ends_with('\\') {
            return Some(example.join("\n"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn each(command: &Command, name: &str, check: &dyn Fn(&str, &Command)) {
        let name = format!("{name} {}", command.get_name());
        check(&name, command);
        command.get_subcommands().for_each(|below| each(below, &name, check));
    }

    #[test]
    fn every_command_has_an_example_of_its_own_name_and_exit_codes() {
        let command = told(crate::Arguments::command());
        each(&command, "", &|name, command| {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = first_example(&help).unwrap_or_else(|| panic!("`{name}` has no example: {help}"));
            assert!(example.starts_with(&format!(" {name}")) || command.has_subcommands(), "`{name}`: {example}");
            assert!(help.ends_with(EXIT_CODES), "`{name}`: {help}");
        });
    }

    #[test]
    fn an_example_is_whole() {
        let help = "Example:\n  a \\\n    b\n  c\n\nMore.";
        assert_eq!(first_example(help).as_deref(), Some("  a \\\n    b"));
        assert_eq!(first_example("Example:\n  a \\"), None);
        assert_eq!(first_example(""), None);
    }
}
