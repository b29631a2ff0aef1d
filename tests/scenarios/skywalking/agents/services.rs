//! Real agents of SkyWalking, unmodified, around small services of ours (`tests/clients/skywalking`).
//!
//! They come from registries; where `.ci/run` could not install one, that is said aloud.

use std::net::SocketAddr;
use std::path::Path;

use http::{Request, StatusCode};
use tempfile::TempDir;
use tokio::process::Command;

use crate::clients::{installed, program, run};
use crate::skywalking::client::http;
use crate::skywalking::program::Program;

/// What every agent here presents.
pub(crate) const TOKEN: &str = "let-me-in";

/// A service with an agent in it. Dropping it kills the process.
pub(crate) struct Service {
    program: Program,
    address: SocketAddr,
    /// Where its parts were made.
    _folder: Option<TempDir>,
}

/// Names that an agent reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) service: &'static str,
    pub(crate) instance: &'static str,
}

impl Service {
    async fn start(
        identity: Identity,
        collector: SocketAddr,
        command: &mut Command,
        folder: Option<TempDir>,
    ) -> Service {
        let program = start_program(identity, collector, command);
        let port = program
            .until_it_says(|line| line.strip_prefix("listening on ")?.parse().ok())
            .await;
        Service {
            program,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            _folder: folder,
        }
    }

    /// Makes a call that goes through both endpoints, and one that fails.
    pub(crate) async fn visit(&self) {
        for (path, expected) in [
            ("/front", StatusCode::OK),
            ("/fail", StatusCode::INTERNAL_SERVER_ERROR),
        ] {
            let answer = http(self.address, Request::get(path), "").await;
            assert_eq!(answer.expect("it answers").status(), expected, "{path}");
        }
    }

    pub(crate) async fn end(self) {
        self.program.end().await;
    }
}

fn start_program(identity: Identity, collector: SocketAddr, command: &mut Command) -> Program {
    command
        .env("SW_AGENT_NAME", identity.service)
        .env("SW_AGENT_INSTANCE_NAME", identity.instance)
        .env("SW_AGENT_AUTHENTICATION", TOKEN)
        .env("SW_AGENT_COLLECTOR_BACKEND_SERVICES", collector.to_string());
    Program::start(identity.service, command)
}

/// Starts a program with the agent for Rust. It serves [`RUST_SERVES`] requests of nobody, and stays with
/// its streams open.
pub(crate) fn rust(identity: Identity, collector: SocketAddr) -> Option<Program> {
    let agent = installed("skywalking_rust/agent")?;
    Some(start_program(identity, collector, &mut Command::new(agent)))
}

/// See `tests/clients/skywalking/rust`.
pub(crate) const RUST_SERVES: usize = 20;

/// Starts a service with the Java agent and the plugin that looks at it.
pub(crate) async fn java(identity: Identity, collector: SocketAddr) -> Option<Service> {
    let agent = installed("skywalking_java/apm-agent.jar")?;
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let home = folder.path().join("agent");
    // The agent finds its plugins beside its own jar.
    for name in ["plugins", "activations", "bootstrap-plugins"] {
        std::fs::create_dir_all(home.join(name)).expect("the folder is ours");
    }
    let jar = home.join("skywalking-agent.jar");
    std::fs::copy(&agent, &jar).expect("the folder is ours");
    let service = folder.path().join("service");
    compile(&program("skywalking/java/shop"), &agent, &service).await;
    let plugin = folder.path().join("plugin");
    compile(&program("skywalking/plugin/shop/plugin"), &agent, &plugin).await;
    let mut packing = Command::new("jar");
    packing
        .args(["--create", "--file"])
        .arg(home.join("plugins/shop.jar"))
        .arg("-C")
        .arg(&plugin)
        .arg(".")
        .arg("-C")
        .arg(program("skywalking/plugin"))
        .arg("skywalking-plugin.def");
    run(&mut packing).await;
    let mut command = Command::new("java");
    let config = program("skywalking/java/agent.config");
    command
        .arg(format!("-javaagent:{}", jar.display()))
        .arg(format!("-Dskywalking_config={}", config.display()))
        .args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp"])
        .arg(service)
        .arg("shop.Shop");
    Some(Service::start(identity, collector, &mut command, Some(folder)).await)
}

/// Compiles every Java file of `sources` against `jar`.
async fn compile(sources: &Path, jar: &Path, classes: &Path) {
    let files = std::fs::read_dir(sources).expect("it is a folder of this repository");
    let files = files.map(|file| file.expect("the folder can be read").path());
    let mut compiling = Command::new("javac");
    compiling
        .arg("-cp")
        .arg(jar)
        .arg("-d")
        .arg(classes)
        .args(files);
    run(&mut compiling).await;
}

/// How the Python agent reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Grpc,
    Http,
}

/// Starts a service with the Python agent.
pub(crate) async fn python(
    identity: Identity,
    collector: SocketAddr,
    transport: Transport,
) -> Option<Service> {
    let programs = installed("skywalking_python/bin")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(programs.clone()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).expect("the folders were in a path before");
    let mut command = Command::new(programs.join("sw-python"));
    command
        .args(["run", "python"])
        .arg(program("skywalking/service.py"))
        // Its loader refuses another Python than its own.
        .env("PATH", path)
        .env(
            "SW_AGENT_PROTOCOL",
            match transport {
                Transport::Grpc => "grpc",
                Transport::Http => "http",
            },
        )
        .env("SW_AGENT_COLLECTOR_HEARTBEAT_PERIOD", "1")
        .env("SW_AGENT_METER_REPORTER_PERIOD", "1")
        .env("SW_AGENT_COLLECTOR_GET_PROFILE_TASK_INTERVAL", "1");
    Some(Service::start(identity, collector, &mut command, None).await)
}

/// Starts a service with the Node agent.
pub(crate) async fn node(identity: Identity, collector: SocketAddr) -> Option<Service> {
    let modules = installed("skywalking_node/node_modules")?;
    let mut command = Command::new("node");
    command
        .arg(program("skywalking/service.js"))
        .env("NODE_PATH", modules);
    Some(Service::start(identity, collector, &mut command, None).await)
}
