//! `skyferry lal test`.

use std::fmt::Write;

use lal::{Rules, Scratch, case};

use crate::cli::LalTestArgs;
use crate::failure::Failure;
use crate::terminal;

use super::{counted, load, read, tell};

pub(super) fn test(args: &LalTestArgs) -> Result<(), Failure> {
    let rules = read(&args.rules)?;
    let data = read(&args.data)?;
    let (loaded, found) = load(&[rules], args.meaning);
    let read = case::read(&data);
    let found_in_data = tell(&read.findings);
    let errors = found.errors + found_in_data.errors;
    let rules = Rules::compile(loaded);
    let mut scratch = Scratch::default();
    let mut report = String::new();
    let mut different = 0;
    for case in &read.cases {
        let result = case.run(&rules, &mut scratch);
        if !result.passed() {
            different += 1;
            let place = format!("{}:{}", data.name, case.line);
            let title = format!("{}, input {} ({place})", case.rule, case.number);
            write!(report, "{title}\n{result}\n").expect("writing to a `String` does not fail");
        }
    }
    let is_tested = |name: &str| read.cases.iter().any(|case| case.rule == name);
    for (_, name) in rules.names().filter(|(_, name)| !is_tested(name)) {
        report += &format!("{name}\n  no input\n\n");
    }
    let passed = read.cases.len() - different;
    let inputs = counted(read.cases.len(), "input");
    report += &format!("{passed} of {inputs} as expected\n");
    terminal::print(&report)?;
    if errors > 0 {
        let text = format!("{}: not everything was tested", counted(errors, "error"));
        return Err(Failure::Rules(text));
    }
    if different > 0 {
        let text = format!("{} not as expected", counted(different, "input"));
        return Err(Failure::Different(text));
    }
    Ok(())
}
