//! Length and checksum around a record. Pure.
//!
//! `u32` length, `u32` CRC-32 of the bytes, both little-endian, then the bytes. A file that ends within a
//! record, or has other bytes there, was cut by a crash: reading stops before it.

/// Bytes before each record.
const HEADER: usize = 8;

/// Longest record: a transaction of 10,000 changes has about 3 MB.
const MAX_RECORD: usize = 64 << 20;

/// Adds a record to `out`.
pub(super) fn write(out: &mut Vec<u8>, record: &[u8]) {
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(record).to_le_bytes());
    out.extend_from_slice(record);
}

/// The next record and the bytes behind it; `None` at the end, or where the file was cut.
pub(super) fn read(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let (length, checksum) = header.split_at(4);
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let checksum = u32::from_le_bytes(checksum.try_into().ok()?);
    if length > MAX_RECORD {
        return None;
    }
    let (record, rest) = rest.split_at_checked(length)?;
    (crc32fast::hash(record) == checksum).then_some((record, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        while let Some((record, rest)) = read(bytes) {
            records.push(record.to_vec());
            bytes = rest;
        }
        records
    }

    proptest! {
        #[test]
        fn a_file_cut_anywhere_gives_the_records_before_the_cut(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut file = Vec::new();
            let mut ends = Vec::new();
            for record in &records {
                write(&mut file, record);
                ends.push(file.len());
            }
            prop_assert_eq!(all(&file), records.clone());
            let cut = cut.index(file.len() + 1);
            let whole = ends.iter().filter(|end| **end <= cut).count();
            prop_assert_eq!(all(&file[..cut]), records[..whole].to_vec());
        }

        #[test]
        fn a_flipped_byte_is_noticed(
            record in prop::collection::vec(any::<u8>(), 1..40),
            at in any::<prop::sample::Index>(),
        ) {
            let mut file = Vec::new();
            write(&mut file, &record);
            let at = at.index(file.len());
            file[at] ^= 0x40;
            prop_assert_eq!(all(&file), Vec::<Vec<u8>>::new());
        }
    }
}
