//! Matrices along the axes of a sample: `H = A ⊗ B ⊗ C` has the singular vectors of `A`, `B` and `C`.

use candle_core::{Device, Tensor};

use super::{Operator, Spectrum, column};
use crate::{diffusion::Result, math::svd::Svd};

/// A product of small matrices along the axes of a sample. The singular values of a product are the products of theirs.
pub struct Separable {
    factors: Vec<Factor>,
    spectrum: Spectrum,
}

/// A matrix along one axis, `m × n`, with its singular vectors.
struct Factor {
    axis: usize,
    matrix: Tensor,
    u: Tensor,
    v: Tensor,
}

impl Separable {
    /// `factors` are matrices and the axes that they act along (of a batch); `shape` is that of a batch of one.
    pub fn new(factors: &[(usize, Svd)], shape: Vec<usize>, device: &Device) -> Result<Self> {
        let values = (0..shape.iter().product()).map(|place| value_at(factors, &shape, place));
        Ok(Self {
            spectrum: Spectrum::new(values.collect(), shape, device)?,
            factors: factors
                .iter()
                .map(|(axis, svd)| Factor::new(*axis, svd, device))
                .collect::<Result<_>>()?,
        })
    }

    fn all(&self, x: &Tensor, matrix: impl Fn(&Factor) -> Result<Tensor>) -> Result<Tensor> {
        let along_next = |x: Tensor, factor: &Factor| along(&x, factor.axis, &matrix(factor)?);
        self.factors.iter().try_fold(x.clone(), along_next)
    }
}

/// The singular value of the product at one place of a sample.
fn value_at(factors: &[(usize, Svd)], shape: &[usize], place: usize) -> f64 {
    let index = |axis: usize| place / shape[axis + 1..].iter().product::<usize>() % shape[axis];
    factors.iter().map(|(axis, svd)| svd.singular[index(*axis)]).product()
}

impl Factor {
    fn new(axis: usize, svd: &Svd, device: &Device) -> Result<Self> {
        let (m, n) = (svd.rows, svd.columns);
        let tensor = |values: &[f64], rows: usize| column(values.iter().copied(), &[rows, n], device);
        Ok(Self {
            axis,
            matrix: tensor(&svd.matrix(), m)?,
            u: tensor(&svd.u, m)?,
            v: tensor(&svd.v, n)?,
        })
    }
}

/// The matrix applied along one axis.
fn along(x: &Tensor, axis: usize, matrix: &Tensor) -> Result<Tensor> {
    let last = x.rank() - 1;
    let turned = x.transpose(axis, last)?.contiguous()?;
    let mut shape = turned.dims().to_vec();
    let rows = turned.reshape(((), shape[last]))?;
    shape[last] = matrix.dim(0)?;
    rows.matmul(&matrix.t()?)?
        .reshape(shape)?
        .transpose(axis, last)?
        .contiguous()
}

impl Operator for Separable {
    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        self.all(x, |f| Ok(f.matrix.clone()))
    }

    fn adjoint(&self, y: &Tensor) -> Result<Tensor> {
        self.all(y, |f| f.matrix.t())
    }

    fn v_t(&self, x: &Tensor) -> Result<Tensor> {
        self.all(x, |f| f.v.t())
    }

    fn v(&self, c: &Tensor) -> Result<Tensor> {
        self.all(c, |f| Ok(f.v.clone()))
    }

    fn u_t(&self, y: &Tensor) -> Result<Tensor> {
        self.all(y, |f| f.u.t())
    }

    fn u(&self, c: &Tensor) -> Result<Tensor> {
        self.all(c, |f| Ok(f.u.clone()))
    }

    fn spectrum(&self) -> &Spectrum {
        &self.spectrum
    }
}
