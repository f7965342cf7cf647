//! NEON, which every 64-bit Arm processor has.

#![expect(clippy::wildcard_imports, reason = "the intrinsics of an instruction set")]

use std::arch::aarch64::*;

use super::Simd;

#[derive(Clone, Copy)]
pub(super) struct Neon(());

impl Neon {
    /// NEON belongs to the base of this architecture, so anyone may have the proof.
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// Methods that are a few instructions.
macro_rules! instructions {
    ($($name:ident($($x:ident),+) = $f:expr;)+) => {$(
        #[inline(always)]
        fn $name(self, $($x: Self::V),+) -> Self::V {
            // SAFETY: NEON belongs to the base of this architecture.
            unsafe { $f }
        }
    )+};
}

impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    // 12 x 2 sums, 2 columns and broadcasts out of 32 registers.
    const ROWS: usize = 12;

    instructions! {
        add(a, b) = vaddq_f32(a, b);
        sub(a, b) = vsubq_f32(a, b);
        mul(a, b) = vmulq_f32(a, b);
        div(a, b) = vdivq_f32(a, b);
        min(a, b) = vminq_f32(a, b);
        max(a, b) = vmaxq_f32(a, b);
        fma(a, b, c) = vfmaq_f32(c, a, b);
        times_exp2(p, shifted) = vreinterpretq_f32_s32(vaddq_s32(
            vreinterpretq_s32_f32(p),
            vshlq_n_s32::<23>(vreinterpretq_s32_f32(shifted)),
        ));
        if_positive(x, yes, no) = vbslq_f32(vcgtzq_f32(x), yes, no);
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        // SAFETY: NEON belongs to the base of this architecture.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> Self::V {
        // SAFETY: as promised by the caller.
        unsafe { vld1q_f32(p) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: Self::V) {
        // SAFETY: as promised by the caller.
        unsafe { vst1q_f32(p, v) }
    }

    #[inline(always)]
    unsafe fn load_part(self, p: *const f32, n: usize) -> Self::V {
        let mut lanes = [0.0; 4];
        for (i, lane) in lanes.iter_mut().enumerate().take(n) {
            // SAFETY: only the first n numbers are read.
            *lane = unsafe { *p.add(i) };
        }
        // SAFETY: the array holds four numbers.
        unsafe { vld1q_f32(lanes.as_ptr()) }
    }

    #[inline(always)]
    unsafe fn store_part(self, p: *mut f32, v: Self::V, n: usize) {
        let mut lanes = [0.0; 4];
        // SAFETY: the array holds four numbers.
        unsafe { vst1q_f32(lanes.as_mut_ptr(), v) };
        for (i, &lane) in lanes.iter().enumerate().take(n) {
            // SAFETY: only the first n numbers are written.
            unsafe { *p.add(i) = lane };
        }
    }
}
