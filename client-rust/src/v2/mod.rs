//! Version 2.0: clients by their credentials (privileged access) and pages by a token of their own (regular access).
//!
//! A client of the server, a vendor's own server say, posts, and reads the buses that it was granted:
//!
//! ```no_run
//! use backplane_client::v2::{Message, Scope};
//! use backplane_client::{Client, Event, Resume};
//!
//! # async fn example(channel: &str) -> Result<(), backplane_client::Error> {
//! let vendor = Client::builder("https://backplane.example/v2").credentials("vendor", "secret").privileged()?;
//!
//! vendor.post(&Message::new("customer.com", channel, "cart/changed", &["apple"])?.sticky()).await?;
//!
//! let mut subscription = vendor.messages(&Scope::all()).subscribe(None);
//! while let Some(event) = subscription.next().await {
//!     match event? {
//!         Event::Message(frame) => println!("{}", frame.message.as_json()),
//!         Event::Resumed(resumed) if resumed.resume != Resume::Complete => println!("something may be missing"),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! A page has a channel, reads it, and sees headers: messages without their payload.
//!
//! ```no_run
//! use backplane_client::Client;
//! use backplane_client::v2::Scope;
//!
//! # async fn example() -> Result<(), backplane_client::Error> {
//! let page = Client::builder("https://backplane.example/v2").regular("customer.com", &Scope::all()).await?;
//! println!("post to {}", page.channel().as_str());
//! let mut subscription = page.messages().subscribe(None);
//! # Ok(()) }
//! ```
//!
//! Tokens are kept, renewed before their end, and asked for anew when the server says that they are over: a subscription goes on where it
//! was. It ends with [`Error::Revoked`](crate::Error::Revoked) when the token, or what it was granted, was taken back.
//!
//! | module | what lives there |
//! |---|---|
//! | `message` | pure: messages to post, and as they come |
//! | `messages` | what a token lets see |
//! | `privileged` | access of clients |
//! | `regular` | access of pages |

mod message;
mod messages;
mod privileged;
mod regular;

pub use self::message::{Message, Received};
pub use self::messages::Messages;
pub use self::privileged::Privileged;
pub use self::regular::Regular;
pub use crate::scope::{SCOPE_MAX, Scope, ScopeError};
pub use crate::token::{NotAToken, RefreshToken};
