//! The file that says that the server listens, and where.

use std::fs;
use std::io;
use std::path::Path;

use server::Addresses;

/// Removes what a former server left, so that nobody takes it for ours.
pub(crate) fn clear(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the file whole: who sees it can read all of it.
pub(crate) fn write(path: &Path, addresses: &Addresses) -> io::Result<()> {
    let mut text = serde_json::to_string(addresses)?;
    text.push('\n');
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_listens_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        clear(&path).unwrap();
        let addresses = Addresses {
            sip_udp: Some("127.0.0.1:5060".parse().unwrap()),
            sip_tcp: None,
            msrp: "[::1]:2855".parse().unwrap(),
            http: Some("127.0.0.1:8080".parse().unwrap()),
            https: None,
            cir_tcp: None,
            cir_udp: None,
        };
        write(&path, &addresses).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "{\"sip_udp\":\"127.0.0.1:5060\",\"msrp\":\"[::1]:2855\",\"http\":\"127.0.0.1:8080\"}\n"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        clear(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
