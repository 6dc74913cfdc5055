//! Whose socket it is: from the tables in /proc to the process that holds it open.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use super::arguments::Transport;

/// The process that serves `at` on this machine, if it is one that we may look into.
pub(crate) fn find(at: SocketAddr, transport: Transport) -> Option<u32> {
    let tables = match transport {
        Transport::Udp => ["/proc/net/udp", "/proc/net/udp6"],
        Transport::Tcp | Transport::Http => ["/proc/net/tcp", "/proc/net/tcp6"],
    };
    let found = tables.iter().find_map(|table| {
        let text = fs::read_to_string(table).ok()?;
        inode(&text, at, transport)
    });
    holder(&format!("socket:[{}]", found?))
}

/// `TCP_LISTEN` of the kernel's `tcp_states.h`.
const LISTENS: &str = "0A";

/// The inode of the socket that serves `at`: that address, or any address at that port.
fn inode(table: &str, at: SocketAddr, transport: Transport) -> Option<u64> {
    let port = format!("{:04X}", at.port());
    let of_row = |row: &str| {
        // sl, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode
        let mut columns = row.split_ascii_whitespace();
        let (ip, local_port) = columns.nth(1)?.split_once(':')?;
        let state = columns.nth(1)?;
        let serves = transport == Transport::Udp || state == LISTENS;
        let here = ip.bytes().all(|b| b == b'0') || ip == in_hex(at.ip());
        let inode = columns.nth(5)?.parse().ok()?;
        (serves && here && local_port == port).then_some(inode)
    };
    table.lines().skip(1).find_map(of_row)
}

/// An address as the kernel prints it: words of four bytes in the order of the machine.
fn in_hex(ip: IpAddr) -> String {
    let octets = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let word = |bytes: &[u8]| {
        let bytes = <[u8; 4]>::try_from(bytes).unwrap_or_default();
        format!("{:08X}", u32::from_ne_bytes(bytes))
    };
    octets.chunks(4).map(word).collect()
}

/// The process that has this open.
fn holder(link: &str) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        let open = fs::read_dir(process.path().join("fd")).ok()?;
        let is_it = |name: std::path::PathBuf| name.to_str() == Some(link);
        open.flatten()
            .any(|file| fs::read_link(file.path()).is_ok_and(is_it))
            .then_some(pid)
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn our_own_sockets_are_ours() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
        let tcp6 = TcpListener::bind("[::1]:0");
        let port = tcp.local_addr().unwrap().port();
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let us = Some(std::process::id());
        assert_eq!(find(udp.local_addr().unwrap(), Transport::Udp), us);
        assert_eq!(find(at, Transport::Tcp), us);
        if let Ok(tcp6) = tcp6 {
            assert_eq!(find(tcp6.local_addr().unwrap(), Transport::Tcp), us);
        }
        assert_eq!(find("127.0.0.1:1".parse().unwrap(), Transport::Tcp), None);
    }
}
