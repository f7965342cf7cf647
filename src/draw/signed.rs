//! Signed differences as colours: blue where less, red where more, one neutral colour where equal.

use crate::math::Frame;

/// `ColorBrewer`'s `RdBu` in five classes (Harrower and Brewer 2003), which people with colour blindness can read; blue first.
const STOPS: [[u8; 3]; 5] = [
    [0x21, 0x66, 0xac],
    [0x92, 0xc5, 0xde],
    [0xf7, 0xf7, 0xf7],
    [0xf4, 0xa5, 0x82],
    [0xb2, 0x18, 0x2b],
];

/// Colour of a difference from -1 to 1, clamped; 0 and not-a-number are neutral.
pub fn colour(share: f32) -> [u8; 3] {
    let share = if share.is_nan() { 0.0 } else { share.clamp(-1.0, 1.0) };
    let place = (share + 1.0) * 2.0;
    let below = (place as usize).min(STOPS.len() - 2);
    let rest = place - below as f32;
    let (from, to) = (STOPS[below], STOPS[below + 1]);
    [0, 1, 2].map(|i| (f32::from(from[i]) + (f32::from(to[i]) - f32::from(from[i])) * rest).round() as u8)
}

/// `b - a` of each pixel in the channel that differs most, so that neutral means equal, as a colour; `full`, in sample units,
/// has the strongest one. Samples that only one has are left out. `None` for points and for pictures of different sizes.
pub fn difference(a: &Frame, b: &Frame, full: f32) -> Option<Frame> {
    let (
        &Frame::Pixels {
            channels,
            height,
            width,
            ..
        },
        Frame::Pixels { .. },
    ) = (a, b)
    else {
        return None;
    };
    let (a, b) = bytes(a, b)?;
    let scale = 127.5 * full;
    let pixels = a.chunks_exact(channels).zip(b.chunks_exact(channels));
    let share = |most: f32| if most == 0.0 { 0.0 } else { most / scale };
    let data = pixels.flat_map(|(a, b)| colour(share(most(a, b)))).collect();
    Some(Frame::Pixels {
        channels: 3,
        height,
        width,
        data,
    })
}

/// The difference that is largest, with its sign.
fn most(a: &[u8], b: &[u8]) -> f32 {
    let differences = a.iter().zip(b).map(|(a, b)| f32::from(*b) - f32::from(*a));
    differences.fold(0.0, |most: f32, d| if d.abs() > most.abs() { d } else { most })
}

/// The bytes of the samples that both have.
fn bytes<'a>(a: &'a Frame, b: &'a Frame) -> Option<(&'a [u8], &'a [u8])> {
    match (a, b) {
        (
            Frame::Pixels {
                channels: c,
                height: h,
                width: w,
                data: a,
            },
            Frame::Pixels {
                channels,
                height,
                width,
                data: b,
            },
        ) if (c, h, w) == (channels, height, width) => {
            let common = a.len().min(b.len());
            Some((&a[..common], &b[..common]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEUTRAL: [u8; 3] = [0xf7; 3];

    fn pixels(channels: usize, data: &[u8]) -> Frame {
        Frame::Pixels {
            channels,
            height: 1,
            width: 2,
            data: data.into(),
        }
    }

    fn data(frame: Option<Frame>) -> Vec<u8> {
        match frame {
            Some(Frame::Pixels { channels: 3, data, .. }) => data.to_vec(),
            other => panic!("no picture: {other:?}"),
        }
    }

    #[test]
    fn the_scale_has_its_stops_and_is_neutral_in_the_middle_alone() {
        assert_eq!([-1.0, -0.5, 0.0, 0.5, 1.0].map(colour), STOPS);
        assert_eq!(
            [colour(-9.0), colour(9.0), colour(f32::NAN)],
            [STOPS[0], STOPS[4], NEUTRAL]
        );
        assert!([-0.01, 0.01].map(colour).iter().all(|c| *c != NEUTRAL));
        // Less is blue, more is red, and the further the darker.
        for k in 1..=100 {
            let share = k as f32 / 100.0;
            let (less, more) = (colour(-share), colour(share));
            assert!(less[2] > less[0] && more[0] > more[2], "{share}");
            let light = |c: [u8; 3]| c.iter().map(|v| u32::from(*v)).sum::<u32>();
            let inner = share - 0.01;
            assert!(
                light(less) < light(colour(-inner)) && light(more) < light(colour(inner)),
                "{share}"
            );
        }
    }

    #[test]
    fn equal_pictures_are_neutral_and_others_say_which_way() {
        let a = pixels(1, &[10, 200]);
        for full in [0.0, 0.01, 2.0] {
            assert_eq!(data(difference(&a, &a, full)), [0xf7; 6]);
        }
        // 51 / 127.5 = 0.4 is half of a scale of 0.8.
        let found = data(difference(&a, &pixels(1, &[61, 149]), 0.8));
        assert_eq!(found, [STOPS[3], STOPS[1]].concat());
    }

    #[test]
    fn channels_that_cancel_are_seen_all_the_same() {
        let (a, b) = (
            pixels(3, &[100, 100, 100, 5, 5, 5]),
            pixels(3, &[151, 49, 100, 5, 5, 5]),
        );
        let found = data(difference(&a, &b, 0.4));
        assert_eq!(found[..3], STOPS[4]);
        assert_eq!(found[3..], NEUTRAL);
    }

    #[test]
    fn only_what_both_have_is_compared() {
        let (one, two) = (pixels(1, &[1, 2]), pixels(1, &[1, 2, 3, 4]));
        assert_eq!(data(difference(&one, &two, 1.0)), [0xf7; 6]);
        assert_eq!(difference(&one, &pixels(2, &[1, 2, 3, 4]), 1.0), None);
        let points = Frame::Points { xy: [0.0; 2].into() };
        assert_eq!(difference(&points, &points, 1.0), None);
    }
}
