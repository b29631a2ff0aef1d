//! The instances of a module that one configuration has made.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use super::Module;
use super::compiled::START_TIME;
use super::guest::Guest;
use crate::call::Call;
use crate::contract::{Emitted, Failure, Kind, Processed};
use crate::library::{CreateError, Instance, Limits};
use crate::services::{Bounded, Level, Services};

/// As many instances as calls overlap, up to a limit; each knows only what it has seen itself. One whose
/// call does not end as it should is thrown away, with all that it has gathered: its memory may be in any
/// state.
pub(super) struct Pool {
    module: Module,
    /// JSON.
    config: Vec<u8>,
    services: Arc<Bounded>,
    limits: Limits,
    guests: Mutex<Guests>,
    /// An instance came back, or was thrown away.
    returned: Condvar,
}

struct Guests {
    idle: Vec<Guest>,
    /// Those in calls, and room held for those that are being made.
    at_work: usize,
}

impl Pool {
    /// Makes the first instance, which tells whether the configuration is right.
    pub(super) fn new(
        module: Module,
        config: &serde_json::Value,
        services: Arc<dyn Services>,
        limits: &Limits,
    ) -> Result<Pool, CreateError> {
        let mut limits = limits.clone();
        limits.instances = if module.description.parallel {
            limits.instances.max(1)
        } else {
            1
        };
        let pool = Pool {
            module,
            config: config.to_string().into_bytes(),
            services: Arc::new(Bounded::new(services)),
            limits,
            guests: Mutex::new(Guests {
                idle: Vec::new(),
                at_work: 0,
            }),
            returned: Condvar::new(),
        };
        let first = pool.make(Instant::now() + START_TIME)?;
        pool.guests.lock().idle.push(first);
        Ok(pool)
    }

    fn make(&self, deadline: Instant) -> Result<Guest, CreateError> {
        let services = self.services.clone();
        let compiled = self.module.compiled.clone();
        let mut guest = Guest::new(compiled, services, &self.limits, deadline)?;
        guest.create(&self.config, deadline)?;
        Ok(guest)
    }

    /// An idle instance, or a new one; waits where there may be no more of them.
    fn take(&self, deadline: Instant) -> Result<Seat<'_>, Failure> {
        let mut guests = self.guests.lock();
        while guests.idle.is_empty() && guests.at_work >= self.limits.instances {
            if self.returned.wait_until(&mut guests, deadline).timed_out() {
                return Err(Failure::TimedOut);
            }
        }
        // What came back may have come back because the time of both was over.
        if Instant::now() >= deadline {
            return Err(Failure::TimedOut);
        }
        guests.at_work += 1;
        let guest = guests.idle.pop();
        drop(guests);
        let mut seat = Seat { pool: self, guest };
        if seat.guest.is_none() {
            let made = self.make(deadline).map_err(|error| match error {
                CreateError::Refused(reason) => Failure::Failed(reason),
                CreateError::Failed(failure) => failure,
            });
            seat.guest = Some(made?);
        }
        Ok(seat)
    }

    /// All that are idle.
    fn take_idle(&self) -> Vec<Seat<'_>> {
        let mut guests = self.guests.lock();
        guests.at_work += guests.idle.len();
        let idle = std::mem::take(&mut guests.idle);
        let seat = |guest| Seat {
            pool: self,
            guest: Some(guest),
        };
        idle.into_iter().map(seat).collect()
    }
}

/// Room for one instance at work, and the instance where it is sound: it goes back when this is dropped.
struct Seat<'a> {
    pool: &'a Pool,
    guest: Option<Guest>,
}

impl Seat<'_> {
    fn call<T>(
        mut self,
        call: impl FnOnce(&mut Guest) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        // Not in its seat meanwhile, so that a panic of the host's throws it away.
        let mut guest = self
            .guest
            .take()
            .expect("a seat is given away with a guest");
        let result = call(&mut guest);
        if matches!(result, Ok(_) | Err(Failure::Failed(_))) {
            self.guest = Some(guest);
        }
        result
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut guests = self.pool.guests.lock();
        guests.at_work -= 1;
        guests.idle.extend(self.guest.take());
        drop(guests);
        self.pool.returned.notify_one();
    }
}

impl Instance for Pool {
    fn process(
        &self,
        kind: Kind,
        message: &Bytes,
        deadline: Instant,
    ) -> Result<Processed, Failure> {
        let call = Call::process(&self.module.description, kind);
        self.take(deadline)?
            .call(|guest| guest.process(call, kind, message, deadline))
    }

    /// Asks every instance. What others have gathered is worth more than the failure of one, which then
    /// stands in the log only.
    fn flush(&self, deadline: Instant) -> Result<Vec<Emitted>, Failure> {
        let mut gathered = Vec::new();
        let mut failed = None;
        for seat in self.take_idle() {
            let call = Call::flush(&self.module.description);
            match seat.call(|guest| guest.flush(call, deadline)) {
                Ok(emitted) => gathered.extend(emitted),
                Err(failure) => failed = Some(failure),
            }
        }
        match failed {
            Some(failure) if gathered.is_empty() => Err(failure),
            Some(failure) => {
                let text = format!("one of its instances was not flushed: {failure}");
                self.services.log(Level::Error, text.as_bytes());
                Ok(gathered)
            }
            None => Ok(gathered),
        }
    }
}
