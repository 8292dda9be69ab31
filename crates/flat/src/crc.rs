//! CRC-32 with Castagnoli's polynomial, as etcd's files have it, without tables to download: they
//! are made when the first sum is. Natively the processor does it.
//!
//! The eight tables are eight kilobytes that no compression makes smaller.

/// The sum of these bytes.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32c_append(0, bytes)
}

/// The sum of what was summed before, and these bytes after it.
pub fn crc32c_append(before: u32, bytes: &[u8]) -> u32 {
    #[cfg(not(target_arch = "wasm32"))]
    let sum = crc32c::crc32c_append(before, bytes);
    #[cfg(target_arch = "wasm32")]
    let sum = tables::append(before, bytes);
    sum
}

#[cfg(any(target_arch = "wasm32", test))]
mod tables {
    use std::sync::OnceLock;

    /// Castagnoli's polynomial, its bits from low to high.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    const BYTES_AT_ONCE: usize = 8;

    /// `tables[n][byte]` is what a byte does to the sum when `n` bytes come after it.
    type Tables = [[u32; 256]; BYTES_AT_ONCE];

    static TABLES: OnceLock<Box<Tables>> = OnceLock::new();

    fn made() -> Box<Tables> {
        let mut tables = Box::new([[0; 256]; BYTES_AT_ONCE]);
        for (byte, sum) in (0_u32..).zip(&mut tables[0]) {
            *sum = (0..8).fold(byte, |sum, _| match sum & 1 {
                0 => sum >> 1,
                _ => sum >> 1 ^ POLYNOMIAL,
            });
        }
        for after in 1..BYTES_AT_ONCE {
            for byte in 0..256 {
                let sum = tables[after - 1][byte];
                tables[after][byte] = sum >> 8 ^ tables[0][(sum & 0xff) as usize];
            }
        }
        tables
    }

    pub(super) fn append(before: u32, bytes: &[u8]) -> u32 {
        let tables = TABLES.get_or_init(made);
        let mut sum = !before;
        let mut chunks = bytes.chunks_exact(BYTES_AT_ONCE);
        for chunk in &mut chunks {
            let word = u64::from_le_bytes(chunk.try_into().expect("a chunk of eight"));
            let word = word ^ u64::from(sum);
            sum = tables[7][(word & 0xff) as usize]
                ^ tables[6][(word >> 8 & 0xff) as usize]
                ^ tables[5][(word >> 16 & 0xff) as usize]
                ^ tables[4][(word >> 24 & 0xff) as usize]
                ^ tables[3][(word >> 32 & 0xff) as usize]
                ^ tables[2][(word >> 40 & 0xff) as usize]
                ^ tables[1][(word >> 48 & 0xff) as usize]
                ^ tables[0][(word >> 56) as usize];
        }
        for byte in chunks.remainder() {
            sum = sum >> 8 ^ tables[0][((sum ^ u32::from(*byte)) & 0xff) as usize];
        }
        !sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_the_same_sum() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        let bytes: Vec<u8> = (0..1000_u32).map(|n| ((n * 7919) >> 3) as u8).collect();
        for cut in 0..64 {
            let (head, tail) = bytes[..900 + cut].split_at(cut);
            let expected = crc32c_append(crc32c(head), tail);
            assert_eq!(tables::append(tables::append(0, head), tail), expected, "cut at {cut}");
        }
    }
}
