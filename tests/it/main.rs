//! Integration tests, one binary: each module is one behaviour.

mod wire;
