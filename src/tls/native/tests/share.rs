//! The key exchange, and random bytes that are none.

use super::super::{
    alert::Alert,
    share::{Checked, Share},
    suite::Group,
};
use crate::{
    Error,
    tls::{Random, crypto::Software},
};

/// Always this byte.
struct Same(u8);

impl Random for Same {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(self.0);
        Ok(())
    }
}

#[test]
fn zeros_are_not_random() {
    let mut out = [7; 32];
    assert_eq!(Checked(&mut Same(0)).fill(&mut out), Err(Error::Random));
    assert_eq!(Checked(&mut Same(1)).fill(&mut out), Ok(()));
    for &group in Group::ALL {
        let made = Share::generate(group, &Software, &mut Checked(&mut Same(0)));
        assert_eq!(made.err(), Some(Error::Random));
    }
}

#[test]
fn a_key_that_is_none_is_illegal() {
    for &group in Group::ALL {
        let share = |byte| Share::generate(group, &Software, &mut Same(byte)).unwrap();
        let (ours, theirs) = (share(1), share(2));
        let secret = ours.agree(theirs.public(), &Software).unwrap();
        assert!(secret == theirs.agree(ours.public(), &Software).unwrap());
        let good = theirs.public().to_vec();
        let mut bad = vec![vec![], vec![0; good.len()], [&good[..], &[0]].concat()];
        bad.push(good[1..].to_vec());
        if group == Group::Secp256r1 {
            // Compressed, hybrid, of no form, and not on the curve.
            bad.push([&[2][..], &good[1..33]].concat());
            for form in [0, 2, 3, 5, 6, 7] {
                bad.push([&[form][..], &good[1..]].concat());
            }
            for at in [1, 32, 33, 64] {
                let mut changed = good.clone();
                changed[at] ^= 1;
                bad.push(changed);
            }
        }
        for key in bad {
            let refused = ours.agree(&key, &Software).err();
            assert_eq!(
                refused.and_then(|fatal| fatal.alert),
                Some(Alert::IllegalParameter),
                "{key:?}"
            );
        }
    }
}
