//! The program as a child process, and the little HTTP that these tests speak.

use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

/// One log record in OTLP/JSON.
pub(crate) const LOG: &str = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"as the test sent it"}}]}]}]}"#;

/// How a run of the program ended and what it printed.
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skyferry"));
    command.args(arguments).stdin(Stdio::null());
    command.env_remove("SKYFERRY_DATA_DIR");
    command.env_remove("OTLP_BACKEND");
    command
}

/// Runs a command that ends by itself.
pub(crate) fn skyferry(arguments: &[&str]) -> Output {
    skyferry_with(arguments, &[])
}

/// The same with variables in its environment.
pub(crate) fn skyferry_with(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = command(arguments);
    command.envs(variables.iter().copied());
    output_of(command)
}

/// The same with its standard output elsewhere.
pub(crate) fn skyferry_into(arguments: &[&str], stdout: Stdio) -> Output {
    let mut command = command(arguments);
    command.stdout(stdout);
    output_of(command)
}

/// The same with something on its standard input.
pub(crate) fn skyferry_reading(arguments: &[&str], input: &str) -> Output {
    let mut file = tempfile::tempfile().expect("a file can be made");
    file.write_all(input.as_bytes()).expect("it can be written");
    file.rewind().expect("it is a file");
    let mut command = command(arguments);
    command.stdin(file);
    output_of(command)
}

fn output_of(mut command: Command) -> Output {
    let output = command.output();
    let output = output.expect("the program was built for this test");
    Output {
        code: output.status.code().expect("it ended by itself"),
        stdout: String::from_utf8(output.stdout).expect("it prints UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("it prints UTF-8"),
    }
}

/// A configuration that is shipped.
pub(crate) fn config_path(name: &str) -> String {
    format!("{}/configs/{name}.yaml", env!("CARGO_MANIFEST_DIR"))
}

/// A configuration that takes logs over HTTP into `exporter`, with every port a free one.
pub(crate) fn pipeline(exporter: &str) -> String {
    let id = exporter.split(':').next().expect("there is a first part");
    format!(
        "yaml:receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:0'}}}}}}}}\n\
         exporters: {{{exporter}}}\n\
         service::telemetry::metrics::address: 127.0.0.1:0\n\
         service::telemetry::health::address: 127.0.0.1:0\n\
         service::pipelines::logs: {{receivers: [otlp], exporters: [{id}]}}"
    )
}

/// The program while it runs.
pub(crate) struct Program {
    child: Child,
    lines: BufReader<ChildStderr>,
    stderr: String,
    pub(crate) otlp: String,
    pub(crate) metrics: String,
    pub(crate) health: String,
    /// Where it works and keeps its data.
    directory: Arc<TempDir>,
}

impl Program {
    /// Starts it and waits until every endpoint is told in its log.
    #[track_caller]
    pub(crate) fn start(config: &str) -> Program {
        let directory = tempfile::tempdir().expect("a directory can be made");
        Program::start_in(Arc::new(directory), config)
    }

    /// Starts it where one was before.
    #[track_caller]
    pub(crate) fn start_in(directory: Arc<TempDir>, config: &str) -> Program {
        let mut command = command(&["--config", config]);
        command.current_dir(directory.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the program was built for this test");
        let stderr = child.stderr.take().expect("it is piped");
        let mut program = Program {
            child,
            lines: BufReader::new(stderr),
            stderr: String::new(),
            otlp: String::new(),
            metrics: String::new(),
            health: String::new(),
            directory,
        };
        while [&program.otlp, &program.metrics, &program.health].contains(&&String::new()) {
            let line = program.wait_for_line("listening");
            let address = address_in(&line);
            let place = match () {
                // Tests that need it choose its addresses.
                () if line.contains("receivers/skywalking") => continue,
                () if line.contains("receivers/otlp") => &mut program.otlp,
                () if line.contains("metrics") => &mut program.metrics,
                () => &mut program.health,
            };
            *place = address;
        }
        program
    }

    /// The next line of its log that contains `text`.
    #[track_caller]
    pub(crate) fn wait_for_line(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line);
            assert!(
                read.is_ok_and(|bytes| bytes > 0),
                "it ended before `{text}`:\n{}",
                self.stderr
            );
            self.stderr += &line;
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Returns once its log has `text`, which may have come before the last endpoint was told.
    #[track_caller]
    pub(crate) fn wait_until_told(&mut self, text: &str) -> String {
        let told = self.stderr.lines().find(|line| line.contains(text));
        match told {
            Some(line) => line.to_owned(),
            None => self.wait_for_line(text),
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "no signal was sent"
        );
    }

    /// Waits for its end.
    pub(crate) fn wait(self) -> Output {
        self.wait_in_place().0
    }

    /// Waits for its end and leaves its directory.
    pub(crate) fn wait_in_place(mut self) -> (Output, Arc<TempDir>) {
        self.lines
            .read_to_string(&mut self.stderr)
            .expect("it prints UTF-8");
        let status = self.child.wait().expect("it is our child");
        let output = Output {
            code: status.code().expect("it ended by itself"),
            stdout: String::new(),
            stderr: std::mem::take(&mut self.stderr),
        };
        (output, Arc::clone(&self.directory))
    }
}

impl Drop for Program {
    /// A test that failed half-way leaves no process behind.
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn address_in(line: &str) -> String {
    let start = line.find("127.0.0.1:").expect("the line names an address");
    let rest = &line[start..];
    let end = rest.find(|char: char| !char.is_ascii_digit() && !".:".contains(char));
    rest[..end.unwrap_or(rest.len())].to_owned()
}

pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    exchange(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    )
}

/// Posts OTLP/JSON logs.
pub(crate) fn post(address: &str, body: &str) -> (u16, String) {
    post_to(address, "/v1/logs", body)
}

/// Posts JSON.
pub(crate) fn post_to(address: &str, path: &str, body: &str) -> (u16, String) {
    let head = post_head(path, body.len());
    exchange(address, &format!("{head}connection: close\r\n\r\n{body}"))
}

fn post_head(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n"
    )
}

/// A request whose body is being waited for, which the server has confirmed.
pub(crate) fn begin_post(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = post_head("/v1/logs", LOG.len());
    write!(stream, "{head}expect: 100-continue\r\n\r\n").expect("it reads");
    let mut line = String::new();
    BufReader::new(&stream)
        .read_line(&mut line)
        .expect("it answers");
    assert!(line.starts_with("HTTP/1.1 100"), "{line}");
    stream
}

fn exchange(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("it answers in UTF-8");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    (status.expect("it speaks HTTP"), body.unwrap_or_default())
}
