//! Times in milliseconds, and their quantiles.

use tokio::time::Instant;

#[derive(Default)]
pub struct Times(pub Vec<f64>);

impl Times {
    pub fn at(&mut self, quantile: f64) -> f64 {
        self.0.sort_by(f64::total_cmp);
        if self.0.is_empty() {
            return f64::INFINITY;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` cuts the fraction of a number that is not negative, which is what is meant"
        )]
        let index = ((self.0.len() as f64 * quantile).ceil() as usize).clamp(1, self.0.len()) - 1;
        self.0[index]
    }

    pub fn line(&mut self, what: &str) {
        let (p50, p95, p99, worst) = (self.at(0.5), self.at(0.95), self.at(0.99), self.at(1.0));
        println!("  {what:<44} {p50:>7.1} {p95:>7.1} {p99:>7.1} {worst:>7.1}   n={}", self.0.len());
    }
}

pub fn ms(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1000.0
}
