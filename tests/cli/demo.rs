//! `skyferry demo`.

use std::fs;

use super::harness::{Output, skyferry};

#[test]
fn the_demo_shows_what_came_through_and_ends_with_the_account() {
    let Output {
        code,
        stdout,
        stderr,
    } = skyferry(&["demo", "--exit"]);
    assert_eq!(code, 0, "{stderr}");
    for expected in [
        "wechat    mini-program-sim-wechat  pages/index/index",
        "alipay    mini-program-sim-alipay",
        "request.duration GET 200",
        "api.example.com 200",
        "all of it came through",
    ] {
        assert!(stdout.contains(expected), "{expected} in {stdout}");
    }
    assert!(
        stdout.lines().all(|line| line.chars().count() <= 120),
        "{stdout}"
    );
    let file = stdout
        .lines()
        .find_map(|line| line.strip_prefix("every item is in"));
    let file = file.expect("the file is named").trim();
    let written = fs::read_to_string(file).expect("it is there");
    assert_eq!(
        written.lines().count(),
        35,
        "one line for each recorded request"
    );
    let directory = std::path::Path::new(file)
        .parent()
        .expect("it is in a directory");
    fs::remove_dir_all(directory).expect("the demo made it for itself");
}
