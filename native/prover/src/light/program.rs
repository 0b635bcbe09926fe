//! What a program would take in memory, before SP1 loads it.

/// SP1's loader makes a table entry of every word of a segment, zeros included: some 20 bytes for
/// 8. A file of 200 bytes can ask for more than any machine has.
const MOST_LOADED: u64 = 512 << 20;

const LOAD: u64 = 1;

/// Refuses a program that is too large to be loaded. What cannot be read, SP1 refuses.
pub fn check_size(elf: &[u8]) -> Result<(), String> {
    match loaded(elf) {
        Some(size) if size > MOST_LOADED => {
            Err(format!("the program's segments take {size} bytes of memory, over {MOST_LOADED}"))
        }
        _ => Ok(()),
    }
}

/// The bytes that the segments of an ELF file cover; `None` if it has no readable ones.
fn loaded(elf: &[u8]) -> Option<u64> {
    // Where the header table is, its rows' size and number, and the size in memory within a row.
    let ((table, wide), row_size, rows, size) = match elf.get(4)? {
        1 => ((28, 4), 42, 44, (20, 4)),
        2 => ((32, 8), 54, 56, (40, 8)),
        _ => return None,
    };
    let (table, row_size) = (number(elf, table, wide)?, number(elf, row_size, 2)?);
    (0..number(elf, rows, 2)?).try_fold(0, |sum: u64, row| {
        let row = usize::try_from(table.checked_add(row * row_size)?).ok()?;
        let loads = number(elf, row, 4)? == LOAD;
        let size = if loads { number(elf, row.checked_add(size.0)?, size.1)? } else { 0 };
        Some(sum.saturating_add(size))
    })
}

/// A little-endian number of so many bytes.
fn number(data: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = data.get(at..at.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit file with one segment that loads.
    fn elf(memory: u64) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..5].copy_from_slice(b"\x7fELF\x02");
        file[32] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64] = 1;
        file[64 + 40..64 + 48].copy_from_slice(&memory.to_le_bytes());
        file
    }

    #[test]
    fn only_what_fits_into_memory_is_loaded() {
        assert!(check_size(&elf(MOST_LOADED)).is_ok());
        assert!(check_size(&elf(MOST_LOADED + 1)).is_err());
        assert!(check_size(&elf(u64::MAX)).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_left_to_sp1() {
        let file = elf(u64::MAX);
        for end in 0..file.len() - 8 {
            assert!(check_size(&file[..end]).is_ok());
        }
    }
}
