//! `tertulia user`: the accounts of a server, running or not.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use server::Sealer;
use server::admin::{self, AdminError, NewUser};
use server::config::Config;
use store::{Account, Store};
use world::{Clock, Rng};

use crate::complaint::Complaint;
use crate::group::read;
use crate::say;
use crate::settings::{Settings, seal_key};

/// The accounts are those of the store that --data, --config or --set store.path names. A running
/// server sees a change within ten seconds, and what is said of block lists and access rules with
/// the next invitation.
#[derive(Args)]
pub(crate) struct User {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a user.
    Add {
        /// The part of the address before the @.
        name: String,
        #[command(flatten)]
        password: Password,
        /// The name shown to people.
        #[arg(long, value_name = "NAME")]
        display: Option<String>,
        /// The user may log in over IMPS: the password is stored too, sealed with the server's key.
        #[arg(long)]
        imps: bool,
        /// The telephone number by which a trusted gateway may name the user.
        #[arg(long, value_name = "NUMBER")]
        msisdn: Option<String>,
    },
    /// List the users.
    List,
    /// Remove a user.
    Remove {
        /// Whom.
        name: String,
    },
    /// Give a user another password.
    Passwd {
        /// Whom.
        name: String,
        #[command(flatten)]
        password: Password,
        /// The user may log in over IMPS from now on, or not any more; as before without this.
        #[arg(long, value_name = "true|false")]
        imps: Option<bool>,
    },
    /// Give a user a telephone number, by which a trusted gateway may name them; none to take it
    /// away.
    Msisdn {
        /// Whom.
        name: String,
        /// The number.
        number: Option<String>,
    },
    /// Let a user no longer log in.
    Disable {
        /// Whom.
        name: String,
    },
    /// Let a user log in again.
    Enable {
        /// Whom.
        name: String,
    },
    /// Put people on the block list of a user; without any, say who is on it. Whoever is blocked
    /// does not reach the user.
    Block {
        /// Whose list.
        name: String,
        /// By name, or by a whole address such as sip:zoe@elsewhere.example.
        whom: Vec<String>,
    },
    /// Take people off the block list of a user.
    Unblock {
        /// Whose list.
        name: String,
        /// By name, or by a whole address.
        #[arg(required = true)]
        whom: Vec<String>,
    },
    /// Print the access rules of a user (application/auth-policy+xml); with a file, replace or make
    /// them by that, octet by octet.
    Rules {
        /// Whose rules.
        name: String,
        /// The file; - for standard input.
        file: Option<PathBuf>,
        /// Remove them.
        #[arg(long, conflicts_with = "file")]
        remove: bool,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Password {
    /// The password. Others on this machine can see it in the list of processes.
    #[arg(long, value_name = "PASSWORD")]
    password: Option<String>,
    /// Read the password from standard input, up to the end of the line.
    #[arg(long)]
    password_stdin: bool,
}

impl User {
    pub(crate) fn run(self) -> Result<(), Complaint> {
        let config = self.settings.load(Config::default())?;
        let mut store = self.open(&config)?;
        let domain = config.domain.as_str();
        let done = |what: &str, name: &str| say(&format!("sip:{name}@{domain} {what}"));
        match self.what {
            What::Add {
                name,
                password,
                display,
                imps,
                msisdn,
            } => {
                let user = NewUser {
                    name: &name,
                    password: &password.read()?,
                    display: display.as_deref(),
                    msisdn: msisdn.as_deref(),
                    imps,
                };
                add(&mut store, &config, user)?;
                done("is added", &name);
            }
            What::List => {
                for account in admin::users(&store, domain).map_err(|error| told(&error))? {
                    say(&line(&account));
                }
            }
            What::Remove { name } => {
                admin::remove_user(&mut store, domain, &name).map_err(|error| told(&error))?;
                done("is removed", &name);
            }
            What::Passwd {
                name,
                password,
                imps,
            } => {
                // Whoever has a sealed password keeps one, which takes the key.
                let mut sealer = sealer(&config)?;
                let (password, sealer) = (password.read()?, Some(&mut sealer));
                admin::set_password(&mut store, domain, &name, &password, imps, sealer)
                    .map_err(|error| told(&error))?;
                done("has a new password", &name);
            }
            What::Msisdn { name, number } => {
                admin::set_number(&mut store, domain, &name, number.as_deref())
                    .map_err(|error| told(&error))?;
                match &number {
                    Some(number) => done(&format!("has the number {number}"), &name),
                    None => done("has no number", &name),
                }
            }
            What::Disable { name } => {
                enable(&mut store, domain, &name, false)?;
                done("can no longer log in", &name);
            }
            What::Enable { name } => {
                enable(&mut store, domain, &name, true)?;
                done("can log in", &name);
            }
            What::Block { name, whom } => block(&mut store, domain, &name, &whom)?,
            What::Unblock { name, whom } => unblock(&mut store, domain, &name, &whom)?,
            What::Rules { name, file, remove } => {
                rules(&mut store, domain, &name, file.as_deref(), remove)?;
            }
        }
        Ok(())
    }

    /// Opens the store. Only who adds a user may mean one that is not there yet.
    fn open(&self, config: &Config) -> Result<Store, Complaint> {
        open(
            &self.settings,
            config,
            matches!(self.what, What::Add { .. }),
        )
    }
}

/// Opens the store, which has to be there unless it is to be made.
pub(crate) fn open(settings: &Settings, config: &Config, adds: bool) -> Result<Store, Complaint> {
    let path = &config.store.path;
    let remedy = "name the store of the server with --data, --config or --set store.path=FILE";
    if !adds && !path.exists() {
        return Err(Complaint::wrong(
            format!("there is no store {}", path.display()),
            remedy,
        ));
    }
    let folder = settings.data.as_ref().filter(|_| adds);
    if let Some(Err(error)) = folder.map(std::fs::create_dir_all) {
        return Err(Complaint::unable(
            format!("cannot make the folder: {error}"),
            remedy,
        ));
    }
    Store::sqlite(path).map_err(|error| Complaint::unable(error.to_string(), remedy))
}

fn add(store: &mut Store, config: &Config, user: NewUser<'_>) -> Result<(), Complaint> {
    let domain = config.domain.as_str();
    if user.name == config.focus.factory {
        let what = format!(
            "sip:{}@{domain} is the address at which conferences are made",
            user.name
        );
        return Err(Complaint::wrong(what, "choose another name"));
    }
    let mut sealer = if user.imps {
        Some(sealer(config)?)
    } else {
        None
    };
    admin::add_user(store, domain, user, sealer.as_mut(), now_ms()).map_err(|error| told(&error))
}

fn block(store: &mut Store, domain: &str, name: &str, whom: &[String]) -> Result<(), Complaint> {
    if whom.is_empty() {
        let blocked = admin::blocked(store, domain, name);
        let (blocked, counts) = blocked.map_err(|error| told(&error))?;
        for uri in &blocked {
            say(if counts {
                uri.clone()
            } else {
                format!("{uri}  not in use")
            }
            .as_str());
        }
        return Ok(());
    }
    admin::block(store, domain, name, &strs(whom), now_ms()).map_err(|error| told(&error))?;
    say(&format!("sip:{name}@{domain} blocks them"));
    Ok(())
}

fn unblock(store: &mut Store, domain: &str, name: &str, whom: &[String]) -> Result<(), Complaint> {
    admin::unblock(store, domain, name, &strs(whom), now_ms()).map_err(|error| told(&error))?;
    say(&format!("sip:{name}@{domain} blocks them no more"));
    Ok(())
}

/// Prints, replaces or removes the access rules of a user.
fn rules(
    store: &mut Store,
    domain: &str,
    name: &str,
    file: Option<&Path>,
    remove: bool,
) -> Result<(), Complaint> {
    let (done, what) = match file {
        Some(file) => {
            let document = read(file)?;
            let written = admin::write_rules(store, domain, name, &document, now_ms());
            (written, "has these access rules")
        }
        None if remove => {
            let removed = admin::remove_rules(store, domain, name);
            (removed, "has no access rules")
        }
        None => {
            let document = admin::rules(store, domain, name).map_err(|error| told(&error))?;
            say(String::from_utf8_lossy(&document).trim_end());
            return Ok(());
        }
    };
    done.map_err(|error| told(&error))?;
    say(&format!("sip:{name}@{domain} {what}"));
    Ok(())
}

fn strs(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    i64::try_from(Clock::Os.unix().as_millis()).unwrap_or(i64::MAX)
}

fn enable(store: &mut Store, domain: &str, name: &str, enabled: bool) -> Result<(), Complaint> {
    admin::enable_user(store, domain, name, enabled).map_err(|error| told(&error))
}

impl Password {
    fn read(self) -> Result<String, Complaint> {
        if let Some(password) = self.password {
            return Ok(password);
        }
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| Complaint::wrong(format!("cannot read the password: {error}"), ""))?;
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        Ok(line)
    }
}

/// What seals passwords: the server's key, made if there is none.
fn sealer(config: &Config) -> Result<Sealer, Complaint> {
    Ok(Sealer::new(seal_key(config)?, Rng::from_os()))
}

fn line(account: &Account) -> String {
    let mut line = format!("sip:{}@{}", account.name, account.domain);
    if let Some(display) = &account.display_name {
        line.push_str(&format!("  \"{display}\""));
    }
    if account.credentials.imps_secret.is_some() {
        line.push_str("  imps");
    }
    if let Some(number) = &account.msisdn {
        line.push_str(&format!("  +{number}"));
    }
    if !account.enabled {
        line.push_str("  disabled");
    }
    line
}

pub(crate) fn told(error: &AdminError) -> Complaint {
    let text = error.to_string();
    match error {
        AdminError::Open(_) | AdminError::Read(_) => Complaint::unable(text, ""),
        AdminError::Commit(store::CommitError::Trouble(_)) => Complaint::unable(text, ""),
        AdminError::Name(_)
        | AdminError::Password
        | AdminError::Number
        | AdminError::NoKey
        | AdminError::NoGroup(_)
        | AdminError::Taken(_)
        | AdminError::Document(_)
        | AdminError::Lists(_)
        | AdminError::NoRules(_)
        | AdminError::NotBlocked(_)
        | AdminError::Rules(_)
        | AdminError::TooManyBlocked
        | AdminError::Whom(_)
        | AdminError::OtherGroup(_)
        | AdminError::Display
        | AdminError::Commit(_) => Complaint::wrong(text, ""),
    }
}
