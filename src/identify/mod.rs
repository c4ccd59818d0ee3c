//! Rank 3: which endpoint sent a request, and why.
