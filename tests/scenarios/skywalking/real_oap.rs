//! Apache SkyWalking OAP 10.1.0 as it is published, with storage in memory and a configuration of
//! our own (`tests/oap`). `.ci/run` installs its jars; where they are not, that is said aloud.

mod queries;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::process::Command;

use super::program::{PROGRAM_PATIENCE, Program, eventually, free_addresses};
use crate::clients::{installed, not_run};

pub(crate) use queries::Queries;

/// Metrics and topology come round after round; the slowest was seen after 9 s on an idle machine.
pub(crate) const VISIBLE_WITHIN: Duration = Duration::from_secs(60);
/// It has tables for one day only until its keeper has run, and drops what is of the next.
const MIDNIGHT_MARGIN_SECONDS: i64 = 240;

/// A running OAP.
pub(crate) struct RealOap {
    program: Program,
    pub(crate) grpc: SocketAddr,
    pub(crate) rest: SocketAddr,
    pub(crate) zipkin: SocketAddr,
    telemetry: SocketAddr,
    _logs: TempDir,
}

impl RealOap {
    /// Starts an OAP and waits until it stores what it gets; `None`, said aloud, where it cannot be.
    pub(crate) async fn start() -> Option<RealOap> {
        RealOap::start_with_rules("default").await
    }

    /// As [`RealOap::start`], with these of its rules for logs, separated by commas.
    pub(crate) async fn start_with_rules(lal: &str) -> Option<RealOap> {
        let jars = installed("oap")?;
        if seconds_to_midnight() < MIDNIGHT_MARGIN_SECONDS {
            not_run("an OAP that starts before midnight UTC loses what comes after it");
            return None;
        }
        let [grpc, rest, telemetry, zipkin, zipkin_in] = free_addresses();
        let logs = tempfile::tempdir().expect("the system has a folder for temporary files");
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oap/config");
        let mut command = Command::new("java");
        command
            .args(["-Xms128m", "-Xmx768m", "-XX:+UseSerialGC"])
            .args(["-XX:TieredStopAtLevel=1", "-Duser.timezone=UTC"])
            .arg(format!("-Doap.logDir={}", logs.path().display()))
            .arg("-cp")
            .arg(format!("{}:{}/*", config.display(), jars.display()))
            .arg("org.apache.skywalking.oap.server.starter.OAPServerStartUp")
            .env("SW_LOG_LAL_FILES", lal)
            .env("SW_LOG_MAL_FILES", "e2e");
        for (variable, address) in [
            ("SW_CORE_GRPC_PORT", grpc),
            ("SW_CORE_REST_PORT", rest),
            ("SW_TELEMETRY_PROMETHEUS_PORT", telemetry),
            ("SW_QUERY_ZIPKIN_REST_PORT", zipkin),
            ("SW_RECEIVER_ZIPKIN_REST_PORT", zipkin_in),
        ] {
            command.env(variable, address.port().to_string());
        }
        let mut oap = RealOap {
            program: Program::start("OAP", &mut command),
            grpc,
            rest,
            zipkin,
            telemetry,
            _logs: logs,
        };
        oap.until_ready().await;
        Some(oap)
    }

    /// What is sent once it knows its version is stored.
    async fn until_ready(&mut self) {
        let queries = self.queries();
        let program = &mut self.program;
        let version = eventually("OAP's version", PROGRAM_PATIENCE, async || {
            program.assert_runs();
            queries.version().await
        });
        assert!(version.await.starts_with("10."), "the tests know 10.1.0");
    }

    pub(crate) fn queries(&self) -> Queries {
        Queries {
            rest: self.rest,
            zipkin: self.zipkin,
            telemetry: self.telemetry,
        }
    }

    pub(crate) async fn end(self) {
        self.program.end().await;
    }
}

fn seconds_to_midnight() -> i64 {
    const DAY: i64 = 24 * 60 * 60;
    DAY - Timestamp::now().as_second().rem_euclid(DAY)
}
