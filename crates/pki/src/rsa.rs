//! RSA signatures of others: verified with PKCS #1 v1.5 and SHA-256, never made. The numbers
//! are public, so nothing here needs to take the same time for all of them.

/// Bits of the largest key that is looked at.
const MODULUS_BYTES_MAX: usize = 1024;
/// The beginning of a SHA-256 in a signature: its algorithm, as DER.
const SHA256_HEAD: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// Whether a signature of a message is of this key.
pub(crate) fn verify_sha256(modulus: &[u8], exponent: u64, message: &[u8], sign: &[u8]) -> bool {
    let len = modulus.len();
    if !(64..=MODULUS_BYTES_MAX).contains(&len)
        || modulus[0] == 0
        || modulus[len - 1].is_multiple_of(2)
        || sign.len() != len
        || sign >= modulus
        || !(3..=u64::from(u32::MAX)).contains(&exponent)
    {
        return false;
    }
    let opened = to_bytes(&power(&to_limbs(sign), exponent, &to_limbs(modulus)), len);
    let hash = crate::sha256(message);
    let padding = len - 3 - SHA256_HEAD.len() - hash.len();
    let mut wanted = vec![0, 1];
    wanted.resize(2 + padding, 0xff);
    wanted.push(0);
    wanted.extend_from_slice(&SHA256_HEAD);
    wanted.extend_from_slice(&hash);
    opened == wanted
}

/// Little-endian digits of 32 bits.
fn to_limbs(bytes: &[u8]) -> Vec<u32> {
    bytes
        .rchunks(4)
        .map(|chunk| chunk.iter().fold(0, |limb, byte| limb << 8 | u32::from(*byte)))
        .collect()
}

fn to_bytes(limbs: &[u32], len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    bytes.resize(len, 0);
    bytes.reverse();
    bytes
}

/// `base ^ exponent mod modulus`.
fn power(base: &[u32], exponent: u64, modulus: &[u32]) -> Vec<u32> {
    let mut result = base.to_vec();
    // From the second bit of the exponent on, the highest first.
    for bit in (0..63 - exponent.leading_zeros()).rev() {
        result = multiply(&result, &result, modulus);
        if exponent >> bit & 1 == 1 {
            result = multiply(&result, base, modulus);
        }
    }
    result
}

/// `a * b mod modulus`, bit by bit of `b` from the highest: slow and plain. The length of
/// all is that of the modulus.
fn multiply(a: &[u32], b: &[u32], modulus: &[u32]) -> Vec<u32> {
    let mut product = vec![0_u32; modulus.len() + 1];
    for limb in b.iter().rev() {
        for bit in (0..32).rev() {
            double(&mut product);
            reduce(&mut product, modulus);
            if limb >> bit & 1 == 1 {
                add(&mut product, a);
                reduce(&mut product, modulus);
            }
        }
    }
    product.truncate(modulus.len());
    product
}

fn double(number: &mut [u32]) {
    let mut carry = 0;
    for limb in number {
        let next = *limb >> 31;
        *limb = *limb << 1 | carry;
        carry = next;
    }
}

fn add(number: &mut [u32], other: &[u32]) {
    let mut carry = 0_u64;
    for (place, limb) in number.iter_mut().enumerate() {
        let sum = u64::from(*limb) + u64::from(other.get(place).copied().unwrap_or(0)) + carry;
        *limb = u32::try_from(sum & u64::from(u32::MAX)).expect("masked to 32 bits");
        carry = sum >> 32;
    }
}

/// Takes the modulus away once, if it fits: the number is less than twice as large.
fn reduce(number: &mut [u32], modulus: &[u32]) {
    let digit = |place: usize| modulus.get(place).copied().unwrap_or(0);
    let smaller = (0..number.len())
        .rev()
        .find(|place| number[*place] != digit(*place))
        .is_some_and(|place| number[place] < digit(place));
    if smaller {
        return;
    }
    let mut borrow = false;
    for (place, limb) in number.iter_mut().enumerate() {
        let (less, first) = limb.overflowing_sub(digit(place));
        let (less, second) = less.overflowing_sub(u32::from(borrow));
        (*limb, borrow) = (less, first || second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_right() {
        let number = |value: u128| to_limbs(&value.to_be_bytes());
        let modulus = 0xffff_ffff_ffff_fffb_u128 << 64 | 0x1234_5679;
        let mut expected = 1_u64;
        for _ in 0..17 {
            expected = expected.wrapping_mul(3);
        }
        let got = power(&number(3), 17, &number(modulus));
        assert_eq!(to_bytes(&got, 16), u128::from(expected).to_be_bytes());
        // (m - 1)^2 = 1 modulo m.
        let got = power(&number(modulus - 1), 2, &number(modulus));
        assert_eq!(to_bytes(&got, 16), 1_u128.to_be_bytes());
        let got = power(&number(modulus - 1), 65_537, &number(modulus));
        assert_eq!(to_bytes(&got, 16), (modulus - 1).to_be_bytes());
    }
}
