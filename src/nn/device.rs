//! Which processor runs the networks, as the user says it.

use std::{fmt, str::FromStr};

use candle_core::{Device, Error, utils};

/// A choice of `--device`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A graphics processor that this build supports and the machine has, else the CPU.
    #[default]
    Auto,
    /// The CPU with the fastest executor there is for it.
    Cpu,
    /// The CPU with candle, the reference.
    CpuCandle,
    /// The NVIDIA card with this index.
    Cuda(usize),
    /// Apple's graphics processor.
    Metal,
}

impl DeviceChoice {
    /// The device itself. Fails with a reason where the build or the machine lacks it: there is no silent fallback.
    pub fn device(self) -> candle_core::Result<Device> {
        let chosen = if self == Self::Auto { Self::best() } else { self };
        match chosen {
            Self::Cuda(index) if utils::cuda_is_available() => Device::new_cuda(index),
            Self::Cuda(_) => Err(lacks("CUDA", "cuda")),
            Self::Metal if utils::metal_is_available() => Device::new_metal(0),
            Self::Metal => Err(lacks("Metal", "metal")),
            Self::Auto | Self::Cpu | Self::CpuCandle => Ok(Device::Cpu),
        }
    }

    fn best() -> Self {
        if utils::cuda_is_available() {
            Self::Cuda(0)
        } else if utils::metal_is_available() {
            Self::Metal
        } else {
            Self::Cpu
        }
    }
}

fn lacks(what: &str, feature: &str) -> Error {
    Error::Msg(format!(
        "this build has no {what} support; build with --features {feature}, or choose --device cpu"
    ))
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cpu-candle" => Ok(Self::CpuCandle),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| {
                    format!("there is no device “{text}”; choose from: auto, cpu, cpu-candle, cuda, cuda:N, metal")
                }),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::CpuCandle => f.write_str("cpu-candle"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_survive_the_round_trip() {
        use DeviceChoice::{Auto, Cpu, CpuCandle, Cuda, Metal};
        for choice in [Auto, Cpu, CpuCandle, Cuda(3), Metal] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("cuda".parse(), Ok(Cuda(0)));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        assert!("gpu".parse::<DeviceChoice>().unwrap_err().contains("cuda:N"));
        assert!("cuda:x".parse::<DeviceChoice>().is_err());
        #[cfg(not(feature = "cuda"))]
        assert!(
            DeviceChoice::Cuda(0)
                .device()
                .unwrap_err()
                .to_string()
                .contains("--features cuda")
        );
    }
}
