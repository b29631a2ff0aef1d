//! The header for authors in C and C++ is made from the contract in Rust.
//!
//! Run with `SKYFERRY_BLESS=1` to write it anew.

use std::fs;
use std::path::{Path, PathBuf};

use crate::toolchain::Compiler;

/// What the contract does not say in Rust: types of which nothing is known, and the symbol as a declaration,
/// which lets a compiler check a plugin's own.
const OPAQUE: &str = "
// One call of the host, opaque to the plugin.
typedef struct SkyferryCall SkyferryCall;

// One plugin at work, opaque to the host: what a plugin's own pointer is cast to.
typedef struct SkyferryInstance SkyferryInstance;

// The host's own state for one instance, opaque to the plugin.
typedef struct SkyferryContext SkyferryContext;";

const SYMBOL: &str = "#if defined(__GNUC__)
#define SKYFERRY_EXPORT __attribute__((visibility(\"default\")))
#else
#define SKYFERRY_EXPORT
#endif

#ifdef __cplusplus
extern \"C\" {
#endif

// The one symbol that a plugin defines.
SKYFERRY_EXPORT const SkyferryPlugin *skyferry_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif";

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn folder() -> PathBuf {
    crate_folder().join("include")
}

/// The header as cbindgen makes it of the contract, with names that are C's.
fn made() -> String {
    let contract = crate_folder().join("sdk/src/abi.rs");
    let source = fs::read_to_string(&contract).expect("the contract is there");
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        header: Some(about(&source)),
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        after_includes: Some(OPAQUE.to_owned()),
        trailer: Some(SYMBOL.to_owned()),
        usize_is_size_t: true,
        documentation_style: cbindgen::DocumentationStyle::C99,
        line_length: 100,
        ..cbindgen::Config::default()
    };
    let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    config.export.prefix = Some("Skyferry".to_owned());
    config.export.include = list(&["Bytes", "Buffer", "Host", "Plugin", "Entry"]);
    config.export.exclude = list(&["Call", "Instance", "Context"]);
    let mut header = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(contract)
        .generate()
        .expect("the contract can be said in C")
        .write(&mut header);
    let header = String::from_utf8(header).expect("a header is text");
    with_c_names(&header)
}

/// What the contract says before its first item, as a comment.
fn about(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines = lines.filter(|line| !line.starts_with(" ```"));
    let comment: Vec<_> = lines.map(|line| format!("//{line}")).collect();
    comment.join("\n")
        + "\n//\n// Made from the contract in Rust; a test proves it fresh.\n\n#ifndef SKYFERRY_PLUGIN_H\n#define SKYFERRY_PLUGIN_H"
}

/// Constants are in upper case, and links of Rust's documentation plain names.
fn with_c_names(header: &str) -> String {
    let mut text = header.to_owned();
    for name in ["KIND_", "STATUS_", "LEVEL_", "NO_ITEM", "VERSION"] {
        text = text.replace(&format!("Skyferry{name}"), &format!("SKYFERRY_{name}"));
    }
    let mut parts = text.split("[`");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (link, rest) = part.split_once("`]").expect("a link ends in its line");
        named.push_str(&format!("`{}`{rest}", c_name(link)));
    }
    named
}

fn c_name(link: &str) -> String {
    match link {
        "SYMBOL" => "skyferry_plugin_v1".to_owned(),
        link if link
            .chars()
            .all(|char| char.is_ascii_uppercase() || char == '_') =>
        {
            format!("SKYFERRY_{link}")
        }
        link => format!("Skyferry{}", link.replace("::", ".")),
    }
}

#[test]
fn the_header_is_what_the_contract_makes() {
    let path = folder().join("skyferry_plugin.h");
    let made = made();
    if std::env::var_os("SKYFERRY_BLESS").is_some() {
        fs::write(&path, &made).expect("the folder is there");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        made == committed,
        "not what the contract makes; `SKYFERRY_BLESS=1` writes it anew"
    );
}

/// Uses every name that a plugin needs.
const USER: &str = r#"
#include "skyferry_plugin.h"

static SkyferryBytes describe(void) {
    SkyferryBytes bytes = {0, 0};
    return bytes;
}

static SkyferryStatus create(const SkyferryHost *host, SkyferryCall *call, SkyferryBytes config,
                             SkyferryInstance **instance) {
    SkyferryBuffer buffer = {config.data, config.len, 0, 0};
    host->emit(call, SKYFERRY_KIND_TRACES, buffer);
    host->reason(call, config, SKYFERRY_NO_ITEM);
    host->log(host->context, SKYFERRY_LEVEL_WARN, config);
    *instance = 0;
    return SKYFERRY_STATUS_REFUSED;
}

static SkyferryStatus process(SkyferryInstance *instance, SkyferryCall *call, SkyferryKind kind,
                              SkyferryBytes message) {
    (void)instance, (void)call, (void)message;
    return kind == SKYFERRY_KIND_SEGMENT ? SKYFERRY_STATUS_REPLACED : SKYFERRY_STATUS_UNCHANGED;
}

static SkyferryStatus flush(SkyferryInstance *instance, SkyferryCall *call) {
    (void)instance, (void)call;
    return SKYFERRY_STATUS_FAILED;
}

static void destroy(SkyferryInstance *instance) { (void)instance; }

static const SkyferryPlugin table = {
    SKYFERRY_VERSION, sizeof(SkyferryPlugin), describe, create, process, flush, destroy,
};

const SkyferryPlugin *skyferry_plugin_v1(void) { return &table; }
"#;

#[test]
fn the_header_is_c99_and_cpp_without_a_warning() {
    for (compiler, name, arguments) in [
        (Compiler::c(), "user.c", ["-std=c99", "-xc"]),
        (Compiler::cpp(), "user.cpp", ["-std=c++11", "-xc++"]),
    ] {
        let Some(compiler) = compiler else { continue };
        let build = tempfile::tempdir().expect("the system has a folder for it");
        let source = build.path().join(name);
        fs::write(&source, USER).expect("the folder is ours");
        let mut strict = vec!["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];
        strict.extend(arguments);
        compiler.run(&strict, &source);
    }
}
