//! The readers of one thread, and how they are woken.
//!
//! All of it runs on that thread. Others only leave hints in its inbox; a task of the hub takes them, keeps what was told in the rings
//! of what is watched, and wakes who watches it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::hash::Hash;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use actix_rt::Arbiter;
use foldhash::fast::RandomState;
use tokio::time::{Instant, timeout_at};

use super::delivered::Delivered;
use super::inbox::{Hint, Inbox};
use super::ring::{Numbered, Ring};
use super::watchers::{Bound, BusNumber, Scope, Watchers};
use crate::model::MessageId;

/// How long a ring keeps what was told, at least: much longer than a thread is late. It is kept for twice that at most.
const KEPT: Duration = Duration::from_secs(1);

thread_local! {
    /// The hub of this thread, as long as anybody waits on it.
    static HERE: RefCell<Weak<Hub>> = const { RefCell::new(Weak::new()) };
}

impl Numbered for Delivered {
    fn number(&self) -> MessageId {
        self.id()
    }
}

/// One thing that is watched on this thread.
#[derive(Debug, Default)]
struct Spotted {
    ring: Ring<Delivered>,
    readers: HashSet<ReaderKey, RandomState>,
    /// Whether it is in the list of rings that keep something.
    keeps: bool,
    /// At which tick something was told last.
    told: u64,
}

/// One thing that is watched on this thread, as its readers hold it.
#[derive(Debug, Clone)]
pub(crate) struct Spot(Rc<RefCell<Spotted>>);

impl Spot {
    /// What was told above an id; `None`: some of it is gone, and the window is to be asked.
    pub(crate) fn after<T>(
        &self,
        id: MessageId,
        found: &mut Vec<T>,
        of: impl Fn(Delivered) -> T,
    ) -> Option<()> {
        found.extend(self.0.borrow().ring.after(id)?.cloned().map(of));
        Some(())
    }
}

type ReaderKey = u64;

/// The readers of a bus on this thread.
#[derive(Debug, Default)]
struct Part {
    spots: HashMap<Scope, Spot, RandomState>,
}

#[derive(Debug, Default)]
struct Readers {
    next: ReaderKey,
    /// Those who wait for something, and how to wake them.
    wakers: HashMap<ReaderKey, Option<Waker>, RandomState>,
}

/// The readers of one thread.
#[derive(Debug)]
pub(crate) struct Hub {
    inbox: Arc<Inbox>,
    parts: RefCell<HashMap<BusNumber, Part, RandomState>>,
    readers: RefCell<Readers>,
    /// Rings that keep something.
    keeping: RefCell<Vec<Spot>>,
    tick: Cell<u64>,
    /// Alive as long as its task is: that ends with what runs it.
    task: Weak<()>,
}

/// A reader's place in the hub of its thread. It leaves what it watches when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    hub: Rc<Hub>,
    key: ReaderKey,
    bus: Arc<Watchers>,
    scopes: Vec<Scope>,
}

impl Hub {
    /// The hub of this thread, if there is something that can run its task.
    pub(crate) fn here() -> Option<Rc<Self>> {
        HERE.with_borrow_mut(|here| {
            here.upgrade().filter(|hub| hub.task.strong_count() > 0).or_else(|| {
                Arbiter::try_current()?;
                let alive = Rc::new(());
                let hub = Rc::new(Self {
                    inbox: Arc::default(),
                    parts: RefCell::default(),
                    readers: RefCell::default(),
                    keeping: RefCell::default(),
                    tick: Cell::new(0),
                    task: Rc::downgrade(&alive),
                });
                *here = Rc::downgrade(&hub);
                actix_rt::spawn(run(Rc::downgrade(&hub), Arc::clone(&hub.inbox), alive));
                Some(hub)
            })
        })
    }

    /// A place for a reader of this bus, who watches nothing yet.
    pub(crate) fn sit(self: Rc<Self>, bus: &Arc<Watchers>) -> Seat {
        let key = {
            let mut readers = self.readers.borrow_mut();
            let key = readers.next;
            readers.next += 1;
            readers.wakers.insert(key, None);
            key
        };
        Seat { hub: self, key, bus: Arc::clone(bus), scopes: Vec::new() }
    }

    /// Takes what was told, and wakes whom it is about. Nobody is woken while something is borrowed.
    fn take(&self) {
        let hints = self.inbox.take();
        if hints.is_empty() {
            return;
        }
        let mut woken: HashSet<ReaderKey, RandomState> = HashSet::default();
        for (bus, hint) in hints {
            let parts = self.parts.borrow();
            // Nobody waits for it any more.
            let Some(part) = parts.get(&bus) else { continue };
            match hint {
                Hint::Shown(scope, messages) => {
                    if let Some(spot) = part.spots.get(&scope) {
                        self.keep(spot, &messages);
                        woken.extend(&spot.0.borrow().readers);
                    }
                }
                Hint::Look(id) => {
                    for spot in part.spots.values() {
                        spot.0.borrow_mut().ring.skip(id);
                        woken.extend(&spot.0.borrow().readers);
                    }
                }
                Hint::Ended => part.spots.values().for_each(|spot| woken.extend(&spot.0.borrow().readers)),
            }
        }
        let wakers: Vec<_> = {
            let mut readers = self.readers.borrow_mut();
            woken.iter().filter_map(|key| readers.wakers.get_mut(key)?.take()).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn keep(&self, spot: &Spot, messages: &[Delivered]) {
        let mut spotted = spot.0.borrow_mut();
        for message in messages {
            spotted.ring.push(message.clone());
        }
        spotted.told = self.tick.get();
        if !std::mem::replace(&mut spotted.keeps, true) {
            self.keeping.borrow_mut().push(spot.clone());
        }
    }

    /// Lets go of what was told before the last tick: whoever comes later looks. Otherwise a message would stay for as long as
    /// somebody waits for the next one, whatever its window says.
    fn age(&self) {
        let now = self.tick.get() + 1;
        self.tick.set(now);
        self.keeping.borrow_mut().retain(|spot| {
            let mut spotted = spot.0.borrow_mut();
            let is_fresh = spotted.told + 1 >= now;
            if !is_fresh {
                spotted.ring.clear();
                spotted.keeps = false;
            }
            is_fresh
        });
    }
}

/// Comes to the inbox whenever something is in it, until the hub is gone.
async fn run(hub: Weak<Hub>, inbox: Arc<Inbox>, _alive: Rc<()>) {
    let mut aged_at = None;
    loop {
        {
            let Some(hub) = hub.upgrade() else { return };
            hub.take();
            if aged_at.is_some_and(|at| at <= Instant::now()) {
                hub.age();
                aged_at = None;
            }
            if !hub.keeping.borrow().is_empty() {
                aged_at.get_or_insert_with(|| Instant::now() + KEPT);
            }
        }
        let rung = poll_fn(|context| {
            inbox.listen(context.waker());
            // Something may have come before it listened.
            if hub.strong_count() > 0 && inbox.is_empty() { Poll::Pending } else { Poll::Ready(()) }
        });
        match aged_at {
            Some(at) => _ = timeout_at(at, rung).await,
            None => rung.await,
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // Its task ends.
        self.inbox.ring();
    }
}

impl Seat {
    /// From now on the reader is woken when something happens to it. Not what it watches already.
    pub(crate) fn watch(&mut self, scope: &Scope, most: usize) -> Result<Spot, Bound> {
        debug_assert!(!self.scopes.contains(scope), "each is watched once");
        self.bus.enter(scope, &self.hub.inbox, most)?;
        let mut parts = self.hub.parts.borrow_mut();
        let part = parts.entry(self.bus.number()).or_default();
        let spot = part.spots.entry(scope.clone()).or_insert_with(|| Spot(Rc::default())).clone();
        spot.0.borrow_mut().readers.insert(self.key);
        self.scopes.push(scope.clone());
        Ok(spot)
    }

    /// The reader is not woken for it any more.
    pub(crate) fn unwatch(&mut self, scope: &Scope) {
        if let Some(at) = self.scopes.iter().position(|watched| watched == scope) {
            let scope = self.scopes.swap_remove(at);
            self.leave(&scope);
        }
    }

    fn leave(&self, scope: &Scope) {
        let mut parts = self.hub.parts.borrow_mut();
        let number = self.bus.number();
        let mut last_here = false;
        if let Some(part) = parts.get_mut(&number) {
            if let Some(spot) = part.spots.get(scope) {
                let readers = &mut spot.0.borrow_mut().readers;
                readers.remove(&self.key);
                last_here = readers.is_empty();
            }
            if last_here {
                part.spots.remove(scope);
                shrink(&mut part.spots);
                if part.spots.is_empty() {
                    parts.remove(&number);
                }
            }
        }
        drop(parts);
        self.bus.leave(scope, &self.hub.inbox, last_here);
    }

    /// Wakes this when something happens to what the reader watches. Once.
    pub(crate) fn listen(&self, waker: &Waker) {
        let mut readers = self.hub.readers.borrow_mut();
        if let Some(place) = readers.wakers.get_mut(&self.key) {
            match place {
                Some(there) => there.clone_from(waker),
                None => *place = Some(waker.clone()),
            }
        }
    }

    /// Has the hub see all that was told by now.
    pub(crate) fn catch_up(&self) {
        self.hub.take();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        for scope in std::mem::take(&mut self.scopes) {
            self.leave(&scope);
        }
        let mut readers = self.hub.readers.borrow_mut();
        readers.wakers.remove(&self.key);
        shrink(&mut readers.wakers);
    }
}

/// A crowd that has gone leaves no table behind.
fn shrink<K: Eq + Hash, V>(table: &mut HashMap<K, V, RandomState>) {
    if table.len() < table.capacity() / 4 {
        table.shrink_to_fit();
    }
}
