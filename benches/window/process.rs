//! What the system says of a process, by Linux's `/proc`.

use std::fs;

/// Ticks of a second in `/proc/PID/stat`: the same on all processors that Linux runs on.
const TICKS: f64 = 100.0;

/// Seconds of computing so far, of all threads.
pub(crate) fn computed(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name in brackets may hold spaces; user and system time are the 12th and 13th field behind it.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    [11, 12].iter().map(|&i| fields[i].parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

/// Resident memory in MiB.
pub(crate) fn resident(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
