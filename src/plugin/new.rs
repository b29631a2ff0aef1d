//! `skyferry plugin new`: a project that needs nothing but cargo, with a copy of the SDK inside.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;

use crate::cli::PluginNewArgs;
use crate::failure::Failure;
use crate::terminal;

mod sdk;

/// What a project consists of, beside the SDK. `{name}` and its like are filled in.
const FILES: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("new/template/Cargo.toml")),
    ("README.md", include_str!("new/template/README.md")),
    (".gitignore", "target/\n"),
    (
        "config.schema.json",
        include_str!("new/template/config.schema.json"),
    ),
    ("config.yaml", include_str!("new/template/config.yaml")),
    ("src/lib.rs", include_str!("new/template/lib.rs")),
];
const TRAFFIC: (&str, &str) = ("traffic.jsonl", include_str!("new/template/traffic.jsonl"));

/// Bytes of a name: it becomes a file's.
const NAME_BYTES_MAX: usize = 64;

/// Names that cargo or the compiler cannot build a library under.
const RESERVED: [&str; 9] = [
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "proc-macro",
    "std",
    "test",
    "skyferry-plugin-sdk",
];

/// Keywords of Rust that look like names.
const KEYWORDS: [&str; 47] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "unsafe", "use",
    "where", "while",
];

pub(super) fn new(args: &PluginNewArgs) -> Result<(), Failure> {
    let name = args
        .directory
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    check(&name).map_err(Failure::Usage)?;
    let path = &args.directory;
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = format!(
                "`{}` is there already, and nothing is overwritten",
                path.display()
            );
            return Err(Failure::Usage(text));
        }
        made => made.with_context(|| format!("make `{}`", path.display())),
    }
    .and_then(|()| write_project(path, &name, args.wasm))
    .map_err(Failure::Start)?;
    let text = format!(
        "wrote `{}`, a plugin that works; its README.md says how to go on:\n\n  cd {}\n  cargo test\n",
        path.display(),
        path.display()
    );
    Ok(terminal::print(&text)?)
}

fn check(name: &str) -> Result<(), String> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    let is_plain = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '_')
    };
    if !starts_well || !name.chars().all(is_plain) || name.len() > NAME_BYTES_MAX {
        return Err(format!(
            "`{name}` is no name for a plugin: a letter, then letters, digits, `-` and `_`, all \
             lowercase, at most {NAME_BYTES_MAX}"
        ));
    }
    if KEYWORDS.contains(&name) || RESERVED.contains(&name) {
        return Err(format!(
            "`{name}` means something to Rust or cargo: choose another name"
        ));
    }
    Ok(())
}

fn write_project(root: &Path, name: &str, wasm: bool) -> anyhow::Result<()> {
    for (path, template) in FILES {
        write(root, path, &fill(template, name, wasm))?;
    }
    write(root, TRAFFIC.0, TRAFFIC.1)?;
    for (path, text) in sdk::files() {
        write(root, &format!("skyferry-plugin-sdk/{path}"), &text)?;
    }
    Ok(())
}

fn fill(template: &str, name: &str, wasm: bool) -> String {
    let (build, library) = match wasm {
        true => (include_str!("new/template/build-wasm.md"), WASM_LIBRARY),
        false => (include_str!("new/template/build-native.md"), NATIVE_LIBRARY),
    };
    template
        .replace("{build}", build.trim_end())
        .replace("{library}", library)
        .replace("{name}", name)
        .replace("{file}", &name.replace('-', "_"))
}

const WASM_LIBRARY: &str = "target/wasm32-unknown-unknown/release/{file}.wasm";
const NATIVE_LIBRARY: &str = match cfg!(target_os = "macos") {
    true => "target/release/lib{file}.dylib",
    false => "target/release/lib{file}.so",
};

fn write(root: &Path, path: &str, text: &str) -> anyhow::Result<()> {
    let path = root.join(path);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).with_context(|| format!("make `{}`", directory.display()))?;
    }
    fs::write(&path, text).with_context(|| format!("write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn names_that_cannot_be_built_are_refused() {
        for name in ["redact", "a", "my-plugin", "my_plugin2"] {
            assert_eq!(check(name), Ok(()));
        }
        for name in [
            "",
            "Redact",
            "2nd",
            "-a",
            "a b",
            "é",
            "fn",
            "test",
            "skyferry-plugin-sdk",
        ] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
