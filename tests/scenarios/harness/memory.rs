//! What the kernel says about the memory of a process (Linux).

/// Memory of a process in bytes, without the pages of its own file: how much code a build has is no
/// matter of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident: usize,
    /// The most it ever had resident.
    pub(crate) peak: usize,
}

/// Memory of the process `pid`, from `/proc/PID/status`.
pub(crate) fn of(pid: u32) -> Memory {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    let status = status.expect("Linux, and the process runs");
    let bytes = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: usize = kib
            .and_then(|kib| kib.parse().ok())
            .expect("the kernel says so in KiB");
        kib * 1024
    };
    let file = bytes("RssFile:");
    Memory {
        resident: bytes("VmRSS:").saturating_sub(file),
        peak: bytes("VmHWM:").saturating_sub(file),
    }
}
