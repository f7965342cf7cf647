//! One vector register of `f32` as a type, so that every kernel is written once and compiled for each instruction set.
//!
//! A value of a type that implements [`Simd`] is the proof that the processor has the instructions: [`Isa::run`] is the
//! only place that makes one. Everything a kernel calls must be `#[inline(always)]`, otherwise it is compiled without
//! the instructions and each operation becomes a call.

#![expect(
    unsafe_code,
    reason = "entering code compiled for a detected instruction set, and access through pointers"
)]

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use portable::Portable;

/// Arithmetic on one register of [`Simd::LANES`] numbers.
pub(super) trait Simd: Copy + Send + Sync {
    /// The register.
    type V: Copy;

    /// Numbers in a register.
    const LANES: usize;

    /// Rows of the tile that the matrix product keeps in registers, two registers wide.
    const ROWS: usize;

    fn splat(self, x: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;

    /// `a * b + c`, rounded once where the instruction set can.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;

    /// `p * 2^n` for the integer `n` in the lowest bits of `shifted`; `p` and the result are normal numbers.
    fn times_exp2(self, p: Self::V, shifted: Self::V) -> Self::V;

    /// `yes` in the lanes where `x > 0`, else `no`.
    fn if_positive(self, x: Self::V, yes: Self::V, no: Self::V) -> Self::V;

    /// # Safety
    /// [`Simd::LANES`] numbers from `p` can be read.
    unsafe fn load(self, p: *const f32) -> Self::V;

    /// # Safety
    /// [`Simd::LANES`] numbers from `p` can be written.
    unsafe fn store(self, p: *mut f32, v: Self::V);

    /// The first `n` lanes, zero in the others.
    ///
    /// # Safety
    /// `n < LANES` numbers from `p` can be read.
    unsafe fn load_part(self, p: *const f32, n: usize) -> Self::V;

    /// The first `n` lanes.
    ///
    /// # Safety
    /// `n < LANES` numbers from `p` can be written.
    unsafe fn store_part(self, p: *mut f32, v: Self::V, n: usize);

    /// The first `n` lanes, at most all; the others are zero.
    ///
    /// # Safety
    /// `min(n, LANES)` numbers from `p` can be read.
    #[inline(always)]
    unsafe fn load_n(self, p: *const f32, n: usize) -> Self::V {
        // SAFETY: as promised by the caller.
        unsafe {
            if n >= Self::LANES {
                self.load(p)
            } else {
                self.load_part(p, n)
            }
        }
    }

    /// The first `n` lanes, at most all.
    ///
    /// # Safety
    /// `min(n, LANES)` numbers from `p` can be written.
    #[inline(always)]
    unsafe fn store_n(self, p: *mut f32, v: Self::V, n: usize) {
        // SAFETY: as promised by the caller.
        unsafe {
            if n >= Self::LANES {
                self.store(p, v);
            } else {
                self.store_part(p, v, n);
            }
        }
    }
}

/// Work that is compiled for every instruction set.
pub(super) trait Kernel {
    /// Result.
    type Out;

    /// Does the work. Implementations are `#[inline(always)]`.
    fn run<S: Simd>(self, s: S) -> Self::Out;
}

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Isa {
    /// All instruction sets of this processor that there are kernels for, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 && is_x86_feature_detected!("avx512f") {
                sets.push(Self(Set::Avx512));
            }
            if avx2 {
                sets.push(Self(Set::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Self(Set::Neon));
        sets.push(Self(Set::Portable));
        sets
    }

    /// The fastest instruction set of this processor.
    pub fn best() -> Self {
        Self::available()[0]
    }

    /// Name for people.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "AVX2",
            #[cfg(target_arch = "aarch64")]
            Set::Neon => "NEON",
            Set::Portable => "portable",
        }
    }

    /// Columns of a panel: two registers.
    pub(super) fn panel(self) -> usize {
        struct Width;
        impl Kernel for Width {
            type Out = usize;
            #[inline(always)]
            fn run<S: Simd>(self, _: S) -> usize {
                2 * S::LANES
            }
        }
        self.run(Width)
    }

    /// Runs a kernel compiled for this instruction set.
    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Out {
        match self.0 {
            // SAFETY: `available` found the features; it is the only place that makes these values.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => unsafe { x86::run_avx512(kernel) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { x86::run_avx2(kernel) },
            #[cfg(target_arch = "aarch64")]
            Set::Neon => kernel.run(neon::Neon::new()),
            Set::Portable => kernel.run(Portable),
        }
    }
}
