//! Configurations as text: the commented default, single assignments, and what errors point at.

use std::fmt::Write;
use std::ops::Range;

use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, ConfigError, KEYS, Key};

impl Config {
    /// The default configuration as a file, with what there is to say about each key.
    pub fn commented_default() -> String {
        let values = Self::default().table();
        let mut text = String::from(
            "# The configuration of tertulia, with the default values.\n\
             # Keys marked * count at once when a running server gets SIGHUP; the others at its\n\
             # next start.\n",
        );
        let mut section = "";
        for key in KEYS {
            let (of, name) = key.parts();
            if of != section {
                section = of;
                let _ = write!(text, "\n[{section}]\n");
            }
            let star = if key.at_once { "* " } else { "" };
            let _ = write!(
                text,
                "\n# {star}{}\n# Takes {}.\n",
                key.about.replace('\n', "\n# "),
                key.takes
            );
            let _ = match (look_up(&values, key), key.example) {
                (Some(value), _) => writeln!(text, "{name} = {value}"),
                (None, example) => writeln!(text, "#{name} = \"{}\"", example.unwrap_or_default()),
            };
        }
        text
    }

    /// Carries out one assignment `KEY=VALUE`, where the key is written with its section:
    /// `focus.ring_s=5`. The value is TOML; quotes around text and brackets around a list may be
    /// left out. An empty value takes away one that need not be there.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the key and the values it takes. The configuration is then as
    /// it was.
    pub fn set(&mut self, assignment: &str) -> Result<(), ConfigError> {
        let Some((name, text)) = assignment.split_once('=') else {
            return Err(ConfigError {
                message: format!("\"{assignment}\" is no assignment"),
                help: Some("write KEY=VALUE, such as focus.ring_s=5".to_owned()),
                span: None,
            });
        };
        let (name, text) = (name.trim(), text.trim());
        let Some(key) = Key::named(name) else {
            return Err(ConfigError {
                message: format!("there is no key {name}"),
                help: Some(format!("the keys are {}", known())),
                span: None,
            });
        };
        let table = self.table();
        let candidates = readings(look_up(&table, key), text, key.example.is_some());
        let mut why = String::new();
        for candidate in candidates {
            let mut table = table.clone();
            place(&mut table, key, candidate);
            match Self::deserialize(table) {
                Ok(config) => {
                    *self = config;
                    return Ok(());
                }
                // The first reading is the likeliest.
                Err(error) if why.is_empty() => error.message().clone_into(&mut why),
                Err(_) => {}
            }
        }
        Err(ConfigError {
            message: format!("{name} cannot be {text}: {why}"),
            help: Some(format!("{name} takes {}", key.takes)),
            span: None,
        })
    }

    /// The configuration as TOML has it.
    pub(super) fn table(&self) -> Table {
        // It fails for a path that is not Unicode, which TOML cannot write: left out then.
        Table::try_from(self).unwrap_or_else(|_| {
            let mut config = self.clone();
            config.store.path = config.store.path.to_string_lossy().into_owned().into();
            config.trace.pcap = None;
            Table::try_from(&config).unwrap_or_default()
        })
    }
}

impl ConfigError {
    /// The error of a file, with what the key takes if it is known which one it is about.
    pub(super) fn in_file(error: &toml::de::Error, text: &str) -> Self {
        let span = error.span();
        let key = span.as_ref().and_then(|span| key_at(text, span));
        Self {
            message: error.message().to_owned(),
            help: key.map(|key| format!("{} takes {}", key.name, key.takes)),
            span,
        }
    }
}

/// The ways in which the text of an assignment can be read, the likeliest first.
fn readings(current: Option<&Value>, text: &str, optional: bool) -> Vec<Option<Value>> {
    if text.is_empty() && optional {
        return vec![None];
    }
    let plain = Value::String(text.to_owned());
    let toml = text.parse::<Value>().ok();
    let list = || {
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
    };
    match (current, toml) {
        (Some(Value::Array(_)), Some(Value::Array(items))) => vec![Some(Value::Array(items))],
        (Some(Value::Array(_)), _) => vec![Some(list())],
        // Text that happens to look like something else, such as a node called 1.
        (_, Some(toml)) => vec![Some(toml), Some(plain)],
        (_, None) => vec![Some(plain)],
    }
}

fn place(table: &mut Table, key: &Key, value: Option<Value>) {
    let (section, name) = key.parts();
    let table = match section {
        "" => table,
        _ => match table.get_mut(section).and_then(Value::as_table_mut) {
            Some(section) => section,
            None => return,
        },
    };
    match value {
        Some(value) => drop(table.insert(name.to_owned(), value)),
        None => drop(table.remove(name)),
    }
}

/// The value of a key.
pub(super) fn look_up<'t>(table: &'t Table, key: &Key) -> Option<&'t Value> {
    match key.parts() {
        ("", name) => table.get(name),
        (section, name) => table.get(section)?.get(name),
    }
}

/// The key whose line a place in a file is on.
fn key_at(text: &str, span: &Range<usize>) -> Option<&'static Key> {
    let before = text.get(..span.start)?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let (name, _) = text.get(start..)?.lines().next()?.split_once('=')?;
    let header = |line: &'_ str| {
        Some(
            line.trim()
                .strip_prefix('[')?
                .split(']')
                .next()?
                .trim()
                .to_owned(),
        )
    };
    let section = before.lines().rev().find_map(header).unwrap_or_default();
    let name = name.trim();
    match section.as_str() {
        "" => Key::named(name),
        section => Key::named(&format!("{section}.{name}")),
    }
}

fn known() -> String {
    KEYS.iter()
        .map(|key| key.name)
        .collect::<Vec<_>>()
        .join(", ")
}
