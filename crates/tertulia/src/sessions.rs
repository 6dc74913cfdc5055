//! The file with the sessions that a client can rejoin, also after a restart (IM 7.1.1.9).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use client::{Event, Events, Known};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use world::World;

/// The largest file that is read, in octets. An agent keeps 128 sessions, most with 200 octets.
const FILE_MAX: u64 = 1024 * 1024;

/// Events that may wait between the agent and the program. The agent has a longer queue.
const BETWEEN: usize = 64;

/// The version of the format that is written, and read.
const VERSION: u32 = 1;

/// The content of the file.
#[derive(Deserialize, Serialize)]
struct Content<'a> {
    version: u32,
    /// Whose sessions they are. Nobody can rejoin those of another.
    user: std::borrow::Cow<'a, str>,
    sessions: std::borrow::Cow<'a, [Known]>,
}

/// The file of one user.
pub(crate) struct Sessions {
    path: PathBuf,
    user: String,
}

impl Sessions {
    /// Reads the file, if it is there. What cannot be read is left as it is.
    pub(crate) fn open(path: &Path, user: &str) -> Result<(Self, Vec<Known>), String> {
        let sessions = Self {
            path: path.to_owned(),
            user: user.to_owned(),
        };
        let wrong = |why: &dyn std::fmt::Display| format!("--sessions {}: {why}", path.display());
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Better said now than when there is something to lose.
                sessions.write(&[]).map_err(|error| wrong(&error))?;
                return Ok((sessions, Vec::new()));
            }
            Err(error) => return Err(wrong(&error)),
        };
        let mut text = String::new();
        let read = file.take(FILE_MAX + 1).read_to_string(&mut text);
        let length = read.map_err(|error| wrong(&error))?;
        if u64::try_from(length).is_ok_and(|length| length > FILE_MAX) {
            return Err(wrong(&"it is too large to be a file of sessions"));
        }
        let damaged = |why: &dyn std::fmt::Display| {
            wrong(&format_args!(
                "it is no file of sessions: {why}. It is left as it is: move it away, or name \
                 another"
            ))
        };
        let content: Content<'_> = serde_json::from_str(&text).map_err(|error| damaged(&error))?;
        if content.version != VERSION {
            return Err(damaged(&format_args!("its version is {}", content.version)));
        }
        if content.user != user {
            return Err(wrong(&format_args!(
                "it holds the sessions of {}, and not of {user}",
                content.user
            )));
        }
        Ok((sessions, content.sessions.into_owned()))
    }

    /// Writes the file whole: whatever happens, there is the old one or the new one.
    fn write(&self, sessions: &[Known]) -> io::Result<()> {
        let content = Content {
            version: VERSION,
            user: self.user.as_str().into(),
            sessions: sessions.into(),
        };
        let mut text = serde_json::to_vec_pretty(&content)?;
        text.push(b'\n');
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        let beside = self.path.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        // Where one talks with whom is nobody else's business.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        let written = file
            .write_all(&text)
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&beside, &self.path));
        if written.is_err() {
            // It is of no use; if it cannot be removed either, the error before says why.
            let _left = fs::remove_file(&beside);
        }
        written
    }

    /// Stores what the agent tells to store, and passes all it tells on. The task ends when the
    /// agent has.
    pub(crate) fn keep(
        self,
        world: &World,
        mut events: Events,
    ) -> (Events, impl Future<Output = ()>) {
        let (tell, told) = mpsc::channel(BETWEEN);
        let keeper = world.tasks.spawn("sessions keeper", async move {
            while let Some(event) = events.recv().await {
                if let Event::Known { sessions } = &event
                    && let Err(error) = self.write(sessions)
                {
                    let path = self.path.display();
                    eprintln!("error: cannot store the sessions in {path}: {error}");
                }
                // Whoever does not listen any more has the sessions stored all the same.
                let _deaf = tell.send(event).await;
            }
        });
        // A keeper that is dropped with its world has nothing more to store.
        (told, async { _ = keeper.await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(identity: &str) -> Known {
        Known {
            identity: identity.to_owned(),
            allow: vec!["INVITE".to_owned()],
            ad_hoc: true,
        }
    }

    const ALICE: &str = "sip:alice@localhost";

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.json");
        let (sessions, kept) = Sessions::open(&path, ALICE).unwrap();
        assert!(kept.is_empty());
        let all = [known("sip:s1@h"), known("sip:s2@h")];
        sessions.write(&all).unwrap();
        let (_, kept) = Sessions::open(&path, ALICE).unwrap();
        assert_eq!(kept, all);
        // Nothing else is left there, and nobody else may read it.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.json");
        let large = " ".repeat(usize::try_from(FILE_MAX).unwrap() + 1);
        for (text, says) in [
            ("", "it is no file of sessions"),
            ("{\"version\":1,\"user\":\"sip:al", "It is left as it is"),
            (
                "{\"version\":2,\"user\":\"sip:alice@localhost\",\"sessions\":[]}",
                "its version is 2",
            ),
            (
                "{\"version\":1,\"user\":\"sip:bob@localhost\",\"sessions\":[]}",
                "of sip:bob@localhost",
            ),
            (
                "{\"version\":1,\"user\":\"sip:alice@localhost\",\"sessions\":[7]}",
                "no file of sessions",
            ),
            (&large, "too large"),
        ] {
            fs::write(&path, text).unwrap();
            let Err(why) = Sessions::open(&path, ALICE) else {
                panic!("{says}")
            };
            assert!(why.contains(says), "{why}");
            assert!(fs::read_to_string(&path).unwrap() == text, "{says}");
        }
        let nowhere = folder.path().join("no/such/folder");
        assert!(Sessions::open(&nowhere, ALICE).is_err());
    }
}
