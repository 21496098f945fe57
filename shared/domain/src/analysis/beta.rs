//! The Beta distribution with parameters of at least 1: its distribution function and its quantiles.
//!
//! Of the crates that have it, `statrs` writes thirteen entries into the lock file, and `special` and `puruspe` bring other functions that
//! nothing here needs. Tests compare these few lines with exact values.

/// How many steps of the continued fraction are taken at most. It converges in about the square root of the larger parameter
/// (DLMF 8.17.22), which a count of incidents does not let grow beyond ten thousands.
const MOST_STEPS: u32 = 1_000;
/// Keeps a denominator from being 0 (Lentz' method).
const TINY: f64 = 1e-300;
/// Halving so often leaves an interval that a number cannot tell from a point.
const HALVINGS: u32 = 60;

/// Lanczos' coefficients for g = 7 (Godfrey, 2001): the logarithm of the gamma function is exact to fifteen figures with them.
const LANCZOS: [f64; 8] = [
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];

/// The rate below which the share `probability` of the distribution lies.
pub(super) fn quantile(probability: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if below(middle, a, b) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The share of the distribution that lies below a rate: the regularised incomplete beta function.
fn below(rate: f64, a: f64, b: f64) -> f64 {
    if rate <= 0.0 {
        return 0.0;
    }
    if rate >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below the mean; above it the other tail is computed.
    if rate > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - below(1.0 - rate, b, a);
    }
    let scale = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * rate.ln() + b * (-rate).ln_1p();
    scale.exp() * fraction(rate, a, b) / a
}

/// The continued fraction of DLMF 8.17.22, by Lentz' method.
fn fraction(rate: f64, a: f64, b: f64) -> f64 {
    let away_from_zero = |x: f64| if x.abs() < TINY { TINY } else { x };
    let (mut c, mut d) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * rate / (a + 1.0)));
    let mut value = d;
    for step in 1..MOST_STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * rate / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * rate / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// The logarithm of the gamma function of a number of at least 1.
fn ln_gamma(x: f64) -> f64 {
    let x = x - 1.0;
    let mut place = 0.0;
    let terms = LANCZOS.iter().map(|coefficient| {
        place += 1.0;
        coefficient / (x + place)
    });
    let series = 0.999_999_999_999_809_9 + terms.sum::<f64>();
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + series.ln()
}
