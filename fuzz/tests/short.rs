//! A short run of every fuzzer, the same every time, on stable Rust.

use std::{panic, time::Instant};

use fuzz::{TARGETS, Target};

/// Numbers that look random (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        number as usize % end.max(1)
    }
}

/// The words of a dictionary.
fn words(dictionary: &str) -> Vec<Vec<u8>> {
    let word = |line: &str| {
        let mut text = line.strip_prefix('"')?.strip_suffix('"')?;
        let mut word = Vec::new();
        while let Some(first) = text.bytes().next() {
            if let Some(hex) = text.strip_prefix("\\x") {
                word.push(u8::from_str_radix(&hex[..2], 16).unwrap());
                text = &hex[2..];
            } else {
                word.push(first);
                text = &text[1..];
            }
        }
        Some(word)
    };
    dictionary.lines().filter_map(word).collect()
}

/// Changes an input in one of the ways that find most.
fn mutate(input: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>], numbers: &mut Numbers) {
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(input.len() + 1);
        let end = input.len().min(at + numbers.below(9));
        match numbers.below(8) {
            0 | 1 if at < input.len() => input[at] ^= 1 << numbers.below(8),
            2 if at < input.len() => input[at] = numbers.below(256) as u8,
            3 => drop(input.drain(at..end)),
            4 => {
                let copy = input[at..end].to_vec();
                input.splice(at..at, copy);
            }
            5 => {
                let word = &words[numbers.below(words.len())];
                let end = input.len().min(at + word.len() * numbers.below(2));
                input.splice(at..end, word.iter().copied());
            }
            6 => {
                let from = numbers.below(other.len() + 1);
                let end = other.len().min(from + numbers.below(40));
                input.splice(at..at, other[from..end].iter().copied());
            }
            _ => input.insert(at, numbers.below(256) as u8),
        }
    }
}

fn fuzz(name: &str, runs: usize) {
    let target: &Target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let (seeds, words) = ((target.seeds)(), words(target.words));
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    let start = Instant::now();
    for seed in &seeds {
        (target.run)(seed);
    }
    for run in 0..runs {
        let mut input = seeds[run % seeds.len()].clone();
        let other = &seeds[numbers.below(seeds.len())];
        mutate(&mut input, other, &words, &mut numbers);
        if let Err(panic) = panic::catch_unwind(|| (target.run)(&input)) {
            eprintln!("{name}: run {run} with {input:?}");
            panic::resume_unwind(panic);
        }
    }
    let runs = runs + seeds.len();
    println!(
        "{name}: {runs} executions in {:.1} s",
        start.elapsed().as_secs_f32()
    );
}

#[test]
fn session() {
    fuzz("session", 1_500);
}

#[test]
fn wire() {
    fuzz("wire", 800);
}

#[test]
fn certificates() {
    fuzz("certificates", 1_500);
}

#[test]
fn keys() {
    fuzz("keys", 3_000);
}

#[test]
fn mqtt() {
    fuzz("mqtt", 100_000);
}

#[test]
fn json() {
    fuzz("json", 100_000);
}

#[test]
fn shadow() {
    fuzz("shadow", 10_000);
}
