//! A DNS server on loopback, for tests.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf as _, BytesMut};
use hickory_resolver::proto::op::{Message, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::{Table, Zone, key};
use crate::{Batch, Datagrams, Stream, World};

/// How long its answers may be kept, in seconds: tests change what is in the table.
const TTL_S: u32 = 0;

/// How often both a UDP and a TCP port are tried for.
const TRIES: usize = 20;

/// A DNS server on loopback, for tests: it answers from a [`Table`], over UDP, and over TCP what
/// does not fit a datagram. It ends with its world.
#[derive(Clone, Debug)]
pub struct NameServer {
    address: SocketAddr,
    zone: Table,
    faults: Arc<Mutex<BTreeMap<String, Fault>>>,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Fails,
    Silent,
}

impl NameServer {
    /// Begins to serve what is, or will be, in `zone`, on a port that is free.
    ///
    /// # Errors
    ///
    /// No port could be had.
    pub fn start(world: &World, zone: Table) -> io::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        for _ in 0..TRIES {
            let udp = world.net.bind_udp(any)?;
            let address = udp.local_addr()?;
            // Somebody else may have that port over TCP.
            let Ok(tcp) = world.net.listen(address) else {
                continue;
            };
            let server = Self {
                address,
                zone,
                faults: Arc::default(),
            };
            let tasks = world.tasks.clone();
            tasks.spawn("dns over udp", server.clone().datagrams(udp));
            let (all, each) = (server.clone(), tasks.clone());
            tasks.spawn("dns over tcp", async move {
                while let Ok((stream, _)) = tcp.accept().await {
                    each.spawn("dns connection", all.clone().connection(stream));
                }
            });
            return Ok(server);
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    /// Where it listens, over UDP and TCP.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers questions about `name` with SERVFAIL from now on.
    pub fn fail(&self, name: &str) {
        self.spoil(name, Fault::Fails);
    }

    /// Does not answer questions about `name` from now on.
    pub fn silence(&self, name: &str) {
        self.spoil(name, Fault::Silent);
    }

    fn spoil(&self, name: &str, fault: Fault) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.insert(key(name), fault);
    }

    async fn datagrams(self, socket: Datagrams) {
        let mut batch = Batch::new();
        while socket.recv(&mut batch).await.is_ok() {
            for datagram in batch.drain() {
                let Ok(request) = Message::from_vec(&datagram.bytes) else {
                    continue;
                };
                let Some(mut response) = self.answer(&request) else {
                    continue;
                };
                let room = usize::from(request.max_payload());
                if response.to_vec().is_ok_and(|bytes| bytes.len() > room) {
                    response = response.truncate();
                }
                if let Ok(bytes) = response.to_vec() {
                    // The asker may be gone.
                    let _ = socket.send(datagram.remote, &bytes).await;
                }
            }
        }
    }

    async fn connection(self, stream: Stream) {
        let mut buffer = BytesMut::new();
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {
            while let Some(message) = whole(&mut buffer) {
                let response = Message::from_vec(&message);
                let response = response.ok().and_then(|request| self.answer(&request));
                let Some(Ok(bytes)) = response.map(|response| response.to_vec()) else {
                    continue;
                };
                let length = u16::try_from(bytes.len()).unwrap_or_default();
                let framed = [&length.to_be_bytes()[..], &bytes].concat();
                if stream.write_all(&framed).await.is_err() {
                    return;
                }
            }
        }
    }

    /// The answer; `None` is silence.
    fn answer(&self, request: &Message) -> Option<Message> {
        let query = request.queries.first()?;
        let name = key(&query.name.to_ascii());
        let mut response = Message::response(request.metadata.id, OpCode::Query);
        response.metadata.recursion_desired = request.metadata.recursion_desired;
        response.metadata.recursion_available = true;
        response.add_query(query.clone());
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        match faults.get(&name) {
            Some(Fault::Silent) => return None,
            Some(Fault::Fails) => response.metadata.response_code = ResponseCode::ServFail,
            None => {
                let zone = self.zone.lock();
                if !zone.knows(&name) {
                    response.metadata.response_code = ResponseCode::NXDomain;
                }
                response.add_answers(zone.answers(&name, query));
            }
        }
        Some(response)
    }
}

/// Takes a message out, if it is there: two bytes with its length come first (RFC 1035 section
/// 4.2.2).
fn whole(buffer: &mut BytesMut) -> Option<BytesMut> {
    let length = usize::from(u16::from_be_bytes(*buffer.first_chunk()?));
    if buffer.len() < 2 + length {
        return None;
    }
    buffer.advance(2);
    Some(buffer.split_to(length))
}

impl Zone {
    fn knows(&self, name: &str) -> bool {
        self.hosts.contains_key(name)
            || self.srv.contains_key(name)
            || self.naptr.contains_key(name)
    }

    fn answers(&self, name: &str, query: &Query) -> Vec<Record> {
        let data: Vec<RData> = match query.query_type {
            RecordType::A => self.ips(name, IpAddr::is_ipv4),
            RecordType::AAAA => self.ips(name, IpAddr::is_ipv6),
            RecordType::SRV => {
                let all = self.srv.get(name).into_iter().flatten();
                let one = |srv: &super::Srv| {
                    let target = Name::from_ascii(&srv.target).unwrap_or_default();
                    RData::SRV(SRV::new(srv.priority, srv.weight, srv.port, target))
                };
                all.map(one).collect()
            }
            RecordType::NAPTR => {
                let all = self.naptr.get(name).into_iter().flatten();
                let one = |naptr: &super::Naptr| {
                    let bytes = |text: &str| text.as_bytes().into();
                    RData::NAPTR(NAPTR::new(
                        naptr.order,
                        naptr.preference,
                        bytes(&naptr.flags),
                        bytes(&naptr.service),
                        bytes(&naptr.regexp),
                        Name::from_ascii(&naptr.replacement).unwrap_or_default(),
                    ))
                };
                all.map(one).collect()
            }
            _ => Vec::new(),
        };
        let record = |data| Record::from_rdata(query.name.clone(), TTL_S, data);
        data.into_iter().map(record).collect()
    }

    fn ips(&self, name: &str, wanted: fn(&IpAddr) -> bool) -> Vec<RData> {
        let all = self.hosts.get(name).into_iter().flatten();
        all.filter(|ip| wanted(ip))
            .map(|ip| RData::from(*ip))
            .collect()
    }
}
