//! Rank 5: RTP ports and relays.
