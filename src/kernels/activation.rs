//! Pointwise functions and their derivatives on registers.

use super::simd::Simd;

/// `e^x` to about 2e-7 of its value; arguments beyond ±87 count as ±87.
#[inline(always)]
pub(super) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    // e^x = 2^n 2^f with n + f = x log2(e), |f| <= 1/2. Adding 1.5 * 2^23 leaves no room for a fraction, so that n stands
    // in the lowest bits; log2(e) is in two parts; 2^f by the polynomial of smallest relative error (9e-8) that is 1 at 0.
    const ROUND: f32 = 12_582_912.0;
    const LOG2_E: [f32; 2] = [std::f32::consts::LOG2_E, 1.925_963e-8];
    #[expect(
        clippy::approx_constant,
        reason = "the fit's own coefficient, which is not ln 2 to the last digit"
    )]
    const TAIL: [f32; 5] = [9.671_513e-3, 5.550_733_6e-2, 2.402_224_2e-1, 6.931_47e-1, 1.0];
    let x = s.max(s.min(x, s.splat(87.0)), s.splat(-87.0));
    let shifted = s.fma(x, s.splat(LOG2_E[0]), s.splat(ROUND));
    let n = s.sub(s.splat(ROUND), shifted);
    let f = s.fma(x, s.splat(LOG2_E[0]), n);
    let f = s.fma(x, s.splat(LOG2_E[1]), f);
    let mut p = s.splat(1.326_472_7e-3);
    for c in TAIL {
        p = s.fma(p, f, s.splat(c));
    }
    s.times_exp2(p, shifted)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
fn sigmoid<S: Simd>(s: S, x: S::V) -> S::V {
    let one = s.splat(1.0);
    s.div(one, s.add(one, exp(s, s.sub(s.splat(0.0), x))))
}

/// The normal distribution function `Phi(x)` and `e^(-x²/2)`: Abramowitz and Stegun 7.1.26, to 1.5e-7.
#[inline(always)]
fn normal<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    const A: [f32; 4] = [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
    let (zero, one, half) = (s.splat(0.0), s.splat(1.0), s.splat(0.5));
    let z = s.mul(s.max(x, s.sub(zero, x)), s.splat(std::f32::consts::FRAC_1_SQRT_2));
    let bell = exp(s, s.sub(zero, s.mul(z, z)));
    let t = s.div(one, s.fma(s.splat(0.327_591_1), z, one));
    let mut p = s.splat(1.061_405_4);
    for a in A {
        p = s.fma(p, t, s.splat(a));
    }
    let tail = s.mul(half, s.mul(s.mul(p, t), bell));
    (s.if_positive(x, s.sub(one, tail), tail), bell)
}

/// `tanh(ln(1 + e^x))` with `n = e^x (e^x + 2)` as `n / (n + 2)`; exactly 1 from 20 on, where the square could overflow.
#[inline(always)]
fn mish_gate<S: Simd>(s: S, x: S::V) -> (S::V, S::V) {
    let two = s.splat(2.0);
    let e = exp(s, s.min(x, s.splat(20.0)));
    let n = s.mul(e, s.add(e, two));
    (n, s.div(n, s.add(n, two)))
}

/// An activation and its derivative. A type for each, so that inner loops know theirs.
pub(super) trait Curve {
    /// `f(x)`.
    fn value<S: Simd>(s: S, x: S::V) -> S::V;

    /// `f(x)` and `f'(x)`, which share the exponential function.
    fn both<S: Simd>(s: S, x: S::V) -> [S::V; 2];

    /// `f'(x)`.
    #[inline(always)]
    fn slope<S: Simd>(s: S, x: S::V) -> S::V {
        Self::both(s, x)[1]
    }
}

/// No activation.
pub(super) struct Identity;

pub(super) struct Silu;

pub(super) struct Relu;

pub(super) struct Gelu;

pub(super) struct Mish;

impl Curve for Identity {
    #[inline(always)]
    fn value<S: Simd>(_: S, x: S::V) -> S::V {
        x
    }

    #[inline(always)]
    fn both<S: Simd>(s: S, x: S::V) -> [S::V; 2] {
        [x, s.splat(1.0)]
    }
}

impl Curve for Silu {
    #[inline(always)]
    fn value<S: Simd>(s: S, x: S::V) -> S::V {
        s.mul(x, sigmoid(s, x))
    }

    #[inline(always)]
    fn both<S: Simd>(s: S, x: S::V) -> [S::V; 2] {
        let (gate, one) = (sigmoid(s, x), s.splat(1.0));
        [s.mul(x, gate), s.mul(gate, s.fma(x, s.sub(one, gate), one))]
    }
}

impl Curve for Relu {
    #[inline(always)]
    fn value<S: Simd>(s: S, x: S::V) -> S::V {
        s.max(s.splat(0.0), x)
    }

    #[inline(always)]
    fn both<S: Simd>(s: S, x: S::V) -> [S::V; 2] {
        [Self::value(s, x), s.if_positive(x, s.splat(1.0), s.splat(0.0))]
    }
}

impl Curve for Gelu {
    #[inline(always)]
    fn value<S: Simd>(s: S, x: S::V) -> S::V {
        s.mul(x, normal(s, x).0)
    }

    #[inline(always)]
    fn both<S: Simd>(s: S, x: S::V) -> [S::V; 2] {
        let (phi, bell) = normal(s, x);
        // 1 / sqrt(2 pi)
        [s.mul(x, phi), s.fma(s.mul(x, s.splat(0.398_942_3)), bell, phi)]
    }
}

impl Curve for Mish {
    #[inline(always)]
    fn value<S: Simd>(s: S, x: S::V) -> S::V {
        s.mul(x, mish_gate(s, x).1)
    }

    #[inline(always)]
    fn both<S: Simd>(s: S, x: S::V) -> [S::V; 2] {
        let (n, gate) = mish_gate(s, x);
        let n_plus_2 = s.add(n, s.splat(2.0));
        let rest = s.div(s.mul(s.splat(4.0), s.add(n, s.splat(1.0))), s.mul(n_plus_2, n_plus_2));
        [s.mul(x, gate), s.fma(s.mul(x, rest), sigmoid(s, x), gate)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kernels::simd::{Isa, Kernel},
        nn::graph::Activation,
    };

    /// `f` and its derivative at one point.
    struct At(Activation, f32);

    impl Kernel for At {
        type Out = [f32; 2];
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> [f32; 2] {
            match self.0 {
                Activation::Silu => both::<S, Silu>(s, self.1),
                Activation::Relu => both::<S, Relu>(s, self.1),
                Activation::Gelu => both::<S, Gelu>(s, self.1),
                Activation::Mish => both::<S, Mish>(s, self.1),
            }
        }
    }

    #[inline(always)]
    fn both<S: Simd, F: Curve>(s: S, x: f32) -> [f32; 2] {
        let x = s.splat(x);
        let [value, slope] = F::both(s, x).map(|v| first(s, v));
        assert_eq!(value, first(s, F::value(s, x)), "one value, however it is asked for");
        [value, slope]
    }

    #[expect(unsafe_code, reason = "looks into a register")]
    #[inline(always)]
    fn first<S: Simd>(s: S, v: S::V) -> f32 {
        let mut lanes = [0.0; 16];
        // SAFETY: no register has more lanes than the array.
        unsafe { s.store(lanes.as_mut_ptr(), v) };
        lanes[0]
    }

    fn exact(f: Activation, x: f64) -> f64 {
        match f {
            Activation::Silu => x / (1.0 + (-x).exp()),
            Activation::Relu => x.max(0.0),
            Activation::Gelu => 0.5 * x * libm::erfc(-x / 2f64.sqrt()),
            Activation::Mish => x * x.exp().ln_1p().tanh(),
        }
    }

    #[test]
    fn functions_and_slopes_equal_double_precision() {
        use Activation::{Gelu, Mish, Relu, Silu};
        for isa in Isa::available() {
            for f in [Silu, Relu, Gelu, Mish] {
                for i in -1200..=1200 {
                    let x = f64::from(i) / 100.0 + 0.003;
                    let [y, dy] = isa.run(At(f, x as f32)).map(f64::from);
                    let h = 1e-5;
                    let slope = (exact(f, x + h) - exact(f, x - h)) / (2.0 * h);
                    assert!(
                        (y - exact(f, x)).abs() < 1e-6 * (1.0 + x.abs()),
                        "{isa:?} {f:?}({x}) = {y}"
                    );
                    assert!((dy - slope).abs() < 2e-6, "{isa:?} {f:?}'({x}) = {dy}, not {slope}");
                }
            }
        }
    }

    #[test]
    fn far_arguments_stay_finite() {
        use Activation::{Gelu, Mish, Relu, Silu};
        for f in [Silu, Relu, Gelu, Mish] {
            for x in [-1e4f32, -100.0, 100.0, 1e4] {
                let [y, dy] = Isa::best().run(At(f, x));
                assert!(
                    (y - x.max(0.0)).abs() < 1e-3 && (dy - f32::from(x > 0.0)).abs() < 1e-3,
                    "{f:?}({x}) = {y}, {dy}"
                );
            }
        }
    }
}
