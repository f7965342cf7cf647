//! AVX2 with FMA, and AVX-512.

#![allow(
    clippy::wildcard_imports,
    reason = "the intrinsics of an instruction set; tests may import them anyway"
)]

use std::arch::x86_64::*;

use super::{Kernel, Simd};

#[derive(Clone, Copy)]
pub(super) struct Avx2(());

#[derive(Clone, Copy)]
pub(super) struct Avx512(());

/// # Safety
/// The processor has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Out {
    kernel.run(Avx2(()))
}

/// # Safety
/// The processor has AVX-512F, AVX2 and FMA.
#[target_feature(enable = "avx512f,avx2,fma")]
pub(super) unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Out {
    kernel.run(Avx512(()))
}

/// Methods that are one instruction. A value of the implementing type proves that the processor has it.
macro_rules! instructions {
    ($($name:ident($($x:ident),+) = $f:expr;)+) => {$(
        #[inline(always)]
        fn $name(self, $($x: Self::V),+) -> Self::V {
            // SAFETY: `self` exists only where the instructions do.
            unsafe { $f }
        }
    )+};
}

/// Reading eight numbers from `7 - n` on gives a mask of the first `n` of seven lanes.
static MASKS: [i32; 15] = [-1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

impl Avx2 {
    /// Chooses the first `n` of seven lanes.
    #[inline(always)]
    fn mask(n: usize) -> __m256i {
        // SAFETY: `n & 7` is at most 7, so eight numbers from `7 - n` lie in the table; only methods call this, so
        // the processor has the instruction.
        unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(7 - (n & 7)).cast()) }
    }
}

impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;
    // 6 x 2 sums, 2 columns and a broadcast fill the sixteen registers.
    const ROWS: usize = 6;

    instructions! {
        add(a, b) = _mm256_add_ps(a, b);
        sub(a, b) = _mm256_sub_ps(a, b);
        mul(a, b) = _mm256_mul_ps(a, b);
        div(a, b) = _mm256_div_ps(a, b);
        min(a, b) = _mm256_min_ps(a, b);
        max(a, b) = _mm256_max_ps(a, b);
        fma(a, b, c) = _mm256_fmadd_ps(a, b, c);
        times_exp2(p, shifted) = _mm256_castsi256_ps(_mm256_add_epi32(
            _mm256_castps_si256(p),
            _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted)),
        ));
        if_positive(x, yes, no) = _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(x, _mm256_setzero_ps()));
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        // SAFETY: `self` exists only where the instructions do.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> Self::V {
        // SAFETY: as promised by the caller.
        unsafe { _mm256_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: Self::V) {
        // SAFETY: as promised by the caller.
        unsafe { _mm256_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn load_part(self, p: *const f32, n: usize) -> Self::V {
        // SAFETY: masked lanes are not read.
        unsafe { _mm256_maskload_ps(p, Self::mask(n)) }
    }

    #[inline(always)]
    unsafe fn store_part(self, p: *mut f32, v: Self::V, n: usize) {
        // SAFETY: masked lanes are not written.
        unsafe { _mm256_maskstore_ps(p, Self::mask(n), v) }
    }
}

impl Simd for Avx512 {
    type V = __m512;
    const LANES: usize = 16;
    // 14 x 2 sums, 2 columns and a broadcast out of 32 registers.
    const ROWS: usize = 14;

    instructions! {
        add(a, b) = _mm512_add_ps(a, b);
        sub(a, b) = _mm512_sub_ps(a, b);
        mul(a, b) = _mm512_mul_ps(a, b);
        div(a, b) = _mm512_div_ps(a, b);
        min(a, b) = _mm512_min_ps(a, b);
        max(a, b) = _mm512_max_ps(a, b);
        fma(a, b, c) = _mm512_fmadd_ps(a, b, c);
        times_exp2(p, shifted) = _mm512_castsi512_ps(_mm512_add_epi32(
            _mm512_castps_si512(p),
            _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted)),
        ));
        if_positive(x, yes, no) = _mm512_mask_blend_ps(
            _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, _mm512_setzero_ps()),
            no,
            yes,
        );
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        // SAFETY: `self` exists only where the instructions do.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> Self::V {
        // SAFETY: as promised by the caller.
        unsafe { _mm512_loadu_ps(p) }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: Self::V) {
        // SAFETY: as promised by the caller.
        unsafe { _mm512_storeu_ps(p, v) }
    }

    #[inline(always)]
    unsafe fn load_part(self, p: *const f32, n: usize) -> Self::V {
        // SAFETY: masked lanes are not read.
        unsafe { _mm512_maskz_loadu_ps((1 << n) - 1, p) }
    }

    #[inline(always)]
    unsafe fn store_part(self, p: *mut f32, v: Self::V, n: usize) {
        // SAFETY: masked lanes are not written.
        unsafe { _mm512_mask_storeu_ps(p, (1 << n) - 1, v) }
    }
}
