//! Modules that are no plugins, and what is said of them.

use crate::module::{Module, load, load_error, open};

#[test]
fn names_an_export_that_is_missing() {
    let text = Module::default().text();
    for name in [
        "memory",
        "skyferry_plugin_v1",
        "skyferry_alloc",
        "skyferry_describe",
        "skyferry_create",
        "skyferry_process",
    ] {
        let error = load_error(&text.replace(&format!("(export \"{name}\")"), ""));
        assert_eq!(
            error,
            format!("it does not export `{name}`, which every plugin does")
        );
    }
    let without_flush = text.replace("(export \"skyferry_flush\")", "");
    load(&without_flush).expect("it need not gather anything");
}

#[test]
fn names_an_export_of_another_type() {
    let text = Module::default().text();
    let other = text.replace(
        "(func (export \"skyferry_alloc\") (param $len i32) (result i32)",
        "(func (export \"skyferry_alloc\") (param $len i64) (result i32)",
    );
    assert_eq!(
        load_error(&other),
        "it exports `skyferry_alloc` as `(i64) -> i32`, and a plugin has to export it as `(i32) -> i32`"
    );
    let other = text.replace(
        "(func (export \"skyferry_flush\") (result i32) (i32.const 0))",
        "(func (export \"skyferry_flush\"))",
    );
    assert_eq!(
        load_error(&other),
        "it exports `skyferry_flush` as `()`, and a plugin has to export it as `() -> i32`"
    );
}

#[test]
fn names_an_import_that_nobody_has() {
    let module = Module {
        imports: r#"(import "env" "fetch" (func (param i32)))"#,
        ..Module::default()
    };
    let error = load_error(&module.text());
    assert!(
        error.starts_with("it imports `env.fetch`, and a plugin may import"),
        "{error}"
    );
}

#[test]
fn says_which_import_is_of_another_type() {
    let module = Module {
        imports: r#"(import "skyferry" "now" (func $clock (result i32)))"#,
        ..Module::default()
    };
    let error = load_error(&module.text());
    assert!(error.contains("skyferry::now"), "{error}");
}

#[test]
fn tells_the_version_that_it_was_built_for() {
    let text = Module::default().text();
    let expected = "it is built for version 2 of the plugin ABI, and this host has 1";
    let by_name = text.replace("skyferry_plugin_v1", "skyferry_plugin_v2");
    assert_eq!(load_error(&by_name), expected);
    let by_number = text.replace("(i32.const 0x10000)", "(i32.const 0x20000)");
    assert_eq!(load_error(&by_number), expected);
    let minor = text.replace("(i32.const 0x10000)", "(i32.const 0x10007)");
    load(&minor).expect("a later minor version needs no more than it imports");
}

#[test]
fn has_one_memory_of_32_bits() {
    let text = Module::default().text();
    let wide = text.replace("\"memory\") 1)", "\"memory\") i64 1)");
    assert!(
        load_error(&wide).contains("memory64"),
        "{}",
        load_error(&wide)
    );
    let shared = text.replace("\"memory\") 1)", "\"memory\") 1 1 shared)");
    assert!(
        load_error(&shared).contains("threads"),
        "{}",
        load_error(&shared)
    );
}

#[test]
fn says_that_a_file_is_no_module() {
    let error = open(b"\0asm\x01\0\0\0\xff\xff\xff").map(drop);
    let error = error.expect_err("there is no such section").to_string();
    assert!(
        error.starts_with("it is no module that can run here: "),
        "{error}"
    );
}
