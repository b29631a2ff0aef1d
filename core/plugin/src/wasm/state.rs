//! What one module instance has on the host's side of its imports.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::{Memory, ResourceLimiter, UpdateDeadline};

use super::output::Output;
use crate::call::Call;
use crate::contract::Failure;
use crate::library::Limits;
use crate::services::Bounded;

/// Elements of all tables together; a plugin's functions that are called through pointers.
const TABLE_ELEMENTS_MAX: usize = 1 << 18;

/// Tables of one module.
const TABLES_MAX: usize = 8;

/// Where a reason stands that the host ends a call for, in the way of errors of the runtime.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Stop(pub(super) Failure);

impl Stop {
    pub(super) fn broken(text: String) -> Stop {
        Stop(Failure::Broken(text))
    }
}

pub(super) struct State {
    pub(super) services: Arc<Bounded>,
    /// The call under way.
    pub(super) call: Call,
    pub(super) deadline: Instant,
    /// Absent until its instance is made.
    pub(super) memory: Option<Memory>,
    pub(super) room: Room,
    pub(super) output: Output,
    /// When its clock was zero.
    pub(super) began: Instant,
}

/// The memory that an instance may have, and what is kept for it.
pub(super) struct Room {
    memory_max: usize,
    /// Whether it was denied memory in the call under way: why it crashes if it does so next.
    is_denied: bool,
    emitted: usize,
    table_elements: usize,
}

impl State {
    pub(super) fn new(services: Arc<Bounded>, limits: &Limits) -> State {
        State {
            services,
            call: Call::create(),
            deadline: Instant::now(),
            memory: None,
            room: Room {
                memory_max: limits.memory,
                is_denied: false,
                emitted: 0,
                table_elements: 0,
            },
            output: Output::default(),
            began: Instant::now(),
        }
    }

    pub(super) fn begin(&mut self, call: Call, deadline: Instant) {
        self.call = call;
        self.deadline = deadline;
        self.room.is_denied = false;
        self.room.emitted = 0;
    }

    /// What the epoch's move means to the call under way.
    pub(super) fn on_epoch(&self) -> UpdateDeadline {
        if Instant::now() >= self.deadline {
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::Continue(1)
        }
    }
}

impl Room {
    /// Counts what the host keeps for a call: as much as the instance could have kept itself.
    pub(super) fn keep(&mut self, len: usize) -> Result<(), Stop> {
        self.emitted = self.emitted.saturating_add(len);
        if self.emitted > self.memory_max {
            return Err(Stop(self.exhausted()));
        }
        Ok(())
    }

    pub(super) fn is_denied(&self) -> bool {
        self.is_denied
    }

    pub(super) fn exhausted(&self) -> Failure {
        Failure::Exhausted(format!("memory of {} bytes", self.memory_max))
    }
}

impl ResourceLimiter for Room {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= self.memory_max;
        self.is_denied |= !fits;
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = self
            .table_elements
            .saturating_add(desired.saturating_sub(current));
        let fits = elements <= TABLE_ELEMENTS_MAX;
        if fits {
            self.table_elements = elements;
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }
}
