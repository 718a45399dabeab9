//! The connectors' examples.
