//! Works out what a filled-in formula says, knowing nothing of how it was made.

use std::{iter::Peekable, str::Chars};

/// The value of `10 log₁₀(0.5² ∕ 0.8²) dB`; words behind the sum are units.
pub(super) fn value(text: &str) -> f64 {
    Sum(text.chars().peekable()).sum()
}

struct Sum<'a>(Peekable<Chars<'a>>);

impl Sum<'_> {
    fn next(&mut self) -> Option<char> {
        while self.0.next_if(|c| c.is_whitespace()).is_some() {}
        self.0.peek().copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        self.next() == Some(wanted) && self.0.next().is_some()
    }

    fn sum(&mut self) -> f64 {
        let mut sum = self.product();
        loop {
            match self.next() {
                Some('+') if self.take('+') => sum += self.product(),
                Some('−') if self.take('−') => sum -= self.product(),
                _ => return sum,
            }
        }
    }

    fn product(&mut self) -> f64 {
        let mut product = self.power();
        loop {
            match self.next() {
                Some('·') if self.take('·') => product *= self.power(),
                Some('∕') if self.take('∕') => product /= self.power(),
                // What stands beside it is multiplied: functions and constants, but not units.
                Some('l' | 'π' | '√' | '(') => product *= self.power(),
                _ => return product,
            }
        }
    }

    fn power(&mut self) -> f64 {
        let base = self.factor();
        if self.take('²') { base * base } else { base }
    }

    fn factor(&mut self) -> f64 {
        match self.next() {
            Some('−' | '-') => {
                self.0.next();
                -self.factor()
            }
            Some('(') => self.inside(),
            Some(c) if c.is_ascii_digit() => self.number(),
            _ => self.function(),
        }
    }

    fn inside(&mut self) -> f64 {
        assert!(self.take('('));
        let value = self.sum();
        assert!(self.take(')'));
        value
    }

    fn number(&mut self) -> f64 {
        let mut text = String::new();
        while let Some(c) = self
            .0
            .next_if(|c| c.is_ascii_digit() || *c == '.' || *c == 'e' || (*c == '-' && text.ends_with('e')))
        {
            text.push(c);
        }
        text.parse().expect("a number")
    }

    fn function(&mut self) -> f64 {
        let mut name = String::new();
        while let Some(c) = self
            .0
            .next_if(|c| c.is_alphanumeric() && !c.is_ascii_digit() || *c == '√')
        {
            name.push(c);
        }
        match name.as_str() {
            "π" => std::f64::consts::PI,
            "√" => self.factor().sqrt(),
            "ln" => self.factor().ln(),
            "log₂" => self.factor().log2(),
            "log₁₀" => self.factor().log10(),
            "cos" => self.factor().cos(),
            "min" => {
                assert!(self.take('('));
                let first = self.sum();
                assert!(self.take(','));
                let second = self.sum();
                assert!(self.take(')'));
                first.min(second)
            }
            // A letter stands for what is behind the next equals sign.
            _ => f64::NAN,
        }
    }
}

#[test]
fn sums_are_worked_out() {
    for (text, expected) in [
        ("1 + 2 · 3 − 4 ∕ 8", 6.5),
        ("10 log₁₀(0.5² ∕ 5²) dB", -20.0),
        ("√(1 − 0.75) s", 0.5),
        ("−8 ∕ (4 · ln 2) + log₂ 8", 3.0 - 2.0 / 2_f64.ln()),
        ("min(0.9, 3 ∕ (3 + 9)) · 1e-2", 2.5e-3),
        ("2 (1 + cos(π · 1 ∕ 2)) ∕ 2", 1.0),
    ] {
        assert!((value(text) - expected).abs() < 1e-12, "{text}: {}", value(text));
    }
}
