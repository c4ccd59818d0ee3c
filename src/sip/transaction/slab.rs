//! Values at stable places, told apart by a generation. Grows by chunks, so that a full house never copies itself.

/// One value's place. After the value is removed, the id finds nothing, even when its place is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id {
    pub index: u32,
    generation: u32,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    generation: u32,
    next_free: u32,
}

/// The values.
#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Vec<Slot<T>>>,
    free: u32,
    len: usize,
}

/// Bytes of a chunk: one of the sizes that allocators do not round.
const CHUNK_BYTES: usize = 64 << 10;
const NONE: u32 = u32::MAX;

impl<T> Slab<T> {
    const PER_CHUNK: usize = CHUNK_BYTES / size_of::<Slot<T>>();

    pub fn new() -> Slab<T> {
        Slab { chunks: Vec::new(), free: NONE, len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn insert(&mut self, value: T) -> Id {
        self.len += 1;
        if self.free != NONE {
            let index = self.free;
            let slot = self.slot_mut(index).expect("the free list holds places that exist");
            let next_free = slot.next_free;
            slot.value = Some(value);
            let generation = slot.generation;
            self.free = next_free;
            return Id { index, generation };
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == Self::PER_CHUNK) {
            self.chunks.push(Vec::with_capacity(Self::PER_CHUNK));
        }
        let full = (self.chunks.len() - 1) * Self::PER_CHUNK;
        let chunk = self.chunks.last_mut().expect("one was pushed if there was none");
        let index = u32::try_from(full + chunk.len()).expect("limits.rs keeps tables far below 2^32");
        chunk.push(Slot { value: Some(value), generation: 0, next_free: NONE });
        Id { index, generation: 0 }
    }

    pub fn get(&self, id: Id) -> Option<&T> {
        let slot = self.slot(id.index)?;
        slot.value.as_ref().filter(|_| slot.generation == id.generation)
    }

    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        let slot = self.slot_mut(id.index)?;
        let current = slot.generation == id.generation;
        slot.value.as_mut().filter(|_| current)
    }

    pub fn remove(&mut self, id: Id) -> Option<T> {
        let free = self.free;
        let slot = self.slot_mut(id.index).filter(|slot| slot.generation == id.generation)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.next_free = free;
        self.free = id.index;
        self.len -= 1;
        Some(value)
    }

    /// The value at a place and its present id.
    pub fn at(&self, index: u32) -> Option<(Id, &T)> {
        let slot = self.slot(index)?;
        let value = slot.value.as_ref()?;
        Some((Id { index, generation: slot.generation }, value))
    }

    /// The value at a place, to change it.
    pub fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        self.slot_mut(index)?.value.as_mut()
    }

    /// Bytes one place takes.
    #[cfg(test)]
    pub fn slot_bytes() -> usize {
        std::mem::size_of::<Slot<T>>()
    }

    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        self.chunks.get(index as usize / Self::PER_CHUNK)?.get(index as usize % Self::PER_CHUNK)
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        self.chunks.get_mut(index as usize / Self::PER_CHUNK)?.get_mut(index as usize % Self::PER_CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_id_finds_nothing_in_a_place_used_again() {
        let mut slab = Slab::new();
        let ids: Vec<Id> = (0..10_000).map(|n| slab.insert(n)).collect();
        assert_eq!(slab.len(), ids.len());
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(slab.get(*id), Some(&n));
            assert_eq!(slab.at(id.index), Some((*id, &n)));
        }
        assert_eq!(slab.remove(ids[7]), Some(7));
        assert_eq!(slab.remove(ids[7]), None);
        let again = slab.insert(99);
        assert_eq!(again.index, 7);
        assert_eq!((slab.get(ids[7]), slab.get(again)), (None, Some(&99)));
        *slab.get_mut(again).expect("present") = 100;
        assert_eq!(slab.remove(again), Some(100));
        assert!(slab.at(7).is_none() && slab.at(u32::MAX).is_none());
    }
}
