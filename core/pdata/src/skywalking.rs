//! SkyWalking's v3 protocol: the messages, generated from `proto/skywalking`.

#[rustfmt::skip]
pub mod v10;
#[rustfmt::skip]
pub mod v3;
