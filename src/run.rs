//! `skyferry run`: from a checked configuration to the account of its end.

use std::io;

use anyhow::Context;
use engine::component::BuildContext;
use engine::config::{Diagnostics, LogEncoding, LogLevel, LogSettings, Severity};
use engine::run::{RunReport, RunSettings};
use engine::{Graph, Leases, Registry, Reload, Shutdown, Tasks, queues};
use pdata::Budget;
use telemetry::{Health, Metrics, logs};
use tokio::runtime::Handle;
use tracing_subscriber::filter::LevelFilter;

use crate::admin::{Admin, Operators};
use crate::cli::RunArgs;
use crate::configuration::{self, Checked};
use crate::failure::Failure;
use crate::signals::Signals;
use crate::threads::Threads;
use crate::{account, orphans, registry, terminal};

/// Runs until a signal or a failure ends it.
pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let registry = Registry::new(&registry::components());
    let checked = configuration::load(&args.config, &registry).map_err(Failure::Configuration)?;
    let encoding = start_logs(&checked.document.service().telemetry.logs)?;
    tell_remarks(&checked.remarks, encoding);
    let service = Service::build(&checked, &registry, Leases::default())?;
    let threads = Threads::start().context("cannot start threads");
    let threads = threads.map_err(Failure::Start)?;
    let report = threads.run(async {
        let signals = Signals::catch()?.reloading(service.reload())?;
        let stop = Shutdown::default();
        tokio::select! {
            report = service.run(Handle::current(), stop.clone()) => Ok(report),
            never = signals.watch(stop) => match never {},
        }
    });
    let report = report.map_err(|error: io::Error| Failure::Start(error.into()))?;
    account::close(&report, encoding)
}

/// Starts the log of the process; once only.
pub(crate) fn start_logs(settings: &LogSettings) -> Result<LogEncoding, Failure> {
    let level = match settings.level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let encoding = match settings.encoding {
        LogEncoding::Console => logs::Encoding::Console,
        LogEncoding::Json => logs::Encoding::Json,
    };
    let colour = terminal::wants_colour(&io::stderr());
    let started = logs::start(level, encoding, colour).context("cannot start the log");
    started.map_err(Failure::Start)?;
    Ok(settings.encoding)
}

/// Warnings and notices of the configuration: with their lines for people, else in the log.
fn tell_remarks(remarks: &Diagnostics, encoding: LogEncoding) {
    if encoding == LogEncoding::Console {
        terminal::diagnose(remarks);
        return;
    }
    for remark in remarks.iter() {
        let place = remark.place.as_ref();
        let source = place.map(|place| place.source.as_str());
        let line = place.and_then(|place| place.line);
        let (message, help) = (&remark.message, remark.help.as_deref());
        match remark.severity {
            Severity::Notice => tracing::info!(source, line, help, "{message}"),
            _ => tracing::warn!(source, line, help, "{message}"),
        }
    }
}

/// A graph with what operators see of it: built, bound, inert until run.
pub(crate) struct Service {
    graph: Graph,
    admin: Admin,
    operators: Operators,
    settings: RunSettings,
    reload: Reload,
}

impl Service {
    /// `leases` may hold what components of the program itself need.
    pub(crate) fn build(
        checked: &Checked,
        registry: &Registry,
        leases: Leases,
    ) -> Result<Service, Failure> {
        let Checked { document, plan, .. } = checked;
        let settings = document.service();
        let mut context = BuildContext {
            metrics: Metrics::new(),
            health: Health::default(),
            budget: Budget::of_resident(plan.budget),
            data_dir: settings.data_dir.clone(),
            leases,
            reload: Reload::default(),
        };
        let reload = context.reload.clone();
        let admin = Admin::bind(document, &context);
        let graph = Graph::build(document, plan, registry, &mut context);
        let (admin, graph) = match (admin, graph) {
            (Ok(admin), Ok(graph)) => (admin, graph),
            (admin, graph) => {
                let mut found = Diagnostics::default();
                found.extend(admin.err().unwrap_or_default());
                found.extend(graph.err().unwrap_or_default());
                return Err(Failure::Build(found));
            }
        };
        let roots = queues::roots(&settings.data_dir, Some((document, registry)));
        let open = graph.queues();
        orphans::tell(&roots, &open, &context.metrics);
        let operators = Operators::bind(&settings.data_dir, open, roots);
        let shutdown_timeout = settings.shutdown_timeout;
        Ok(Service {
            graph,
            admin,
            operators,
            settings: RunSettings { shutdown_timeout },
            reload,
        })
    }

    /// What asks its components to read their files again.
    pub(crate) fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Runs until `stop` begins or a component fails, and then drains. The endpoints for
    /// operators answer to the end of the drain.
    pub(crate) async fn run(self, runtime: Handle, stop: Shutdown) -> RunReport {
        let answering = Shutdown::default();
        let admin = Tasks::new(runtime.clone(), stop.clone());
        self.admin.run(&admin, &answering);
        self.operators.run(&admin, &answering);
        let mut report = self.graph.run(runtime, stop, self.settings).await;
        answering.end();
        admin.ended().await;
        let panicked = admin.panicked().map(|task| format!("{task} panicked"));
        report.failure = report.failure.or(panicked);
        report
    }
}
