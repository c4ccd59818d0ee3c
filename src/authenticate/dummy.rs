//! The challenge for nobody: drawn per name, by a keyed hash, from the challenges real endpoints get, in their
//! proportions. A stranger who asks under many names sees the same mixture whether they exist or not.

use super::challenge::Shape;
use std::collections::BTreeMap;

/// The shapes in use and how many endpoints have each.
#[derive(Clone, Debug)]
pub struct Shapes {
    counts: BTreeMap<Shape, usize>,
    total: usize,
    fallback: Shape,
}

impl Shapes {
    /// No endpoint yet: everybody gets `fallback`, the default realm and algorithms.
    pub fn new(fallback: Shape) -> Shapes {
        Shapes { counts: BTreeMap::new(), total: 0, fallback }
    }

    /// The default realm or algorithms changed.
    pub fn set_fallback(&mut self, fallback: Shape) {
        self.fallback = fallback;
    }

    /// An endpoint with this shape came. The same shape is given back in shared memory: many endpoints have few.
    pub fn add(&mut self, shape: Shape) -> Shape {
        self.total += 1;
        if let Some((known, _)) = self.counts.get_key_value(&shape) {
            let known = known.clone();
            *self.counts.entry(known.clone()).or_default() += 1;
            return known;
        }
        self.counts.insert(shape.clone(), 1);
        shape
    }

    /// An endpoint with this shape went.
    pub fn remove(&mut self, shape: &Shape) {
        if let Some(count) = self.counts.get_mut(shape) {
            *count -= 1;
            self.total -= 1;
            if *count == 0 {
                self.counts.remove(shape);
            }
        }
    }

    /// The shape for a name nobody has; `hash` is [`super::Nonces::name_hash`] of it.
    pub fn draw(&self, hash: u64) -> &Shape {
        if self.total == 0 {
            return &self.fallback;
        }
        let mut at = (hash % self.total as u64) as usize;
        for (shape, count) in &self.counts {
            if at < *count {
                return shape;
            }
            at -= count;
        }
        &self.fallback
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticate::Nonces;
    use crate::sip::digest::Algorithm;
    use std::sync::Arc;

    fn shape(realm: &str) -> Shape {
        let realm: Arc<str> = realm.into();
        Shape::new([(&realm, &[Algorithm::Md5][..])].into_iter())
    }

    /// S4-59: names that do not exist are spread over the realms in use as the real ones are.
    #[test]
    fn strangers_get_the_mixture_of_the_real_ones() {
        let mut shapes = Shapes::new(shape("asterisk"));
        assert_eq!(shapes.draw(5), &shape("asterisk"));
        for _ in 0..300 {
            shapes.add(shape("one"));
        }
        for _ in 0..100 {
            shapes.add(shape("two"));
        }
        let nonces = Nonces::new([1; 32]);
        let ones = (0..4000)
            .filter(|n| shapes.draw(nonces.name_hash(format!("user{n}").as_bytes())) == &shape("one"))
            .count();
        assert!((2850..3150).contains(&ones), "{ones} of 4000, 3000 expected");
        let first = shapes.draw(nonces.name_hash(b"ghost")).clone();
        assert_eq!(shapes.draw(nonces.name_hash(b"ghost")), &first, "the same name, the same answer");
    }
}
