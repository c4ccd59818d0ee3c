//! Rank 1: session descriptions and offer/answer.
