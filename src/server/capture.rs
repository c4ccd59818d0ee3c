//! `pjsip set logger pcap FILE` and `trace CALL --pcap FILE`: messages as packets, for Wireshark and its like.
//!
//! A message is written as one UDP datagram, whatever carried it, and as it was before encryption. Our own end is
//! written as port 5060 of the unspecified address: a log event knows the peer only.

use crate::admin::console::Ask;
use crate::admin::shape::Format;
use crate::base::time::WallTime;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A capture file being written.
#[derive(Debug)]
pub struct Capture {
    file: BufWriter<File>,
}

/// Packets that begin with an IP header.
const LINKTYPE_RAW: u32 = 101;
/// Longest packet; longer messages are cut, as captures cut them.
const SNAP: usize = 65_535;
/// UDP.
const PROTOCOL: u8 = 17;

impl Capture {
    /// Begins a file. One that is there is left alone.
    ///
    /// # Errors
    /// There is such a file, or it cannot be written.
    pub fn create(path: &Path) -> io::Result<Capture> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)?;
        let mut capture = Capture { file: BufWriter::new(file) };
        let mut head = Vec::with_capacity(24);
        head.extend(0xa1b2_c3d4_u32.to_le_bytes());
        head.extend([2, 0, 4, 0]);
        head.extend([0; 8]);
        head.extend((SNAP as u32).to_le_bytes());
        head.extend(LINKTYPE_RAW.to_le_bytes());
        capture.file.write_all(&head)?;
        capture.file.flush()?;
        Ok(capture)
    }

    /// Writes a message.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, at: WallTime, sent: bool, peer: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let packet = packet(sent, peer, bytes);
        let micros = at.0;
        let part = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        let mut record = Vec::with_capacity(16 + packet.len());
        record.extend(part(micros / 1_000_000));
        record.extend(part(micros % 1_000_000));
        record.extend(part(packet.len() as u64));
        record.extend(part(packet.len() as u64));
        record.extend(packet);
        self.file.write_all(&record)
    }

    /// What was written reaches the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes the messages of a call, as `trace` remembers it, to a new file; how many there are.
///
/// # Errors
/// A sentence: nothing is remembered of such a call, or the file cannot be written.
pub fn of_call(server: &mut dyn Ask, call: &str, file: &Path) -> Result<usize, String> {
    let line = format!("trace \"{}\"", call.replace('"', ""));
    let answer = server.ask(&line, Format::Json).map_err(|error| error.to_string())?;
    let reply: Value = serde_json::from_str(&answer.text).map_err(|error| error.to_string())?;
    if let Some(why) = reply["error"].as_str() {
        return Err(why.to_owned());
    }
    let in_words = |error: io::Error| format!("{}: {error}", file.display());
    let mut capture = Capture::create(file).map_err(in_words)?;
    let mut written = 0;
    for step in reply["trace"]["steps"].as_array().into_iter().flatten() {
        let message = &step["message"];
        let Some(peer) = message["peer"].as_str().and_then(|peer| peer.parse().ok()) else { continue };
        let bytes = match &message["message"] {
            Value::Array(bytes) => {
                bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect()
            }
            text => text.as_str().unwrap_or_default().as_bytes().to_vec(),
        };
        let at = WallTime(step["at"].as_u64().unwrap_or(0));
        let sent = message["sent"].as_bool().unwrap_or(false);
        capture.write(at, sent, peer, &bytes).map_err(in_words)?;
        written += 1;
    }
    capture.flush().map_err(in_words)?;
    Ok(written)
}

fn packet(sent: bool, peer: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let own = match peer.ip() {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let own = SocketAddr::new(own, 5060);
    let (from, to) = if sent { (own, peer) } else { (peer, own) };
    let bytes = &bytes[..bytes.len().min(SNAP - 48)];
    let length = u16::try_from(8 + bytes.len()).unwrap_or(u16::MAX);
    let mut udp = Vec::with_capacity(8 + bytes.len());
    udp.extend(from.port().to_be_bytes());
    udp.extend(to.port().to_be_bytes());
    udp.extend(length.to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(bytes);
    let mut out = Vec::with_capacity(40 + udp.len());
    let pseudo = match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            out.extend([0x45, 0]);
            out.extend((20 + length).to_be_bytes());
            out.extend([0, 0, 0, 0, 64, PROTOCOL, 0, 0]);
            out.extend(from.octets());
            out.extend(to.octets());
            let sum = checksum(&[&out]);
            out[10..12].copy_from_slice(&sum.to_be_bytes());
            [&from.octets()[..], &to.octets()[..]].concat()
        }
        (from, to) => {
            let octets = |ip| match ip {
                IpAddr::V6(ip) => ip.octets(),
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            };
            out.extend([0x60, 0, 0, 0]);
            out.extend(length.to_be_bytes());
            out.extend([PROTOCOL, 64]);
            out.extend(octets(from));
            out.extend(octets(to));
            [octets(from), octets(to)].concat()
        }
    };
    let sum = checksum(&[&pseudo, &[0, PROTOCOL], &length.to_be_bytes(), &udp]);
    udp[6..8].copy_from_slice(&if sum == 0 { 0xffff } else { sum }.to_be_bytes());
    out.extend(udp);
    out
}

/// RFC 1071, over parts of which all but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u32 = 0;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(u16::try_from(sum).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_carry_good_checksums_and_lengths() {
        for peer in ["192.0.2.7:5061", "[2001:db8::7]:5061"] {
            for text in ["OPTIONS sip:a SIP/2.0\r\n\r\n", "odd"] {
                let packet = packet(false, peer.parse().expect("address"), text.as_bytes());
                let (header, udp) = packet.split_at(if peer.starts_with('[') { 40 } else { 20 });
                assert_eq!(&udp[8..], text.as_bytes());
                assert_eq!(u16::from_be_bytes([udp[4], udp[5]]) as usize, udp.len());
                assert_eq!(&udp[0..4], [0x13, 0xc5, 0x13, 0xc4]);
                let addresses = if header.len() == 20 {
                    assert_eq!(checksum(&[header]), 0);
                    &header[12..]
                } else {
                    &header[8..]
                };
                // With the checksum in place, the sum over everything is zero.
                assert_eq!(checksum(&[addresses, &[0, PROTOCOL], &udp[4..6], udp]), 0, "{peer} {text}");
            }
        }
    }

    #[test]
    fn a_file_that_is_there_is_left_alone() {
        let path = std::env::temp_dir().join(format!("jackfield-capture-{}.pcap", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let mut capture = Capture::create(&path).expect("created");
        assert!(Capture::create(&path).is_err());
        let peer = "192.0.2.7:5061".parse().expect("address");
        capture.write(WallTime(1_500_000), true, peer, b"x").expect("written");
        capture.flush().expect("written");
        let bytes = std::fs::read(&path).expect("there");
        assert_eq!(bytes.len(), 24 + 16 + 29);
        assert_eq!(&bytes[24..32], [1, 0, 0, 0, 0x20, 0xa1, 7, 0], "1.5 s");
        std::fs::remove_file(&path).expect("removed");
    }
}
