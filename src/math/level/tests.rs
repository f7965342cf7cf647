use super::*;
use crate::math::Move;

#[test]
fn posterior_equals_the_textbook_form() {
    let (from, to) = (Level::from_alpha_bar(9.0, 0.4), Level::from_alpha_bar(8.0, 0.5));
    let beta: f64 = 1.0 - 0.4 / 0.5;
    let expected = ((1.0 - 0.5) / (1.0 - 0.4) * beta).sqrt();
    assert!((Move { from, to }.posterior_std() - expected).abs() < 1e-15);
    assert!((Move { from, to }.forward_std() - beta.sqrt()).abs() < 1e-15);
}

#[test]
fn the_last_move_adds_no_noise() {
    let mv = Move {
        from: Level::from_alpha_bar(0.0, 0.9),
        to: Level::clean(0.0),
    };
    assert_eq!(mv.posterior_std(), 0.0);
    assert!(!mv.is_upward());
}

#[test]
fn pure_noise_with_a_signal_is_still_of_unit_variance() {
    let at = Level {
        t: 999.0,
        alpha: 0.0,
        sigma: 1.0,
    };
    let visible = at.with_signal();
    assert!((visible.alpha.powi(2) + visible.sigma.powi(2) - 1.0).abs() < 1e-15);
    assert_eq!((visible.alpha, visible.with_signal()), (2.0_f64.powi(-12), visible));
}
