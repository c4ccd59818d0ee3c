//! Rank 1: RTP and RTCP views.
