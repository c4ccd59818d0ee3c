//! Payload numbers of a port in one table: what an arriving number means and as which number it is passed on. One look
//! per packet.

use crate::bridge::{PayloadUse, Payloads};
use crate::codec::{ALAW_TO_ULAW, ULAW_TO_ALAW};
use crate::sdp::{Law, Translation};

/// The table of one port.
#[derive(Clone, Debug)]
pub(super) struct NumberTable {
    /// Clock rates in use; a stream with more than these counts the rest as the first.
    rates: [u32; 4],
    entries: [Entry; 128],
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Place in `rates`, with [`MEDIA`] or [`EVENT`]; 0 for a number without meaning.
    meaning: u8,
    /// Number to pass it on with plus one; 0 to keep it.
    pass: u8,
    /// The law of G.711 that its bytes are exchanged for.
    law: Option<Law>,
}

/// How a packet is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// With this number.
    pub number: u8,
    /// With each byte of its payload exchanged for the one that stands here.
    pub exchange: Option<&'static [u8; 256]>,
}

const MEDIA: u8 = 0x10;
const EVENT: u8 = 0x20;

impl Default for NumberTable {
    fn default() -> NumberTable {
        NumberTable { rates: [0; 4], entries: [Entry::default(); 128] }
    }
}

impl NumberTable {
    /// Sets what numbers mean.
    pub fn set_meanings(&mut self, payloads: &Payloads) {
        self.rates = [0; 4];
        self.entries.iter_mut().for_each(|entry| entry.meaning = 0);
        for (number, what) in payloads.iter() {
            let (kind, clock_rate) = match what {
                PayloadUse::Media { clock_rate } => (MEDIA, clock_rate),
                PayloadUse::Event { clock_rate } => (EVENT, clock_rate),
                PayloadUse::Unknown => continue,
            };
            let place = self.rates.iter().position(|rate| *rate == clock_rate || *rate == 0).unwrap_or(0);
            if self.rates[place] == 0 {
                self.rates[place] = clock_rate;
            }
            self.entries[usize::from(number & 127)].meaning = kind | place as u8;
        }
    }

    /// Sets how numbers are passed on; nothing passes without a translation.
    pub fn set_path(&mut self, numbers: Option<&Translation>) {
        for (number, entry) in (0u8..).zip(&mut self.entries) {
            entry.pass = numbers.and_then(|n| n.get(number)).map_or(0, |to| to + 1);
            entry.law = numbers.and_then(|n| n.law(number));
        }
    }

    /// A number's meaning and what to pass it on as.
    #[inline]
    pub fn get(&self, number: u8) -> (PayloadUse, Option<Pass>) {
        let entry = self.entries[usize::from(number & 127)];
        let clock_rate = self.rates[usize::from(entry.meaning & 3)];
        let what = match entry.meaning & 0xf0 {
            MEDIA => PayloadUse::Media { clock_rate },
            EVENT => PayloadUse::Event { clock_rate },
            _ => PayloadUse::Unknown,
        };
        let exchange = entry.law.map(|law| match law {
            Law::Micro => &ALAW_TO_ULAW,
            Law::A => &ULAW_TO_ALAW,
        });
        (what, entry.pass.checked_sub(1).map(|number| Pass { number, exchange }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_and_numbers_are_kept_apart() {
        let mut payloads = Payloads::default();
        payloads.set(0, PayloadUse::Media { clock_rate: 8000 });
        payloads.set(101, PayloadUse::Event { clock_rate: 8000 });
        payloads.set(107, PayloadUse::Media { clock_rate: 48_000 });
        let mut numbers = Translation::NOTHING;
        numbers.set(0, 0);
        numbers.set(127, 127);
        numbers.set(107, 96);
        numbers.exchange(8, 0, Law::Micro);
        let plain = |number| Some(Pass { number, exchange: None });
        let mut table = NumberTable::default();
        table.set_meanings(&payloads);
        table.set_path(Some(&numbers));
        assert_eq!(table.get(0), (PayloadUse::Media { clock_rate: 8000 }, plain(0)));
        assert_eq!(table.get(107), (PayloadUse::Media { clock_rate: 48_000 }, plain(96)));
        assert_eq!(table.get(101), (PayloadUse::Event { clock_rate: 8000 }, None));
        assert_eq!(table.get(127), (PayloadUse::Unknown, plain(127)));
        assert_eq!(table.get(8).1, Some(Pass { number: 0, exchange: Some(&ALAW_TO_ULAW) }));
        table.set_path(None);
        table.set_meanings(&Payloads::default());
        assert!((0..128).all(|n| table.get(n) == (PayloadUse::Unknown, None)));
    }
}
