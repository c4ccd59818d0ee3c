//! Rank 2: configuration: text and rows become drafts with provenance, then one typed immutable snapshot.
