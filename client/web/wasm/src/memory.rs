//! The memory that JavaScript and Rust share.

use std::ptr::slice_from_raw_parts_mut;

use crate::calls::answer;

/// Memory of `len` bytes, for [`ilock_call`] or [`ilock_free`].
#[allow(unsafe_code, reason = "a name that JavaScript can call by; no other function here has it")]
#[unsafe(no_mangle)]
pub extern "C" fn ilock_alloc(len: usize) -> *mut u8 {
    Box::leak(vec![0; len].into_boxed_slice()).as_mut_ptr()
}

/// Frees memory.
///
/// # Safety
/// `start` and `len` are those of one [`ilock_alloc`], or of an answer of [`ilock_call`], and used only once.
#[allow(unsafe_code, reason = "the caller gives back what it was given: see Safety")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ilock_free(start: *mut u8, len: usize) {
    // SAFETY: by the contract above this is a boxed slice of just this length, which nobody else holds.
    drop(unsafe { Box::from_raw(slice_from_raw_parts_mut(start, len)) });
}

/// Answers the call that stands at `start`, and frees it. The result is the answer's place in its upper 32 bits and its
/// length in the lower ones.
///
/// # Safety
/// As for [`ilock_free`].
#[allow(unsafe_code, reason = "the caller gives back what it was given: see Safety")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ilock_call(start: *mut u8, len: usize) -> u64 {
    // SAFETY: by the contract above this is a boxed slice of just this length, which nobody else holds.
    let call = unsafe { Box::from_raw(slice_from_raw_parts_mut(start, len)) };
    let answer = answer(&call).into_bytes().into_boxed_slice();
    let len = answer.len() as u64;
    let start = Box::leak(answer).as_mut_ptr() as usize as u64;
    (start << 32) | len
}
