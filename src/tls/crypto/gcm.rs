//! AES-GCM (NIST SP 800-38D) with nonces of 96 bits, in place.

use aes::cipher::{Block, BlockEncrypt, BlockSizeUser, KeyInit, consts::U16};
use ghash::{GHash, universal_hash::UniversalHash as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use super::aead::{Nonce, Tag};
use crate::{Error, bytes::copy};

/// A block cipher with the blocks of AES.
pub trait Cipher: BlockEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit {}

impl<C: BlockEncrypt + BlockSizeUser<BlockSize = U16> + KeyInit> Cipher for C {}

/// Encrypts in place; [`Error::Argument`] if the key is not as long as it must be.
pub fn seal<C: Cipher>(
    key: &[u8],
    nonce: &Nonce,
    additional: &[u8],
    in_out: &mut [u8],
) -> Result<Tag, Error> {
    let cipher = C::new_from_slice(key).map_err(|_| Error::Argument)?;
    encrypt(&cipher, nonce, in_out)?;
    Ok(tag(&cipher, nonce, additional, in_out))
}

/// Decrypts in place; `false`, and nothing is changed, if the tag is wrong. [`Error::Argument`] if
/// the key is not as long as it must be.
pub fn open<C: Cipher>(
    key: &[u8],
    nonce: &Nonce,
    additional: &[u8],
    in_out: &mut [u8],
    expected: &Tag,
) -> Result<bool, Error> {
    let cipher = C::new_from_slice(key).map_err(|_| Error::Argument)?;
    if !bool::from(tag(&cipher, nonce, additional, in_out).ct_eq(expected)) {
        return Ok(false);
    }
    encrypt(&cipher, nonce, in_out)?;
    Ok(true)
}

/// The block of a counter, of which each is used once with a nonce.
fn block<C: Cipher>(nonce: &Nonce, counter: u32) -> Block<C> {
    let mut block = Block::<C>::default();
    let (head, tail) = block.split_at_mut(nonce.len());
    head.copy_from_slice(nonce);
    tail.copy_from_slice(&counter.to_be_bytes());
    block
}

/// Encrypts or decrypts: the key stream is that of the counters from 2 on.
#[inline(never)]
fn encrypt<C: Cipher>(cipher: &C, nonce: &Nonce, bytes: &mut [u8]) -> Result<(), Error> {
    // So no counter comes twice.
    if u32::try_from(bytes.len()).is_err() {
        return Err(Error::Argument);
    }
    let mut counter = 2_u32;
    // Two blocks at a time, as the software does it.
    for part in bytes.chunks_mut(32) {
        let mut stream = [counter, counter.wrapping_add(1)].map(|n| block::<C>(nonce, n));
        cipher.encrypt_blocks(&mut stream);
        for (byte, key) in part.iter_mut().zip(stream.iter().flatten()) {
            *byte ^= key;
        }
        counter = counter.wrapping_add(2);
    }
    Ok(())
}

/// The tag of what has been encrypted.
#[inline(never)]
fn tag<C: Cipher>(cipher: &C, nonce: &Nonce, additional: &[u8], encrypted: &[u8]) -> Tag {
    // The key of the hash, and what its value is masked with.
    let mut blocks = [Block::<C>::default(), block::<C>(nonce, 1)];
    cipher.encrypt_blocks(&mut blocks);
    let [key, mask] = &mut blocks;
    let mut hash = GHash::new(key);
    key.as_mut_slice().zeroize();
    let bits = |bytes: &[u8]| (bytes.len() as u64).wrapping_mul(8).to_be_bytes();
    let lengths = [bits(additional), bits(encrypted)];
    for bytes in [additional, encrypted, lengths.as_flattened()] {
        for part in bytes.chunks(16) {
            let mut block = Block::<C>::default();
            copy(part, &mut block);
            hash.update(&[block]);
        }
    }
    let mut tag = Tag::default();
    for ((to, hash), mask) in tag.iter_mut().zip(hash.finalize()).zip(mask) {
        *to = hash ^ *mask;
    }
    tag
}
