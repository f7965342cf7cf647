//! Budgets as a table, a line as soon as it is known.

/// Prints one line: what, its figure, its bound, and whether it is kept.
pub(crate) fn row(what: &str, figure: f64, bound: f64, unit: &str) {
    let kept = if figure <= bound { "ok" } else { "over" };
    println!("{what:<62}{figure:>9.2}{bound:>9.1} {unit:<8}{kept}");
}

/// A line without a bound.
pub(crate) fn remark(text: &str) {
    println!("    {text}");
}

/// The value that a share `q` of them does not exceed.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (q * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}
