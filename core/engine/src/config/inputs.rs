//! What configuration is read from outside: the environment and files.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest file taken as configuration, in bytes.
pub const MAX_FILE_BYTES: u64 = 4 << 20;

/// The outside as the configuration sees it; tests put their own in its place.
pub trait Inputs {
    /// The value of an environment variable, `None` if it is not set.
    fn env(&self, name: &str) -> Option<OsString>;

    /// The bytes of a file. Relative paths start at the working directory.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The environment and the files of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessInputs;

impl Inputs for ProcessInputs {
    fn env(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            let message =
                format!("larger than the {MAX_FILE_BYTES} bytes a configuration may have");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(bytes)
    }
}

/// What stands before the colon of `--config` and in `${..}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    File,
    Env,
    Yaml,
}

pub(crate) const SCHEME_HELP: &str = "the schemes are `file:`, `env:` and `yaml:`";

/// Splits `scheme:rest`; no scheme gives `default`, an unknown one its name as the error. One
/// letter before the colon is a drive and no scheme.
pub(crate) fn split_scheme(text: &str, default: Scheme) -> Result<(Scheme, &str), &str> {
    let Some((name, rest)) = text.split_once(':') else {
        return Ok((default, text));
    };
    let mut letters = name.chars();
    let is_scheme = name.len() > 1
        && letters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '.' | '-'));
    match name {
        "file" => Ok((Scheme::File, rest)),
        "env" => Ok((Scheme::Env, rest)),
        "yaml" => Ok((Scheme::Yaml, rest)),
        _ if is_scheme => Err(name),
        _ => Ok((default, text)),
    }
}

/// The text of a file, or what is wrong with it.
pub(crate) fn read_text(inputs: &dyn Inputs, path: &str) -> Result<String, String> {
    let bytes = inputs
        .read(Path::new(path))
        .map_err(|error| format!("the file `{path}` cannot be read: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("the file `{path}` is not UTF-8 on line {line}")
    })
}

/// The value of a variable, `None` if it is not set, or what is wrong with it.
pub(crate) fn read_env(inputs: &dyn Inputs, name: &str) -> Result<Option<String>, String> {
    let mut letters = name.chars();
    let valid = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|char| char.is_ascii_alphanumeric() || char == '_');
    if !valid {
        return Err(format!(
            "`{name}` is not the name of an environment variable: \
             it is made of letters, digits and `_`, and starts with no digit"
        ));
    }
    let value = inputs.env(name).map(OsString::into_string).transpose();
    value.map_err(|_| format!("the environment variable `{name}` is not UTF-8"))
}
