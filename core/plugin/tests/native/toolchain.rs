//! Builds plugins with the compilers of this machine, and says aloud where there is none.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::header;

/// A compiler that is there.
pub(crate) struct Compiler(&'static str);

impl Compiler {
    pub(crate) fn c() -> Option<Compiler> {
        Compiler::of("cc")
    }

    pub(crate) fn cpp() -> Option<Compiler> {
        Compiler::of("c++")
    }

    fn of(name: &'static str) -> Option<Compiler> {
        is_installed(name, "--version").then_some(Compiler(name))
    }

    /// Runs it on one source file.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str], source: &Path) {
        let mut command = Command::new(self.0);
        command.arg("-I").arg(header::folder());
        succeed(command.args(arguments).arg(source));
    }
}

/// Whether a tool can be run.
pub(crate) fn is_installed(name: &str, asked: &str) -> bool {
    let answer = Command::new(name).arg(asked).output();
    let is_installed = answer.is_ok_and(|answer| answer.status.success());
    if !is_installed {
        not_run(&format!("`{name}` is not installed"));
    }
    is_installed
}

/// Says that a test was left out, and why.
#[expect(
    clippy::print_stderr,
    reason = "a toolchain that did not run is no success"
)]
pub(crate) fn not_run(why: &str) {
    eprintln!("NOT RUN: {why}");
}

#[track_caller]
pub(crate) fn succeed(command: &mut Command) {
    let output = command.output().expect("the tool can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{told}");
}

/// A library that was built for a test, gone when it ends.
pub(crate) struct Built {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

/// Builds a library from one C source of this crate, as C99 without a warning.
#[track_caller]
pub(crate) fn build_c(source: &str, more: &[&str]) -> Option<Built> {
    let compiler = Compiler::c()?;
    let folder = tempfile::tempdir().expect("the system has a folder for it");
    let path = folder.path().join("plugin.so");
    let output = path.to_str().expect("a temporary folder has a plain name");
    let mut arguments = vec![
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-g",
        "-O1",
        "-shared",
        "-fPIC",
        "-fvisibility=hidden",
        "-o",
        output,
    ];
    arguments.extend(more);
    compiler.run(&arguments, &source_of(source));
    Some(Built {
        _folder: folder,
        path,
    })
}

/// A file of this crate.
pub(crate) fn source_of(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
