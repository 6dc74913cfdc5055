//! The run in pictures: SVG, written by hand so that it needs nothing to be drawn with.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use super::report::Report;
use super::tally::Second;

/// Writes the charts of a run into a folder, made if it is not there: `LOAD-latency.svg`,
/// `LOAD-percentiles.svg`, `LOAD-rate.svg` and, for a server on this machine, `LOAD-cpu.svg`.
///
/// # Errors
///
/// The folder or a file cannot be written.
pub(super) fn write(report: &Report, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let load = report.load();
    let seconds = &report.tally.seconds;
    let over_time = |value: &dyn Fn(&Second) -> f64| {
        let points = (1_u32..)
            .zip(seconds)
            .map(|(at, second)| (f64::from(at), value(second)));
        points.collect::<Vec<_>>()
    };
    #[expect(clippy::cast_precision_loss, reason = "a picture")]
    let count = |count: u64| count as f64;
    let mut charts = vec![
        Chart {
            name: "latency",
            title: format!("{load}: latency over time"),
            axes: ("seconds", "ms"),
            ticks: Vec::new(),
            lines: vec![
                ("max", over_time(&|second| second.max_ms)),
                ("p99", over_time(&|second| second.p99_ms)),
                ("p50", over_time(&|second| second.p50_ms)),
            ],
        },
        Chart {
            name: "rate",
            title: format!("{load}: operations per second"),
            axes: ("seconds", "per second"),
            ticks: Vec::new(),
            lines: vec![
                ("begun", over_time(&|second| count(second.sent))),
                ("answered", over_time(&|second| count(second.answered))),
                ("failed", over_time(&|second| count(second.failed))),
            ],
        },
        percentiles(report),
    ];
    if report.server.is_some() {
        let cores = |second: &Second| second.server.unwrap_or_default().as_secs_f64();
        charts.push(Chart {
            name: "cpu",
            title: format!("{load}: cores that the server uses"),
            axes: ("seconds", "cores"),
            ticks: Vec::new(),
            lines: vec![("server", over_time(&cores))],
        });
    }
    for chart in charts {
        fs::write(
            folder.join(format!("{load}-{}.svg", chart.name)),
            chart.svg(),
        )?;
    }
    Ok(())
}

/// Latency by the share of operations that did not exceed it. Each step to the right is ten times
/// rarer, so that the tail takes as much room as it deserves.
fn percentiles(report: &Report) -> Chart {
    let at = |x: f64| 1.0 - 10_f64.powf(-x);
    let steps = (0..=40_u32).map(|step| f64::from(step) / 10.0);
    let points = steps.map(|x| (x, report.tally.latency_ms(at(x)))).collect();
    let names = ["0", "90 %", "99 %", "99.9 %", "99.99 %"];
    let ticks = (0_u32..)
        .zip(names)
        .map(|(at, name)| (f64::from(at), name.to_owned()));
    Chart {
        name: "percentiles",
        title: format!("{}: latency by percentile", report.load()),
        axes: ("share of all operations", "ms"),
        ticks: ticks.collect(),
        lines: vec![("latency", points)],
    }
}

/// Lines over one pair of axes that begin at 0.
struct Chart {
    /// What the file is called.
    name: &'static str,
    title: String,
    /// Their names, x and y.
    axes: (&'static str, &'static str),
    /// Marks of the x axis; without any, numbers are marked.
    ticks: Vec<(f64, String)>,
    lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
/// Room for the names of the axes, left and below, and for the title and the legend.
const MARGIN: f64 = 60.0;

/// Told apart by those who do not see all colours, too (Okabe and Ito).
const COLOURS: [&str; 4] = ["#d55e00", "#0072b2", "#009e73", "#cc79a7"];

impl Chart {
    fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let x_max = points().map(|(x, _)| *x).fold(0.0, f64::max);
        let y_max = points().map(|(_, y)| *y).fold(0.0, f64::max);
        let (x_max, y_max) = (round_up(x_max), round_up(y_max));
        let x_max = self.ticks.last().map_or(x_max, |(last, _)| *last);
        let x_at = |x: f64| MARGIN + x / x_max * (WIDTH - 2.0 * MARGIN);
        let y_at = |y: f64| HEIGHT - MARGIN - y / y_max * (HEIGHT - 2.0 * MARGIN);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{MARGIN}\" y=\"24\" font-size=\"16\">{}</text>\n",
            self.title
        );
        for step in 0..=4_u32 {
            let share = f64::from(step) / 4.0;
            let (y, value) = (y_at(y_max * share), number(y_max * share));
            let (left, right) = (x_at(0.0), x_at(x_max));
            let _ = writeln!(
                svg,
                "<line x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
                left - 6.0,
                y + 4.0
            );
        }
        let numbers = (0..=4_u32).map(|step| x_max * f64::from(step) / 4.0);
        let numbers = || numbers.map(|x| (x, number(x))).collect();
        let ticks = if self.ticks.is_empty() {
            numbers()
        } else {
            self.ticks.clone()
        };
        for (x, name) in ticks {
            let (x, y) = (x_at(x), y_at(0.0) + 18.0);
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{name}</text>"
            );
        }
        let (x_name, y_name) = self.axes;
        let (middle, low) = (WIDTH / 2.0, HEIGHT - 14.0);
        let _ = writeln!(
            svg,
            "<text x=\"{middle}\" y=\"{low}\" text-anchor=\"middle\">{x_name}</text>\
             <text x=\"{MARGIN}\" y=\"{}\" text-anchor=\"end\">{y_name}</text>",
            MARGIN - 12.0
        );
        for (index, ((name, points), colour)) in self.lines.iter().zip(COLOURS).enumerate() {
            let path: Vec<String> = points
                .iter()
                .map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y)))
                .collect();
            let below = 24.0 + 16.0 * f64::from(u8::try_from(index).unwrap_or_default());
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
                 <text x=\"{:.1}\" y=\"{below}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>",
                path.join(" "),
                WIDTH - MARGIN
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// The next number that looks well on an axis: 1, 2 or 5 and zeros. 1 for nothing.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let decade = 10_f64.powf(value.log10().floor());
    let nice = [1.0, 2.0, 5.0].map(|step| step * decade);
    nice.into_iter()
        .find(|nice| *nice >= value)
        .unwrap_or(10.0 * decade)
}

/// As short as it can be told.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_on_round_numbers() {
        let rows = [
            (0.0, 1.0),
            (0.7, 1.0),
            (1.0, 1.0),
            (1.1, 2.0),
            (4.2, 5.0),
            (7.0, 10.0),
            (0.031, 0.05),
        ];
        for (value, want) in rows {
            assert!(
                (round_up(value) - want).abs() < 1e-9,
                "{value}: {}",
                round_up(value)
            );
        }
        assert_eq!(
            [number(2.5), number(1000.0), number(0.0)],
            ["2.5", "1000", "0"]
        );
    }

    #[test]
    fn lines_stay_on_the_paper() {
        let chart = Chart {
            name: "x",
            title: "x".into(),
            axes: ("x", "y"),
            ticks: Vec::new(),
            lines: vec![("a", vec![(1.0, 3.0), (2.0, 4.9)]), ("empty", Vec::new())],
        };
        let svg = chart.svg();
        assert!(svg.contains("points=\"360.0,156.0 660.0,64.8\""), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.trim_end().ends_with("</svg>"));
    }
}
