//! Configuration of the signals function: it does nothing but count.

pub use intake::IntakeSettings as Config;
