//! Places for values that come and go, named by numbers that are never used twice.

/// A place and how often it was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId(u64);

impl SlotId {
    /// As one number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// From [`SlotId::number`]; a number that never was finds nothing.
    pub fn from_number(number: u64) -> SlotId {
        SlotId(number)
    }

    fn index(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }
}

/// Values in places.
#[derive(Debug)]
pub struct Slots<T> {
    places: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Slots<T> {
        Slots { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// Puts a value into a free place.
    pub fn insert(&mut self, value: T) -> SlotId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            u32::try_from(self.places.len() - 1).expect("limits.rs keeps tables far below 2^32")
        });
        let place = &mut self.places[index as usize];
        place.1 = Some(value);
        SlotId(u64::from(place.0) << 32 | u64::from(index))
    }

    /// What is there.
    pub fn get(&self, id: SlotId) -> Option<&T> {
        self.places.get(id.index()).filter(|place| u64::from(place.0) == id.0 >> 32)?.1.as_ref()
    }

    /// What is there, to be changed.
    pub fn get_mut(&mut self, id: SlotId) -> Option<&mut T> {
        self.places.get_mut(id.index()).filter(|place| u64::from(place.0) == id.0 >> 32)?.1.as_mut()
    }

    /// Takes a value out.
    pub fn remove(&mut self, id: SlotId) -> Option<T> {
        let place = self.places.get_mut(id.index()).filter(|place| u64::from(place.0) == id.0 >> 32)?;
        let value = place.1.take()?;
        place.0 = place.0.wrapping_add(1);
        self.free.push(id.index() as u32);
        Some(value)
    }

    /// All of them, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = (SlotId, &T)> {
        self.places.iter().enumerate().filter_map(|(index, (generation, value))| {
            Some((SlotId(u64::from(*generation) << 32 | index as u64), value.as_ref()?))
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_finds_only_what_it_was_given_for() {
        let mut slots = Slots::default();
        let a = slots.insert('a');
        assert_eq!(slots.remove(a), Some('a'));
        let b = slots.insert('b');
        assert_eq!(slots.remove(a), None);
        assert_eq!((slots.get(a), slots.get(b)), (None, Some(&'b')));
        assert_eq!(SlotId::from_number(b.number()), b);
        assert_eq!((slots.len(), slots.iter().count()), (1, 1));
    }
}
