//! What stands between SIPp 3.6 and the server: it leaves out the challenge for SHA-256.
//!
//! RFC 8760 2.3 has the server write the better challenge first, and 2.4 has clients go on to the
//! next if they cannot answer it. SIPp 3.6 looks at the first alone, knows MD5 only, and gives up.
//! All else passes byte for byte, in both directions.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::Runtime;

/// Where to send instead of to the server. Ends when it is dropped.
pub(crate) struct Relay {
    pub(crate) at: SocketAddr,
    _runtime: Runtime,
}

impl Relay {
    /// For the one client at `client`: what the server sends without being asked goes there too.
    pub(crate) fn udp(server: SocketAddr, client: SocketAddr) -> Self {
        let runtime = runtime();
        let (front, back) = runtime.block_on(async {
            let any = || UdpSocket::bind("127.0.0.1:0");
            (any().await.unwrap(), any().await.unwrap())
        });
        let at = front.local_addr().unwrap();
        runtime.spawn(async move {
            let (mut asked, mut said) = (vec![0; 65_536], vec![0; 65_536]);
            loop {
                tokio::select! {
                    biased;
                    Ok((length, _)) = front.recv_from(&mut asked) => {
                        back.send_to(&asked[..length], server).await.unwrap();
                    }
                    Ok((length, _)) = back.recv_from(&mut said) => {
                        let kept = said[..length].split_inclusive(|&b| b == b'\n');
                        let kept: Vec<u8> = kept.filter(|line| passes(line)).flatten().copied().collect();
                        front.send_to(&kept, client).await.unwrap();
                    }
                }
            }
        });
        Self {
            at,
            _runtime: runtime,
        }
    }

    /// For any number of connections.
    pub(crate) fn tcp(server: SocketAddr) -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let at = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // One after the other: SIPp has one connection for all its calls.
                carry(client, server).await;
            }
        });
        Self {
            at,
            _runtime: runtime,
        }
    }
}

/// Until either side ends.
async fn carry(mut client: TcpStream, server: SocketAddr) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut asks, mut hears) = client.split();
    let (says, mut listens) = server.split();
    let down = async {
        let (mut says, mut line) = (BufReader::new(says), Vec::new());
        while says
            .read_until(b'\n', &mut line)
            .await
            .is_ok_and(|length| length > 0)
        {
            if passes(&line) && hears.write_all(&line).await.is_err() {
                return;
            }
            line.clear();
        }
    };
    tokio::select! {
        biased;
        () = down => {}
        _ = tokio::io::copy(&mut asks, &mut listens) => {}
    }
}

fn passes(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let challenge =
        line.starts_with("WWW-Authenticate:") || line.starts_with("Proxy-Authenticate:");
    !(challenge && line.contains("algorithm=SHA-256"))
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}
