//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use exporters::replay::Speed;
use pdata::Signal;

mod plugin;
mod queue;
mod rules;

pub(crate) use plugin::{
    PluginArgs, PluginCommand, PluginInspectArgs, PluginNewArgs, PluginTestArgs,
};
pub(crate) use queue::{
    PlacesArgs, PurgeArgs, QueueArgs, QueueCommand, QueueReplayArgs, ReadArgs, RepairArgs,
    ReplayFrom, StatArgs, VerifyArgs,
};
pub(crate) use rules::{
    LalArgs, LalCheckArgs, LalCommand, LalExplainArgs, LalTestArgs, MeaningArgs,
};

const ABOUT: &str = "A telemetry collector between mini programs, iOS apps, browsers and \
                     SkyWalking OAP or any OTLP backend";

const LONG_ABOUT: &str = "\
A telemetry collector between mini programs, iOS apps, browsers and SkyWalking OAP or any OTLP
backend. It takes OTLP and SkyWalking's protocol, carries them through the pipelines of a YAML
configuration, and delivers what it acknowledged.

Without a configuration it takes both on 127.0.0.1:4317 (gRPC) and 127.0.0.1:4318 (HTTP), prints
what arrives and keeps every item in files under ./skyferry-data.";

const EXAMPLES: &str = "\
Examples:
  skyferry                                        take OTLP and show what arrives
  skyferry demo                                   the same, with recorded traffic to watch
  skyferry --config collector.yaml                run a configuration
  skyferry --config base.yaml --config site.yaml  merge two, the later one on top
  skyferry --config collector.yaml --set service.telemetry.logs.level=debug
  skyferry validate --strict --config collector.yaml
  skyferry print-config --config collector.yaml   what is in effect, and where it comes from
  skyferry replay telemetry.jsonl --to http://127.0.0.1:4318
  skyferry queue ls                               what waits on disk, also while it runs
  skyferry lal check rules.yaml                   what is wrong with rules of OAP's log analysis
  skyferry plugin new redact                      a project for a processor of your own

Exit codes:
  0  done, or stopped by a signal with everything delivered or safe on disk
  2  the command line cannot be read
  3  the configuration has errors, or rules have
  4  the start failed: a port, a file or a certificate cannot be used
  5  the run failed: a component died, or standard output cannot be written
  6  not everything was delivered: acknowledged data that was in memory at the end of a run, or
     records of a replay
  7  `queue verify` found damage
  8  `lal test` found a log that is not as expected, or `plugin test` a call that failed
  130, 143  ended at once by a second SIGINT or SIGTERM";

#[derive(Debug, Parser)]
#[command(
    name = "skyferry",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub run: RunArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a configuration; the same as no command at all
    Run(RunArgs),
    /// Report everything that is wrong with a configuration
    Validate(ValidateArgs),
    /// List the components with their defaults
    Components(ComponentsArgs),
    /// Print the configuration in effect, with the origin of every value
    PrintConfig(PrintConfigArgs),
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Play recorded sessions of mini programs into the built-in default and watch
    Demo(DemoArgs),
    /// Send recorded requests again, to SkyWalking OAP or any OTLP backend
    Replay(ReplayArgs),
    /// Look into the queues on disk, check them, and bring back what was set aside
    Queue(QueueArgs),
    /// Check and try out rules of OAP's log analysis language
    Lal(LalArgs),
    /// Begin, look at and try out processors of your own
    Plugin(PluginArgs),
}

/// Where state is kept, for the command line and for `${env:..}` in a configuration.
pub(crate) const DATA_DIR_VARIABLE: &str = "SKYFERRY_DATA_DIR";

/// Where the configuration comes from.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConfigArgs {
    /// A file, `env:NAME` or `yaml:text`; more are merged on top from left to right
    #[arg(long, value_name = "SOURCE")]
    pub config: Vec<String>,
    /// One value on top of all configurations
    #[arg(long, value_name = "KEY.PATH=VALUE")]
    pub set: Vec<String>,
    /// Where state is kept; the same as `--set service.data_dir=DIR`
    #[arg(long, value_name = "DIR", env = DATA_DIR_VARIABLE)]
    pub data_dir: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Also look at the machine: directories, certificates, ports
    #[arg(long)]
    pub strict: bool,
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

#[derive(Args, Debug)]
pub(crate) struct ComponentsArgs {
    /// `text` is YAML
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

#[derive(Args, Debug)]
pub(crate) struct PrintConfigArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    #[arg(long, value_enum, default_value_t = TreeFormat::Yaml)]
    pub format: TreeFormat,
    /// Leave out where each value comes from
    #[arg(long)]
    pub no_origins: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    /// Files that the `file` exporter wrote, or the collector's
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where to send: `http://host:port` or `https://host:port`
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) to: String,
    /// How to send; without it the ports 4317 and 11800 mean gRPC, and any other HTTP
    #[arg(long, value_enum)]
    pub(crate) protocol: Option<ProtocolArg>,
    /// `full` is as fast as possible, `original` as recorded with gaps cut to 10 s, `exact` as
    /// recorded
    #[arg(long, value_enum, default_value_t = PaceArg::Full)]
    pub(crate) pace: PaceArg,
    /// Which signal a protobuf file holds, where its records leave that open
    #[arg(long, value_parser = signal, value_name = "traces|metrics|logs")]
    pub(crate) signal: Option<Signal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProtocolArg {
    Grpc,
    Http,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PaceArg {
    Full,
    Original,
    Exact,
}

impl From<PaceArg> for Speed {
    fn from(pace: PaceArg) -> Self {
        match pace {
            PaceArg::Full => Speed::Full,
            PaceArg::Original => Speed::Original,
            PaceArg::Exact => Speed::Exact,
        }
    }
}

fn signal(name: &str) -> Result<Signal, String> {
    Signal::from_name(name).ok_or_else(|| "expected `traces`, `metrics` or `logs`".to_owned())
}

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// End after the play instead of waiting for a real app
    #[arg(long)]
    pub(crate) exit: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TreeFormat {
    Yaml,
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn runs_without_a_command() {
        let arguments = ["skyferry", "--config", "a.yaml", "--config", "b.yaml"];
        let cli = Cli::try_parse_from(arguments).expect("these are valid");
        assert!(cli.command.is_none());
        assert_eq!(cli.run.config.config, ["a.yaml", "b.yaml"]);
    }

    #[test]
    fn help_lists_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        use crate::failure::Exit;
        for exit in [
            Exit::Success,
            Exit::Usage,
            Exit::Configuration,
            Exit::Start,
            Exit::Run,
            Exit::Left,
            Exit::Damaged,
            Exit::Different,
        ] {
            let code = exit as u8;
            assert!(help.contains(&format!("\n  {code}  ")), "{code}: {help}");
        }
    }
}
