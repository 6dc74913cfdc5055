//! The figures of docs/PERFORMANCE.md: measured by one command, and written where they stand.
//!
//! Each [`Run`] is one call of `tertulia load --json`, or one test that prints what it counted.
//! Its rows say which figure of the answer they show, and how far it is to go.

mod rows;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::finding::Failure;
use rows::{Row, Run, What};

/// The document, and what stands around its table.
const DOCUMENT: &str = "docs/PERFORMANCE.md";
const BEGIN: &str = "<!-- begin: cargo xtask performance -->\n";
const END: &str = "<!-- end: cargo xtask performance -->\n";

/// What stands above the rows.
const HEAD: &str = "| what | reach | measured | by |\n|---|---|---|---|\n";

/// Measures everything, or the runs whose name has one of the words in it, and prints the table.
/// `write`: puts it into the document too, where the rows of other runs stay as they are.
pub(crate) fn run(root: &Path, words: &[&str], write: bool) -> Result<(), Failure> {
    cargo(root, &["build", "--release", "--package", "tertulia"])?;
    let chosen = |run: &&Run| words.is_empty() || words.iter().any(|word| run.name.contains(word));
    let mut measured = String::new();
    for run in rows::RUNS.iter().filter(chosen) {
        let answer = measure(root, run)?;
        for row in run.rows {
            write_row(&mut measured, run, row, &answer);
        }
    }
    println!("\n{}\n\n{HEAD}{measured}", machine());
    if write {
        replace(&root.join(DOCUMENT), &measured)?;
    }
    Ok(())
}

/// The rows of all runs in their order: those that were measured, else those that stood there.
fn merged(measured: &str, former: &str) -> String {
    let of = |table: &str, run: &Run| {
        let by = format!("| `{}` |", run.command());
        let rows = table.lines().filter(|line| line.ends_with(&by));
        rows.map(|row| format!("{row}\n")).collect::<String>()
    };
    let newest = |run: &Run| match of(measured, run) {
        none if none.is_empty() => of(former, run),
        rows => rows,
    };
    rows::RUNS.iter().map(newest).collect()
}

/// What one run printed, as JSON.
fn measure(root: &Path, run: &Run) -> Result<Value, Failure> {
    eprintln!("{}: {}", run.name, run.command());
    let output = match run.what {
        What::Load(words) => command(root, "target/release/tertulia")
            .args(["load"])
            .args(words.split_whitespace())
            .arg("--json")
            .output(),
        What::Test { package, test } => command(root, "cargo")
            .args(["test", "--release", "--quiet", "--package", package])
            .args(["--test", test, "--", "--nocapture"])
            .output(),
    };
    let output = output.map_err(|source| Failure::Io {
        what: format!("cannot run {}", run.command()),
        source,
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    match run.what {
        // A run with errors still has figures, and the row shows the errors.
        What::Load(_) => serde_json::from_str(&text).map_err(|_| failed(&output.stderr)),
        What::Test { .. } if output.status.success() => Ok(Value::String(text.into_owned())),
        What::Test { .. } => Err(failed(&output.stderr)),
    }
}

fn failed(stderr: &[u8]) -> Failure {
    eprintln!("{}", String::from_utf8_lossy(stderr));
    Failure::Step {
        headline: "performance",
    }
}

fn write_row(table: &mut String, run: &Run, row: &Row, answer: &Value) {
    let figure = match (run.what, row.figure) {
        (What::Load(_), pointer) => answer.pointer(pointer).and_then(Value::as_f64),
        (What::Test { .. }, before) => printed(answer.as_str().unwrap_or_default(), before),
    };
    let figure = figure.map(|figure| figure * row.scale);
    let mut measured = match figure {
        Some(figure) if figure <= row.reach => format!("{} {}", rounded(figure), row.unit),
        Some(figure) => format!("**{} {}**", rounded(figure), row.unit),
        None => "**not measured**".to_owned(),
    };
    if let Some(failed) = answer.get("failed").and_then(Value::as_u64)
        && failed > 0
    {
        let _ = write!(measured, ", {failed} failed");
    }
    let reach = match row.reach {
        reach if reach.is_finite() => format!("{} {}", rounded(reach), row.unit),
        _ => "bounded".to_owned(),
    };
    let _ = writeln!(
        table,
        "| {} | {reach} | {measured} | `{}` |",
        row.what,
        run.command()
    );
}

/// The number that a test printed before these words.
fn printed(text: &str, words: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains(words))?;
    let (before, _) = line.split_once(words)?;
    let number = before.split_whitespace().next_back()?;
    // The harness may have put a dot before it, for a test that has passed.
    number.trim_start_matches('.').parse().ok()
}

fn rounded(figure: f64) -> String {
    let digits = match figure.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{figure:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The machine, as far as Linux tells.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let field = |name: &str| {
        let line = cpus.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{model}, {cores} cores, Linux {}; server and load share them.",
        kernel.trim()
    )
}

/// Puts the rows between the marks.
fn replace(path: &Path, measured: &str) -> Result<(), Failure> {
    let failed = |source| Failure::Io {
        what: format!("cannot change {}", path.display()),
        source,
    };
    let document = std::fs::read_to_string(path).map_err(failed)?;
    let marks = || std::io::Error::other("the marks around the table are not there");
    let (before, rest) = document
        .split_once(BEGIN)
        .ok_or_else(marks)
        .map_err(failed)?;
    let (former, after) = rest.split_once(END).ok_or_else(marks).map_err(failed)?;
    let table = format!("{}\n\n{HEAD}{}", machine(), merged(measured, former));
    std::fs::write(path, format!("{before}{BEGIN}\n{table}\n{END}{after}")).map_err(failed)
}

fn command(root: &Path, program: &str) -> Command {
    let mut command = match program {
        "cargo" => Command::new(std::env::var_os("CARGO").unwrap_or_else(|| program.into())),
        // Where cargo puts it, unless it was told otherwise.
        program => Command::new(match std::env::var_os("CARGO_TARGET_DIR") {
            Some(target) => Path::new(&target).join("release/tertulia"),
            None => root.join(program),
        }),
    };
    command.current_dir(root).stdin(Stdio::null());
    command
}

fn cargo(root: &Path, words: &[&str]) -> Result<(), Failure> {
    let status = command(root, "cargo").args(words).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Failure::Step {
            headline: "performance",
        }),
        Err(source) => Err(Failure::Io {
            what: "cannot run cargo".to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_shown_as_a_person_would_write_it() {
        for (figure, text) in [
            (7.523, "7.52"),
            (8.0, "8"),
            (17.74, "17.7"),
            (582.0, "582"),
            (0.0, "0"),
        ] {
            assert_eq!(rounded(figure), text);
        }
    }

    #[test]
    fn what_a_test_printed_is_found() {
        let text =
            "running 2 tests\n11.002 allocations for an OPTIONS\n.27 allocations for a MESSAGE\n";
        assert_eq!(printed(text, " allocations for a MESSAGE"), Some(27.0));
        assert_eq!(printed(text, " allocations for a BYE"), None);
    }

    #[test]
    fn rows_that_were_not_measured_stay() {
        let [first, second, ..] = rows::RUNS else {
            panic!("no runs");
        };
        let row = |run: &Run, figure: &str| format!("| a | b | {figure} | `{}` |\n", run.command());
        let former = [row(second, "2"), row(first, "1"), "| gone |\n".to_owned()].concat();
        let table = merged(&row(second, "3"), &former);
        assert_eq!(table, [row(first, "1"), row(second, "3")].concat());
    }

    #[test]
    fn a_row_that_misses_stands_out() {
        let run = &Run {
            name: "a",
            what: What::Load("options"),
            rows: &[],
        };
        let row = &Row {
            what: "an OPTIONS",
            reach: 8.0,
            unit: "us",
            figure: "/server/cpu",
            scale: 1.0,
        };
        let shown = |cpu: f64, failed: u64| {
            let mut table = String::new();
            let answer = serde_json::json!({"server": {"cpu": cpu}, "failed": failed});
            write_row(&mut table, run, row, &answer);
            table
        };
        assert_eq!(
            shown(7.5, 0),
            "| an OPTIONS | 8 us | 7.5 us | `tertulia load options` |\n"
        );
        assert_eq!(
            shown(9.5, 3),
            "| an OPTIONS | 8 us | **9.5 us**, 3 failed | `tertulia load options` |\n"
        );
    }
}
