//! Configuration, and what files an exporter accepts.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use engine::component::BuildError;
use engine::config::read_text;
use engine::testkit::context;
use expect_test::{Expect, expect};

use super::super::FACTORY;
use super::super::config::Config;
use super::super::files::Files;
use super::fixture::{Fixture, JSON, PROTO, terms};

fn config(path: &Path, rest: &str) -> Config {
    let text = format!("path: {}\n{rest}", path.display());
    let (config, _) = read_text(&text).unwrap();
    config
}

fn build(text: &str) -> Result<(), BuildError> {
    let (_, section) = read_text::<Config>(text).unwrap();
    FACTORY.build(&section, &mut context()).map(drop)
}

#[track_caller]
fn found(text: &str, expected: &Expect) {
    let (_, section) = read_text::<Config>(text).unwrap();
    let mut problems = section.problems();
    FACTORY.check(&section, &mut problems);
    expected.assert_eq(&problems.into_diagnostics().to_string());
}

#[test]
fn accepts_the_collectors_keys() {
    found(
        "{path: a/b.json, append: true, format: proto, compression: zstd, \
         rotation: {max_megabytes: 10, max_days: 3, max_backups: 3, localtime: true}, \
         create_directory: true, directory_permissions: '0700', group_by: {enabled: false}}",
        &expect![[""]],
    );
}

#[test]
fn says_what_is_wrong_with_a_path() {
    found(
        "{}",
        &expect![[r#"
        error: `path` is missing
         --> config.yaml:1:1
          |
        1 | {}
          | ^
          = note: `path` is not written here, so its default applies
          = help: write the file to append to, for example `path: ./telemetry.json`

        1 error
    "#]],
    );
    found(
        "{path: ../a.json}",
        &expect![[r#"
        error: `path` must not contain `..`
         --> config.yaml:1:8
          |
        1 | {path: ../a.json}
          |        ^^^^^^^^^
          = help: write the directory itself

        1 error
    "#]],
    );
    found(
        "{path: a/}",
        &expect![[r#"
        error: `path` must end in the name of a file
         --> config.yaml:1:8
          |
        1 | {path: a/}
          |        ^^

        1 error
    "#]],
    );
}

#[test]
fn says_what_differs_from_the_collector_or_cannot_be_read() {
    found(
        "{path: a-*.json, group_by: {enabled: true}}",
        &expect![[r#"
            error: `group_by` is not supported
             --> config.yaml:1:38
              |
            1 | {path: a-*.json, group_by: {enabled: true}}
              |                                      ^^^^
              = help: write one `file` exporter for each path, in pipelines of their own

            1 error
        "#]],
    );
    found(
        "{path: a, directory_permissions: '0799'}",
        &expect![[r#"
        error: `0799` are no permissions in octal
         --> config.yaml:1:34
          |
        1 | {path: a, directory_permissions: '0799'}
          |                                  ^^^^^^
          = help: write for example "0755", with quotes

        1 error
    "#]],
    );
    found(
        "{path: a, flush_interval: 5s}",
        &expect![[r#"
        warning: `flush_interval` has no effect
         --> config.yaml:1:27
          |
        1 | {path: a, flush_interval: 5s}
          |                           ^^
          = help: every batch is written before it is acknowledged; see `sync`

        1 warning
    "#]],
    );
}

#[test]
fn nothing_is_truncated_unless_asked() {
    let fixture = Fixture::new();
    std::fs::write(&fixture.path, b"{first}\n").unwrap();
    let path = fixture.path.display();
    build(&format!("path: {path}")).unwrap();
    assert_eq!(fixture.content(), b"{first}\n");
    build(&format!("{{path: {path}, append: false}}")).unwrap();
    assert_eq!(fixture.content(), b"");
}

#[test]
fn creates_the_directory_and_hides_the_file_from_others() {
    let fixture = Fixture::new();
    let path = fixture.directory.path().join("new/deep/data.json");
    build(&format!(
        "{{path: {}, directory_permissions: '0700'}}",
        path.display()
    ))
    .unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&path) & 0o137, 0, "no more than 0640");
}

#[test]
fn refuses_a_missing_directory_if_it_is_not_to_create_it() {
    let fixture = Fixture::new();
    let path = fixture.directory.path().join("new/data.json");
    let path = path.display();
    let error = build(&format!("{{path: {path}, create_directory: false}}")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the directory of `{path}` does not exist; create it or set `create_directory` to \
             `true`"
        )
    );
}

#[test]
fn follows_no_symbolic_link() {
    let fixture = Fixture::new();
    let target = fixture.directory.path().join("target");
    std::fs::write(&target, b"{precious}\n").unwrap();
    symlink(&target, &fixture.path).unwrap();
    let path = fixture.path.display();
    let error = build(&format!("{{path: {path}, append: false}}")).unwrap_err();
    let expected =
        format!("`{path}` is a symbolic link, which is not followed; write the path it leads to");
    assert_eq!(error.to_string(), expected);
    assert_eq!(std::fs::read(&target).unwrap(), b"{precious}\n");
}

#[test]
fn follows_no_symbolic_link_to_set_a_torn_end_aside() {
    let fixture = Fixture::new();
    let target = fixture.directory.path().join("target");
    std::fs::write(&target, b"precious").unwrap();
    std::fs::write(&fixture.path, b"{first}\n{torn").unwrap();
    symlink(&target, fixture.path.with_extension("json.torn")).unwrap();
    assert!(fixture.open(terms(JSON)).is_err());
    assert_eq!(fixture.content(), b"{first}\n{torn");
    assert_eq!(std::fs::read(&target).unwrap(), b"precious");
}

#[test]
fn refuses_what_is_no_file() {
    let fixture = Fixture::new();
    std::fs::create_dir(&fixture.path).unwrap();
    let path = fixture.path.display();
    let error = build(&format!("path: {path}")).unwrap_err();
    assert_eq!(error.to_string(), format!("`{path}` is no regular file"));
    let error = build("path: /dev/null").unwrap_err();
    assert_eq!(error.to_string(), "`/dev/null` is no regular file");
}

#[test]
fn touches_no_file_that_holds_something_else() {
    for (content, found) in [
        (&b"#!/bin/sh\n"[..], "something that is no telemetry"),
        (b"\0\0\0\x01\n", "records with a length in front"),
    ] {
        let fixture = Fixture::new();
        std::fs::write(&fixture.path, content).unwrap();
        let error = fixture.open(terms(JSON)).err().unwrap().to_string();
        let path = fixture.path.display();
        assert_eq!(
            error,
            format!(
                "`{path}` holds {found}, and the configuration asks for JSON lines; move it away"
            )
        );
        assert_eq!(fixture.content(), content);
    }
    let fixture = Fixture::new();
    std::fs::write(&fixture.path, b"{first}\n").unwrap();
    assert!(fixture.open(terms(PROTO)).is_err());
    assert_eq!(fixture.content(), b"{first}\n");
}

#[test]
fn refuses_a_file_that_another_process_writes() {
    let fixture = Fixture::new();
    let log = fixture.open(terms(JSON)).unwrap();
    let error = fixture.open(terms(JSON)).err().unwrap().to_string();
    assert!(error.ends_with("is being written by another process; give each its own path"));
    drop(log);
    fixture.open(terms(JSON)).unwrap();
}

#[test]
fn exporters_that_name_one_file_share_it_however_they_write_it() {
    let fixture = Fixture::new();
    let mut files = Files::default();
    let first = files
        .lease("exporters/file/a", &config(&fixture.path, ""))
        .unwrap();
    let other_way = fixture.directory.path().join("./data.json");
    let second = files
        .lease("exporters/file/b", &config(&other_way, ""))
        .unwrap();
    assert!(Arc::ptr_eq(&first, &second));
}

#[test]
fn exporters_that_disagree_about_one_file_are_named() {
    let fixture = Fixture::new();
    let mut files = Files::default();
    let first = files
        .lease("exporters/file/a", &config(&fixture.path, ""))
        .unwrap();
    let other = config(&fixture.path, "sync: always");
    let error = files.lease("exporters/file/b", &other).err().unwrap();
    let path = fixture.path.display();
    assert_eq!(
        error.to_string(),
        format!(
            "`exporters/file/a` and `exporters/file/b` write to `{path}` and must agree on \
             `append`, `format`, `compression`, `rotation` and `sync`"
        )
    );
    drop(first);
    files
        .lease("exporters/file/b", &other)
        .expect("nobody else has it any more");
}
