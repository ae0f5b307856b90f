//! Repeatable chance: the same seed gives the same world on every machine.

/// Spreads the bits of `x` (the finaliser of splitmix64).
pub fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A number for a text, the same in every run (FNV-1a, then mixed).
pub fn hash_text(text: &str) -> u64 {
    let fnv = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    mix(fnv)
}

/// A stream of numbers that depends on its starting point alone.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The stream for thing number `n` of the sort `tag` in the world `seed`.
    pub fn of(seed: u64, tag: u64, n: u64) -> Self {
        Self(mix(seed ^ mix(tag.wrapping_mul(0x1_0000_0001) ^ mix(n))))
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `limit - 1`; 0 for a limit of 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.roll() % limit }
    }

    /// A number between `low` and `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).unsigned_abs()).cast_signed()
    }

    /// A fraction of at least 0 and less than 1.
    pub fn fraction(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.fraction() < probability
    }

    /// One of `options`, or nothing when there are none.
    pub fn pick<'a, T>(&mut self, options: &'a [T]) -> Option<&'a T> {
        options.get(usize::try_from(self.below(options.len() as u64)).unwrap_or(0))
    }

    /// `len` letters and digits.
    pub fn letters(&mut self, len: usize) -> String {
        (0..len).map(|_| super::ids::digit(self.roll())).collect()
    }
}
