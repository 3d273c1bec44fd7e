//! Opening, changing and closing buses while the broker runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::fast::RandomState;
use futures::channel::oneshot;
use futures::lock::Mutex;

use super::{Broker, BusHandle};
use crate::bus::{BusShared, BusState, Ledger};
use crate::context::{BrokerContext, BusContext};
use crate::error::BusError;
use crate::log::{Incarnation, LogError};
use crate::model::BusName;
use crate::settings::BusSettings;
use crate::watch::{End, Watchers};
use crate::window::Own;

/// What a bus of a name that was closed is when it is opened again. Its lock is held while buses are opened and closed.
pub(super) type Retired = Mutex<HashMap<BusName, Incarnation, RandomState>>;

/// A bus around a state.
pub(super) fn handle(
    name: BusName,
    settings: BusSettings,
    state: BusState<actix::Addr<crate::channel::Channel>>,
    broker: &Arc<BrokerContext>,
) -> BusHandle {
    let (holdings, watchers) = (Arc::clone(state.holdings()), Arc::clone(state.watchers()));
    let context = Arc::new(BusContext::new(name, settings, holdings, watchers, Arc::clone(broker)));
    BusHandle::new(BusShared::new(context, Ledger::new(state)))
}

/// A bus that is about to be closed. Unless it [is done](Leaving::done) the bus goes on.
struct Leaving<'b>(Option<&'b BusHandle>);

impl<'b> Leaving<'b> {
    fn begin(bus: &'b BusHandle) -> Self {
        bus.context().leaving.store(true, Ordering::Release);
        Self(Some(bus))
    }

    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some(bus) = self.0 {
            bus.context().leaving.store(false, Ordering::Release);
        }
    }
}

impl Broker {
    /// Opens a bus. One that had the name before shows nothing of its messages here, and positions of before are
    /// told of a gap.
    ///
    /// # Errors
    ///
    /// [`BusError::Exists`] if there is one of this name, [`BusError::Closed`] while shutting down.
    pub async fn open_bus(&self, name: BusName, settings: BusSettings) -> Result<BusHandle, BusError> {
        let retired = self.0.retired.lock().await;
        let context = &self.0.context;
        if context.closing.load(Ordering::Acquire) {
            return Err(BusError::Closed);
        }
        if self.bus(name.as_str()).is_some() {
            return Err(BusError::Exists(name));
        }
        // Whoever held the name before, and whatever was read there, is below what was given out by now.
        let floor = Incarnation(context.log.issued());
        let incarnation = retired.get(&name).copied().map_or(floor, |next| next.max(floor));
        let (holdings, watchers) = (
            context.memory.open(&settings.posters, Own::from(&settings)),
            Watchers::new(name.clone(), context.runs.epoch()),
        );
        let state = BusState::new(incarnation, &settings, &holdings, watchers);
        let bus = handle(name.clone(), settings, state, context);
        bus.start();
        self.0.buses.rcu(|buses| {
            let mut buses = (**buses).clone();
            buses.insert(name.clone(), bus.clone());
            buses
        });
        Ok(bus)
    }

    /// Gives a bus other settings. Windows shrink the next time that they are used; ends that were decided stay.
    ///
    /// # Errors
    ///
    /// [`BusError::Unknown`] if there is none of this name.
    pub fn change_bus(&self, name: &BusName, settings: BusSettings) -> Result<(), BusError> {
        let bus = self.bus(name.as_str()).ok_or_else(|| BusError::Unknown(name.clone()))?;
        bus.context().holdings.change(&settings.posters, Own::from(&settings));
        bus.context().settings.store(Arc::new(settings));
        Ok(())
    }

    /// Closes a bus for good: POSTs under way are answered, then nothing of it is shown any more, also after
    /// a restart and if a bus of its name is opened again.
    ///
    /// # Errors
    ///
    /// [`BusError::Unknown`] if there is none of this name; [`BusError::Log`] if the log could not note it: then the bus
    /// stays open.
    pub async fn close_bus(&self, name: &BusName) -> Result<(), BusError> {
        let mut retired = self.0.retired.lock().await;
        let bus = self.bus(name.as_str()).ok_or_else(|| BusError::Unknown(name.clone()))?;
        let leaving = Leaving::begin(&bus);
        bus.drain().await;
        let (next, noted) = self.retire(name)?;
        // What the log has taken may be noted although nobody waits for it any more: whoever posted to the bus after that
        // would lose the message at a restart. So from here on only the log lets it go on.
        leaving.done();
        if let Err(error) = noted.await.unwrap_or(Err(LogError::Failed)) {
            bus.context().leaving.store(false, Ordering::Release);
            return Err(error.into());
        }
        retired.insert(name.clone(), next);
        bus.context().holdings.close();
        bus.context().watchers.end(End::BusClosed);
        self.0.buses.rcu(|buses| {
            let mut buses = (**buses).clone();
            buses.remove(name);
            buses
        });
        Ok(())
    }

    /// Hands the log the note that a bus is gone. What became of it comes later.
    fn retire(
        &self,
        name: &BusName,
    ) -> Result<(Incarnation, oneshot::Receiver<Result<(), LogError>>), LogError> {
        let (sender, noted) = oneshot::channel();
        // Who closes the bus may have gone away.
        let done = Box::new(move |result| _ = sender.send(result));
        Ok((self.0.context.log.retire(name, done)?, noted))
    }
}
