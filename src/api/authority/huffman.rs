//! HPACK's Huffman code (RFC 7541, appendix B). Pure.
//!
//! The code is canonical: codes of one length count upwards in the order of their symbols, and begin where those of the
//! length before end. So the lengths say all.

/// Length in bits of the code of each byte.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// The longest code.
const LONGEST: usize = 30;

/// The codes by their length: the first, how many there are, and where their symbols begin in `symbols`.
struct Codes {
    first: [u32; LONGEST + 1],
    count: [u32; LONGEST + 1],
    begin: [usize; LONGEST + 1],
    symbols: [u8; 256],
}

static CODES: Codes = codes();

const fn codes() -> Codes {
    let mut codes = Codes {
        first: [0; LONGEST + 1],
        count: [0; LONGEST + 1],
        begin: [0; LONGEST + 1],
        symbols: [0; 256],
    };
    let (mut length, mut next, mut filled) = (1, 0, 0);
    while length <= LONGEST {
        next <<= 1;
        codes.first[length] = next;
        codes.begin[length] = filled;
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                codes.symbols[filled] = symbol as u8;
                filled += 1;
                next += 1;
            }
            symbol += 1;
        }
        codes.count[length] = next - codes.first[length];
        length += 1;
    }
    codes
}

/// The bytes that `coded` stands for, after those in `into`; `None` where it is no code. The end-of-string symbol, the
/// one code that no byte has, is never sent.
pub(super) fn decode(coded: &[u8], into: &mut Vec<u8>) -> Option<()> {
    let (mut code, mut length) = (0_u32, 0);
    for byte in coded {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(byte >> bit & 1);
            length += 1;
            let after = code.wrapping_sub(CODES.first[length]);
            if after < CODES.count[length] {
                into.push(CODES.symbols[CODES.begin[length] + after as usize]);
                (code, length) = (0, 0);
            } else if length == LONGEST {
                return None;
            }
        }
    }
    // What is left of the last byte are the first bits of the end-of-string symbol, all of them 1.
    (length < 8 && code == (1 << length) - 1).then_some(())
}

/// The code of these bytes, for what tests send.
#[cfg(test)]
pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut bits = Vec::new();
    for byte in bytes {
        let at =
            CODES.symbols.iter().position(|symbol| symbol == byte).expect("every byte has a code");
        let length = usize::from(LENGTHS[usize::from(*byte)]);
        let code = CODES.first[length] + (at - CODES.begin[length]) as u32;
        bits.extend((0..length).rev().map(|bit| code >> bit & 1));
    }
    bits.resize(bits.len().next_multiple_of(8), 1);
    bits.chunks(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | *bit as u8)).collect()
}
