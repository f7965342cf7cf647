//! Each operation of a graph in candle tensors, so that candle's autograd finds the gradients.
//!
//! candle 0.11 sums gradients of broadcasts quickly over trailing axes only, so vectors of channels are first spread to
//! `(B, C, 1)` and maps are handled as `(B, C, P)`. Softmax, norms and nearest-neighbour upsampling are composed: the
//! fused ones have no backward pass, or one that overwrites gradients of shared inputs.

use candle_core::{D, DType, Result, Tensor};

use super::{graph::Activation, patches::Patches};

/// `(B, C, H, W)` as `(B, C, P)`; vectors `(B, C)` as `(B, C, 1)`.
fn pixels(x: &Tensor) -> Result<Tensor> {
    let (batch, channels) = (x.dim(0)?, x.dim(1)?);
    x.reshape((batch, channels, ()))
}

/// `(C)` as `(B, C, 1)`.
fn spread(v: &Tensor, batch: usize) -> Result<Tensor> {
    let channels = v.elem_count();
    v.reshape((1, channels, 1))?.broadcast_as((batch, channels, 1))
}

/// `W x + b` over channels. `x`: `(B, C)` or `(B, C, H, W)`; `weight`: `(out, C)`.
pub(super) fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    match *x.dims() {
        [batch, channels, h, w] => {
            let columns = x.transpose(0, 1)?.reshape((channels, batch * h * w))?;
            product(weight, &columns, bias, (batch, h, w))
        }
        _ => add_bias(&x.matmul(&weight.t()?)?, bias),
    }
}

/// `W columns + b` as a map. One large product for the whole batch: candle would run a product with a shared left side
/// sample by sample. `weight`: `(out, K)`; `columns`: `(K, B * H * W)`.
fn product(
    weight: &Tensor,
    columns: &Tensor,
    bias: Option<&Tensor>,
    (batch, h, w): (usize, usize, usize),
) -> Result<Tensor> {
    let rows = weight.matmul(columns)?;
    let rows = match bias {
        None => rows,
        Some(bias) => rows.broadcast_add(&bias.unsqueeze(1)?)?,
    };
    rows.reshape(((), batch, h, w))?.transpose(0, 1)?.contiguous()
}

fn add_bias(x: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    match bias {
        None => Ok(x.clone()),
        Some(bias) => pixels(x)?.broadcast_add(&spread(bias, x.dim(0)?)?)?.reshape(x.shape()),
    }
}

/// Cross-correlation; `pad` is top, left, bottom, right.
pub(super) fn conv(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: usize,
    pad: [usize; 4],
) -> Result<Tensor> {
    let (out, channels, k, _) = weight.dims4()?;
    if (k, stride, pad) == (1, 1, [0; 4]) {
        return linear(x, &weight.reshape((out, channels))?, bias);
    }
    // The matrix of patches is made for single precision on the CPU.
    if !x.device().is_cpu() || x.dtype() != DType::F32 {
        return add_bias(&conv_by_candle(x, weight, stride, pad)?, bias);
    }
    let (batch, _, h, w) = x.dims4()?;
    let patches = Patches { k, stride, pad };
    let (rows, cols) = patches.count((h, w));
    let columns = patches.columns(&x.transpose(0, 1)?)?;
    product(&weight.reshape((out, ()))?, &columns, bias, (batch, rows, cols))
}

fn conv_by_candle(x: &Tensor, weight: &Tensor, stride: usize, pad: [usize; 4]) -> Result<Tensor> {
    let [top, left, bottom, right] = pad;
    if [top; 4] == pad {
        return x.conv2d(weight, top, stride, 1, 1);
    }
    let padded = x.pad_with_zeros(2, top, bottom)?.pad_with_zeros(3, left, right)?;
    padded.conv2d(weight, 0, stride, 1, 1)
}

/// Group norm with scale and shift, `(C)` each.
pub(super) fn group_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, groups: usize, eps: f64) -> Result<Tensor> {
    let (batch, channels) = (x.dim(0)?, x.dim(1)?);
    let grouped = x.reshape((batch, groups, ()))?;
    let centred = grouped.broadcast_sub(&grouped.mean_keepdim(2)?)?;
    let variance = centred.sqr()?.mean_keepdim(2)?;
    let inverse = (variance + eps)?.sqrt()?.recip()?;
    // One factor per channel: the inverse deviation of its group times its weight.
    let each = channels / groups;
    let inverse = inverse
        .broadcast_as((batch, groups, each))?
        .reshape((batch, channels, 1))?;
    let factor = (inverse * spread(weight, batch)?)?;
    let scaled = centred.reshape((batch, channels, ()))?.broadcast_mul(&factor)?;
    scaled.broadcast_add(&spread(bias, batch)?)?.reshape(x.shape())
}

/// A pointwise function.
pub(super) fn activation(x: &Tensor, f: Activation) -> Result<Tensor> {
    match f {
        Activation::Silu => x.silu(),
        Activation::Relu => x.relu(),
        Activation::Gelu => x.gelu_erf(),
        // ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|) does not overflow.
        Activation::Mish => x * (x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?.tanh()?,
    }
}

/// A map plus a vector `(B, C)` at every pixel.
pub(super) fn add_channels(map: &Tensor, vec: &Tensor) -> Result<Tensor> {
    pixels(map)?.broadcast_add(&vec.unsqueeze(2)?)?.reshape(map.shape())
}

/// `map * (1 + scale) + shift`; `vec` is `(B, 2 C)`, scales first.
pub(super) fn scale_shift(map: &Tensor, vec: &Tensor) -> Result<Tensor> {
    let channels = map.dim(1)?;
    let half = |start| vec.narrow(1, start, channels)?.unsqueeze(2);
    let scaled = pixels(map)?.broadcast_mul(&(half(0)? + 1.0)?)?;
    scaled.broadcast_add(&half(channels)?)?.reshape(map.shape())
}

/// Each sample divided by its `t`.
pub(super) fn divide_by_time(x: &Tensor, t: &[f64]) -> Result<Tensor> {
    let inverse: Vec<f32> = t.iter().map(|t| (1.0 / t) as f32).collect();
    let inverse = Tensor::from_vec(inverse, (t.len(), 1), x.device())?.to_dtype(x.dtype())?;
    x.reshape((t.len(), ()))?.broadcast_mul(&inverse)?.reshape(x.shape())
}

/// Each pixel becomes 2x2 pixels.
pub(super) fn upsample(x: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    let doubled = x.reshape((b, c, h, 1, w, 1))?.broadcast_as((b, c, h, 2, w, 2))?;
    doubled.reshape((b, c, 2 * h, 2 * w))
}

/// Each block of 2x2 pixels as one pixel of four times the channels.
pub(super) fn unshuffle(x: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    let blocks = x.reshape((b, c, h / 2, 2, w / 2, 2))?.permute((0, 1, 3, 5, 2, 4))?;
    blocks.reshape((b, 4 * c, h / 2, w / 2))
}

/// The inverse of [`unshuffle`].
pub(super) fn shuffle(x: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    let blocks = x.reshape((b, c / 4, 2, 2, h, w))?.permute((0, 1, 4, 2, 5, 3))?;
    blocks.reshape((b, c / 4, 2 * h, 2 * w))
}

/// `softmax(q k^T / sqrt(d)) v` over the pixels in each head.
pub(super) fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, channels, h, w) = q.dims4()?;
    let width = channels / heads;
    let split = |x: &Tensor| x.reshape((batch, heads, width, h * w));
    let scores = split(q)?.transpose(2, 3)?.matmul(&split(k)?)?;
    let shares = softmax(&(scores / (width as f64).sqrt())?)?;
    // Head by head (d, P) x (P, P)^T.
    split(v)?
        .matmul(&shares.transpose(2, 3)?)?
        .reshape((batch, channels, h, w))
}

/// Softmax over the last axis. The maximum is a constant here: the result does not depend on it.
fn softmax(x: &Tensor) -> Result<Tensor> {
    let exp = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?.exp()?;
    exp.broadcast_mul(&exp.sum_keepdim(D::Minus1)?.recip()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, IndexOp as _};

    use super::*;

    fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
        Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
    }

    fn assert_close(found: &Tensor, expected: &[f32]) {
        let found = found.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(found.len(), expected.len());
        let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close, "{found:?} instead of {expected:?}");
    }

    #[test]
    fn activations_have_the_values_of_pytorch() {
        // torch.nn.functional.{silu, relu, gelu, mish}(torch.tensor([-30., -1., 0.5, 30.]))
        let x = tensor(&[-30.0, -1.0, 0.5, 30.0], &[1, 4]);
        for (f, expected) in [
            (Activation::Silu, [0.0, -0.268_941, 0.311_230, 30.0]),
            (Activation::Relu, [0.0, 0.0, 0.5, 30.0]),
            (Activation::Gelu, [0.0, -0.158_655, 0.345_731, 30.0]),
            (Activation::Mish, [0.0, -0.303_401, 0.375_245, 30.0]),
        ] {
            assert_close(&activation(&x, f).unwrap(), &expected);
        }
    }

    #[test]
    fn group_norm_standardises_each_group_of_each_sample() {
        // Groups of the channels 0 and 1 (values 1, 3: mean 2, deviation 1) and 2 and 3 (values 0, 4: mean 2, deviation 2).
        let x = tensor(&[1.0, 3.0, 0.0, 4.0], &[1, 4, 1, 1]);
        let (weight, bias) = (tensor(&[1.0, 2.0, 3.0, 4.0], &[4]), tensor(&[0.0, 0.5, 0.0, 0.5], &[4]));
        let found = group_norm(&x, &weight, &bias, 2, 0.0).unwrap();
        assert_close(&found, &[-1.0, 2.5, -3.0, 4.5]);
        // With eps = 3 the deviations are 2 and sqrt(7).
        let found = group_norm(&x, &weight, &bias, 2, 3.0).unwrap();
        let seven = 7.0_f32.sqrt();
        assert_close(&found, &[-0.5, 1.5, -6.0 / seven, 8.0 / seven + 0.5]);
    }

    #[test]
    fn vectors_of_channels_act_at_every_pixel() {
        let map = tensor(&[1.0, 2.0, 3.0, 4.0], &[1, 2, 1, 2]);
        assert_close(
            &add_channels(&map, &tensor(&[10.0, 20.0], &[1, 2])).unwrap(),
            &[11.0, 12.0, 23.0, 24.0],
        );
        let vec = tensor(&[1.0, -1.0, 0.5, 7.0], &[1, 4]);
        assert_close(&scale_shift(&map, &vec).unwrap(), &[2.5, 4.5, 7.0, 7.0]);
    }

    #[test]
    fn samples_are_divided_by_their_own_time() {
        let x = tensor(&[1.0, 2.0, 3.0, 4.0], &[2, 2]);
        assert_close(&divide_by_time(&x, &[2.0, 4.0]).unwrap(), &[0.5, 1.0, 0.75, 1.0]);
    }

    #[test]
    fn a_pixel_becomes_four() {
        let x = tensor(&[1.0, 2.0], &[1, 1, 1, 2]);
        let found = upsample(&x).unwrap();
        assert_eq!(found.dims(), [1, 1, 2, 4]);
        assert_close(&found, &[1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
    }

    #[test]
    fn attention_mixes_pixels_within_a_head() {
        // Two pixels, two heads of one channel. Head 0: scores q_i k_j with q = (1, 0), k = (ln 3, 0), so that pixel 0
        // takes shares 3/4 and 1/4 and pixel 1 takes halves. Head 1 has zero queries: halves.
        let ln3 = 3.0_f32.ln();
        let q = tensor(&[1.0, 0.0, 0.0, 0.0], &[1, 2, 1, 2]);
        let k = tensor(&[ln3, 0.0, 5.0, 6.0], &[1, 2, 1, 2]);
        let v = tensor(&[4.0, 8.0, 1.0, 3.0], &[1, 2, 1, 2]);
        assert_close(&attention(&q, &k, &v, 2).unwrap(), &[5.0, 6.0, 2.0, 2.0]);
        // One head of two channels: the scores are divided by sqrt(2), the shares of pixel 0 are 3^(1/sqrt 2) : 1.
        let share = (ln3 / 2.0_f32.sqrt()).exp();
        let share = share / (1.0 + share);
        let mixed = |a: f32, b: f32| share * a + (1.0 - share) * b;
        assert_close(
            &attention(&q, &k, &v, 1).unwrap(),
            &[mixed(4.0, 8.0), 6.0, mixed(1.0, 3.0), 2.0],
        );
    }

    #[test]
    fn pixels_become_channels_in_reading_order() {
        let x = Tensor::arange(0f32, 32.0, &Device::Cpu)
            .unwrap()
            .reshape((1, 2, 4, 4))
            .unwrap();
        let few = unshuffle(&x).unwrap();
        let corner = few.i((0, .., 1, 0)).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(corner, [8.0, 9.0, 12.0, 13.0, 24.0, 25.0, 28.0, 29.0]);
        let back = shuffle(&few).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(back.iter().enumerate().all(|(i, &v)| v == i as f32));
    }

    #[test]
    fn convolutions_by_patches_and_by_candle_agree() {
        let ramp = |n: usize| (0..n).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
        let x = tensor(&ramp(2 * 3 * 6 * 4), &[2, 3, 6, 4]);
        let weight = tensor(&ramp(5 * 3 * 9), &[5, 3, 3, 3]);
        for (stride, pad) in [(1, [1; 4]), (2, [1; 4]), (2, [0, 0, 1, 1])] {
            let candle = conv_by_candle(&x, &weight, stride, pad).unwrap();
            let expected = candle.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_close(&conv(&x, &weight, None, stride, pad).unwrap(), &expected);
        }
    }
}
