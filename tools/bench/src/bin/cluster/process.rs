//! What the system knows of a process: memory and time of the processor.

use ligand_bench::Failure;

/// Resident memory of a process.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Now, in bytes.
    pub(crate) now: u64,
    /// The most it ever was, in bytes.
    pub(crate) peak: u64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Result<Self, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let value = |name: &str| -> Result<u64, Failure> {
            let line = status.lines().find(|line| line.starts_with(name));
            let kb = line.and_then(|line| line.split_whitespace().nth(1));
            Ok(kb.ok_or_else(|| format!("the system does not tell {name} of a process"))?.parse::<u64>()?
                * 1024)
        };
        Ok(Self { now: value("VmRSS:")?, peak: value("VmHWM:")? })
    }
}

/// Ticks of the processor's time in a second, on every Linux.
const TICKS: f64 = 100.0;

/// Seconds of a processor that a process has used.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field, the name in parentheses, may hold spaces.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |at: usize| -> Result<f64, Failure> {
        Ok(fields.get(at).ok_or("the system tells no time of a process")?.parse()?)
    };
    // Fields 14 and 15 of all: in the program, in the system.
    Ok((field(11)? + field(12)?) / TICKS)
}
