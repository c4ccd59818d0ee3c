//! Rank 3: contacts of aors.
