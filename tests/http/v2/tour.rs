//! The README's five minutes with version 2.0: every command as it is printed there, in a folder as a clone is, with the answers that are
//! printed below it.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;

use testkit::{Home, backplane, paste};

const README: &str = include_str!("../../../README.md");
/// Where the tour has its server.
const USUAL: &str = "127.0.0.1:8080";
/// What stands between the answers of two blocks.
const RULE: &str = "\n-----\n";

/// Each block of commands, and the answer below it, if one is printed.
fn steps() -> Vec<(&'static str, Option<&'static str>)> {
    let (_, tour) = README.split_once("## Five minutes with version 2.0\n").unwrap();
    let (tour, _) = tour.split_once("\n## ").unwrap();
    let mut steps = Vec::new();
    for (at, block) in tour.split("```").enumerate().filter(|(at, _)| at % 2 == 1) {
        match (block.strip_prefix("sh\n"), block.strip_prefix('\n')) {
            (Some(commands), _) => steps.push((commands, None)),
            (None, Some(answer)) => steps.last_mut().unwrap().1 = Some(answer),
            _ => panic!("block {at} is neither commands nor an answer"),
        }
    }
    steps
}

/// Ids, tokens, channels and times are others each time; what ends in `…` is printed in part.
fn usual(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '…');
    let mut usual = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let (has_digit, is_base32) = (
            word.contains(|c: char| c.is_ascii_digit()),
            word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
        );
        let is_id = match word.len() {
            13 => is_base32 || has_digit,
            length => length >= 20 || (length > 13 && has_digit),
        };
        if is_word(first) && is_id {
            usual.push_str("<id>");
        } else {
            usual.push_str(word);
        }
        rest = behind;
    }
    let lines = usual.lines().map(|line| match line.split_once("retry: ") {
        Some(("", _)) => "retry: <ms>".to_owned(),
        // Of a time only the first half looks like an id.
        _ => line.split("\"<id>:").enumerate().fold(String::new(), |line, (n, part)| {
            if n == 0 { part.to_owned() } else { format!("{line}\"<time>{}", part.get(6..).unwrap()) }
        }),
    });
    // Whoever runs it.
    let lines = lines.map(|line| match line.split_once("process:") {
        Some((before, _)) => format!("{before}process:<user>"),
        None => line,
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[test]
fn the_five_minutes_of_the_readme_work_word_for_word() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let steps: Vec<_> = steps()
        .into_iter()
        .map(|(commands, answer)| {
            (commands.replace(USUAL, &free), answer.map(|answer| answer.replace(USUAL, &free)))
        })
        .collect();
    let [(build, None), (configure, None), (serve, None), rest @ ..] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(build, "cargo build --release\n");
    let clone = Home::new(None);
    let target = clone.path().join("target/release");
    std::fs::create_dir_all(&target).unwrap();
    symlink(backplane(), target.join("backplane")).unwrap();
    paste(clone.path(), configure);
    let mut program = clone.run(Path::new("/bin/sh"), &["-c", &format!("cd tour && exec {serve}")]);
    assert_eq!(program.address().to_string(), free);

    let script: Vec<_> = rest.iter().map(|(commands, _)| format!("{commands}\nprintf '{RULE}'\n")).collect();
    let script = script.concat().replace(RULE, "\\n-----\\n");
    let (said, errors) = paste(&clone.path().join("tour"), &script);
    let answers: Vec<_> = said.split(RULE).collect();
    assert_eq!(answers.len(), rest.len() + 1, "{said}\n{errors}");
    let mut compared = 0;
    for ((commands, wanted), answer) in rest.iter().zip(answers) {
        let (Some(wanted), answer) = (wanted, usual(answer)) else { continue };
        let wanted = usual(wanted);
        match wanted.strip_suffix("\n...") {
            // Dots stand for more headers.
            Some(lines) => {
                let has_all = lines.lines().all(|line| answer.contains(line));
                assert!(has_all, "{commands}\n{answer}\n{lines}\n{errors}");
            }
            None => assert_eq!(answer, wanted, "{commands}\n{errors}"),
        }
        compared += 1;
    }
    assert_eq!(compared, 8, "of {} blocks", rest.len());
    program.signal("TERM");
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
}
