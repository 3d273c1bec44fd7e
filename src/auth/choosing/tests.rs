use proptest::prelude::*;

use super::*;

#[test]
fn passwords_have_a_length_in_characters_and_a_bound_in_bytes() {
    for (password, verdict) in [
        ("", Err(Unfit::TooShort)),
        ("Zx7!kqw", Err(Unfit::TooShort)),
        ("Zx7!kqwm", Ok(())),
        // Seven characters, though more than eight bytes.
        ("äöüßéèç", Err(Unfit::TooShort)),
        ("äöüßéèçñ", Ok(())),
        ("with a\ttab", Err(Unfit::Control)),
        ("correct horse battery", Ok(())),
        (" leading and trailing ", Ok(())),
    ] {
        assert_eq!(may_be_chosen(password), verdict, "{password}");
    }
    let longest: String = "correct horse ".chars().cycle().take(PASSWORD_MAX).collect();
    assert_eq!(may_be_chosen(&longest), Ok(()));
    assert_eq!(may_be_chosen(&format!("{longest}x")), Err(Unfit::TooLong));
}

#[test]
fn what_is_tried_first_is_refused() {
    for common in [
        "password",
        "drowssap",
        "11223344",
        "123456789A",
        "Password",
        "password1",
        "Password123!",
        "P@ssw0rd",
        "p4ssw0rd2024",
        "12345678",
        "87654321",
        "1234567890",
        "qwertyuiop",
        "qwerty123",
        "QWERTY123!",
        "1q2w3e4r",
        "1qaz2wsx",
        "asdfghjkl",
        "abcd1234",
        "11111111",
        "abababab",
        "12341234",
        "iloveyou",
        "ILoveYou2",
        "sunshine",
        "football1",
        "princess",
        "monkey123",
        "welcome1",
        "Welcome2026",
        "Summer2026!",
        "admin123",
        "administrator",
        "letmein1",
        "trustno1",
        "changeme",
        "passwordpassword",
        "backplane",
        "Backplane1",
        "123password",
        "00000000",
        "zaq12wsx",
        "starwars",
        "qwertz123",
    ] {
        assert_eq!(may_be_chosen(common), Err(Unfit::Common), "{common}");
    }
}

#[test]
fn what_is_merely_like_it_is_not() {
    for fine in [
        "password of the third door",
        "summer rain in Oslo",
        "monkeys eat bananas",
        "qwerty is a keyboard",
        "ecila-ecila-x",
        "12 angry men 1957",
        "tr0ub4dor&3",
        "a1b2c3d4 and more",
    ] {
        assert_eq!(may_be_chosen(fine), Ok(()), "{fine}");
    }
}

#[test]
fn what_was_tried_is_of_a_length_that_may_be_chosen() {
    let lines: Vec<_> = include_str!("tried.txt").lines().collect();
    assert!(lines.len() >= 2_000, "{}", lines.len());
    assert!(lines.is_sorted_by(|a, b| a < b), "sorted, each once");
    assert!(lines.iter().all(|line| line.chars().count() >= PASSWORD_MIN && *line == line.to_lowercase()));
}

#[test]
fn the_list_is_in_order_and_in_lower_case() {
    let lines: Vec<_> = include_str!("common.txt").lines().collect();
    assert!(lines.len() >= 300, "{}", lines.len());
    assert!(lines.is_sorted_by(|a, b| a < b), "sorted, each once");
    assert!(lines.iter().all(|line| line.len() >= 4 && line.chars().all(|c| c.is_ascii_lowercase())));
}

proptest! {
    #[test]
    fn any_text_is_judged(text in ".{0,40}") {
        let verdict = may_be_chosen(&text);
        prop_assert_eq!(verdict == Err(Unfit::TooShort), text.chars().count() < PASSWORD_MIN);
    }

    /// An ending of digits and signs makes no common word better.
    #[test]
    fn endings_help_nobody(word in prop::sample::select(COMMON.iter().copied().collect::<Vec<_>>()), ending in "[0-9!?.#]{4,12}") {
        prop_assert_eq!(may_be_chosen(&format!("{word}{ending}")), Err(Unfit::Common));
    }
}
