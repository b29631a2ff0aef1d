//! What became of everything a run took in, told at its end.

use engine::config::LogEncoding;
use engine::exporter::Account;
use engine::run::{ExporterAccount, RunReport};

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
    match report.lost() {
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
        ("found", Align::Right),
        ("taken", Align::Right),
        ("delivered", Align::Right),
        ("dropped", Align::Right),
        ("set aside", Align::Right),
        ("left", Align::Right),
        ("", Align::Left),
    ];
    let rows = report.accounts.iter().map(|of| {
        let account = &of.account;
        [
            of.exporter.clone(),
            of.signal.to_string(),
            account.recovered.to_string(),
            account.enqueued.to_string(),
            account.delivered.to_string(),
            account.dropped.to_string(),
            set_aside(account).to_string(),
            account.left().to_string(),
            fate(of).to_owned(),
        ]
    });
    table(headings, &rows.collect::<Vec<_>>())
}

/// Items that were given up or are damaged, and are kept.
fn set_aside(account: &Account) -> u64 {
    account.dead_lettered + account.quarantined
}

/// What becomes of what is left.
fn fate(of: &ExporterAccount) -> &'static str {
    match (of.account.left(), of.is_durable) {
        (0, _) => "",
        (_, true) => "on disk, sent after the next start",
        (_, false) => "lost with the process",
    }
}

fn log(report: &RunReport) {
    for of in &report.accounts {
        let account = &of.account;
        tracing::info!(
            exporter = of.exporter,
            signal = of.signal.name(),
            found = account.recovered,
            taken = account.enqueued,
            delivered = account.delivered,
            dropped = account.dropped,
            dead_lettered = account.dead_lettered,
            quarantined = account.quarantined,
            on_disk = of.is_durable,
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
            recovered: 3,
            delivered: 100,
            dropped: 5,
            dead_lettered: 2,
            quarantined: 1,
            queued: 10,
            in_flight: 5,
        };
        let of = |exporter: &str, is_durable| ExporterAccount {
            exporter: exporter.to_owned(),
            signal: Signal::Logs,
            account,
            is_durable,
        };
        RunReport {
            accounts: vec![of("otlp_grpc/backend", false), of("otlp_http", true)],
            failure: None,
        }
    }

    #[test]
    fn names_what_is_left_by_exporter_and_signal() {
        expect![[r#"
            exporter           signal  found  taken  delivered  dropped  set aside  left
            otlp_grpc/backend  logs        3    120        100        5          3    15  lost with the process
            otlp_http          logs        3    120        100        5          3    15  on disk, sent after the next start
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
