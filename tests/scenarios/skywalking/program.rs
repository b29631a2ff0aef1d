//! Somebody else's program as a child process, which cannot outlive its test.

use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{interval, timeout};

/// A virtual machine that starts beside two other tests takes its time.
pub(crate) const PROGRAM_PATIENCE: Duration = Duration::from_secs(120);
/// After this a program that was asked to end is killed.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// Lines kept of what a program says.
const LINES_MAX: usize = 10_000;
/// How often something is looked at that cannot say when it changes.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// A running program. Dropping it kills the process.
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    said: watch::Receiver<Vec<String>>,
}

impl Program {
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Program {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let (lines, said) = watch::channel(Vec::new());
        let lines = Arc::new(lines);
        keep(child.stdout.take().expect("it is a pipe"), lines.clone());
        keep(child.stderr.take().expect("it is a pipe"), lines);
        Program { name, child, said }
    }

    /// What `look` makes of a line that the program writes, waiting for that line.
    pub(crate) async fn until_it_says<T>(&self, look: impl Fn(&str) -> Option<T>) -> T {
        let mut said = self.said.clone();
        let saying = async {
            loop {
                let lines = said.borrow_and_update();
                if let Some(found) = lines.iter().find_map(|line| look(line)) {
                    return Some(found);
                }
                drop(lines);
                said.changed().await.ok()?;
            }
        };
        let found = timeout(PROGRAM_PATIENCE, saying).await.ok().flatten();
        found.unwrap_or_else(|| panic!("{} never said it; it said:\n{}", self.name, self.text()))
    }

    /// Panics if the program has ended.
    pub(crate) fn assert_runs(&mut self) {
        let status = self.child.try_wait().expect("it is our child");
        if let Some(status) = status {
            panic!("{} ended: {status}; it said:\n{}", self.name, self.text());
        }
    }

    /// Asks the program to end, and kills it if it does not.
    pub(crate) async fn end(mut self) {
        if let Some(pid) = self.child.id() {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            let pid = pid.expect("the kernel's process ids are positive");
            kill_process(pid, Signal::TERM).expect("it is our child, and was not waited for");
        }
        if timeout(END_PATIENCE, self.child.wait()).await.is_err() {
            self.child.kill().await.expect("it is our child");
        }
    }

    fn text(&self) -> String {
        self.said.borrow().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = self.text();
            #[expect(
                clippy::print_stderr,
                reason = "what it said tells why the test failed"
            )]
            {
                eprintln!("what {} said:\n{text}", self.name);
            }
        }
    }
}

/// Keeps the lines of a pipe, and reads on when there are too many.
fn keep(pipe: impl AsyncRead + Send + Unpin + 'static, lines: Arc<watch::Sender<Vec<String>>>) {
    let mut pipe = BufReader::new(pipe).lines();
    Handle::current().spawn(async move {
        while let Ok(Some(line)) = pipe.next_line().await {
            lines.send_if_modified(|lines| {
                let kept = lines.len() < LINES_MAX;
                if kept {
                    lines.push(line);
                }
                kept
            });
        }
    });
}

/// Addresses that nobody listens on, for programs that cannot say which port they took.
pub(crate) fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    // All are held before any is let go, so that they differ.
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("loopback has free ports"));
    held.map(|listener| listener.local_addr().expect("it is bound"))
}

/// Looks until there is what was looked for; fails with what was seen last.
pub(crate) async fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let mut seen = String::from("nothing");
    let looking = async {
        let mut ticks = interval(LOOK_INTERVAL);
        loop {
            ticks.tick().await;
            match look().await {
                Ok(found) => return found,
                Err(other) => seen = other,
            }
        }
    };
    match timeout(within, looking).await {
        Ok(found) => found,
        Err(_) => panic!("{what}: not within {within:?}; seen last: {seen}"),
    }
}
