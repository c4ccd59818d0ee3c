//! Rank 3: requests we start: qualify and registrations.
