use backplane_actors::BUS_NAME_MAX;
use proptest::prelude::*;

use super::*;
use crate::access::keys::RawKey;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const HOUR: u64 = 3_600_000;
const FIRST: Tenancy = Tenancy::CONFIGURED;
/// A bus that is as it was.
const THERE: BusNow = BusNow { tenancy: FIRST, not_before: None };
/// As `channel::allocate` makes them.
const CHANNEL: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn keys() -> KeyRing {
    KeyRing::of(&RawKey::new([7; 32]))
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

fn page(bus: &str, filters: &str) -> Page {
    let filters = Scope::parse(filters).unwrap();
    Page::new(bus.parse().unwrap(), FIRST, CHANNEL.parse().unwrap(), filters, (NOW, at(HOUR))).unwrap()
}

fn opened(kind: TokenKind, text: &str) -> Result<Page, PageTokenError> {
    open(&keys(), kind, text, NOW, |_| Some(THERE))
}

#[test]
fn v2_anon_1_a_token_says_what_was_sealed_in_it() {
    for kind in [TokenKind::Page, TokenKind::PageRefresh] {
        for page in [page("a", ""), page("customer.com", "sticky:true type:a:b source:http://a.example/")] {
            let text = seal(&keys(), kind, &page);
            assert!(text.as_str().len() >= 20);
            assert_eq!(opened(kind, text.as_str()), Ok(page));
        }
    }
    let scope = page("a", "type:t").scope().to_string();
    assert_eq!(scope, format!("bus:a type:t channel:{CHANNEL}"));
}

#[test]
fn v2_post_2_a_refresh_token_is_no_access_token_and_the_other_way_round() {
    let (access, refresh) = (TokenKind::Page, TokenKind::PageRefresh);
    for (kind, other) in [(access, refresh), (refresh, access)] {
        let text = seal(&keys(), kind, &page("a", ""));
        assert_eq!(opened(other, text.as_str()), Err(PageTokenError::OtherKind(kind)));
        // Nor if it says that it is the other.
        let changed = text.as_str().replacen(kind.prefix(), other.prefix(), 1);
        assert_eq!(opened(other, &changed), Err(PageTokenError::Forged));
    }
    assert_eq!(opened(access, "bpa_AAAA"), Err(PageTokenError::OtherKind(TokenKind::Access)));
}

#[test]
fn no_bit_of_a_token_may_change() {
    let text = seal(&keys(), TokenKind::Page, &page("a", "type:t"));
    for (place, old) in text.as_str().bytes().enumerate() {
        for bit in 0..8 {
            let mut changed = text.as_str().as_bytes().to_vec();
            changed[place] = old ^ (1 << bit);
            let Ok(changed) = String::from_utf8(changed) else { continue };
            assert!(opened(TokenKind::Page, &changed).is_err(), "bit {bit} of character {place}");
        }
    }
    // And bits of what it says: each of them is signed, the bus as well.
    let raw = BASE64_URL_SAFE_NO_PAD.decode(&text.as_str()[4..]).unwrap();
    for bit in 0..raw.len() * 8 {
        let mut raw = raw.clone();
        raw[bit / 8] ^= 1 << (bit % 8);
        let changed = TokenKind::Page.text(&raw);
        assert_eq!(opened(TokenKind::Page, changed.as_str()), Err(PageTokenError::Forged), "bit {bit}");
    }
}

#[test]
fn a_token_ends_with_its_time() {
    let text = seal(&keys(), TokenKind::Page, &page("a", ""));
    let opened = |now| open(&keys(), TokenKind::Page, text.as_str(), now, |_| Some(THERE));
    assert!(opened(at(HOUR - 1)).is_ok());
    assert_eq!(opened(at(HOUR)), Err(PageTokenError::Expired));
    // A clock that was set back does not keep it out.
    assert!(opened(Timestamp::EPOCH).is_ok());
}

#[test]
fn v2_err_1_a_token_ends_with_its_bus_and_pages_are_told_the_same_in_each_case() {
    let text = seal(&keys(), TokenKind::Page, &page("a", ""));
    let opened = |bus| {
        open(&keys(), TokenKind::Page, text.as_str(), NOW, |name| {
            assert_eq!(name.as_str(), "a");
            bus
        })
    };
    let other = Tenancy(1);
    assert!(opened(Some(BusNow { not_before: Some(NOW), ..THERE })).is_ok());
    for revoked in
        [None, Some(BusNow { tenancy: other, ..THERE }), Some(BusNow { not_before: Some(at(1)), ..THERE })]
    {
        assert_eq!(opened(revoked), Err(PageTokenError::Revoked));
    }
    for error in [
        PageTokenError::Unknown,
        PageTokenError::OtherKind(TokenKind::Code),
        PageTokenError::Forged,
        PageTokenError::Expired,
        PageTokenError::Revoked,
    ] {
        assert_eq!(error.to_string(), "invalid token");
    }
}

#[test]
fn i_5_the_longest_tokens_fit_into_their_cookie() {
    let filters = format!("type:{}", "x".repeat(FILTERS_MAX - 5));
    let page = page(&"b".repeat(BUS_NAME_MAX), &filters);
    let [token, refresh] =
        [TokenKind::Page, TokenKind::PageRefresh].map(|kind| seal(&keys(), kind, &page).as_str().len());
    assert!(token <= TEXT_MAX);
    assert!("backplane2-channel=".len() + token + 1 + CHANNEL.len() + 1 + refresh < 3_500);
    let longer = Scope::parse(&format!("{filters}x")).unwrap();
    let refused = Page::new(page.bus.clone(), FIRST, page.channel.clone(), longer, (NOW, NOW)).unwrap_err();
    assert_eq!(refused, FiltersError::TooLong(FILTERS_MAX + 1));
    assert_eq!(
        opened(TokenKind::Page, &format!("bpp_{}", "A".repeat(TEXT_MAX))),
        Err(PageTokenError::Unknown)
    );
}

#[test]
fn v2_anon_2_a_page_never_reaches_another_channel() {
    let page = page("a", "type:t");
    for reach in ["bus:b", "channel:c"] {
        let filters = Scope::parse(reach).unwrap();
        let refused = Page::new(page.bus.clone(), FIRST, page.channel.clone(), filters, (NOW, NOW));
        assert_eq!(refused, Err(FiltersError::Reach));
    }
    let (other_bus, other) = ("b".parse().unwrap(), "c".parse().unwrap());
    let matches = |bus, channel, kind| {
        page.matches(&Facts { bus, channel, source: "s", kind, sticky: false, message_url: &String::new })
    };
    assert!(matches(page.bus(), page.channel(), "t"));
    assert!(!matches(page.bus(), page.channel(), "u"));
    assert!(!matches(&other_bus, page.channel(), "t") && !matches(page.bus(), &other, "t"));
}

/// Nothing is kept of a token: it is a function of a key and of what it says, and any number of them costs no memory.
#[test]
fn a_token_is_nothing_but_what_it_says_and_a_signature() {
    let page = page("a", "type:t");
    assert_eq!(seal(&keys(), TokenKind::Page, &page), seal(&keys(), TokenKind::Page, &page));
    assert!(
        open(&keys(), TokenKind::Page, seal(&keys(), TokenKind::Page, &page).as_str(), NOW, |_| Some(THERE))
            .is_ok()
    );
}

proptest! {
    #[test]
    fn any_text_is_refused(text in "(bp[pfarc]_)?[ -~ä]{0,300}", bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(opened(TokenKind::Page, &text).is_err());
        prop_assert!(opened(TokenKind::Page, TokenKind::Page.text(&bytes).as_str()).is_err());
    }

    /// Nobody else writes them, and bytes that are none break nothing.
    #[test]
    fn any_bytes_are_decoded_or_not(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Some(page) = form::decode(&bytes) {
            prop_assert_eq!(form::decode(&form::encode(0, &page)), Some(page));
        }
    }
}
