//! Rule files on disk: which there are, what they hold, and whether they have changed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lal::{SOURCE_BYTES_MAX, Source};

/// Rule files of one processor.
const FILES_MAX: usize = 1000;

/// A rule file as it was when somebody looked; another state means that it was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    path: PathBuf,
    modified: Option<SystemTime>,
    bytes: u64,
}

/// Why rule files cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("cannot read `{path}`: {error}", path = .path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("`{path}` is not UTF-8 text: save it as UTF-8", path = .0.display())]
    NotText(PathBuf),
    #[error("`{path}` has no rule file: put a `*.yaml` into it", path = .0.display())]
    Empty(PathBuf),
    #[error("there are more than {FILES_MAX} rule files: join some of them")]
    TooMany,
}

impl FileError {
    fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> FileError {
        let path = path.to_owned();
        |error| FileError::Unreadable { path, error }
    }
}

/// The files that `paths` name, of directories in the order of their names.
pub(super) fn look(paths: &[PathBuf]) -> Result<Vec<State>, FileError> {
    let mut found = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(FileError::unreadable(path))?;
        if !metadata.is_dir() {
            found.push(state(path.clone(), &metadata));
            continue;
        }
        let before = found.len();
        let entries = fs::read_dir(path).map_err(FileError::unreadable(path))?;
        for entry in entries {
            let file = entry.map_err(FileError::unreadable(path))?.path();
            if !is_rule_file(&file) {
                continue;
            }
            let metadata = fs::metadata(&file).map_err(FileError::unreadable(&file))?;
            if metadata.is_file() {
                found.push(state(file, &metadata));
            }
            if found.len() > FILES_MAX {
                return Err(FileError::TooMany);
            }
        }
        if found.len() == before {
            return Err(FileError::Empty(path.clone()));
        }
        found[before..].sort_by(|a, b| a.path.cmp(&b.path));
    }
    match found.len() > FILES_MAX {
        true => Err(FileError::TooMany),
        false => Ok(found),
    }
}

fn state(path: PathBuf, metadata: &fs::Metadata) -> State {
    State {
        path,
        modified: metadata.modified().ok(),
        bytes: metadata.len(),
    }
}

/// By its name: YAML, and no data for tests of rules.
fn is_rule_file(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    let is_data = [".data.yaml", ".data.yml", ".input.data"];
    is_yaml && !name.starts_with('.') && !is_data.iter().any(|end| name.ends_with(end))
}

/// What the files hold. One that is too long is cut behind the length at which it is refused.
pub(super) fn read(files: &[State]) -> Result<Vec<Source>, FileError> {
    files.iter().map(|file| read_one(&file.path)).collect()
}

fn read_one(path: &Path) -> Result<Source, FileError> {
    let file = File::open(path).map_err(FileError::unreadable(path))?;
    let mut bytes = Vec::new();
    let most = SOURCE_BYTES_MAX as u64 + 1;
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(FileError::unreadable(path))?;
    let is_cut = bytes.len() > SOURCE_BYTES_MAX;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // The cut may be inside of a character; nobody reads as far.
        Err(error) if is_cut => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        Err(_) => return Err(FileError::NotText(path.to_owned())),
    };
    Ok(Source {
        name: path.display().to_string(),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[State]) -> Vec<&str> {
        let names = files.iter().map(|it| it.path.file_name());
        names
            .map(|name| name.and_then(|it| it.to_str()).expect("it is text"))
            .collect()
    }

    #[test]
    fn a_directory_is_its_rule_files_in_order() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = |name: &str| folder.path().join(name);
        for name in [
            "b.yaml",
            "a.yml",
            "a.data.yaml",
            "b.input.data",
            "c.txt",
            ".d.yaml",
        ] {
            fs::write(path(name), name).expect("there is room");
        }
        fs::create_dir(path("e.yaml")).expect("there is room");
        let files = look(&[path("c.txt"), folder.path().to_owned()]).expect("they are there");
        assert_eq!(names(&files), ["c.txt", "a.yml", "b.yaml"]);
        let sources = read(&files).expect("they are text");
        let texts: Vec<_> = sources.iter().map(|source| &*source.text).collect();
        assert_eq!(texts, ["c.txt", "a.yml", "b.yaml"]);
        assert_eq!(look(&[path("b.yaml")]).expect("it is there"), files[2..]);
        fs::write(path("b.yaml"), "longer than before").expect("there is room");
        assert_ne!(look(&[path("b.yaml")]).expect("it is there"), files[2..]);
    }

    #[test]
    fn says_which_file_it_cannot_read() {
        let folder = tempfile::tempdir().expect("there is room");
        let missing = folder.path().join("missing.yaml");
        for (paths, expected) in [
            (vec![missing.clone()], "missing.yaml`: "),
            (vec![folder.path().to_owned()], "has no rule file"),
        ] {
            let error = look(&paths).expect_err("it cannot").to_string();
            assert!(error.contains(expected), "{error}");
        }
        fs::write(&missing, [0xFF, 0xFE]).expect("there is room");
        let files = look(&[missing]).expect("it is there now");
        let error = read(&files).expect_err("it is no text").to_string();
        assert!(error.contains("missing.yaml` is not UTF-8"), "{error}");
    }
}
