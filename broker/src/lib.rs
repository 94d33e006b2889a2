//! broker

pub mod presign;
