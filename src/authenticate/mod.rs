//! Rank 3: digest authentication.
