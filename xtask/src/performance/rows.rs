//! What is measured, and how far each figure is to go.

/// One program that measures, and the rows it fills.
pub(super) struct Run {
    /// To choose it by.
    pub(super) name: &'static str,
    pub(super) what: What,
    pub(super) rows: &'static [Row],
}

#[derive(Clone, Copy)]
pub(super) enum What {
    /// `tertulia load` with these words.
    Load(&'static str),
    /// A test that prints what it counted.
    Test {
        package: &'static str,
        test: &'static str,
    },
}

/// One line of the table.
pub(super) struct Row {
    pub(super) what: &'static str,
    /// At most this, in `unit`; infinite where there is no number to reach.
    pub(super) reach: f64,
    pub(super) unit: &'static str,
    /// Where it stands: a JSON pointer, or the words after it in what a test prints.
    pub(super) figure: &'static str,
    /// From the figure's unit to that of the row.
    pub(super) scale: f64,
}

impl Run {
    /// As one would type it.
    pub(super) fn command(&self) -> String {
        match self.what {
            What::Load(words) => format!("tertulia load {words}"),
            What::Test { package, test } => {
                format!("cargo test --release -p {package} --test {test} -- --nocapture")
            }
        }
    }
}

const CPU: &str = "/server/cpu_us_per_operation";

/// The rows of a fan-out, whatever the size of the room.
const FANOUT: &[Row] = &[
    Row {
        what: "fan-out of 200-byte text at half of saturation: CPU per delivery, to the baseline's",
        reach: 2.0,
        unit: "times",
        figure: "/figures/cpu_ratio",
        scale: 1.0,
    },
    Row {
        what: "the same: p99, to the baseline's",
        reach: 4.0,
        unit: "times",
        figure: "/figures/p99_ratio",
        scale: 1.0,
    },
    Row {
        what: "the same at saturation: CPU per delivery",
        reach: 3.0,
        unit: "us",
        figure: "/figures/saturation_cpu_us_per_delivery",
        scale: 1.0,
    },
];

pub(super) const RUNS: &[Run] = &[
    Run {
        name: "options-udp",
        what: What::Load("options --saturate --for 1.5 --warm-up 0.5 --pin"),
        rows: &[Row {
            what: "OPTIONS of 1.1 kB over UDP, answered 200, one core",
            reach: 8.0,
            unit: "us",
            figure: CPU,
            scale: 1.0,
        }],
    },
    Run {
        name: "allocations",
        what: What::Test {
            package: "server",
            test: "allocations",
        },
        rows: &[
            Row {
                what: "the same: allocations",
                reach: 12.0,
                unit: "",
                figure: " allocations for an OPTIONS",
                scale: 1.0,
            },
            Row {
                what: "the same: what a finished transaction keeps",
                reach: 600.0,
                unit: "B",
                figure: " bytes for each finished transaction",
                scale: 1.0,
            },
            Row {
                what: "MESSAGE relayed, two transactions: allocations",
                reach: 30.0,
                unit: "",
                figure: " allocations for a MESSAGE",
                scale: 1.0,
            },
        ],
    },
    Run {
        name: "message-trusted",
        what: What::Load("message --trusted --saturate --for 3 --pin"),
        rows: &[Row {
            what: "MESSAGE of 1.1 kB from a trusted peer, relayed to a UDP user, and its 200 back",
            reach: 25.0,
            unit: "us",
            figure: CPU,
            scale: 1.0,
        }],
    },
    Run {
        name: "message-digest",
        what: What::Load("message --saturate --for 3 --pin"),
        rows: &[Row {
            what: "the same with digest SHA-256, nonce known",
            reach: 35.0,
            unit: "us",
            figure: CPU,
            scale: 1.0,
        }],
    },
    Run {
        name: "options-tcp",
        what: What::Load("options --transport tcp --saturate --pipelined 8 --for 5 --pin"),
        rows: &[
            Row {
                what: "OPTIONS over TCP, 8 pipelined",
                reach: 6.0,
                unit: "us",
                figure: CPU,
                scale: 1.0,
            },
            Row {
                what: "the same: p99, where a Nagle stall would be 40 ms",
                reach: 40.0,
                unit: "ms",
                figure: "/latency_ms/p99",
                scale: 1.0,
            },
        ],
    },
    Run {
        name: "fanout-10",
        what: What::Load("fanout --members 10 --load 0.5 --baseline --for 5"),
        rows: FANOUT,
    },
    Run {
        name: "fanout-50",
        what: What::Load("fanout --members 50 --load 0.5 --baseline --for 5"),
        rows: FANOUT,
    },
    Run {
        name: "idle",
        what: What::Load("idle --trusted --participants 5000 --for 60"),
        rows: &[Row {
            what: "idle participant: SIP over UDP, MSRP over TCP, one subscription, at 5,000",
            reach: 16.0,
            unit: "kB",
            figure: "/figures/memory_bytes_per_participant",
            scale: 0.001,
        }],
    },
    Run {
        name: "setup-trusted",
        what: What::Load(
            "setup --trusted --rate 900 --set notify.min_interval_ms=500 --for 2 --pin",
        ),
        rows: &[Row {
            what: "ad-hoc set-up with 3 invitees from a trusted peer, subscribed, MSRP connected",
            reach: 1.0,
            unit: "ms",
            figure: CPU,
            scale: 0.001,
        }],
    },
    Run {
        name: "setup-digest",
        what: What::Load("setup --rate 900 --set notify.min_interval_ms=500 --for 2 --pin"),
        rows: &[Row {
            what: "the same with digest",
            reach: 1.4,
            unit: "ms",
            figure: CPU,
            scale: 0.001,
        }],
    },
    Run {
        name: "storm",
        what: What::Load("storm --trusted --members 1000"),
        rows: &[
            Row {
                what: "1,000 joins into one room: the longest wait for the roster",
                reach: 6.0,
                unit: "s",
                figure: "/latency_ms/max",
                scale: 0.001,
            },
            Row {
                what: "the same: bytes per subscriber and second, peak",
                reach: f64::INFINITY,
                unit: "kB",
                figure: "/figures/notice_bytes_per_second_peak",
                scale: 0.001,
            },
        ],
    },
    Run {
        name: "imps-codec",
        what: What::Test {
            package: "imps",
            test: "cost",
        },
        rows: &[
            Row {
                what: "SendMessage-Request of CSP 1.3 in WBXML: reading it, as values of its own",
                reach: 2.0,
                unit: "us",
                figure: " us to read a SendMessage",
                scale: 1.0,
            },
            Row {
                what: "the same: allocations",
                reach: 8.0,
                unit: "",
                figure: " allocations to read a SendMessage",
                scale: 1.0,
            },
            Row {
                what: "the same: writing it",
                reach: 2.0,
                unit: "us",
                figure: " us to write a SendMessage",
                scale: 1.0,
            },
            Row {
                what: "the same: allocations",
                reach: 2.0,
                unit: "",
                figure: " allocations to write a SendMessage",
                scale: 1.0,
            },
        ],
    },
    Run {
        name: "imps-poll",
        what: What::Load("imps-poll --saturate --for 5 --pin"),
        rows: &[Row {
            what: "poll of a handset in WBXML over HTTP, connection kept, nothing waits",
            reach: 33.3,
            unit: "us",
            figure: CPU,
            scale: 1.0,
        }],
    },
    Run {
        name: "imps-allocations",
        what: What::Test {
            package: "server",
            test: "imps_allocations",
        },
        rows: &[
            Row {
                what: "the same: allocations",
                reach: 12.0,
                unit: "",
                figure: " allocations for a poll",
                scale: 1.0,
            },
            Row {
                what: "session of a handset: what is kept for it",
                reach: 2.0,
                unit: "kB",
                figure: " bytes for each session",
                scale: 0.001,
            },
        ],
    },
    Run {
        name: "imps-session",
        what: What::Load("imps-session --sessions 10000 --for 10 --pin"),
        rows: &[Row {
            what: "idle session of a handset, at 10,000",
            reach: 8.0,
            unit: "kB",
            figure: "/figures/memory_bytes_per_session",
            scale: 0.001,
        }],
    },
    Run {
        name: "imps-message",
        what: What::Load("imps-message --saturate --for 5 --pin"),
        rows: &[Row {
            what: "message from one handset to another: sent, stored, polled for, taken, three POSTs",
            reach: 300.0,
            unit: "us",
            figure: CPU,
            scale: 1.0,
        }],
    },
];
