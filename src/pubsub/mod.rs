//! Rank 3: subscriptions.
