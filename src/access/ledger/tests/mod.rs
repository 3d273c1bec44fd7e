//! The ledger against its rules, one by one, and against a naive model.

mod model;
mod world;

use super::*;
use crate::access::ledger::room::REMEMBERED;
use crate::access::scope::Scope;
use crate::access::text::TokenKind;
use world::{ACCESS, REDIRECT, REFRESH, VERIFIER, World};

const fn not_good(error: NotGood) -> IssueError {
    IssueError::NotGood(error)
}

#[test]
fn v2_tok_1_client_credentials_give_an_access_token_alone() {
    let mut world = World::new();
    let issued = world.credentials("one", "").unwrap();
    assert_eq!((issued.expires_in, issued.refresh), (ACCESS, None));
    assert_eq!(issued.reach.scope().to_string(), "bus:a bus:b");
    assert_eq!(world.check(issued.access.as_str()), Ok("one".to_owned()));
    assert!(!format!("{:?}", world.ledger).contains(&issued.access.as_str()[4..]));
}

#[test]
fn v2_tok_2_a_scope_is_within_what_is_granted() {
    let mut world = World::new();
    let narrow = world.credentials("one", "bus:b type:t").unwrap();
    assert_eq!(narrow.reach.scope().to_string(), "bus:b type:t");
    assert!(narrow.reach.has_bus(&"b".parse().unwrap()) && !narrow.reach.has_bus(&"a".parse().unwrap()));
    for beyond in ["bus:c", "bus:a bus:c"] {
        let error = world.credentials("one", beyond).unwrap_err();
        assert_eq!(error, IssueError::Scope(ScopeRefused::Beyond));
        assert!(error.to_string().contains("unauthorized scope"));
    }
    // Who is granted nothing is given nothing.
    let error = world.credentials("stranger", "").unwrap_err();
    assert_eq!(error, IssueError::Scope(ScopeRefused::Beyond));
}

#[test]
fn v2_tok_3_a_code_is_good_once_and_its_second_use_ends_all_that_came_of_it() {
    let mut world = World::new();
    let code = world.code("one", "bus:a").unwrap();
    let first = world.exchange("one", &code).unwrap();
    let second = world.refresh("one", first.refresh.as_ref().unwrap().as_str(), None).unwrap();
    let other = world.credentials("one", "").unwrap();
    assert!(world.check(second.access.as_str()).is_ok());
    // Also long after the code would have been over.
    world.wait(CODE_LIFETIME * 2);
    assert_eq!(world.exchange("one", &code).err(), Some(not_good(NotGood::Replayed)));
    for ended in [&first, &second] {
        assert_eq!(world.check(ended.access.as_str()), Err(TokenError::Unknown));
        let refreshed = world.refresh("one", ended.refresh.as_ref().unwrap().as_str(), None);
        assert_eq!(refreshed.err(), Some(not_good(NotGood::Unknown)));
    }
    assert_eq!(world.exchange("one", &code).err(), Some(not_good(NotGood::Unknown)));
    assert!(world.check(other.access.as_str()).is_ok(), "it came of something else");
}

#[test]
fn v2_tok_3_a_code_is_for_one_client_one_url_and_who_asked_for_it() {
    let mut world = World::new();
    let code = world.code("one", "").unwrap();
    let text = code.as_str();
    let (url, proof) = (REDIRECT, VERIFIER);
    let other = "https://one.example/back/";
    for (client, text, url, proof, error) in [
        ("two", text, url, proof, NotGood::OtherClient),
        ("one", text, other, proof, NotGood::Redirect),
        ("one", text, "", proof, NotGood::Redirect),
        ("one", text, url, &*proof.to_uppercase(), NotGood::Verifier),
        ("one", text, url, "", NotGood::Verifier),
        ("one", &text[1..], url, proof, NotGood::Unknown),
        ("one", &format!("{text}A"), url, proof, NotGood::Unknown),
        ("one", &text.replacen("bpc_", "bpr_", 1), url, proof, NotGood::Unknown),
    ] {
        assert_eq!(world.exchanged(client, text, url, proof).err(), Some(not_good(error)));
    }
    assert!(world.exchange("one", &code).is_ok(), "what was not proved left it as it was");
    let code = world.code("one", "").unwrap();
    world.wait(CODE_LIFETIME);
    assert_eq!(world.exchange("one", &code).err(), Some(not_good(NotGood::Expired)));
}

#[test]
fn v2_tok_4_a_refresh_token_is_good_once_and_its_access_token_ends() {
    let mut world = World::new();
    let code = world.code("one", "").unwrap();
    let first = world.exchange("one", &code).unwrap();
    let refresh = first.refresh.as_ref().unwrap().as_str();
    assert_eq!(world.refresh("two", refresh, None).err(), Some(not_good(NotGood::OtherClient)));
    let second = world.refresh("one", refresh, None).unwrap();
    assert_eq!(world.check(first.access.as_str()), Err(TokenError::Unknown));
    assert!(world.check(second.access.as_str()).is_ok());
    assert_eq!(world.ledger.len(), 1);
    assert_eq!(world.refresh("one", refresh, None).err(), Some(not_good(NotGood::Replayed)));
    assert_eq!(world.check(second.access.as_str()), Err(TokenError::Unknown));
    assert!(world.ledger.is_empty());
}

#[test]
fn v2_tok_4_the_new_scope_is_the_same_or_narrower() {
    let mut world = World::new();
    let code = world.code("one", "type:t type:u").unwrap();
    let mut issued = world.exchange("one", &code).unwrap();
    for (asked, told) in [
        (Some("bus:a type:t"), Ok("bus:a type:t")),
        (None, Ok("bus:a bus:b type:t type:u")),
        (Some("type:t"), Ok("bus:a bus:b type:t")),
        (Some("bus:c type:t"), Err(ScopeRefused::Beyond)),
        (Some("bus:a"), Err(ScopeRefused::Beyond)),
        (Some("type:v"), Err(ScopeRefused::Beyond)),
        (Some("bus:b type:u sticky:true"), Ok("bus:b type:u sticky:true")),
    ] {
        let refresh = issued.refresh.clone().unwrap();
        match world.refresh("one", refresh.as_str(), asked) {
            Ok(new) => {
                assert_eq!(Ok(new.reach.scope().to_string().as_str()), told);
                issued = new;
            }
            Err(error) => assert_eq!(Err(error), told.map_err(IssueError::Scope)),
        }
    }
    assert!(world.check(issued.access.as_str()).is_ok(), "a scope that is refused uses nothing up");
}

#[test]
fn tokens_end_with_their_time() {
    let mut world = World::new();
    let code = world.code("one", "").unwrap();
    let issued = world.exchange("one", &code).unwrap();
    world.wait(ACCESS);
    let error = world.check(issued.access.as_str()).unwrap_err();
    assert_eq!((error, error.to_string().as_str()), (TokenError::Expired, "expired token"));
    let issued = world.refresh("one", issued.refresh.as_ref().unwrap().as_str(), None).unwrap();
    assert!(world.check(issued.access.as_str()).is_ok());
    world.wait(REFRESH);
    let late = world.refresh("one", issued.refresh.as_ref().unwrap().as_str(), None);
    assert_eq!(late.err(), Some(not_good(NotGood::Expired)));
}

#[test]
fn v2_err_1_a_token_ends_with_what_it_was_granted() {
    for end in ["grant", "bus", "client"] {
        let mut world = World::new();
        let code = world.code("one", "").unwrap();
        let issued = world.exchange("one", &code).unwrap();
        let waiting = world.code("one", "").unwrap();
        let refresh = issued.refresh.as_ref().unwrap().as_str();
        match end {
            // One of two is enough: the token would reach less than it says. And the same again is another grant.
            "grant" => world.revoke_grant("one", "a"),
            "bus" => world.remove_bus("a"),
            _ => world.remove_client("one"),
        }
        let error = world.check(issued.access.as_str()).unwrap_err();
        assert!(error == TokenError::Revoked && error.to_string().contains("invalid token"), "{error}");
        world.grant("one", "a");
        world.grant("one", "b");
        if end != "client" {
            assert_eq!(world.check(issued.access.as_str()), Err(TokenError::Revoked));
            assert_eq!(world.refresh("one", refresh, None).err(), Some(not_good(NotGood::Revoked)));
            assert_eq!(world.exchange("one", &waiting).err(), Some(not_good(NotGood::Revoked)));
        }
        assert!(world.introspect("one", issued.access.as_str()).is_none());
    }
}

#[test]
fn who_revokes_ends_tokens_of_their_own_alone() {
    let mut world = World::new();
    let code = world.code("one", "").unwrap();
    let first = world.exchange("one", &code).unwrap();
    let (access, refresh) = (first.access.as_str(), first.refresh.as_ref().unwrap().as_str());
    for not_own in [access, refresh, code.as_str(), "bpa_", "bpr_x", ""] {
        world.revoke("two", not_own);
    }
    assert!(world.check(access).is_ok());
    world.revoke("one", access);
    assert_eq!(world.check(access), Err(TokenError::Unknown));
    let second = world.refresh("one", refresh, None).unwrap();
    // A former one is of the family as well.
    world.revoke("one", refresh);
    assert_eq!(world.check(second.access.as_str()), Err(TokenError::Unknown));
    assert!(world.ledger.is_empty());
    let alone = world.credentials("one", "").unwrap();
    world.revoke("one", alone.access.as_str());
    assert!(world.ledger.is_empty());
}

#[test]
fn clients_are_told_of_tokens_of_their_own_alone() {
    let mut world = World::new();
    let code = world.code("one", "bus:a").unwrap();
    let issued = world.exchange("one", &code).unwrap();
    let (access, refresh) = (issued.access.as_str(), issued.refresh.as_ref().unwrap().as_str());
    let told = |world: &World, client, text| {
        world.introspect(client, text).map(|it| (it.kind, it.reach.scope().to_string(), it.expires))
    };
    let (kind, scope) = (TokenKind::Access, "bus:a".to_owned());
    assert_eq!(told(&world, "one", access), Some((kind, scope.clone(), world.now.after(ACCESS))));
    let kind = TokenKind::Refresh;
    assert_eq!(told(&world, "one", refresh), Some((kind, scope, world.now.after(REFRESH))));
    for nothing in [code.as_str(), "", "bpa_x", "bpp_x"] {
        assert_eq!(told(&world, "one", nothing), None);
    }
    assert_eq!((told(&world, "two", access), told(&world, "two", refresh)), (None, None));
    world.refresh("one", refresh, None).unwrap();
    assert_eq!((told(&world, "one", access), told(&world, "one", refresh)), (None, None));
    world.wait(ACCESS);
    assert_eq!(told(&world, "one", access), None);
}

#[test]
fn v2_post_2_other_kinds_of_tokens_are_told_from_unknown_ones() {
    let mut world = World::new();
    let code = world.code("one", "").unwrap();
    assert_eq!(world.check(code.as_str()), Err(TokenError::OtherKind(TokenKind::Code)));
    let issued = world.exchange("one", &code).unwrap();
    let refresh = issued.refresh.unwrap();
    assert_eq!(world.check(refresh.as_str()), Err(TokenError::OtherKind(TokenKind::Refresh)));
    // Nor is one good under the name of another kind.
    assert_eq!(world.check(&refresh.as_str().replacen("bpr_", "bpa_", 1)), Err(TokenError::Unknown));
    assert_eq!(world.check("bpp_x"), Err(TokenError::OtherKind(TokenKind::Page)));
    for unknown in ["", "x", "bpa_", "bpa_AAAA", &format!("bpa_{}", "A".repeat(43)), &"x".repeat(10_000)] {
        assert_eq!(world.check(unknown), Err(TokenError::Unknown));
    }
}

#[test]
fn i_5_tokens_of_a_client_are_bounded_and_those_that_are_over_make_room() {
    let mut world = World::new();
    world.settings.per_client = 3;
    for _ in 0..3 {
        world.credentials("one", "bus:a").unwrap();
    }
    assert_eq!(world.credentials("one", "").err(), Some(IssueError::ClientFull(3)));
    assert_eq!(world.code("one", "").err(), Some(IssueError::ClientFull(3)));
    assert!(world.credentials("two", "").is_ok(), "others have room");
    world.wait(ACCESS);
    world.credentials("one", "bus:b").unwrap();
    assert_eq!(world.ledger.len(), 2, "of each client one");
    for _ in 0..2 {
        world.credentials("one", "bus:a").unwrap();
    }
    assert!(world.credentials("one", "").is_err());
    world.revoke_grant("one", "a");
    assert!(world.credentials("one", "").is_ok(), "those that are good no longer make room");
}

#[test]
fn i_5_tokens_of_all_clients_are_bounded() {
    let mut world = World::new();
    world.settings.total = 3;
    for client in ["one", "two", "one"] {
        world.credentials(client, "").unwrap();
    }
    assert_eq!(world.credentials("two", "").err(), Some(IssueError::Full));
    world.wait(ACCESS);
    world.credentials("two", "").unwrap();
    assert_eq!(world.ledger.len(), 1);
}

#[test]
fn what_is_over_goes_after_a_while() {
    let mut world = World::new();
    let issued = world.credentials("one", "").unwrap();
    world.wait(ACCESS + REMEMBERED);
    world.credentials("two", "").unwrap();
    assert_eq!(world.check(issued.access.as_str()), Err(TokenError::Expired));
    world.wait(Duration::from_millis(1));
    world.credentials("two", "").unwrap();
    assert_eq!(world.check(issued.access.as_str()), Err(TokenError::Unknown));
}

#[test]
fn one_reach_is_in_memory_once() {
    let mut world = World::new();
    let [first, second] = [(); 2].map(|()| world.credentials("one", "").unwrap().reach);
    assert!(Arc::ptr_eq(&first, &second));
    assert!(!Arc::ptr_eq(&first, &world.credentials("one", "bus:a").unwrap().reach));
}

#[test]
fn tokens_of_pages_end_bus_by_bus() {
    let mut world = World::new();
    let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
    let step = world.ledger.end_pages("a".parse().unwrap(), world.now);
    world.take(step);
    assert_eq!(world.ledger.pages_not_before(&a), Some(world.now.after(Duration::from_millis(1))));
    assert_eq!(world.ledger.pages_not_before(&b), None);
    let step = world.ledger.forget_bus(&a);
    world.take(step);
    assert_eq!(world.ledger.pages_not_before(&a), None);
    assert!(world.ledger.forget_bus(&b).changes.is_empty());
}

#[test]
fn scopes_that_could_not_be_asked_for_again_are_not_issued() {
    let granted: Vec<_> =
        (0..300).map(|number| (format!("bus{number}").parse().unwrap(), world::grant_id(number))).collect();
    let all = Reach::new(&Scope::default(), &granted).unwrap_err();
    assert!(matches!(all, ScopeRefused::Long(_)) && all.to_string().contains("bus:"), "{all}");
    assert!(Reach::new(&Scope::default(), &granted[..200]).is_ok());
}
