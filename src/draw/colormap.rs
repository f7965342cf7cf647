//! Colour maps as tables of 256 colours.

use std::sync::LazyLock;

/// From a number in `0..=1` to a colour. All but [`ColorMap::Turbo`] have rising lightness, so that they survive a grey
/// print, and cividis looks alike with and without colour blindness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColorMap {
    /// Black to white.
    Grey,
    /// Violet over green to yellow.
    #[default]
    Viridis,
    /// Blue over grey to yellow.
    Cividis,
    /// Rainbow for fine differences.
    Turbo,
}

type Table = [[u8; 3]; 256];

impl ColorMap {
    /// All maps.
    pub const ALL: [Self; 4] = [Self::Grey, Self::Viridis, Self::Cividis, Self::Turbo];

    /// Name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Grey => "Grey",
            Self::Viridis => "Viridis",
            Self::Cividis => "Cividis",
            Self::Turbo => "Turbo",
        }
    }

    /// The 256 colours.
    pub fn table(self) -> &'static Table {
        static TABLES: LazyLock<[Table; 4]> = LazyLock::new(|| ColorMap::ALL.map(bake));
        &TABLES[self as usize]
    }

    /// The colour of `v`, clamped to `0..=1`; not-a-number is the first colour.
    pub fn at(self, v: f32) -> [u8; 3] {
        self.table()[(v.clamp(0.0, 1.0) * 255.0).round() as usize]
    }
}

fn bake(map: ColorMap) -> Table {
    let gradient = match map {
        ColorMap::Grey => return std::array::from_fn(|i| [i as u8; 3]),
        ColorMap::Viridis => colorous::VIRIDIS,
        ColorMap::Cividis => colorous::CIVIDIS,
        ColorMap::Turbo => colorous::TURBO,
    };
    std::array::from_fn(|i| gradient.eval_rational(i, 256).as_array())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ends_of_the_tables() {
        // matplotlib: viridis(0) = #440154, viridis(255) = #fde725.
        assert_eq!(ColorMap::Viridis.at(0.0), [0x44, 0x01, 0x54]);
        assert_eq!(ColorMap::Viridis.at(1.0), [0xfd, 0xe7, 0x25]);
        assert_eq!(ColorMap::Grey.at(0.5), [128; 3]);
    }

    #[test]
    fn anything_has_a_colour() {
        for map in ColorMap::ALL {
            assert_eq!(map.at(f32::NAN), map.table()[0]);
            assert_eq!(
                (map.at(-5.0), map.at(f32::INFINITY)),
                (map.table()[0], map.table()[255])
            );
        }
    }

    #[test]
    fn lightness_rises_where_it_is_promised() {
        let luma = |c: [u8; 3]| 0.2126 * f64::from(c[0]) + 0.7152 * f64::from(c[1]) + 0.0722 * f64::from(c[2]);
        for map in [ColorMap::Grey, ColorMap::Viridis, ColorMap::Cividis] {
            // Rounding to bytes may take back a small part of a step.
            assert!(map.table().windows(2).all(|w| luma(w[1]) > luma(w[0]) - 0.8), "{map:?}");
        }
    }
}
