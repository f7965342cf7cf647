//! Numbers as people read them.

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(secs: f64) -> String {
    if !secs.is_finite() {
        return "unknown".into();
    }
    let whole = secs.round().max(0.0) as u64;
    match whole {
        _ if secs < 0.0995 => format!("{:.0} ms", secs.max(0.0) * 1e3),
        _ if secs < 9.95 => format!("{secs:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => join(whole / 60, "min", whole % 60, "s"),
        3600..86400 => join(whole / 3600, "h", whole % 3600 / 60, "min"),
        _ => join(whole / 86400, "d", whole % 86400 / 3600, "h"),
    }
}

fn join(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 || large >= 10 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// How long ago: `just now`, `5 min ago`, `3 d ago`.
pub fn ago(secs: f64) -> String {
    let whole = secs.max(0.0) as u64;
    match whole {
        0..60 => "just now".into(),
        60..3600 => format!("{} min ago", whole / 60),
        3600..86400 => format!("{} h ago", whole / 3600),
        _ => format!("{} d ago", whole / 86400),
    }
}

/// `112 MiB`, `1.4 GiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 9.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// Digits in groups of three: `12 400`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Three significant digits, with an exponent outside `0.01..10000`: `0.214`, `1.5e-4`.
pub fn number(v: f64) -> String {
    let size = v.abs();
    if v == 0.0 || !v.is_finite() {
        format!("{v}")
    } else if (0.00995..9999.5).contains(&size) {
        let digits = 2 - size.log10().floor() as i32;
        let text = format!("{v:.*}", digits.clamp(0, 4) as usize);
        trim(&text).to_owned()
    } else {
        let text = format!("{v:.2e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{exponent}", trim(mantissa))
    }
}

fn trim(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// Three significant digits that keep their places while the number changes: `0.300`.
pub fn reading(v: f64) -> String {
    let size = v.abs();
    if (0.00995..9999.5).contains(&size) {
        let digits = 2 - size.log10().floor() as i32;
        format!("{v:.*}", digits.clamp(0, 4) as usize)
    } else {
        number(v)
    }
}

/// The part of a path that tells it apart.
pub fn file_name(path: &std::path::Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let cases = [
            (0.004, "4 ms"),
            (0.42, "0.4 s"),
            (12.3, "12 s"),
            (200.0, "3 min 20 s"),
            (3540.0, "59 min"),
            (7500.0, "2 h 5 min"),
            (90000.0, "1 d 1 h"),
            (f64::INFINITY, "unknown"),
        ];
        for (secs, text) in cases {
            assert_eq!(duration(secs), text);
        }
    }

    #[test]
    fn spans_of_time_are_rounded_down() {
        let cases = [
            (-3.0, "just now"),
            (59.9, "just now"),
            (3599.0, "59 min ago"),
            (86399.0, "23 h ago"),
            (1e6, "11 d ago"),
        ];
        for (secs, text) in cases {
            assert_eq!(ago(secs), text);
        }
    }

    #[test]
    fn numbers_keep_three_digits() {
        let cases = [
            (0.2137, "0.214"),
            (1e-3, "1e-3"),
            (1.5e-4, "1.5e-4"),
            (0.05, "0.05"),
            (812.4, "812"),
            (1830.0, "1830"),
        ];
        for (v, text) in cases {
            assert_eq!(number(v), text);
        }
        assert_eq!(number(f64::NAN), "NaN");
        assert_eq!(
            (reading(0.3), reading(1830.2), reading(0.0)),
            ("0.300".into(), "1830".into(), "0".into())
        );
    }

    #[test]
    fn groups_of_three() {
        assert_eq!(count(5), "5");
        assert_eq!(count(1234567), "1\u{202f}234\u{202f}567");
        assert_eq!(
            (bytes(512), bytes(1536), bytes(112 << 20)),
            ("512 B".into(), "1.5 KiB".into(), "112 MiB".into())
        );
    }
}
