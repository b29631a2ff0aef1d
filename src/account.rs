//! What became of everything a run took in, told at its end.

use engine::config::LogEncoding;
use engine::run::RunReport;

use crate::columns::{Align, table};
use crate::failure::Failure;
use crate::terminal;

/// Tells the account, as a table for people or as lines of the log, and judges the run.
pub(crate) fn close(report: &RunReport, encoding: LogEncoding) -> Result<(), Failure> {
    match encoding {
        LogEncoding::Console => terminal::complain(&render(report)),
        LogEncoding::Json => log(report),
    }
    if let Some(failure) = &report.failure {
        return Err(Failure::Run(failure.clone()));
    }
    match report.left() {
        0 => Ok(()),
        items => Err(Failure::Left(items)),
    }
}

fn render(report: &RunReport) -> String {
    if report.accounts.is_empty() {
        return "nothing was received\n".to_owned();
    }
    let headings = [
        ("exporter", Align::Left),
        ("signal", Align::Left),
        ("taken", Align::Right),
        ("delivered", Align::Right),
        ("dropped", Align::Right),
        ("left", Align::Right),
    ];
    let rows = report.accounts.iter().map(|(exporter, signal, account)| {
        [
            exporter.clone(),
            signal.to_string(),
            account.enqueued.to_string(),
            account.delivered.to_string(),
            account.dropped.to_string(),
            account.left().to_string(),
        ]
    });
    table(headings, &rows.collect::<Vec<_>>())
}

fn log(report: &RunReport) {
    for (exporter, signal, account) in &report.accounts {
        tracing::info!(
            exporter,
            signal = signal.name(),
            taken = account.enqueued,
            delivered = account.delivered,
            dropped = account.dropped,
            left = account.left(),
            "account"
        );
    }
}

#[cfg(test)]
mod tests {
    use engine::exporter::Account;
    use expect_test::expect;
    use pdata::Signal;

    use super::*;

    fn report() -> RunReport {
        let account = Account {
            enqueued: 120,
            delivered: 100,
            dropped: 5,
            queued: 10,
            in_flight: 5,
        };
        RunReport {
            accounts: vec![("otlp_grpc/backend".to_owned(), Signal::Logs, account)],
            failure: None,
        }
    }

    #[test]
    fn names_what_is_left_by_exporter_and_signal() {
        expect![[r#"
            exporter           signal  taken  delivered  dropped  left
            otlp_grpc/backend  logs      120        100        5    15
        "#]]
        .assert_eq(&render(&report()));
    }

    #[test]
    fn what_is_left_decides_unless_the_run_failed() {
        let mut report = report();
        let left = close(&report, LogEncoding::Json).unwrap_err();
        assert!(matches!(left, Failure::Left(15)), "{left:?}");
        report.failure = Some("receivers/otlp panicked".to_owned());
        let failed = close(&report, LogEncoding::Json).unwrap_err();
        assert!(matches!(failed, Failure::Run(_)), "{failed:?}");
    }
}
