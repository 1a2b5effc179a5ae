//! Copying where the lengths may differ.

/// Copies as much of `from` as there is room for to the start of `to`; returns how many bytes.
#[inline]
pub fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let n = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..n), to.get_mut(..n)) {
        to.copy_from_slice(from);
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

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
