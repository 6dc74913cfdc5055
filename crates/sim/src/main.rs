//! Replays simulated days: `cargo xtask sim --seed N --scenario S`.

#![forbid(unsafe_code)]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sim::storm::{Day, Profile, Trace};
use sim::{Scenario, abroad, all_but_the_first, replay, storm};
use world::Clock;

const USAGE: &str = "\
usage: cargo xtask sim [--scenario S [--abroad WHO]] [--seed N | --seeds A..B [--all]] [--trace FILE]

  --scenario S    a transcript of scenarios/ by its name, or a random day: calm, weather or chaos;
                  storm, which is all three, unless told otherwise
  --abroad WHO    a transcript as if these people (bob,carol) were of another domain; all is everybody
                  but the one who acts first
  --seed N        one day, told line by line
  --seeds A..B    many, on all cores, up to the first that fails; 0..1000 unless told otherwise
  --all           lives on after a day has failed, and names all that do
  --trace FILE    writes what happened and all that was on the wire: of --seed N, or of the day
                  that failed. The variable TERTULIA_SIM_TRACE does the same";

/// What was asked for.
struct Wish {
    what: What,
    seeds: Range<u64>,
    /// One day, and not many.
    one: bool,
    /// On after the first that fails.
    all: bool,
    trace: Option<PathBuf>,
}

enum What {
    Days(Vec<Profile>),
    Scenario(String, Scenario),
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match read(&words).and_then(|wish| wish.fulfil()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}\n\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn read(words: &[String]) -> Result<Wish, String> {
    let (mut name, mut away) = ("storm", None);
    let mut wish = Wish {
        what: What::Days(Profile::ALL.to_vec()),
        seeds: 0..1000,
        one: false,
        all: false,
        trace: std::env::var_os("TERTULIA_SIM_TRACE").map(PathBuf::from),
    };
    let mut words = words.iter();
    while let Some(option) = words.next() {
        let mut value = || words.next().ok_or(format!("{option} of what?"));
        match option.as_str() {
            "--scenario" => name = value()?,
            "--abroad" => away = Some(value()?.as_str()),
            "--seed" => {
                let seed = number(value()?)?;
                wish.seeds = seed..seed.saturating_add(1);
                wish.one = true;
            }
            "--seeds" => {
                let text = value()?;
                let (from, to) = text.split_once("..").ok_or("seeds are A..B")?;
                wish.seeds = number(from)?..number(to)?;
                wish.one = false;
            }
            "--all" => wish.all = true,
            "--trace" => wish.trace = Some(PathBuf::from(value()?)),
            _ => return Err(format!("{option} is no option")),
        }
    }
    wish.what = what(name, away)?;
    Ok(wish)
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is no seed"))
}

fn what(name: &str, away: Option<&str>) -> Result<What, String> {
    let is_day = name == "storm" || name.parse::<Profile>().is_ok();
    if is_day && away.is_some() {
        return Err("people of a transcript go abroad".to_owned());
    }
    if name == "storm" {
        return Ok(What::Days(Profile::ALL.to_vec()));
    }
    if let Ok(profile) = name.parse() {
        return Ok(What::Days(vec![profile]));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let path = folder.join(format!("{name}.flow"));
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("{name}: no such scenario: {}: {error}", path.display()))?;
    let read = |text: &str| {
        let scenario: Result<Scenario, _> = text.parse();
        scenario.map_err(|mistake| format!("{name}.flow, {mistake}"))
    };
    let scenario = read(&text)?;
    let people = match away {
        None => return Ok(What::Scenario(name.to_owned(), scenario)),
        Some("all") => all_but_the_first(&scenario),
        Some(people) => people.split(',').map(str::to_owned).collect(),
    };
    let people: Vec<_> = people.iter().map(String::as_str).collect();
    let moved = read(&abroad(&text, &people))?;
    let is_in = |who: &&str| {
        moved
            .steps
            .iter()
            .any(|step| step.text.contains(&format!("{who}_b")))
    };
    if let Some(nobody) = people.iter().find(|who| !is_in(who)) {
        return Err(format!("there is no {nobody} in {name}.flow"));
    }
    let name = format!("{name}, abroad {}", people.join(","));
    Ok(What::Scenario(name, moved))
}

impl Wish {
    /// True if every promise was kept.
    fn fulfil(&self) -> Result<bool, String> {
        match &self.what {
            What::Scenario(name, scenario) => self.scenario(name, scenario),
            What::Days(profiles) if self.one => self.one_day(profiles),
            What::Days(profiles) => self.many(profiles),
        }
    }

    fn scenario(&self, name: &str, scenario: &Scenario) -> Result<bool, String> {
        let mut all_kept = true;
        for seed in self.seeds.clone() {
            let outcome = replay(scenario, seed, self.trace_of()).map_err(said)?;
            println!("{name}, seed {seed}: digest {:016x}", outcome.digest);
            print!("{}", outcome.story());
            self.write(&outcome)?;
            all_kept &= outcome.breaches.is_empty();
            if !all_kept && !self.all {
                return Ok(false);
            }
        }
        Ok(all_kept)
    }

    fn one_day(&self, profiles: &[Profile]) -> Result<bool, String> {
        let mut all_kept = true;
        for profile in profiles.iter().copied() {
            for seed in self.seeds.clone() {
                let outcome = Day { profile, seed }.live(self.trace_of()).map_err(said)?;
                println!("{profile}, seed {seed}: digest {:016x}", outcome.digest);
                print!("{}", outcome.story());
                all_kept &= outcome.breaches.is_empty();
                self.write(&outcome)?;
            }
        }
        Ok(all_kept)
    }

    fn many(&self, profiles: &[Profile]) -> Result<bool, String> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let range = storm::Range {
            profiles: profiles.to_vec(),
            seeds: self.seeds.clone(),
            threads,
            all: self.all,
        };
        let clock = Clock::Os;
        let begun = clock.now();
        let report = range.live().map_err(said)?;
        let seconds = (clock.now() - begun).as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let rate = report.days as f64 / seconds;
        println!(
            "{} days in {seconds:.1} s, {rate:.1} a second on {threads} threads; \
             {} joined, {} messages heard",
            report.days, report.tally.joined, report.tally.heard
        );
        let Some(failed) = report.failed.first() else {
            return Ok(true);
        };
        for other in report.failed.iter().skip(1) {
            println!("{}", other.headline());
        }
        println!("{failed}");
        if let Some(path) = &self.trace {
            failed.trace(path).map_err(said)?;
        }
        Ok(false)
    }

    fn trace_of(&self) -> Trace {
        match self.trace {
            Some(_) => Trace::Wire,
            None => Trace::Digest,
        }
    }

    fn write(&self, outcome: &storm::Outcome) -> Result<(), String> {
        let Some(path) = &self.trace else {
            return Ok(());
        };
        let text = format!("{}\n{}", outcome.story(), outcome.trace);
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn said(error: std::io::Error) -> String {
    error.to_string()
}
