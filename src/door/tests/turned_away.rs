//! Connections beyond the bounds, which may say what they want before they are told no: only so many of them.

use std::net::{TcpListener, TcpStream};

use actix_server::Server;
use actix_service::{Service as _, ServiceFactory as _};
use actix_web::{App, HttpResponse, web};
use futures::poll;

use super::super::entrance::{Entrance, Plain, TURNED_AWAY};
use super::super::serving::http;
use super::super::{Door, DoorSettings};

#[actix_web::test]
async fn i_5_who_is_turned_away_and_says_nothing_is_waited_for_with_few_others() {
    let door = Door::new(DoorSettings { connections_per_address: 0, ..DoorSettings::default() });
    let application = || App::new().default_service(web::to(HttpResponse::Gone));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ends = Server::build().graceful_shutdown_signal();
    let http = http::<_, _, _, _, tokio::net::TcpStream>(&application, address, false, &door);
    let entrance = Entrance::new(http, Plain, door.clone(), ends).new_service(()).await.ok().unwrap();
    let mut peers = Vec::new();
    let mut come = || {
        peers.push(TcpStream::connect(address).unwrap());
        let (accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        entrance.call(tokio::net::TcpStream::from_std(accepted).unwrap())
    };
    let mut waiting = Vec::new();
    for _ in 0..TURNED_AWAY {
        let mut one = come();
        assert!(poll!(&mut one).is_pending(), "it may say what it wants");
        waiting.push(one);
    }
    for _ in 0..3 {
        assert!(poll!(come()).is_ready(), "beyond that it is told at once");
    }
    waiting.pop();
    assert!(poll!(come()).is_pending(), "who has gone makes room");
    assert!(poll!(come()).is_pending(), "also who has gone before he was told");
}
