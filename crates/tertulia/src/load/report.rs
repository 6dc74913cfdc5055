//! What was measured, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::probe::Memory;
use super::schedule::Pacing;
use super::tally::Tally;
use super::target::Ground;

/// The outcome of a run.
pub(crate) struct Report {
    load: &'static str,
    target: String,
    transport: &'static str,
    own_server: bool,
    pacing: Pacing,
    span: Duration,
    pub(crate) tally: Tally,
    /// What the server has cost, if it is here.
    pub(crate) server: Option<Server>,
    /// CPU time of the load itself.
    pub(crate) own_cpu: Option<Duration>,
    /// What this load alone measures, in the order in which it is shown.
    figures: Vec<Figure>,
}

/// What the server has cost while it counted.
pub(crate) struct Server {
    pub(crate) pid: u32,
    pub(crate) cpu: Duration,
    pub(crate) span: Duration,
    pub(crate) memory_before: Memory,
    pub(crate) memory_after: Memory,
}

/// A figure of one kind of load.
struct Figure {
    /// The key in JSON, with its unit: `cpu_us_per_delivery`.
    key: &'static str,
    /// What it is, for people.
    about: &'static str,
    value: f64,
}

/// The JSON object. Fields are added, never renamed: what people compare runs with reads them.
#[derive(Serialize)]
struct Json<'a> {
    /// Which load.
    load: &'a str,
    /// The address that was loaded.
    target: &'a str,
    /// `udp` or `tcp`.
    transport: &'a str,
    /// Was the server started for this run?
    own_server: bool,
    /// `open`: on a schedule; `closed`: a new operation for each that ended.
    pacing: &'a str,
    /// Operations per second that were asked for; null in a closed loop.
    rate_asked: Option<f64>,
    /// Operations under way at a time; null in an open loop.
    window: Option<u64>,
    /// How long it was counted.
    seconds: f64,
    /// Operations begun.
    operations: u64,
    /// Begun per second.
    rate_sent: f64,
    /// Operations that succeeded.
    answered: u64,
    /// Succeeded per second.
    rate_answered: f64,
    /// Operations that failed, and other faults.
    failed: u64,
    /// The same by kind.
    errors: BTreeMap<String, u64>,
    /// Operations that the load began over 2 ms after their time.
    late: u64,
    /// The latest of all, in milliseconds.
    late_max_ms: f64,
    /// From the intended begin to the answer, in milliseconds.
    latency_ms: Latency,
    /// Null when the server is not here.
    server: Option<Cost>,
    /// CPU of the load itself, in microseconds per answered operation.
    load_cpu_us_per_operation: Option<f64>,
    /// What this load alone measures.
    #[serde(serialize_with = "figures")]
    figures: &'a [Figure],
}

#[derive(Serialize)]
struct Latency {
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p99_9: f64,
    max: f64,
}

#[derive(Serialize)]
struct Cost {
    pid: u32,
    /// CPU time in seconds.
    cpu_s: f64,
    /// Cores in use.
    cores: f64,
    /// CPU time in microseconds per answered operation.
    cpu_us_per_operation: Option<f64>,
    memory_before: Memory,
    memory_after: Memory,
}

impl Report {
    pub(crate) fn new(
        ground: &Ground,
        load: &'static str,
        pacing: Pacing,
        span: Duration,
        tally: Tally,
    ) -> Self {
        Self {
            load,
            target: ground.target.to_string(),
            transport: ground.common.transport.name(),
            own_server: ground.is_own(),
            pacing,
            span,
            tally,
            server: None,
            own_cpu: None,
            figures: Vec::new(),
        }
    }

    /// Which load.
    pub(crate) fn load(&self) -> &'static str {
        self.load
    }

    /// Adds what this load alone measures: its key in JSON, which ends with the unit, and what it
    /// is in words.
    pub(crate) fn figure(&mut self, key: &'static str, about: &'static str, value: f64) {
        self.figures.push(Figure { key, about, value });
    }

    /// The same for what is counted.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub(crate) fn count(&mut self, key: &'static str, about: &'static str, count: u64) {
        self.figure(key, about, count as f64);
    }

    /// Were there answers and no errors?
    pub(crate) fn is_sound(&self) -> bool {
        self.tally.answered > 0 && self.tally.failures() == 0
    }

    /// One JSON object, its fields always in the same order.
    pub(crate) fn json(&self) -> String {
        let tally = &self.tally;
        let errors = tally.faults.iter();
        let json = Json {
            load: self.load,
            target: &self.target,
            transport: self.transport,
            own_server: self.own_server,
            pacing: self.pacing_name(),
            rate_asked: self.rate_asked(),
            window: match self.pacing {
                Pacing::Open { .. } => None,
                Pacing::Closed { window } => Some(window),
            },
            seconds: round(self.span.as_secs_f64()),
            operations: tally.sent,
            rate_sent: round(self.per_second(tally.sent)),
            answered: tally.answered,
            rate_answered: round(self.per_second(tally.answered)),
            failed: tally.failures(),
            errors: errors
                .map(|(fault, count)| (fault.to_string(), *count))
                .collect(),
            late: tally.late,
            late_max_ms: round(tally.late_max.as_secs_f64() * 1e3),
            latency_ms: Latency {
                mean: round(tally.mean_ms()),
                p50: round(tally.latency_ms(0.5)),
                p90: round(tally.latency_ms(0.9)),
                p99: round(tally.latency_ms(0.99)),
                p99_9: round(tally.latency_ms(0.999)),
                max: round(tally.max_ms()),
            },
            server: self.server.as_ref().map(|server| self.cost(server)),
            load_cpu_us_per_operation: self.own_cpu.and_then(|cpu| self.each_us(cpu)).map(round),
            figures: &self.figures,
        };
        // Nothing in it can fail: no maps with odd keys, no numbers out of range.
        serde_json::to_string_pretty(&json).unwrap_or_default()
    }

    /// A table.
    pub(crate) fn text(&self) -> String {
        let tally = &self.tally;
        let mut text = format!("{} over {} to {}\n", self.load, self.transport, self.target);
        let mut line = |what: &str, value: String| {
            let _ = writeln!(text, "  {what:<26} {value}");
        };
        let asked = match self.pacing {
            Pacing::Open { rate } => format!("{rate:.0}/s on schedule"),
            Pacing::Closed { window } => format!("{window} under way all the time"),
        };
        line(
            "asked",
            format!("{asked}, {:.1} s", self.span.as_secs_f64()),
        );
        let rate = |count| format!("{count}  ({:.0}/s)", self.per_second(count));
        line("operations", rate(tally.sent));
        line("answered", rate(tally.answered));
        for (fault, count) in &tally.faults {
            line(&format!("failed: {fault}"), count.to_string());
        }
        if tally.late > 0 {
            let most = tally.late_max.as_secs_f64() * 1e3;
            line(
                "begun late by the load",
                format!("{}, up to {most:.1} ms", tally.late),
            );
        }
        let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
        for (name, quantile) in quantiles {
            line(
                &format!("latency {name}"),
                format!("{:.3} ms", tally.latency_ms(quantile)),
            );
        }
        line("latency max", format!("{:.3} ms", tally.max_ms()));
        if let Some(server) = &self.server {
            let cost = self.cost(server);
            let each = cost.cpu_us_per_operation.unwrap_or_default();
            line(
                "server CPU",
                format!("{each:.2} us each, {:.2} cores", cost.cores),
            );
            let (before, after) = (server.memory_before.rss_kib, server.memory_after.rss_kib);
            line(
                "server memory",
                format!("{before} KiB before, {after} KiB after"),
            );
        }
        if let Some(each) = self.own_cpu.and_then(|cpu| self.each_us(cpu)) {
            line("CPU of the load", format!("{each:.2} us each"));
        }
        for figure in &self.figures {
            line(figure.about, round(figure.value).to_string());
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn cost(&self, server: &Server) -> Cost {
        let span_s = server.span.as_secs_f64();
        let cpu_s = server.cpu.as_secs_f64();
        Cost {
            pid: server.pid,
            cpu_s: round(cpu_s),
            cores: round(if span_s > 0.0 { cpu_s / span_s } else { 0.0 }),
            cpu_us_per_operation: self.each_us(server.cpu).map(round),
            memory_before: server.memory_before,
            memory_after: server.memory_after,
        }
    }

    fn pacing_name(&self) -> &'static str {
        match self.pacing {
            Pacing::Open { .. } => "open",
            Pacing::Closed { .. } => "closed",
        }
    }

    fn rate_asked(&self) -> Option<f64> {
        match self.pacing {
            Pacing::Open { rate } => Some(rate),
            Pacing::Closed { .. } => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "for people")]
    fn per_second(&self, count: u64) -> f64 {
        let seconds = self.span.as_secs_f64();
        if seconds > 0.0 {
            count as f64 / seconds
        } else {
            0.0
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "for people")]
    fn each_us(&self, cpu: Duration) -> Option<f64> {
        let answered = self.tally.answered;
        (answered > 0).then(|| cpu.as_secs_f64() * 1e6 / answered as f64)
    }
}

fn figures<S: Serializer>(figures: &[Figure], to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(figures.len()))?;
    for figure in figures {
        map.serialize_entry(figure.key, &round(figure.value))?;
    }
    map.end()
}

/// To a thousandth: more is noise.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::load::tally::Fault;

    fn report(now: Instant) -> Report {
        let mut tally = Tally::new(now);
        for _ in 0..4 {
            tally.sent(now, now);
        }
        for _ in 0..2 {
            tally.answered(now, now + Duration::from_millis(2));
        }
        tally.failed(Fault::TimedOut);
        tally.failed(Fault::Status(503));
        Report {
            load: "options",
            target: "127.0.0.1:5060".into(),
            transport: "udp",
            own_server: false,
            pacing: Pacing::Open { rate: 2.0 },
            span: Duration::from_secs(2),
            tally,
            server: Some(Server {
                pid: 7,
                cpu: Duration::from_micros(30),
                span: Duration::from_secs(2),
                memory_before: Memory::default(),
                memory_after: Memory {
                    rss_kib: 3,
                    anonymous_kib: 2,
                    pss_kib: 1,
                },
            }),
            own_cpu: None,
            figures: Vec::new(),
        }
    }

    #[test]
    fn the_fields_and_their_order() {
        let mut report = report(world::Clock::Os.now());
        report.count("z_first", "zeal", 3);
        report.figure("a_second", "amount", 0.12345);
        let json = report.json();
        let want = "{\"load\":\"options\",\"target\":\"127.0.0.1:5060\",\"transport\":\"udp\",\
            \"own_server\":false,\"pacing\":\"open\",\"rate_asked\":2.0,\"window\":null,\
            \"seconds\":2.0,\"operations\":4,\"rate_sent\":2.0,\"answered\":2,\"rate_answered\":1.0,\
            \"failed\":2,\"errors\":{\"status 503\":1,\"time-out\":1},\"late\":0,\"late_max_ms\":0.0,\
            \"latency_ms\":{\"mean\":2.0,\"p50\":2.0,\"p90\":2.0,\"p99\":2.0,\"p99_9\":2.0,\"max\":2.0},\
            \"server\":{\"pid\":7,\"cpu_s\":0.0,\"cores\":0.0,\"cpu_us_per_operation\":15.0,\
            \"memory_before\":{\"rss_kib\":0,\"anonymous_kib\":0,\"pss_kib\":0},\
            \"memory_after\":{\"rss_kib\":3,\"anonymous_kib\":2,\"pss_kib\":1}},\
            \"load_cpu_us_per_operation\":null,\
            \"figures\":{\"z_first\":3.0,\"a_second\":0.123}}";
        let spaces = |c: &char| !c.is_whitespace();
        let got: String = json.chars().filter(spaces).collect();
        assert_eq!(got, want.chars().filter(spaces).collect::<String>());
    }

    #[test]
    fn only_answers_without_errors_are_sound() {
        let now = world::Clock::Os.now();
        let mut report = report(now);
        assert!(!report.is_sound());
        report.tally.faults.clear();
        assert!(report.is_sound());
        report.tally = Tally::new(now);
        assert!(!report.is_sound());
    }
}
