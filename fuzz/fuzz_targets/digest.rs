//! An Authorization value, checked against an account of each algorithm, and as a stranger's.
#![no_main]

use jackfield::authenticate::Nonces;
use jackfield::authenticate::inbound::{Account, Presented, Secret, Verdict, verify, verify_nobody};
use jackfield::base::time::WallTime;
use jackfield::sip::digest::Algorithm;
use jackfield::sip::wire::Index;
use std::net::{IpAddr, Ipv4Addr};

#[derive(Clone, Copy)]
struct Phone(Algorithm);

impl Account for Phone {
    fn username(&self) -> &str {
        "100"
    }
    fn realm(&self) -> &str {
        "r"
    }
    fn secret(&self, algorithm: Algorithm) -> Option<Secret<'_>> {
        (algorithm == self.0).then_some(Secret::Password("p"))
    }
    fn nonce_lifetime_secs(&self) -> u64 {
        32
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut text = b"REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:100@h>;tag=1\r\nTo: \
                     <sip:100@h>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nAuthorization: "
        .to_vec();
    text.extend_from_slice(bytes);
    text.extend_from_slice(b"\r\n\r\n");
    let mut index = Index::default();
    let Ok(message) = index.scan(&text) else { return };
    let Ok(envelope) = message.envelope() else { return };
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let presented = Presented { message: &message, envelope: &envelope, source, now: WallTime::from_secs(1) };
    let mut nonces = Nonces::new([7; 32]);
    let phones = [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256].map(Phone);
    let verdict = verify(phones.iter().copied(), presented, &mut nonces);
    // The key that makes nonces is 32 bytes: nobody guesses one.
    let Verdict::Challenge { why, .. } = verdict else { panic!("admitted by {:?}", String::from_utf8_lossy(bytes)) };
    let _ = why.to_string();
    verify_nobody("r", Algorithm::Md5, presented, &mut nonces);
    assert_eq!(nonces.remembered(), 0, "what does not verify is not remembered");
});
