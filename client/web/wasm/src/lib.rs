//! The core of a client as WebAssembly: JSON in, JSON out.
//!
//! No generator of bindings is needed: `cargo build --target wasm32-unknown-unknown` makes the file that is shipped.
//! JavaScript asks [`memory::ilock_alloc`] for memory, writes a [`calls::Call`] there as UTF-8, hands it to
//! [`memory::ilock_call`], reads the answer where the result says, and frees that.

mod calls;
mod memory;

pub use memory::{ilock_alloc, ilock_call, ilock_free};
