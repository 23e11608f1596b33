//! Length and checksum around a record. Pure.
//!
//! `u32` length, `u32` CRC-32 of the bytes, both little-endian, then the bytes. Zeros follow the last record: room that is
//! kept. Bytes that are no record are damage where a record follows them, and else the end of what was being
//! written.

/// Bytes before each record.
const HEADER: usize = 8;

/// Longest record: a transaction of 10,000 changes has about 3 MB.
const MAX_RECORD: usize = 64 << 20;

/// Bytes at the end of a record that was cut off, at the least, that the disk has as zeros.
const CUT: usize = 4;

/// Adds a record to `out`.
pub(super) fn write(out: &mut Vec<u8>, record: &[u8]) {
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(record).to_le_bytes());
    out.extend_from_slice(record);
}

/// The next record and the bytes behind it; `None` where none begins.
pub(super) fn read(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (record, checksum, rest) = framed(bytes)?;
    (!record.is_empty() && crc32fast::hash(record) == checksum).then_some((record, rest))
}

/// What is in the place of a record, whatever its checksum.
fn framed(bytes: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let (length, checksum) = header.split_at(4);
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let checksum = u32::from_le_bytes(checksum.try_into().ok()?);
    if length > MAX_RECORD {
        return None;
    }
    let (record, rest) = rest.split_at_checked(length)?;
    Some((record, checksum, rest))
}

/// Where the next record begins in bytes that do not begin with one. Its checksum alone would let too much pass, and cost too
/// much: a record is one field of bytes to its end, and no text of a client has the zeros of a length.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    // None begins in the room behind all of them.
    let written = bytes.iter().rposition(|byte| *byte != 0)?;
    (0..=written).find(|at| {
        let candidate = &bytes[*at..];
        framed(candidate).is_some_and(|(record, ..)| is_one_field(record))
            && read(candidate).is_some()
    })
}

/// Whether these are one field of bytes or a message in protobuf's encoding, and nothing else.
fn is_one_field(record: &[u8]) -> bool {
    let Some((tag, rest)) = varint(record) else { return false };
    let Some((length, rest)) = varint(rest) else { return false };
    tag & 7 == 2 && tag >> 3 != 0 && usize::try_from(length).is_ok_and(|it| it == rest.len())
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(7 * at).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}

/// Whether bytes at the end of a file, none of which is a record, are what is left of one that was being written:
/// shorter than it says, or without its end. A whole one with another checksum was damaged later.
pub(super) fn is_cut_off(bytes: &[u8]) -> bool {
    if is_whole_under_another_length(bytes) == Some(true) {
        return false;
    }
    match framed(bytes) {
        Some((record, ..)) if record.len() >= CUT => {
            record[record.len() - CUT..].iter().all(|byte| *byte == 0)
        }
        Some(_) | None => true,
    }
}

/// Whether the length alone is wrong: the record's own says another, which its checksum fits.
fn is_whole_under_another_length(bytes: &[u8]) -> Option<bool> {
    let (header, body) = bytes.split_at_checked(HEADER)?;
    let checksum = u32::from_le_bytes(header[4..].try_into().ok()?);
    let (_, rest) = varint(body)?;
    let (length, rest) = varint(rest)?;
    let end = (body.len() - rest.len()).checked_add(usize::try_from(length).ok()?)?;
    Some(crc32fast::hash(body.get(..end)?) == checksum)
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
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
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

        #[test]
        fn a_record_is_found_behind_bytes_that_are_none(
            junk in prop::collection::vec(any::<u8>(), 1..60),
            body in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut record = vec![0x32, u8::try_from(body.len()).expect("small")];
            record.extend(&body);
            let mut file = junk.clone();
            write(&mut file, &record);
            // Bytes of chance make no record but once in 2^32.
            prop_assert_eq!(find(&file), Some(junk.len()));
        }
    }

    #[test]
    fn what_was_being_written_is_told_from_what_was_damaged() {
        let mut whole = Vec::new();
        write(&mut whole, b"a record of some length");
        for cut in 1..whole.len() {
            assert!(is_cut_off(&whole[..cut]), "{cut}");
        }
        let mut torn = whole.clone();
        torn[12..].fill(0);
        assert!(is_cut_off(&torn));
        let mut flipped = whole;
        flipped[12] ^= 1;
        assert!(!is_cut_off(&flipped));
        let mut longer = Vec::new();
        write(&mut longer, &[0x32, 3, 1, 2, 3]);
        longer.resize(100, 0);
        longer[0] ^= 0x20;
        assert!(!is_cut_off(&longer), "its length is damaged");
    }
}
