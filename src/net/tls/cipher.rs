//! `cipher`: OpenSSL's names for the suites that can be had. All of them are forward secret and authenticated.

use super::TlsFault;
use tokio_rustls::rustls::SupportedCipherSuite;
use tokio_rustls::rustls::crypto::ring;

/// OpenSSL's name, IANA's name, number.
const SUITES: &[(&str, &str, u16)] = &[
    ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", 0x1302),
    ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", 0x1301),
    ("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", 0x1303),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9),
    ("ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030),
    ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f),
    ("ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8),
];

/// Numbers of TLS 1.3 suites. As with OpenSSL's cipher list, naming suites of TLS 1.2 leaves these alone.
const TLS13: [u16; 3] = [0x1301, 0x1302, 0x1303];

/// The suites that `cipher` names, in its order; all when it is empty. A name that cannot be had is noted, and a
/// fault when nothing else is left.
pub(super) fn suites(
    ciphers: &[String],
    notes: &mut Vec<String>,
) -> Result<Vec<SupportedCipherSuite>, TlsFault> {
    let all = ring::ALL_CIPHER_SUITES;
    if ciphers.is_empty() {
        return Ok(all.to_vec());
    }
    let mut numbers = Vec::new();
    let mut unknown = Vec::new();
    for name in ciphers {
        match number(name) {
            Some(number) => numbers.push(number),
            None => unknown.push(name.as_str()),
        }
    }
    let known: Vec<&str> = SUITES.iter().map(|(openssl, ..)| *openssl).collect();
    if !unknown.is_empty() {
        let text = format!("cipher={} cannot be had; there are {}", unknown.join(","), known.join(","));
        if numbers.is_empty() {
            return Err(TlsFault(text));
        }
        notes.push(text);
    }
    if !numbers.iter().any(|number| TLS13.contains(number)) {
        numbers.extend(TLS13);
    }
    Ok(numbers
        .iter()
        .filter_map(|n| all.iter().find(|suite| u16::from(suite.suite()) == *n))
        .copied()
        .collect())
}

fn number(name: &str) -> Option<u16> {
    let wanted =
        name.strip_prefix("0x").or(name.strip_prefix("0X")).and_then(|hex| u16::from_str_radix(hex, 16).ok());
    let same = |(openssl, iana, number): &&(&str, &str, u16)| {
        name.eq_ignore_ascii_case(openssl) || name.eq_ignore_ascii_case(iana) || wanted == Some(*number)
    };
    SUITES.iter().find(same).map(|(.., number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(ciphers: &[&str]) -> (Vec<u16>, Vec<String>) {
        let mut notes = Vec::new();
        let ciphers: Vec<String> = ciphers.iter().map(|c| (*c).to_owned()).collect();
        let suites = suites(&ciphers, &mut notes).expect("some are left");
        (suites.iter().map(|s| u16::from(s.suite())).collect(), notes)
    }

    #[test]
    fn every_suite_of_the_provider_has_its_openssl_name() {
        assert_eq!(named(&[]).0.len(), SUITES.len());
        for suite in ring::ALL_CIPHER_SUITES {
            assert!(SUITES.iter().any(|(.., number)| u16::from(suite.suite()) == *number), "{suite:?}");
        }
    }

    #[test]
    fn names_numbers_and_order_are_taken_and_the_impossible_is_said_aloud() {
        let (suites, notes) = named(&["0xC02F", "ecdhe-rsa-aes256-gcm-sha384", "AES128-SHA"]);
        assert_eq!(suites, [0xc02f, 0xc030, 0x1301, 0x1302, 0x1303]);
        assert!(notes[0].starts_with("cipher=AES128-SHA cannot be had"), "{notes:?}");
        assert!(super::suites(&["RC4-MD5".to_owned()], &mut Vec::new()).is_err());
    }
}
