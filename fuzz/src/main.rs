//! The driver for libFuzzer (`make fuzz`). Built without coverage, it replays the files that it is given, which is how a
//! finding is looked at: `cargo run -p fuzz -- <target> <file>…`.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod libfuzzer {
    use std::sync::OnceLock;

    use fuzz::Target;
    use fuzz::mutate::{Random, mutated};
    use settings::variables::Variables;

    static TARGET: OnceLock<&Target> = OnceLock::new();

    /// libFuzzer's own options are the arguments, so that the target's name comes in a variable.
    fn target() -> &'static Target {
        TARGET.get_or_init(|| {
            let name = Variables::of_process()
                .required("FUZZ_TARGET", "the name of a target")
                .expect("set by `make fuzz`");
            Target::named(&name).unwrap_or_else(|| panic!("there is no target {name}"))
        })
    }

    libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (target().check)(bytes));

    // Coverage says what is new; our changes know JSON, libFuzzer's know bytes and what was compared with what.
    libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
        let mut random = Random::new(u64::from(seed));
        let ours = random.below(2) == 0;
        let bytes = mutated(
            &mut random,
            &data[..size],
            &data[..size],
            most.min(target().most_bytes),
        );
        // libFuzzer takes an empty input from a mutator for a fault.
        if !ours || bytes.is_empty() {
            return libfuzzer_sys::fuzzer_mutate(data, size, most);
        }
        data[..bytes.len()].copy_from_slice(&bytes);
        bytes.len()
    });
}

#[cfg(not(fuzzing))]
mod replay {
    use std::path::PathBuf;

    use clap::Parser;
    use clap::builder::PossibleValuesParser;
    use fuzz::{TARGETS, Target};

    /// Replays files at one of the doors; it panics at the first that breaks a promise (docs/security.md, "Fuzzing")
    #[derive(Debug, Parser)]
    #[command(name = "fuzz")]
    pub(super) struct Arguments {
        /// The door: the name of a directory in fuzz/seeds
        #[arg(value_parser = PossibleValuesParser::new(TARGETS.map(|target| target.name)))]
        target: String,
        /// The files, such as those that `make fuzz` left in target/fuzz-corpus
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    }

    impl Arguments {
        pub(super) fn run(&self) -> Result<(), String> {
            let target = Target::named(&self.target).ok_or("there is no such target")?;
            for file in &self.files {
                let bytes = std::fs::read(file);
                (target.check)(&bytes.map_err(|error| format!("{}: {error}", file.display()))?);
            }
            Ok(())
        }
    }
}

#[cfg(not(fuzzing))]
fn main() -> Result<(), String> {
    <replay::Arguments as clap::Parser>::parse().run()
}
