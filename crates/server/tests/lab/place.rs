//! The server of another domain in a simulated universe, played by a test: where datagrams come
//! and connections are taken, or not.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::Runtime;
use world::{Listener, World};

use super::sim::{SimLab, SimLine, SimSocket};
use super::{PATIENCE, Phone};

/// How long the server may take to connect: longer than it tries several others.
const LONGEST: Duration = Duration::from_secs(600);

/// Its host.
pub struct Place {
    world: Rc<World>,
    runtime: Rc<Runtime>,
    server: SocketAddr,
    at: SocketAddr,
    listener: Option<Listener>,
}

impl Place {
    /// A host that is on, where nobody listens.
    pub fn at(lab: &SimLab, ip: &str) -> Self {
        let ip: IpAddr = ip.parse().unwrap();
        let (world, runtime, server) = lab.world(ip);
        Self {
            world: Rc::new(world),
            runtime,
            server,
            at: SocketAddr::new(ip, 5060),
            listener: None,
        }
    }

    /// One that takes connections.
    pub fn listening(lab: &SimLab, ip: &str) -> Self {
        let mut place = Self::at(lab, ip);
        place.listen();
        place
    }

    /// From now on connections are taken.
    pub fn listen(&mut self) {
        let _inside = self.runtime.enter();
        self.listener = Some(self.world.net.listen(self.at).unwrap());
    }

    /// Where datagrams come.
    pub fn datagrams(&self) -> Phone {
        let socket = SimSocket::bind(&self.runtime, (*self.world).clone(), self.at);
        Phone::sim(socket, "bob", self.server, self.at)
    }

    /// The next connection that the server opens.
    pub fn taken(&self) -> Phone {
        let line = self.line();
        Phone::line(line, "bob", self.server, self.at)
    }

    /// The same, as bytes.
    pub fn line(&self) -> SimLine {
        let accepted = self.listener.as_ref().unwrap().accept();
        let accepted = async { tokio::time::timeout(LONGEST, accepted).await };
        let (stream, _) = self.runtime.block_on(accepted).unwrap().unwrap();
        SimLine::of(&self.runtime, &self.world, stream)
    }

    /// Does the server open no further connection for a while?
    pub fn is_left_alone(&self) -> bool {
        let accepted = self.listener.as_ref().unwrap().accept();
        let accepted = async { tokio::time::timeout(PATIENCE, accepted).await };
        self.runtime.block_on(accepted).is_err()
    }

    /// A connection to the server, from any port.
    pub fn calls(&self) -> Phone {
        let line = SimLine::connect(&self.runtime, &self.world, self.server);
        let local = line.local();
        Phone::line(line, "bob", self.server, local)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        self.listener = None;
    }
}
