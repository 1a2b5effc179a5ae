//! Stands where RSA was left out (without the feature `rsa`): there is no key of that kind.

use core::{convert::Infallible, marker::PhantomData};

use crate::{Error, tls::Random};

/// None.
pub(super) enum Algorithm {}

impl Algorithm {
    pub(super) fn verify(&self, key: &PublicKey<'_>, _: &[u8], _: &[u8]) -> Option<()> {
        match key.none {}
    }
}

/// None.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct PublicKey<'k> {
    none: Infallible,
    key: PhantomData<&'k [u8]>,
}

impl<'k> PublicKey<'k> {
    pub(super) fn from_der(_: &'k [u8]) -> Option<Self> {
        None
    }

    pub(super) fn len(&self) -> usize {
        match self.none {}
    }
}

/// None.
pub(super) struct PrivateKey<'k>(PublicKey<'k>);

impl<'k> PrivateKey<'k> {
    pub(super) fn new(_: [&'k [u8]; 8]) -> Result<Self, Error> {
        Err(Error::KeyUnsupported)
    }

    pub(super) fn public(&self) -> PublicKey<'k> {
        self.0
    }

    pub(super) fn sign_pss(
        &self,
        _: &Algorithm,
        _: &[u8],
        _: &mut dyn Random,
        _: &mut [u8],
    ) -> Result<usize, Error> {
        match self.0.none {}
    }
}

/// What cannot be used is not weak.
pub(super) fn is_weak(_: &[u8]) -> bool {
    false
}
