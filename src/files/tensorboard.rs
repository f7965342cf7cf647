//! Curves as TensorBoard reads them: a file of records, each a protocol buffer `Event` between two checksums.
//!
//! A record is its length (8 bytes), the masked CRC-32C of those, the event, and the masked CRC-32C of the event; all
//! numbers are little-endian. Only the few fields that scalars need are written.

use super::metrics::Row;

/// The event file of a run whose training began at `start`, in seconds since 1970. Losses, rates and norms become
/// scalars under the names of the columns of `metrics.csv`.
pub fn event_file(rows: &[Row], start: f64) -> Vec<u8> {
    let mut file = record(&version(start));
    for row in rows {
        let event = event(start + row.secs, row.step, &scalars(row));
        file.extend(record(&event));
    }
    file
}

/// Name of an event file; TensorBoard looks for the word in the middle.
pub fn file_name(start: f64) -> String {
    format!("events.out.tfevents.{}.diffusion-studio", start.max(0.0) as u64)
}

fn scalars(row: &Row) -> Vec<(&'static str, f64)> {
    let measured = row
        .validation
        .into_iter()
        .flat_map(|(raw, ema)| [("val/loss", raw), ("val/ema_loss", ema)]);
    [
        ("train/loss", f64::from(row.loss)),
        ("train/grad_norm", row.grad_norm),
        ("train/lr", row.lr),
        ("train/ema_decay", row.ema_decay),
        ("time/steps_per_sec", row.steps_per_sec),
    ]
    .into_iter()
    .chain(measured)
    .collect()
}

/// The first event: `wall_time` (field 1) and `file_version` (field 3).
fn version(time: f64) -> Vec<u8> {
    let mut event = double(1, time);
    event.extend(bytes(3, b"brain.Event:2"));
    event
}

/// `wall_time` (field 1), `step` (field 2), `summary` (field 5), which repeats `value` (field 1) of `tag` (field 1) and
/// `simple_value` (field 2).
fn event(time: f64, step: u64, scalars: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in scalars {
        let mut scalar = bytes(1, tag.as_bytes());
        scalar.push(2 << 3 | 5);
        scalar.extend((*value as f32).to_le_bytes());
        summary.extend(bytes(1, &scalar));
    }
    let mut event = double(1, time);
    event.push(2 << 3);
    event.extend(varint(step));
    event.extend(bytes(5, &summary));
    event
}

fn double(field: u8, value: f64) -> Vec<u8> {
    let mut out = vec![field << 3 | 1];
    out.extend(value.to_le_bytes());
    out
}

fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    out.extend(varint(content.len() as u64));
    out.extend(content);
    out
}

/// Seven bits a byte, the least first, the highest bit says that more follow.
fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn record(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut out = length.to_vec();
    out.extend(masked(crc32c(&length)).to_le_bytes());
    out.extend(event);
    out.extend(masked(crc32c(event)).to_le_bytes());
    out
}

/// Checksums are stored turned and shifted, so that data that hold checksums have other ones.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC with Castagnoli's polynomial, bits reversed.
fn crc32c(data: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let bit = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc));
    !data.iter().fold(!0, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn a_number_takes_as_many_bytes_as_it_needs() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(300), [0xac, 0x02]);
        assert_eq!(varint(u64::MAX).len(), 10);
    }

    #[test]
    fn the_first_record_is_the_one_that_every_event_file_begins_with() {
        // Written by TensorFlow at time 0: length 24, its checksum, the event, its checksum.
        let first = &event_file(&[], 0.0);
        assert_eq!(first[..8], 24_u64.to_le_bytes());
        assert_eq!(first[8..12], [0xa3, 0x7f, 0x4b, 0x22]);
        assert_eq!(&first[21..36], b"\x1a\x0dbrain.Event:2");
        assert_eq!(first.len(), 12 + 24 + 4);
    }

    #[test]
    fn a_row_becomes_one_event_with_its_scalars() {
        let row = Row {
            step: 300,
            loss: 0.5,
            ..Row::default()
        };
        let file = event_file(&[row], 1.0);
        let tail = &file[40..];
        assert_eq!(tail[12 + 9..12 + 12], [0x10, 0xac, 0x02], "the step");
        let text = String::from_utf8_lossy(tail);
        assert!(text.contains("train/loss") && !text.contains("val/loss"));
        let measured = Row {
            validation: Some((1.0, 2.0)),
            ..row
        };
        assert!(String::from_utf8_lossy(&event_file(&[measured], 1.0)).contains("val/ema_loss"));
    }
}
