//! A media thread: one epoll set, its ports, their timers.

use super::files::Files;
use super::handle::{Bell, Command, WorkerHandle};
use super::moving::Waiting;
use super::outgoing::Outgoing;
use super::port::Port;
use super::port_range::PortTable;
use super::sound::Floor;
use crate::base::limits;
use crate::base::rng::Rng;
use crate::base::time::Moment;
use crate::base::wheel::Wheel;
use crate::bridge::*;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Ports by slot. A slot's generation tells an old timer from one of the port that now lives there.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<(u32, Option<Box<Port>>)>,
    free: Vec<usize>,
}

impl Slots {
    /// The port in a slot.
    #[inline]
    pub fn get(&mut self, index: usize) -> Option<&mut Port> {
        self.slots.get_mut(index)?.1.as_deref_mut()
    }

    fn generation(&self, index: usize) -> u32 {
        self.slots.get(index).map_or(0, |(generation, _)| *generation)
    }

    fn insert(&mut self, port: Box<Port>) -> usize {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            self.slots.len() - 1
        });
        self.slots[index].1 = Some(port);
        index
    }

    fn remove(&mut self, index: usize) -> Option<Box<Port>> {
        let (generation, slot) = self.slots.get_mut(index)?;
        let port = slot.take()?;
        *generation = generation.wrapping_add(1);
        self.free.push(index);
        Some(port)
    }
}

/// Longest datagram taken; a longer one is dropped and counted.
pub(super) const PACKET_BYTES: usize = 2048;
/// Ready sockets handled per wake-up.
const READY: usize = 256;
/// Epoll token of the bell; sockets have their port's number.
const BELL: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Worker {
    commands: mpsc::Receiver<Command>,
    bell: Arc<Bell>,
    pub epoll: Epoll,
    started: Instant,
    pub slots: Slots,
    /// The slot of the port that has these two numbers; [`EMPTY`] while their sockets rest.
    seats: Box<[u32]>,
    pub(super) by_id: HashMap<PortId, usize, foldhash::fast::RandomState>,
    /// Ports announced by [`Command::Expect`], and the orders that came before them.
    pub(super) expected: HashMap<PortId, Vec<Waiting>, foldhash::fast::RandomState>,
    /// Ports on their way to threads whose queue is full.
    pub(super) handovers: VecDeque<(WorkerHandle, Command)>,
    wheel: Wheel<(usize, u32)>,
    fired: Vec<(usize, u32)>,
    /// When sockets at rest are to be looked at, and where they are.
    pub sweep: Option<(Moment, Arc<PortTable>)>,
    pub outgoing: Outgoing,
    pub buffer: Box<[u8; PACKET_BYTES]>,
    pub random: Rng,
    pub files: Files,
    pub floor: Floor,
}

impl Worker {
    pub fn new(
        commands: mpsc::Receiver<Command>,
        bell: Arc<Bell>,
        seed: u64,
        files: Files,
    ) -> io::Result<Worker> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&bell.event, EpollEvent::new(EpollFlags::EPOLLIN, BELL))?;
        Ok(Worker {
            commands,
            bell,
            epoll,
            started: now_instant(),
            slots: Slots::default(),
            seats: vec![EMPTY; 65_536 / 2].into(),
            by_id: HashMap::default(),
            expected: HashMap::default(),
            handovers: VecDeque::new(),
            wheel: Wheel::new(Moment(0), Duration::from_millis(1), 8192),
            fired: Vec::with_capacity(READY),
            sweep: None,
            outgoing: Outgoing::default(),
            buffer: Box::new([0; PACKET_BYTES]),
            random: Rng::seeded(seed),
            files,
            floor: Floor::default(),
        })
    }

    pub(super) fn now(&self) -> Moment {
        Moment(u64::try_from(now_instant().duration_since(self.started).as_micros()).unwrap_or(u64::MAX))
    }

    pub fn run(mut self) {
        let mut ready = [EpollEvent::empty(); READY];
        while !self.turn(&mut ready) {}
    }

    /// Sleeps until something happens, and handles it; true when the thread shall end.
    fn turn(&mut self, ready: &mut [EpollEvent; READY]) -> bool {
        let count = match self.epoll.wait(ready, self.timeout()) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(e) => panic!("epoll_wait fails only on a bad descriptor or buffer of ours: {e}"),
        };
        let now = self.now();
        let mut rung = false;
        for event in &ready[..count] {
            match event.data() {
                BELL => rung = true,
                token => self.readable(now, token),
            }
        }
        if rung && self.commanded(now) {
            return true;
        }
        self.expire(now);
        self.sweep(now);
        self.frames(now);
        self.outgoing.retry();
        self.hand_over();
        false
    }

    /// A turn for tests in other files.
    #[cfg(test)]
    pub fn turn_once(&mut self) {
        let _ = self.turn(&mut [EpollEvent::empty(); READY]);
    }

    fn timeout(&self) -> EpollTimeout {
        if !self.outgoing.backlog.is_empty() || !self.handovers.is_empty() {
            return EpollTimeout::from(10u8);
        }
        let others = [self.floor.next_frame, self.sweep.as_ref().map(|(at, _)| *at)].into_iter().flatten();
        let Some(deadline) = self.wheel.next_deadline().into_iter().chain(others).min() else {
            return EpollTimeout::NONE;
        };
        let millis = deadline.since(self.now()).as_micros().div_ceil(1000);
        EpollTimeout::from(u16::try_from(millis).unwrap_or(u16::MAX))
    }

    fn readable(&mut self, now: Moment, token: u64) {
        let number = token as u16;
        match self.seats[usize::from(number / 2)] {
            EMPTY => self.disturbed(number & !1),
            index if number & 1 == 0 => self.rtp_readable(now, index as usize),
            index => self.rtcp_readable(now, index as usize),
        }
    }

    /// Takes all waiting commands; true when the thread shall end.
    fn commanded(&mut self, now: Moment) -> bool {
        let _ = self.bell.event.read();
        self.bell.rung.store(false, Ordering::Release);
        // What comes from here on rings again, so a last look after the store misses nothing.
        for _ in 0..limits::MEDIA_PLANS {
            let Ok(command) = self.commands.try_recv() else { return false };
            self.bell.queued.fetch_sub(1, Ordering::Relaxed);
            match command {
                Command::Adopt(port) => self.adopt(now, port),
                Command::Expect(id) => drop(self.expected.insert(id, Vec::new())),
                Command::Gone(id) => self.never_came(id),
                Command::Release { port, to } => self.release(port, to),
                Command::Plan(plan) => self.plan(now, plan),
                Command::Stop => return true,
            }
        }
        let _ = self.bell.event.write(1);
        false
    }

    fn adopt(&mut self, now: Moment, mut port: Box<Port>) {
        let id = port.id;
        port.timer = None;
        let index = self.slots.insert(port);
        let watched = self.slots.get(index).map(|port| {
            self.seats[usize::from(port.others.port() / 2)] = index as u32;
            watch(&self.epoll, port)
        });
        self.by_id.insert(id, index);
        if !matches!(watched, Some(Ok(()))) {
            // Out of watches: the port is deaf, so it is no port.
            return self.close(now, id);
        }
        self.adopt_leg(now, index);
        self.service(now, index);
        for waiting in self.expected.remove(&id).into_iter().flatten() {
            match waiting {
                Waiting::Plan(plan) => self.plan(now, plan),
                Waiting::Release(to) => self.release(id, to),
            }
        }
    }

    /// Takes a port out of every table. Its sockets are still open.
    pub(super) fn detach(&mut self, id: PortId) -> Option<Box<Port>> {
        let index = self.by_id.remove(&id)?;
        self.forget_leg(index);
        let mut port = self.slots.remove(index)?;
        self.seats[usize::from(port.others.port() / 2)] = EMPTY;
        if let Some((_, timer)) = port.timer.take() {
            self.wheel.cancel(timer);
        }
        Some(port)
    }

    fn close(&mut self, now: Moment, id: PortId) {
        self.expected.remove(&id);
        let Some(&index) = self.by_id.get(&id) else { return };
        self.unjoin(index);
        self.goodbye(now, index);
        if let Some(port) = self.detach(id) {
            let (events, report) = (port.events.clone(), Box::new(port.report()));
            // Whoever hears of it may have the numbers again at once.
            self.lay_aside(now, port);
            self.outgoing.tell(&events, MediaEvent::Closed { port: id, report });
        }
    }

    fn plan(&mut self, now: Moment, plan: Plan) {
        let id = plan.port();
        if let Some(waiting) =
            [Some(id), plan.second_port()].into_iter().flatten().find(|p| self.expected.contains_key(p))
        {
            let orders = self.expected.entry(waiting).or_default();
            if orders.len() < EXPECTED_ORDERS {
                orders.push(Waiting::Plan(plan));
            }
            return;
        }
        let Some(&index) = self.by_id.get(&id) else { return };
        match plan {
            Plan::Open(_) => unreachable!("Media::submit opens ports itself"),
            Plan::Aim { aim, .. } => self.aim(now, index, *aim),
            Plan::Join { b, a_to_b, b_to_a, .. } => {
                if let Some(&other) = self.by_id.get(&b) {
                    self.join(now, (index, a_to_b), (other, b_to_a));
                }
            }
            Plan::Unjoin { .. } => self.unjoin(index),
            Plan::Close { .. } => return self.close(now, id),
            Plan::Report { .. } => {
                if let Some(port) = self.slots.get(index) {
                    let report = Box::new(port.report());
                    self.outgoing.tell(&port.events, MediaEvent::Report { port: id, report });
                }
            }
            Plan::Direct { on, .. } => self.direct(now, index, on),
            Plan::SendDigit { digit, press, .. } => self.send_digit(now, index, digit, press),
            Plan::Play { sound, repeat, .. } => self.play(now, index, sound, repeat),
            Plan::StopPlaying { .. } => self.stop_playing(index),
            Plan::Sound { order, .. } => self.sound(now, index, *order),
        }
        self.service(now, index);
    }

    fn join(&mut self, now: Moment, a: (usize, Box<Path>), b: (usize, Box<Path>)) {
        for index in [a.0, b.0] {
            self.unjoin(index);
            self.sound(now, index, SoundOrder::Leave);
        }
        for (index, peer, path) in [(a.0, b.0, a.1), (b.0, a.0, b.1)] {
            if let Some(port) = self.slots.get(index) {
                port.out.forget_speaker();
                let check = now + port.timers.one_way;
                port.one_way_check = (!port.timers.one_way.is_zero()).then_some((check, port.received));
                port.table.set_path(Some(&path.numbers));
                port.peer = u32::try_from(peer).ok();
            }
            self.service(now, index);
        }
    }

    /// Runs the timer of a port at `at`, unless it runs earlier anyway.
    pub fn schedule(&mut self, index: usize, at: Moment) {
        let generation = self.slots.generation(index);
        let Some(port) = self.slots.get(index) else { return };
        match port.timer {
            Some((due, _)) if due <= at => return,
            Some((_, timer)) => drop(self.wheel.cancel(timer)),
            None => {}
        }
        port.timer = Some((at, self.wheel.insert(at, (index, generation))));
    }

    fn expire(&mut self, now: Moment) {
        let mut fired = std::mem::take(&mut self.fired);
        self.wheel.expire(now, READY, &mut fired);
        for (index, generation) in fired.drain(..) {
            if self.slots.generation(index) == generation
                && let Some(port) = self.slots.get(index)
            {
                port.timer = None;
                self.service(now, index);
            }
        }
        self.fired = fired;
    }
}

/// A pair of numbers that no port has.
const EMPTY: u32 = u32::MAX;

/// Watches a port's sockets, which may have rested under watch.
fn watch(epoll: &Epoll, port: &mut Port) -> nix::Result<()> {
    if port.others.is_watched {
        return Ok(());
    }
    let number = u64::from(port.others.port());
    epoll.add(&port.rtp, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
    if let Some(rtcp) = &port.others.rtcp
        && let Err(full) = epoll.add(rtcp, EpollEvent::new(EpollFlags::EPOLLIN, number | 1))
    {
        let _ = epoll.delete(&port.rtp);
        return Err(full);
    }
    port.others.is_watched = true;
    Ok(())
}

/// Orders kept for a port on its way between two threads, which takes microseconds.
const EXPECTED_ORDERS: usize = 64;

#[expect(
    clippy::disallowed_methods,
    reason = "a media thread is an edge: it reads the clock once per wake-up"
)]
fn now_instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Watched;
    use crate::media::ear::Ear;
    use crate::media::port::Counted;
    use crate::media::port_range::PortTable;
    use crate::rtp::{Continuity, Header, SourceRules};
    use crate::sdp::Translation;
    use std::net::UdpSocket;
    use std::sync::atomic::AtomicUsize;

    /// Every packet is judged, counted, renumbered and sent without one allocation. (A digit that is told takes a place
    /// in the event queue, which grows by blocks.)
    #[test]
    fn relaying_allocates_nothing() {
        let (handle, mut worker) = WorkerHandle::with_worker(
            1,
            Files::start(Default::default(), Watched(std::sync::Arc::new(|| ()))).expect("starts").0,
        )
        .expect("starts");
        let (sender, _told) = tokio::sync::mpsc::channel(64);
        let events = Ear { sender, wake: std::sync::Arc::new(|| ()) };
        let table = Arc::new(PortTable::new(0));
        let phones: Vec<UdpSocket> = (0..2).map(|_| UdpSocket::bind("127.0.0.1:0").expect("free")).collect();
        let mut places = Vec::new();
        let mut payloads = Payloads::default();
        payloads.set(0, PayloadUse::Media { clock_rate: 8000 });
        payloads.set(101, PayloadUse::Event { clock_rate: 8000 });
        for (phone, id) in phones.iter().zip([PortId(0), PortId(1)]) {
            let open = Open {
                port: id,
                affinity: 0,
                bind: "127.0.0.1".parse().expect("address"),
                range: PortRange { first: 22_600, last: 22_699 },
                rules: SourceRules::default(),
                rtcp_port: true,
                tos: 0,
                timers: Timers::default(),
            };
            let sockets = table.bind(&open, 0).expect("binds");
            places.push(sockets.others.rtp_address);
            let counted = Counted::new(Arc::new(AtomicUsize::new(0)));
            let out = Continuity::new(7, 0, 0, 8000);
            handle.send(Command::Adopt(Box::new(Port::new(
                open,
                sockets,
                out,
                vec![b'x'; 16],
                events.clone(),
                counted,
            ))));
            let aim = Aim {
                remote: Whereto::At(phone.local_addr().expect("bound")),
                rtcp: None,
                rtcp_mux: false,
                send: true,
                receive: true,
                held: false,
                payloads: payloads.clone(),
                events: Some((101, 8000)),
                clock_rate: 8000,
                udptl: false,
                coding: None,
            };
            handle.send(Command::Plan(Plan::Aim { port: id, aim: Box::new(aim) }));
        }
        let mut numbers = Translation::NOTHING;
        // From law to law too.
        numbers.exchange(0, 8, crate::sdp::Law::A);
        numbers.set(101, 96);
        let path = Box::new(Path { numbers });
        handle.send(Command::Plan(Plan::Join {
            a: PortId(0),
            b: PortId(1),
            a_to_b: path.clone(),
            b_to_a: path,
        }));
        let mut ready = [EpollEvent::empty(); READY];
        assert!(!worker.turn(&mut ready));
        let mut packet = [0; 172];
        let mut relay = |worker: &mut Worker, sequence: u16| {
            let header = Header {
                marker: false,
                payload_type: 0,
                sequence,
                timestamp: u32::from(sequence) * 160,
                ssrc: 9,
            };
            header.build(&[4; 160], &mut packet).expect("fits");
            for (from, to) in [(0, 0), (1, 1)] {
                phones[from].send_to(&packet, places[to]).expect("sends");
                worker.turn(&mut ready);
            }
            for phone in &phones {
                phone.recv(&mut [0; 256]).expect("relayed");
            }
        };
        (0..20).for_each(|n| relay(&mut worker, n));
        let info = allocation_counter::measure(|| (20..220).for_each(|n| relay(&mut worker, n)));
        assert_eq!(info.count_total, 0, "{} bytes in {} allocations", info.bytes_total, info.count_total);
    }

    /// D3: a room of five with two codecs, rates and a muted one is decoded, mixed and encoded without one allocation.
    #[test]
    fn mixing_allocates_nothing() {
        use crate::bridge::{RoomId, Seat};
        use crate::codec::Coding;
        let (handle, mut worker) = WorkerHandle::with_worker(
            1,
            Files::start(Default::default(), Watched(std::sync::Arc::new(|| ()))).expect("starts").0,
        )
        .expect("starts");
        let (sender, _told) = tokio::sync::mpsc::channel(64);
        let events = Ear { sender, wake: std::sync::Arc::new(|| ()) };
        let table = Arc::new(PortTable::new(0));
        let codings = [Coding::G722, Coding::Ulaw, Coding::Ulaw, Coding::G722, Coding::Ulaw];
        let phones: Vec<UdpSocket> =
            codings.iter().map(|_| UdpSocket::bind("127.0.0.1:0").expect("free")).collect();
        let mut places = Vec::new();
        for (number, (phone, coding)) in phones.iter().zip(codings).enumerate() {
            phone.set_nonblocking(true).expect("set");
            let port = PortId(number as u64);
            let open = Open {
                port,
                affinity: 0,
                bind: "127.0.0.1".parse().expect("address"),
                range: PortRange { first: 22_500, last: 22_599 },
                rules: SourceRules::default(),
                rtcp_port: false,
                tos: 0,
                timers: Timers::default(),
            };
            let sockets = table.bind(&open, 0).expect("binds");
            places.push(sockets.others.rtp_address);
            let counted = Counted::new(Arc::new(AtomicUsize::new(0)));
            let out = Continuity::new(7, 0, 0, 8000);
            let made = Port::new(open, sockets, out, vec![b'x'; 16], events.clone(), counted);
            handle.send(Command::Adopt(Box::new(made)));
            let mut payloads = Payloads::default();
            payloads.set(96, PayloadUse::Media { clock_rate: 8000 });
            let coding = StreamCoding {
                receive: vec![(96, coding)],
                send_number: 96,
                send: coding,
                packet_ms: 20,
                wishes: Default::default(),
            };
            let aim = Aim {
                remote: Whereto::At(phone.local_addr().expect("bound")),
                rtcp: None,
                rtcp_mux: false,
                send: true,
                receive: true,
                held: false,
                payloads,
                events: None,
                clock_rate: 8000,
                udptl: false,
                coding: Some(coding),
            };
            handle.send(Command::Plan(Plan::Aim { port, aim: Box::new(aim) }));
            let seat = if number == 4 { Seat::LISTENER } else { Seat::FULL };
            let order = Box::new(SoundOrder::Enter { room: RoomId(1), seat });
            handle.send(Command::Plan(Plan::Sound { port, order }));
        }
        let mut ready = [EpollEvent::empty(); READY];
        let mut packet = [0; 172];
        let mut frame = |worker: &mut Worker, sequence: u16| {
            for (phone, place) in phones.iter().zip(&places) {
                let timestamp = u32::from(sequence) * 160;
                let header = Header { marker: false, payload_type: 96, sequence, timestamp, ssrc: 9 };
                header.build(&[(sequence % 250) as u8; 160], &mut packet).expect("fits");
                phone.send_to(&packet, place).expect("sends");
            }
            // A frame is due within 20 ms, and each turn ends with it at the latest.
            while phones[4].recv(&mut [0; 256]).is_err() {
                worker.turn(&mut ready);
            }
        };
        (0..40).for_each(|n| frame(&mut worker, n));
        let info = allocation_counter::measure(|| (40..80).for_each(|n| frame(&mut worker, n)));
        assert_eq!(info.count_total, 0, "{} bytes in {} allocations", info.bytes_total, info.count_total);
    }
}
