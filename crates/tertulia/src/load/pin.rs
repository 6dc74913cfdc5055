//! One core for the server and one for the load: what they cost is then steadier.
//!
//! By the `taskset` of util-linux, which asks the system what Rust alone cannot without `unsafe`.

use std::path::Path;
use std::process::{self, Command, Stdio};

use crate::complaint::Complaint;

const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// Keeps this process, and the threads it will have, to its core.
///
/// # Errors
///
/// There is no `taskset`, or no second core.
pub(crate) fn load() -> Result<(), Complaint> {
    let pid = process::id().to_string();
    let status = Command::new("taskset")
        .args(["-a", "-c", "-p", LOAD_CORE, &pid])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let remedy = "leave --pin out, or run it where taskset is and there are two cores";
    Err(Complaint::unable("cannot keep to one core", remedy))
}

/// The server on its core. `taskset` becomes the program: the process stays the same.
pub(crate) fn server(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", SERVER_CORE]).arg(program);
    command
}
