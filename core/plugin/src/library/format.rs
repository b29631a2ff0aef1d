//! Tells what a file is by its first bytes, before a loader sees it.
//!
//! The loader of the system would refuse most of these too, in words that help nobody, and crash on one
//! of them: it maps the parts of a truncated file, and touching what is beyond its end ends the process.

use std::fmt;

use super::LoadError;

/// What kind of library a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A shared library of Linux and most other systems.
    Elf,
    /// A shared library of macOS.
    MachO,
    WebAssembly,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Elf => "ELF",
            Format::MachO => "Mach-O",
            Format::WebAssembly => "WebAssembly",
        })
    }
}

/// The machine a shared library has to be built for, in the words of [`std::env::consts`].
pub(super) struct Machine {
    pub(super) os: &'static str,
    pub(super) arch: &'static str,
}

impl Machine {
    pub(super) const HERE: Machine = Machine {
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
    };
}

/// What is no plugin, by what it begins with.
const OTHERS: [(&[u8], &str); 11] = [
    (b"!<arch>\n", "a static library"),
    (b"!<thin>\n", "a static library"),
    (b"#!", "a script"),
    (b"MZ", "a program or library for Windows"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"\xfd7zXZ\0", "compressed by xz"),
    (b"BC\xc0\xde", "LLVM bitcode"),
    (b"(module", "WebAssembly in its text form"),
    (b"(component", "WebAssembly in its text form"),
];

/// How far a file is read to see whether it is text.
const TEXT_BYTES: usize = 512;

pub(super) fn recognise(file: &[u8], here: &Machine) -> Result<Format, LoadError> {
    match file {
        [] => Err(LoadError::OtherFormat("empty")),
        [0x7f, b'E', b'L', b'F', ..] => elf(file, here),
        [b'\0', b'a', b's', b'm', version @ ..] => webassembly(version),
        [0xcf, 0xfa, 0xed, 0xfe, ..] => mach_o(file, here),
        [0xca, 0xfe, 0xba, 0xbe, ..] => universal(file, here),
        _ => Err(LoadError::OtherFormat(other(file))),
    }
}

fn other(file: &[u8]) -> &'static str {
    let known = OTHERS.iter().find(|(start, _)| file.starts_with(start));
    if let Some((_, name)) = known {
        return name;
    }
    let start = &file[..file.len().min(TEXT_BYTES)];
    let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    if start.iter().any(is_control) {
        return "of a format that is not known here";
    }
    // A character may be cut in two by the end of what is looked at.
    match std::str::from_utf8(start) {
        Err(error) if error.error_len().is_some() => "of a format that is not known here",
        _ => "a text file",
    }
}

/// `version` is what follows the magic: 1 for a module; components have a layer above.
fn webassembly(version: &[u8]) -> Result<Format, LoadError> {
    match version {
        [1, 0, 0, 0, ..] => Ok(Format::WebAssembly),
        [_, 0, 1, 0, ..] => Err(LoadError::OtherFormat("a WebAssembly component")),
        [_, _, _, _, ..] => Err(LoadError::OtherFormat("WebAssembly of another version")),
        _ => Err(LoadError::OtherFormat("a truncated WebAssembly module")),
    }
}

const ELF_TRUNCATED: LoadError = LoadError::OtherFormat("a truncated ELF file");
const ELF_HEADER_BYTES: usize = 64;
const ELF_SEGMENT_BYTES: usize = 56;

/// The header and program headers of the ELF specification (`Elf64_Ehdr`, `Elf64_Phdr`).
fn elf(file: &[u8], here: &Machine) -> Result<Format, LoadError> {
    let header = file.get(..ELF_HEADER_BYTES).ok_or(ELF_TRUNCATED)?;
    if !matches!(
        here.os,
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd"
    ) {
        return Err(other_machine("a system with ELF", here.os));
    }
    let is_big_endian = header[5] == 2;
    let machine = match is_big_endian {
        true => u16::from_be_bytes([header[18], header[19]]),
        false => u16::from_le_bytes([header[18], header[19]]),
    };
    let arch = elf_machine(machine);
    let is_64_bit = header[4] == 2;
    if arch != Some(here.arch) {
        let found = arch.map_or_else(|| format!("machine `{machine}` of ELF"), str::to_owned);
        return Err(other_machine(&found, here.arch));
    }
    if is_64_bit != cfg!(target_pointer_width = "64") {
        let found = format!("{}-bit {}", if is_64_bit { 64 } else { 32 }, here.arch);
        return Err(other_machine(&found, here.arch));
    }
    if is_big_endian != cfg!(target_endian = "big") {
        let order = if is_big_endian { "big" } else { "little" };
        return Err(other_machine(
            &format!("{order}-endian {}", here.arch),
            here.arch,
        ));
    }
    match u16_at(header, 16) {
        Some(1) => Err(LoadError::OtherFormat("an object file")),
        Some(2) => Err(LoadError::OtherFormat("an executable")),
        Some(3) if is_64_bit => elf_segments(file).map(|()| Format::Elf),
        Some(3) => Ok(Format::Elf),
        Some(4) => Err(LoadError::OtherFormat("a core dump")),
        _ => Err(LoadError::OtherFormat("an ELF file of another kind")),
    }
}

/// Names as in [`std::env::consts::ARCH`].
fn elf_machine(machine: u16) -> Option<&'static str> {
    Some(match machine {
        3 => "x86",
        8 => "mips",
        20 => "powerpc",
        21 => "powerpc64",
        22 => "s390x",
        40 => "arm",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv64",
        258 => "loongarch64",
        _ => return None,
    })
}

/// All that is to be mapped is in the file, and it is no position-independent executable.
fn elf_segments(file: &[u8]) -> Result<(), LoadError> {
    const LOAD: u32 = 1;
    const DYNAMIC: u32 = 2;
    let read = || {
        let table = usize::try_from(u64_at(file, 32)?).ok()?;
        let size = usize::from(u16_at(file, 54)?);
        let count = usize::from(u16_at(file, 56)?);
        let size = size.max(ELF_SEGMENT_BYTES);
        let table = file.get(table..)?.get(..size.checked_mul(count)?)?;
        let mut is_executable = false;
        for segment in table.chunks_exact(size) {
            let kind = u32_at(segment, 0)?;
            if kind == LOAD || kind == DYNAMIC {
                let offset = usize::try_from(u64_at(segment, 8)?).ok()?;
                let bytes = usize::try_from(u64_at(segment, 32)?).ok()?;
                let content = file.get(offset..)?.get(..bytes)?;
                is_executable |= kind == DYNAMIC && elf_is_executable(content);
            }
        }
        Some(is_executable)
    };
    match read() {
        None => Err(ELF_TRUNCATED),
        Some(true) => Err(LoadError::OtherFormat("an executable")),
        Some(false) => Ok(()),
    }
}

/// Whether the dynamic section has `DF_1_PIE` among its flags.
fn elf_is_executable(dynamic: &[u8]) -> bool {
    const FLAGS_1: u64 = 0x6fff_fffb;
    const PIE: u64 = 0x0800_0000;
    dynamic.chunks_exact(16).any(|entry| {
        let flags = u64_at(entry, 8).filter(|_| u64_at(entry, 0) == Some(FLAGS_1));
        flags.is_some_and(|flags| flags & PIE != 0)
    })
}

/// The header of a 64-bit Mach-O file (`mach_header_64`), which is little-endian on every machine in use.
fn mach_o(file: &[u8], here: &Machine) -> Result<Format, LoadError> {
    let little = |at: usize| {
        let bytes: [u8; 4] = file.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    };
    let (Some(cpu), Some(kind)) = (little(4), little(12)) else {
        return Err(LoadError::OtherFormat("a truncated Mach-O file"));
    };
    if here.os != "macos" {
        return Err(other_machine("macos", here.os));
    }
    let arch = match cpu {
        0x0100_0007 => "x86_64",
        0x0100_000c => "aarch64",
        _ => "another processor",
    };
    if arch != here.arch {
        return Err(other_machine(arch, here.arch));
    }
    match kind {
        2 => Err(LoadError::OtherFormat("an executable")),
        6 | 8 => Ok(Format::MachO),
        _ => Err(LoadError::OtherFormat("a Mach-O file of another kind")),
    }
}

/// Mach-O for several machines, or a class of Java, which begins with the same bytes: what follows is the
/// number of machines of the one, and the version of the other, which is never less than 45.
fn universal(file: &[u8], here: &Machine) -> Result<Format, LoadError> {
    match file.get(4..8) {
        Some([0, 0, 0, machines]) if *machines < 45 && here.os == "macos" => Ok(Format::MachO),
        Some([0, 0, 0, machines]) if *machines < 45 => Err(other_machine("macos", here.os)),
        _ => Err(LoadError::OtherFormat("a Java class")),
    }
}

fn other_machine(found: &str, here: &'static str) -> LoadError {
    let found = found.to_owned();
    LoadError::OtherMachine { found, here }
}

/// Numbers in the order of this machine, which the file has been seen to have.
fn u16_at(file: &[u8], at: usize) -> Option<u16> {
    let bytes = file.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

fn u32_at(file: &[u8], at: usize) -> Option<u32> {
    let bytes = file.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

fn u64_at(file: &[u8], at: usize) -> Option<u64> {
    let bytes = file.get(at..)?.first_chunk()?;
    Some(u64::from_ne_bytes(*bytes))
}
