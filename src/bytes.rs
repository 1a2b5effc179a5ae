//! Copying where the lengths may differ; comparing fast.

/// Copies as much of `from` as there is room for to the start of `to`; returns how many bytes.
#[inline]
pub fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let n = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..n), to.get_mut(..n)) {
        to.copy_from_slice(from);
    }
    n
}

/// Whether two texts are the same. Four bytes at once: the `memcmp` that Rust brings for a Cortex-M
/// goes byte by byte.
#[inline]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let ((a, a_end), (b, b_end)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    a.iter().zip(b).all(|(a, b)| a == b) && a_end.iter().zip(b_end).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_is_what_is_the_same() {
        let text = b"0123456789";
        for len in 0..=text.len() {
            assert!(equal(&text[..len], &text.to_vec()[..len]));
            assert!(len == 10 || !equal(&text[..len], &text[..len + 1]));
            for at in 0..len {
                let mut other = text[..len].to_vec();
                other[at] ^= 1;
                assert!(!equal(&text[..len], &other), "{len} {at}");
            }
        }
    }

    #[test]
    fn copies_what_fits() {
        let mut to = [0; 3];
        assert_eq!(copy(b"ab", &mut to), 2);
        assert_eq!(&to, b"ab\0");
        assert_eq!(copy(b"wxyz", &mut to), 3);
        assert_eq!(&to, b"wxy");
        assert_eq!(copy(b"", &mut to), 0);
    }
}
