//! The program under test, as a child process that cannot outlive its test.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::memory::{self, Memory};

/// Longer than a start or a stop takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Laid under every configuration: a log that can be read by programs, and ports that are free.
const BASE: &str = "
service:
  telemetry:
    logs: {encoding: json}
    metrics: {address: '127.0.0.1:0'}
    health: {address: '127.0.0.1:0'}
";

/// A running `skyferry` in a directory of its own. Dropping it kills the process.
pub(crate) struct Collector {
    child: Child,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
    dir: Arc<TempDir>,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
}

/// What the program has written to its standard error output so far.
#[derive(Default)]
struct Log {
    state: Mutex<LogState>,
    changed: Condvar,
}

#[derive(Default)]
struct LogState {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    /// The first line of which `look` makes something, waiting for it if it must.
    fn find<T>(&self, look: impl Fn(&str) -> Option<T>) -> Result<T, &'static str> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state.lock();
        let mut seen = 0;
        loop {
            if let Some(found) = state.lines[seen..].iter().find_map(|line| look(line)) {
                return Ok(found);
            }
            seen = state.lines.len();
            if state.ended {
                return Err("the program ended without it");
            }
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return Err("it did not come in time");
            }
        }
    }

    fn wait_for_end(&self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state.lock();
        while !state.ended {
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return false;
            }
        }
        true
    }

    fn text(&self) -> String {
        self.state.lock().lines.join("\n")
    }
}

impl Collector {
    /// Starts the program with `config`. It may still be starting when this returns.
    #[track_caller]
    pub(crate) fn start(config: &str) -> Collector {
        let dir = tempfile::tempdir().expect("the system has a folder for temporary files");
        Collector::start_in(Arc::new(dir), config)
    }

    /// Starts the program where one was before.
    #[track_caller]
    pub(crate) fn start_in(dir: Arc<TempDir>, config: &str) -> Collector {
        write_configuration(dir.path(), config);
        let program = Command::new(env!("CARGO_BIN_EXE_skyferry"));
        Collector::spawn(dir, program)
    }

    /// Starts the program with its data directory on a volume of its own that has `mib` MiB.
    /// `None`, said aloud, where the system does not let a test make one.
    #[track_caller]
    pub(crate) fn start_on_volume(mib: usize, config: &str) -> Option<Collector> {
        let dir = tempfile::tempdir().expect("the system has a folder for temporary files");
        write_configuration(dir.path(), config);
        std::fs::create_dir(dir.path().join("skyferry-data")).expect("the folder is ours");
        let mount = format!("mount -t tmpfs -o size={mib}m none skyferry-data");
        let may = Command::new("unshare")
            .args(["-rm", "sh", "-c", &mount])
            .current_dir(dir.path())
            .output();
        if !may.is_ok_and(|output| output.status.success()) {
            #[expect(clippy::print_stderr, reason = "what is left out is said")]
            {
                eprintln!("NOT RUN: no volume can be mounted here");
            }
            return None;
        }
        let mut program = Command::new("unshare");
        let run = format!("{mount} && exec \"$0\" \"$@\"");
        program.args(["-rm", "sh", "-c", &run, env!("CARGO_BIN_EXE_skyferry")]);
        Some(Collector::spawn(Arc::new(dir), program))
    }

    fn spawn(dir: Arc<TempDir>, mut program: Command) -> Collector {
        let mut child = program
            .args(["--config", "base.yaml", "--config", "config.yaml"])
            .current_dir(dir.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built for this test");
        let log = Arc::<Log>::default();
        let stderr = child.stderr.take().expect("it is a pipe");
        let reader = Some(read_log(stderr, log.clone()));
        Collector {
            child,
            log,
            reader,
            dir,
        }
    }

    /// Where `component` listens for `protocol`, as it says in its log. Waits for it.
    #[track_caller]
    pub(crate) fn address(&self, component: &str, protocol: &str) -> SocketAddr {
        let what = format!("`{component}` listening for {protocol}");
        self.until_logged(&what, |line| {
            let fits = line["message"] == "listening"
                && line["component"] == component
                && line["protocol"] == protocol;
            fits.then(|| line["address"].as_str()?.parse().ok())?
        })
    }

    /// Where operators find `endpoint`: `metrics` or `health`. Waits for it.
    #[track_caller]
    pub(crate) fn endpoint(&self, endpoint: &str) -> SocketAddr {
        self.until_logged(&format!("the endpoint `{endpoint}`"), |line| {
            let fits = line["message"] == "listening" && line["endpoint"] == endpoint;
            fits.then(|| line["address"].as_str()?.parse().ok())?
        })
    }

    /// Waits until the log has so many lines whose message begins like this.
    #[track_caller]
    pub(crate) fn until_logged_times(&self, message: &str, times: usize) {
        let seen = std::cell::Cell::new(0);
        self.until_logged(&format!("`{message}`, {times} times"), |line| {
            seen.set(
                seen.get()
                    + usize::from(
                        line["message"]
                            .as_str()
                            .is_some_and(|said| said.starts_with(message)),
                    ),
            );
            (seen.get() >= times).then_some(())
        });
    }

    /// What `look` makes of a line of the log, waiting for that line.
    #[track_caller]
    pub(crate) fn until_logged<T>(&self, what: &str, look: impl Fn(&Value) -> Option<T>) -> T {
        let found = self
            .log
            .find(|line| look(&serde_json::from_str(line).ok()?));
        found.unwrap_or_else(|why| panic!("{what}: {why}; the log:\n{}", self.log.text()))
    }

    /// Ends the program as a loss of memory does: it has no chance to do anything. Gives its
    /// directory.
    pub(crate) fn kill(mut self) -> Arc<TempDir> {
        self.child
            .kill()
            .expect("it is our child, and was not waited for");
        self.child.wait().expect("it is our child");
        Arc::clone(&self.dir)
    }

    /// The program's working directory.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn memory(&self) -> Memory {
        memory::of(self.child.id())
    }

    /// Asks the program to end, as a supervisor does.
    pub(crate) fn terminate(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("it is our child, and was not waited for");
    }

    /// Asks the program to look at its files again.
    pub(crate) fn hang_up(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::HUP).expect("it is our child, and was not waited for");
    }

    /// Waits until the program has ended.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Ended {
        let in_time = self.log.wait_for_end();
        assert!(in_time, "still there; its log:\n{}", self.log.text());
        let status = self.child.wait().expect("it is our child");
        let reader = self.reader.take().expect("nobody else takes it");
        reader.join().expect("readers do not panic");
        Ended {
            code: status.code(),
            log: self.log.text(),
        }
    }

    /// Asks the program to end and waits until it has.
    #[track_caller]
    pub(crate) fn stop(self) -> Ended {
        self.terminate();
        self.ended()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        if thread::panicking() {
            let log = self.log.text();
            #[expect(clippy::print_stderr, reason = "the log tells why the test failed")]
            {
                eprintln!("the log of the program under test:\n{log}");
            }
        }
    }
}

fn write_configuration(dir: &Path, config: &str) {
    for (name, text) in [("base.yaml", BASE), ("config.yaml", config)] {
        std::fs::write(dir.join(name), text).expect("the folder is ours");
    }
}

fn read_log(stderr: impl Read + Send + 'static, log: Arc<Log>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            log.state.lock().lines.push(line);
            log.changed.notify_all();
        }
        log.state.lock().ended = true;
        log.changed.notify_all();
    })
}
