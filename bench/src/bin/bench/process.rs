//! How much memory a process takes.

/// A process's resident memory in MB.
pub fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB").trim();
    line.split(' ').next().unwrap().parse::<f64>().unwrap() / 1024.0
}
