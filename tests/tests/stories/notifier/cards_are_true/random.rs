//! Random numbers that come again with their seed.

/// Random numbers that come again with their seed (<https://prng.di.unimi.it/splitmix64.c>). Says the seed when the story fails.
pub(super) struct Random {
    pub(super) seed: u64,
    state: u64,
    pub(super) steps: String,
}

impl Random {
    pub(super) fn of(seed: u64) -> Self {
        Self {
            seed,
            state: seed,
            steps: String::new(),
        }
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % end as u64).expect("below a usize")
    }

    pub(super) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for place in (1..all.len()).rev() {
            all.swap(place, self.below(place + 1));
        }
    }
}

impl Drop for Random {
    #[expect(
        clippy::print_stderr,
        reason = "whoever runs the story has to learn the seed"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SEED = Some({}); what happened:{}", self.seed, self.steps);
        }
    }
}
