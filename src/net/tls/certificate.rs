//! What we want to know of a certificate and TLS does not tell: how long it holds, and its names as written. A walk
//! over DER (X.690) along the path of RFC 5280 4.1; whatever is not as expected ends it.

use crate::base::time::WallTime;

/// Validity and names of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Not valid before.
    pub not_before: WallTime,
    /// Not valid after.
    pub not_after: WallTime,
    /// Its dNSName entries (RFC 5280 4.2.1.6), wildcards as they are written.
    pub names: Vec<String>,
}

impl CertificateFacts {
    /// Reads a DER certificate; `None` when it is not one.
    pub fn read(der: &[u8]) -> Option<CertificateFacts> {
        let certificate = Der(der).expect_tag(0x30)?.0;
        let mut fields = Der(Der(certificate).expect_tag(0x30)?.0);
        if fields.0.first() == Some(&0xa0) {
            fields.next()?; // version
        }
        fields.next()?; // serialNumber
        fields.next()?; // signature
        fields.next()?; // issuer
        let (validity, rest) = fields.expect_tag(0x30)?;
        let mut validity = Der(validity);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let mut names = Vec::new();
        let mut fields = Der(rest);
        while let Some((tag, content)) = fields.next() {
            if tag == 0xa3 {
                alternative_names(content, &mut names);
            }
        }
        Some(CertificateFacts { not_before, not_after, names })
    }

    /// Days until it ends, rounded down; negative when it has ended.
    pub fn days_left(&self, now: WallTime) -> i64 {
        let seconds = i128::from(self.not_after.secs()) - i128::from(now.secs());
        i64::try_from(seconds.div_euclid(86_400)).unwrap_or(i64::MAX)
    }
}

/// The rest of a DER encoding.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next element's tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let digits = rest.get(..usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            rest = &rest[digits.len()..];
            length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        }
        let content = rest.get(..length)?;
        self.0 = &rest[length..];
        Some((tag, content))
    }

    /// The next element's content and what follows, if it has that tag.
    fn expect_tag(mut self, tag: u8) -> Option<(&'a [u8], &'a [u8])> {
        let (found, content) = self.next()?;
        (found == tag).then_some((content, self.0))
    }

    /// UTCTime or GeneralizedTime in the forms of RFC 5280 4.1.2.5.
    fn time(&mut self) -> Option<WallTime> {
        let (tag, text) = self.next()?;
        let digits = text.strip_suffix(b"Z")?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let pairs: Vec<u64> =
            digits.chunks(2).map(|p| p.iter().fold(0, |n, d| n * 10 + u64::from(d - b'0'))).collect();
        let (year, rest) = match (tag, pairs.as_slice()) {
            (0x17, [year, rest @ ..]) => (if *year < 50 { 2_000 + year } else { 1_900 + year }, rest),
            (0x18, [century, year, rest @ ..]) => (century * 100 + year, rest),
            _ => return None,
        };
        let [month @ 1..=12, day @ 1..=31, hour @ 0..=23, minute @ 0..=59, second @ 0..=60] = *rest else {
            return None;
        };
        let days = days_since_1970(year, month, day)?;
        Some(WallTime::from_secs(days * 86_400 + hour * 3_600 + minute * 60 + second))
    }
}

/// Days of the Gregorian calendar; `None` before 1970.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    // March is the first month, so that a leap day is the last of its year.
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let in_era = (year % 400) * 365 + (year % 400) / 4 - (year % 400) / 100 + in_year;
    ((year / 400) * 146_097 + in_era).checked_sub(719_468)
}

/// Extensions ::= SEQUENCE OF SEQUENCE { OID, critical?, OCTET STRING }.
fn alternative_names(content: &[u8], names: &mut Vec<String>) {
    let Some((list, _)) = Der(content).expect_tag(0x30) else { return };
    let mut list = Der(list);
    while let Some((0x30, extension)) = list.next() {
        let mut extension = Der(extension);
        let is_names = extension.next() == Some((0x06, &[0x55, 0x1d, 0x11]));
        while let Some((tag, value)) = extension.next() {
            if is_names
                && tag == 0x04
                && let Some((values, _)) = Der(value).expect_tag(0x30)
            {
                let mut values = Der(values);
                while let Some((tag, name)) = values.next() {
                    if tag == 0x82
                        && let Ok(name) = std::str::from_utf8(name)
                    {
                        names.push(name.to_owned());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let table = [(1970, 1, 1, 0), (1972, 2, 29, 789), (2000, 3, 1, 11_017), (2026, 11, 21, 20_778)];
        for (year, month, day, days) in table {
            assert_eq!(days_since_1970(year, month, day), Some(days), "{year}-{month}-{day}");
        }
        assert_eq!(days_since_1970(1969, 12, 31), None);
    }

    #[test]
    fn a_certificate_tells_its_names_and_its_end_and_no_cut_of_it_hurts() {
        let mut params =
            rcgen::CertificateParams::new(["a.example".to_owned(), "*.b.example".to_owned()]).expect("names");
        params.not_before = rcgen::date_time_ymd(2026, 1, 2);
        params.not_after = rcgen::date_time_ymd(2051, 3, 4);
        let key = rcgen::KeyPair::generate().expect("key");
        let cert = params.self_signed(&key).expect("certificate");
        let facts = CertificateFacts::read(cert.der()).expect("a certificate");
        assert_eq!(facts.names, ["a.example", "*.b.example"]);
        assert_eq!(facts.not_before.secs(), days_since_1970(2026, 1, 2).expect("day") * 86_400);
        assert_eq!(facts.not_after.secs(), days_since_1970(2051, 3, 4).expect("day") * 86_400);
        assert_eq!(
            facts.days_left(facts.not_before),
            (facts.not_after.secs() - facts.not_before.secs()) as i64 / 86_400
        );
        assert_eq!(facts.days_left(WallTime(facts.not_after.0 + 1_000_000)), -1);
        for cut in 0..cert.der().len() {
            let _ = CertificateFacts::read(&cert.der()[..cut]);
        }
    }
}
