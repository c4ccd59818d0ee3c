//! Rank 3: which way media takes, and why.
