//! SSE-C headers read otherwise than they were sent.
