//! A log that is not as it was written: the server does not start from it, and says where to look.

use std::fs;

use crate::{DATA, first_segment, post_all, read};
use testkit::{BUS, Ended, Home};

/// A log with these messages, whose server has ended in order.
fn log_with(payloads: &[&str]) -> (Home, Vec<String>) {
    let home = Home::configured("");
    let mut program = home.start(&[]);
    let ids = post_all(&program.client(), payloads);
    program.signal("TERM");
    assert_eq!(program.end().code, Some(0));
    (home, ids)
}

/// A start that is refused, and changes nothing.
fn refused(home: &Home) -> Ended {
    let before = fs::read(first_segment(home)).unwrap();
    let ended = home.start(&[]).end();
    assert_eq!((ended.code, ended.output.as_str()), (Some(65), ""));
    assert!(!ended.errors.contains("listening on"), "{}", ended.errors);
    assert!(fs::read(first_segment(home)).unwrap() == before, "the file was changed");
    ended
}

#[test]
fn a_log_of_another_format_version_is_refused_and_left_as_it_is() {
    /// Where a segment says its version.
    const AT: usize = 8;
    let (home, _) = log_with(&["1"]);
    let file = first_segment(&home);
    let mut bytes = fs::read(&file).unwrap();
    let known = std::mem::replace(&mut bytes[AT], 99);
    fs::write(&file, bytes).unwrap();
    let errors = refused(&home).errors;
    let words =
        format!("0000000000000001.log: format version 99 is not known; this program knows version {known}");
    assert!(errors.contains(&words), "{errors}");
    let looked = home.start(&["check-log"]).end();
    assert_eq!(looked.code, Some(65));
    assert!(looked.errors.contains(&words), "{}", looked.errors);
}

#[test]
fn damage_is_refused_told_and_what_is_whole_is_salvaged() {
    let (home, ids) = log_with(&["\"one\"", "\"two\"", "\"three\"", "\"four\""]);
    let file = first_segment(&home);
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(5).position(|text| text == b"\"two\"").unwrap();
    bytes[at + 1] ^= 0x20;
    fs::write(&file, &bytes).unwrap();

    let errors = refused(&home).errors;
    let (_, rest) = errors.split_once("0000000000000001.log: damaged at byte ").expect(&errors);
    let offset: usize = rest.split(':').next().unwrap().parse().unwrap();
    let first = bytes.windows(5).position(|text| text == b"\"one\"").unwrap();
    assert!(
        first < offset && offset < at,
        "the second record begins between {first} and {at}, not at {offset}"
    );

    let looked = home.start(&["check-log"]).end();
    assert_eq!(looked.code, Some(65), "{}", looked.errors);
    assert!(looked.output.contains(&format!("damaged at byte {offset}")), "{}", looked.output);
    assert!(looked.output.contains("3 records"), "{}", looked.output);

    let salvaged = home.start(&["check-log", "--repair", "new"]).end();
    assert_eq!(salvaged.code, Some(0), "{}", salvaged.errors);
    assert!(salvaged.output.contains("3 records copied to new"), "{}", salvaged.output);
    assert!(
        salvaged.output.contains("may be missing; their readers will be told of a gap"),
        "{}",
        salvaged.output
    );
    assert!(fs::read(&file).unwrap() == bytes, "the damaged log is left as it is");
    fs::rename(home.path().join(DATA), home.path().join("old")).unwrap();
    fs::rename(home.path().join("new"), home.path().join(DATA)).unwrap();
    let mut program = home.start(&[]);
    let client = program.client();
    assert_eq!(read(&client).payloads(), ["\"one\"", "\"three\"", "\"four\""]);
    assert_eq!(read(&client).ids(), [&ids[..1], &ids[2..]].concat());
    // Who comes from before the hole may have missed something (RET-4), who comes from behind it has not.
    for (since, payloads, resume) in
        [(&ids[0], &["\"three\"", "\"four\""][..], "gap"), (&ids[2], &["\"four\""], "complete")]
    {
        let reply = client.get_as("alice", &format!("/v1/bus/{BUS}?since={since}"));
        assert_eq!(
            (reply.payloads(), reply.resume()),
            (payloads.iter().map(ToString::to_string).collect(), resume)
        );
    }
    let more = post_all(&client, &["5"]);
    assert!(more[0] > ids[3], "ids go on (I-1)");
}
