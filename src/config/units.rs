//! Durations and sizes as people write them. Parsing is humantime's and bytesize's; the bounds are the caller's.

use std::time::Duration;

use bytesize::ByteSize;

pub(super) const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;
pub(super) const TIB: u64 = 1 << 40;

/// A duration such as `30m` or `1h 30m`, in milliseconds.
pub(super) fn parse_millis(text: &str) -> Result<u64, String> {
    let span = humantime::parse_duration(text).map_err(|error| format!("{text:?}: {error}"))?;
    if !span.subsec_nanos().is_multiple_of(1_000_000) {
        return Err(format!("{text:?} is not a whole number of milliseconds"));
    }
    u64::try_from(span.as_millis()).map_err(|_| format!("{text:?} is too long"))
}

/// A size such as `1MiB`, `1MB` (a million) or `1048576`, in bytes.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    match text.parse::<ByteSize>() {
        Ok(size) => Ok(size.as_u64()),
        Err(_) => Err(format!("{text:?} is not a size")),
    }
}

/// The shortest text that [`parse_millis`] reads as this many milliseconds.
pub(super) fn show_millis(millis: u64) -> String {
    humantime::format_duration(Duration::from_millis(millis)).to_string()
}

/// The shortest exact text that [`parse_bytes`] reads as this many bytes.
pub(super) fn show_bytes(bytes: u64) -> String {
    for (unit, name) in [(TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_write_units() {
        assert_eq!(parse_millis("30m"), Ok(1_800_000));
        assert_eq!(parse_millis("1h 30m"), Ok(5_400_000));
        assert_eq!(parse_bytes("1MiB"), Ok(MIB));
        assert_eq!(parse_bytes("1MB"), Ok(1_000_000));
        assert_eq!(parse_bytes("1048576"), Ok(MIB));
        assert_eq!(show_bytes(MIB + 1), "1048577B");
    }

    #[test]
    fn what_is_no_measure_is_refused() {
        for bad in ["", "30", "m", "-1s", "1500us", "a long while"] {
            assert!(parse_millis(bad).is_err(), "{bad}");
        }
        for bad in ["", "MiB", "-1", "1 potato"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(number in 0_u64..1 << 45) {
            prop_assert_eq!(parse_millis(&show_millis(number)), Ok(number));
            prop_assert_eq!(parse_bytes(&show_bytes(number)), Ok(number));
        }

        #[test]
        fn any_text_is_a_measure_or_refused(text in ".{0,20}") {
            let _: Result<u64, String> = parse_millis(&text);
            let _: Result<u64, String> = parse_bytes(&text);
        }
    }
}
