//! What files are told to be.

use std::path::PathBuf;

use proptest::prelude::*;

use super::format::recognise;
use super::*;

const LINUX: Machine = Machine {
    os: "linux",
    arch: "x86_64",
};
const MAC: Machine = Machine {
    os: "macos",
    arch: "aarch64",
};

/// An ELF header and one segment that is mapped, of a shared library for 64-bit x86.
fn elf() -> Vec<u8> {
    let mut file = vec![0; 64 + 56];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    put(&mut file, 16, 3_u16.to_le_bytes());
    put(&mut file, 18, 62_u16.to_le_bytes());
    put(&mut file, 32, 64_u64.to_le_bytes());
    put(&mut file, 54, 56_u16.to_le_bytes());
    put(&mut file, 56, 1_u16.to_le_bytes());
    put(&mut file, 64, 1_u32.to_le_bytes());
    put(&mut file, 64 + 32, 120_u64.to_le_bytes());
    file
}

fn put<const N: usize>(file: &mut [u8], at: usize, bytes: [u8; N]) {
    file[at..at + N].copy_from_slice(&bytes);
}

/// The answer of `open` as its user reads it.
fn told(file: &[u8], here: &Machine) -> String {
    match recognise(file, here) {
        Ok(format) => format!("{format}"),
        Err(error) => error.to_string(),
    }
}

fn on_disk(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin");
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

fn refusal(path: &Path, sha256: Option<&str>) -> String {
    match Library::open(path, sha256) {
        Ok(_) => panic!("it was loaded"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn tells_libraries_by_their_first_bytes() {
    assert_eq!(told(&elf(), &LINUX), "ELF");
    assert_eq!(told(b"\0asm\x01\0\0\0", &LINUX), "WebAssembly");
    let dylib = b"\xcf\xfa\xed\xfe\x0c\0\0\x01\0\0\0\0\x06\0\0\0";
    assert_eq!(told(dylib, &MAC), "Mach-O");
    assert_eq!(told(b"\xca\xfe\xba\xbe\0\0\0\x02", &MAC), "Mach-O");
}

#[test]
fn names_what_is_no_plugin() {
    let mut executable = elf();
    put(&mut executable, 16, 2_u16.to_le_bytes());
    let mut object = elf();
    put(&mut object, 16, 1_u16.to_le_bytes());
    let cases: [(&[u8], &str); 19] = [
        (b"", "empty"),
        (b"!<arch>\nlib.o/", "a static library"),
        (b"#!/bin/sh\n", "a script"),
        (b"MZ\x90\0", "a program or library for Windows"),
        (b"PK\x03\x04..", "a zip archive"),
        (b"\x1f\x8b\x08\0", "compressed by gzip"),
        (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
        (b"BC\xc0\xde", "LLVM bitcode"),
        (b"(module)", "WebAssembly in its text form"),
        (b"\0asm", "a truncated WebAssembly module"),
        (b"\0asm\x0d\0\x01\0", "a WebAssembly component"),
        (b"\0asm\x02\0\0\0", "WebAssembly of another version"),
        (b"\xca\xfe\xba\xbe\0\0\0\x41", "a Java class"),
        ("path: übung\n".as_bytes(), "a text file"),
        (b"\x01\x02\x03\x04", "of a format that is not known here"),
        (b"\xff\xff\xff\xff", "of a format that is not known here"),
        (b"\x7fELF\x02\x01\x01", "a truncated ELF file"),
        (&executable, "an executable"),
        (&object, "an object file"),
    ];
    for (file, what) in cases {
        let expected =
            format!("it is {what}, and a plugin is a shared library or a WebAssembly module");
        assert_eq!(told(file, &LINUX), expected);
    }
}

#[test]
fn takes_a_text_for_one_where_its_bound_cuts_a_character() {
    let text = "ü".repeat(400);
    for start in 0..2 {
        let text = &format!("{}{text}", "x".repeat(start));
        assert!(told(text.as_bytes(), &LINUX).contains("a text file"));
    }
}

#[test]
fn names_the_machine_that_a_library_is_for() {
    let edited = |at: usize, bytes: &[u8]| {
        let mut file = elf();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let cases = [
        (edited(18, &[183, 0]), "aarch64"),
        (edited(18, &[243, 0]), "riscv64"),
        (edited(18, &[3, 0]), "x86"),
        (edited(18, &[0x34, 0x12]), "machine `4660` of ELF"),
        (edited(4, &[1]), "32-bit x86_64"),
    ];
    for (file, machine) in cases {
        let expected = format!("it is built for {machine}, and this is x86_64");
        assert_eq!(told(&file, &LINUX), expected);
    }
    let mut big = edited(5, &[2]);
    put(&mut big, 18, 22_u16.to_be_bytes());
    assert!(told(&big, &LINUX).contains("s390x"));
    let dylib = b"\xcf\xfa\xed\xfe\x0c\0\0\x01\0\0\0\0\x06\0\0\0";
    assert_eq!(
        told(dylib, &LINUX),
        "it is built for macos, and this is linux"
    );
    assert_eq!(
        told(&elf(), &MAC),
        "it is built for a system with ELF, and this is macos"
    );
}

/// Its loader would end the process.
#[test]
fn refuses_a_library_of_which_a_part_is_missing() {
    let whole = elf();
    for len in 1..whole.len() {
        let told = told(&whole[..len], &LINUX);
        assert!(!told.starts_with("ELF"), "{len} bytes: {told}");
    }
    let mut beyond = whole;
    put(&mut beyond, 64 + 8, u64::MAX.to_le_bytes());
    assert!(told(&beyond, &LINUX).contains("a truncated ELF file"));
}

/// The loader of glibc refuses these too; others start to run them.
#[test]
fn refuses_an_executable_that_could_be_mapped_anywhere() {
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let told = told(&own, &Machine::HERE);
    assert!(told.contains("it is an executable"), "{told}");
}

#[test]
fn opens_regular_files_only() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refusal(folder.path(), None).starts_with("it is a directory, "));
    assert!(refusal(Path::new("/dev/null"), None).starts_with("it is no regular file, "));
    let absent = folder.path().join("absent.so");
    assert!(refusal(&absent, None).starts_with("cannot read it: No such file"));
}

#[test]
fn refuses_a_file_over_the_limit_without_reading_it() {
    let (_folder, path) = on_disk(b"");
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(FILE_BYTES_MAX + 1).unwrap();
    assert_eq!(
        refusal(&path, None),
        "cannot read it: it has `268435457` bytes, and a plugin has at most `268435456`"
    );
}

#[test]
fn refuses_another_content_before_it_looks_at_it() {
    let (_folder, path) = on_disk(b"abc");
    let right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for same in [right, &right.to_uppercase()] {
        assert!(refusal(&path, Some(same)).starts_with("it is a text file"));
    }
    let wrong = right.replace('b', "c");
    assert_eq!(
        refusal(&path, Some(&wrong)),
        format!("its SHA-256 is {right}, and the configuration asks for {wrong}")
    );
}

proptest! {
    #[test]
    fn any_bytes_have_an_answer(
        start in prop::sample::select(vec![&b"\x7fELF\x02\x01\x01"[..], b"\0asm", b"\xcf\xfa\xed\xfe", b"\xca\xfe", b""]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let file = [start, &rest].concat();
        for machine in [&LINUX, &MAC] {
            prop_assert!(!told(&file, machine).is_empty());
        }
    }

    #[test]
    fn any_header_has_an_answer(at in 0..120_usize, bytes in any::<[u8; 8]>()) {
        let mut file = elf();
        let end = (at + 8).min(file.len());
        file[at..end].copy_from_slice(&bytes[..end - at]);
        prop_assert!(!told(&file, &LINUX).is_empty());
    }
}
