//! Linear measurements `H = U S V^T` with orthonormal `U` and `V`, as DDRM (Kawar et al. 2022, section 4) wants them.
//!
//! Coefficients along the singular vectors are laid out like a sample, so that `S` is one number for each of its places.

use candle_core::{Device, Tensor};

use crate::diffusion::Result;

mod masked;
mod separable;

pub use masked::Masked;
pub use separable::Separable;

/// A linear measurement of samples, batch first.
pub trait Operator: Send + Sync {
    /// `H x`.
    fn apply(&self, x: &Tensor) -> Result<Tensor>;
    /// `H^T y`.
    fn adjoint(&self, y: &Tensor) -> Result<Tensor>;
    /// `V^T x`, in the shape of `x`.
    fn v_t(&self, x: &Tensor) -> Result<Tensor>;
    /// `V c`.
    fn v(&self, c: &Tensor) -> Result<Tensor>;
    /// `U^T y`, in the shape of a sample; 0 where the singular value is.
    fn u_t(&self, y: &Tensor) -> Result<Tensor>;
    /// `U c`.
    fn u(&self, c: &Tensor) -> Result<Tensor>;
    /// `S`.
    fn spectrum(&self) -> &Spectrum;
    /// Which numbers of a sample are measured as they are (1) or not at all (0), where the measurement is of that kind; a
    /// batch of one.
    fn known(&self) -> Option<&Tensor> {
        None
    }

    /// `H⁺ y`, the shortest `x` with `H x = y`.
    fn pseudo_inverse(&self, y: &Tensor) -> Result<Tensor> {
        self.v(&self.u_t(y)?.broadcast_mul(&self.spectrum().inverse)?)
    }

    /// `H⁺ H x`: the part of `x` that the measurement sees.
    fn seen(&self, x: &Tensor) -> Result<Tensor> {
        self.v(&self.v_t(x)?.broadcast_mul(&self.spectrum().seen)?)
    }
}

/// The singular values of an operator, one for each number of a sample.
pub struct Spectrum {
    /// In the order of the sample.
    pub values: Vec<f64>,
    /// `1 / s`, or 0 where `s` is 0; a batch of one.
    pub inverse: Tensor,
    /// 1 where `s` is not 0; a batch of one.
    pub seen: Tensor,
    /// Of a batch of one.
    shape: Vec<usize>,
    device: Device,
}

impl Spectrum {
    /// `shape` is that of a batch of one.
    pub fn new(values: Vec<f64>, shape: Vec<usize>, device: &Device) -> Result<Self> {
        let tensor = |f: fn(f64) -> f64| column(values.iter().map(|s| f(*s)), &shape, device);
        Ok(Self {
            inverse: tensor(|s| if s > 0.0 { s.recip() } else { 0.0 })?,
            seen: tensor(|s| f64::from(u8::from(s > 0.0)))?,
            values,
            shape,
            device: device.clone(),
        })
    }

    /// Weights that depend on the singular value alone, each a batch of one.
    pub fn weights<const N: usize>(&self, of: impl Fn(f64) -> [f64; N]) -> Result<[Tensor; N]> {
        let all: Vec<[f64; N]> = self.values.iter().map(|s| of(*s)).collect();
        let tensors: Vec<Tensor> = (0..N)
            .map(|k| column(all.iter().map(|w| w[k]), &self.shape, &self.device))
            .collect::<Result<_>>()?;
        tensors
            .try_into()
            .map_err(|_wrong_count: Vec<Tensor>| candle_core::Error::Msg("as many tensors as weights".into()))
    }
}

fn column(values: impl Iterator<Item = f64>, shape: &[usize], device: &Device) -> Result<Tensor> {
    Tensor::from_vec(values.map(|v| v as f32).collect(), shape, device)
}
