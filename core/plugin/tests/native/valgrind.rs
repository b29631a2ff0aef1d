//! The tests of hostile plugins again, under a tool that sees each access to memory.

use std::process::Command;

use crate::hostile::UNDER_VALGRIND;
use crate::toolchain::{is_installed, succeed};

#[test]
fn no_hostile_plugin_makes_the_host_touch_memory_that_is_not_there() {
    if !is_installed("valgrind", "--version") {
        return;
    }
    let this = std::env::current_exe().expect("it runs");
    succeed(
        Command::new("valgrind")
            .args(["--quiet", "--error-exitcode=9", "--leak-check=full"])
            .args([
                "--errors-for-leak-kinds=definite",
                "--show-leak-kinds=definite",
            ])
            .arg(this)
            .args(["--test-threads=1", "hostile::"])
            .env(UNDER_VALGRIND, "1"),
    );
}
